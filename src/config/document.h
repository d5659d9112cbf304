#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/json_value.h"

namespace cnn {

/// The text of a config: JSON in which // and /* */ comments are allowed. Knows where in the file each value
/// and each key is.
class Document {
 public:
  /// Reads a file and applies the overrides, each `path.to.key=value` as after --set. The value is JSON, or
  /// else a string; keys are joined by dots, elements of an array are counted from 0 (network.3.units=10).
  /// Objects on the way that the file lacks are created, so that the reader can say what it thinks of them.
  /// Throws Error (exit 2) with file, line and column: no such file, not JSON, a key that appears twice.
  static Document read(const std::filesystem::path& path, std::span<const std::string> overrides = {});

  /// The same for text that is already in memory. `label` stands for the file name in messages; relative
  /// paths are relative to `folder`.
  static Document parse(std::string text, std::string label, std::filesystem::path folder = {},
                        std::span<const std::string> overrides = {});

  const JsonValue& root() const { return root_; }
  const std::string& label() const { return label_; }
  /// As it was read, without the overrides.
  const std::string& text() const { return text_; }
  const std::vector<std::string>& overrides() const { return overrides_; }
  /// What relative paths are relative to. Absolute, unless parse() was given another.
  const std::filesystem::path& folder() const { return folder_; }

  /// `configs/a.json:14:7: /network/3/kernel_size: <message>`. The position is that of the value, or of the
  /// nearest ancestor that exists; a value that was overridden is at `--set network.3.kernel_size=7`.
  std::string explain(std::string_view pointer, std::string_view message) const;

  /// The same at the position of the key instead of the value.
  std::string explain_key(std::string_view pointer, std::string_view message) const;

  /// `path.to.key=value` of the given override, as the user wrote it.
  const std::string& override_text(int index) const { return overrides_[static_cast<std::size_t>(index)]; }

  /// Sorts errors: overrides first, then the order of the file.
  std::size_t order_of(std::string_view pointer) const;

 private:
  struct Found {
    const JsonValue* value;
    std::size_t offset;
    std::size_t key_offset;
    bool exists;  ///< false: it is the nearest ancestor
  };
  Document(std::string text, std::string label, std::filesystem::path folder);
  Found find(std::string_view pointer) const;
  std::string position(std::size_t offset) const;
  std::string explain(std::string_view pointer, std::string_view message, bool at_key) const;
  void apply_override(const std::string& assignment);

  std::string text_;
  std::string label_;
  std::filesystem::path folder_;
  std::vector<std::string> overrides_;
  JsonValue root_;
};

}  // namespace cnn
