#include "inspect/timing.h"

#include "kernels/simd.h"
#include "report/timing_table.h"
#include "train/measure_step.h"

namespace cnn {
namespace {

/// How long --time measures: a second is enough for a small network to settle.
constexpr double kTimingSeconds = 3;

}  // namespace

void print_timing(const Inspected& inspected, ThreadPool& pool) {
  const TrainingSpec& training = inspected.config.training;
  const auto network = inspected.network(training.batch_size);
  const StepTiming timing =
      measure_step(*network, pool, training.optimizer, training.batch_size, kTimingSeconds);
  fmt::print("A training step on random images: batch {}, {} thread{}, {}\n{}", training.batch_size,
             pool.threads(), pool.threads() == 1 ? "" : "s", instruction_set(), timing_table(timing));
}

}  // namespace cnn
