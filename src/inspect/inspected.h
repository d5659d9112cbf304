#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/document.h"
#include "core/thread_pool.h"
#include "nn/network.h"

namespace cnn {

/// What cnn-inspect looks at: the network of a config, as initialized with its seed, or of a model, as
/// trained.
struct Inspected {
  std::string label;  ///< the file
  Document document;
  Config config;
  Shape input;
  bool trained = false;
  std::vector<std::string> classes;  ///< of a model; empty: not known, data is not opened
  std::vector<double> mean, std;     ///< of a model, or given by the config; empty: not known

  /// The network, planned for batches of `images`. Throws Error with file, line and column.
  std::unique_ptr<Network> network(std::int64_t images) const;

  /// The name of a class, or its number.
  std::string class_name(int number) const;
};

/// One of the two paths is empty. overrides: of the config, as after --set. Throws Error.
Inspected read_inspected(const std::filesystem::path& config, const std::filesystem::path& model,
                         std::span<const std::string> overrides = {});

/// The row of a layer. Throws Error (exit 2) with the names that there are.
int row_of(const Network& network, const std::string& layer);

}  // namespace cnn
