#pragma once

#include <vector>

namespace cnn {

/// A config of configs/ for weights that others have published.
struct KnownNetwork {
  const char* name;
  const char* config;  ///< its text
};
const std::vector<KnownNetwork>& known_networks();

}  // namespace cnn
