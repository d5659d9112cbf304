#include "mpirun.h"

#include "catch.h"

namespace cnn {

#ifdef CNN_MPIRUN
std::filesystem::path mpirun_path() { return CNN_MPIRUN; }
#else
std::filesystem::path mpirun_path() { return {}; }
#endif

bool mpirun_is_here() {
  if (std::filesystem::exists(mpirun_path())) return true;
  WARN("skipped: there is no mpirun on this machine, or the programs were built without MPI");
  return false;
}

std::vector<std::string> mpirun_arguments(int processes, const std::filesystem::path& program,
                                          std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"-n", std::to_string(processes), program.string()});
  return arguments;
}

ProgramOptions mpirun_options(ProgramOptions options) {
  options.environment.insert(options.environment.end(),
                             {{"OMPI_ALLOW_RUN_AS_ROOT", "1"},
                              {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
                              {"OMPI_MCA_rmaps_base_oversubscribe", "1"},
                              {"OMPI_MCA_hwloc_base_binding_policy", "none"},
                              {"OMPI_MCA_btl", "self,vader"},
                              {"OMPI_MCA_mpi_yield_when_idle", "1"},
                              {"PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe"},
                              // MPI itself leaks.
                              {"ASAN_OPTIONS", "detect_leaks=0"}});
  return options;
}

ProgramResult mpirun(int processes, const std::filesystem::path& program, std::vector<std::string> arguments,
                     const ProgramOptions& options) {
  return run_program(mpirun_path(), mpirun_arguments(processes, program, std::move(arguments)),
                     mpirun_options(options));
}

}  // namespace cnn
