#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "cluster/job.h"

namespace cnn {

/// run_program() for a program whose processes may work together, with what mpirun needs around it. Process 0
/// says what is said, also for the others; what goes wrong in one ends all.
/// setup: defines the options of the command line; returns the body.
int run_joint_program(CLI::App& app, int argc, char** argv,
                      const std::function<std::function<int()>(Job& job)>& setup);

}  // namespace cnn
