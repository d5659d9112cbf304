#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "run_program.h"

namespace cnn {

/// Whether there is an mpirun of the MPI that the programs were built with; if not, says that a test is
/// skipped.
bool mpirun_is_here();

/// What goes in front of a program and its arguments, to run it as so many processes.
std::vector<std::string> mpirun_arguments(int processes, const std::filesystem::path& program,
                                          std::vector<std::string> arguments);
/// With what mpirun needs to run more processes than there are cores, as root, in a container.
ProgramOptions mpirun_options(ProgramOptions options = {});
std::filesystem::path mpirun_path();

/// Runs a program as so many processes of one job, to its end.
ProgramResult mpirun(int processes, const std::filesystem::path& program, std::vector<std::string> arguments,
                     const ProgramOptions& options = {});

}  // namespace cnn
