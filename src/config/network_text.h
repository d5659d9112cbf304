#pragma once

#include <string>
#include <vector>

#include "nn/network_spec.h"

namespace cnn {

/// The entries of a network as a person writes them in a config: without the keys that have their defaults
/// and the names that entries get by themselves. One string for each entry, without a comma at its end; a
/// residual takes several lines, and all but the first begin with `indent`.
std::vector<std::string> network_text(const NetworkSpec& network, const std::string& indent);

/// The first of them, up to the entry of this name, a line for each.
std::string network_text_up_to(const NetworkSpec& network, const std::string& last_entry);

}  // namespace cnn
