#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "config/document.h"
#include "data/data_spec.h"
#include "nn/network_spec.h"
#include "train/training_spec.h"

namespace cnn {

/// A whole config, checked key by key and value by value. What needs the shapes (does a kernel fit its
/// input?) is checked by Network, which throws a SpecError that Document::explain() turns into
/// file:line:column.
struct Config {
  std::string name;
  std::uint64_t seed = 1;
  DataSpec data;
  NetworkSpec network;
  TrainingSpec training;
  friend bool operator==(const Config&, const Config&) = default;
};

/// Reads and checks. Throws Error (exit 2) that lists every mistake, one per line, in the order of the file:
/// where, what was found, what is expected. Opens nothing that the config names.
Config read_config(const Document& document);
/// The same for a file; overrides as after --set.
Config read_config(const std::filesystem::path& path, std::span<const std::string> overrides = {});

/// The config with every default written out and all paths absolute. Reading it gives an equal Config.
std::string resolved_json(const Config& config);

/// The same without what belongs to one machine or one run: places of data, initial weights. Stored in
/// models.
std::string model_config_json(const Config& config);

/// Reads what model_config_json() wrote. `label` stands for the file name in messages. The places of data are
/// empty. Throws Error (exit 1: the file is at fault) with the mistakes that read_config would find.
Config read_model_config(const std::string& text, const std::string& label);

/// The JSON Schema (draft 2020-12) of configs, for editors.
std::string json_schema();

/// The reference of all keys as Markdown tables, for configs/README.md.
std::string markdown_reference();

}  // namespace cnn
