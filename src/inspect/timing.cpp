#include "inspect/timing.h"

#include <unistd.h>

#include "core/standard_streams.h"
#include "kernels/simd.h"
#include "report/terminal.h"
#include "report/timing_table.h"
#include "train/measure_step.h"

namespace cnn {
namespace {

/// How long --time measures: a second is enough for a small network to settle.
constexpr double kTimingSeconds = 3;

}  // namespace

void print_timing(const Inspected& inspected, ThreadPool& pool, double memory_bandwidth) {
  const TrainingSpec& training = inspected.config.training;
  const auto network = inspected.network(training.batch_size);
  const StepTiming timing =
      measure_step(*network, pool, training.optimizer, training.batch_size, kTimingSeconds, memory_bandwidth);
  const int columns = terminal_of(STDOUT_FILENO).columns;
  print_out("A training step on random images: batch {}, {} thread{}, {}\n{}\n{}", training.batch_size,
            pool.threads(), pool.threads() == 1 ? "" : "s", instruction_set(), timing_table(timing, columns),
            forecast_table(timing, columns));
}

}  // namespace cnn
