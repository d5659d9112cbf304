#pragma once

#include <functional>

namespace cnn {

/// What the launcher of a parallel program (mpirun, mpiexec, srun) says to a process that it starts.
struct Launch {
  int rank = 0;
  int size = 1;  ///< processes in all
};

/// Reads the environment that Open MPI, MPICH and its relatives (Hydra, Intel MPI, MVAPICH) and Slurm with
/// PMI or PMIx set. Started without any of them: a process by itself. variable: its value, or null.
Launch launch_of(const std::function<const char*(const char* name)>& variable);
Launch launch_of_environment();

}  // namespace cnn
