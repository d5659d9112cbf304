#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cnn {

/// What a result may depend on, or its speed: version, processor, instruction set, threads, memory, system,
/// date. As names and values for a report.
std::vector<std::pair<std::string, std::string>> environment(int threads);

}  // namespace cnn
