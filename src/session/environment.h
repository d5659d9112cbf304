#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cnn {

/// Who did the work.
struct Workers {
  int threads = 1;  ///< of each process
  int processes = 1;
};

/// What a result may depend on, or its speed: version, processor, instruction set, threads, memory, system,
/// date. As names and values for a report.
std::vector<std::pair<std::string, std::string>> environment(const Workers& workers);

}  // namespace cnn
