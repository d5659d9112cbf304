#pragma once

#include <string>
#include <vector>

#include "nn/network_spec.h"

namespace cnn {

/// A network of the benchmark table, the shape of its images and its usual batch. Ten classes.
struct Workload {
  Shape input;
  int batch = 0;
  NetworkSpec network;
};

/// Their names, in the order of the table. pytorch_bench.py has the same.
const std::vector<std::string>& workload_names();

Workload workload(const std::string& name);

}  // namespace cnn
