#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "config/config.h"

namespace cnn {

/// A config file that was read and checked, together with the places of its values.
class ConfigFile {
 public:
  /// Reads, applies `--set` overrides and checks. Throws Error (exit 2): every fault with its place.
  static ConfigFile read(const std::filesystem::path& path, std::span<const std::string> overrides);

  /// The config inside a model file; `label` stands for the file in messages.
  static ConfigFile from_model(const std::string& json, const std::string& label);

  const Config& config() const { return config_; }
  /// Every default written out, paths absolute; reading it again gives the same config.
  std::string resolved() const;
  /// The same without paths of data, for a model file.
  std::string for_model() const;

  /// Calls `body`; a SpecError becomes an Error with file, line and column in front.
  void explain_errors(const std::function<void()>& body) const;

 private:
  struct Source;
  std::shared_ptr<const Source> source_;
  Config config_;
};

/// JSON Schema (draft 2020-12) of a config, and the reference of all keys as Markdown.
std::string json_schema();
std::string markdown_reference();

}  // namespace cnn
