// Speed of the engine on the networks of the benchmark table: images per second of a training step (forward,
// backward, SGD with momentum) and of evaluation, images already in memory; where the time of a step goes;
// each layer's rate in each direction as a share of what a loop of multiply-adds reaches in the same run, in
// turns with the steps, and what it moves as a share of what a loop of copies moves. --json prints a line per
// measurement, like pytorch_bench.py beside it; compare.py runs both in turns.
//   cnn-bench [NETWORK]... [--simd avx512|avx2|sse4|neon]... [--threads N] [--seconds S]
//             [--batch N] [--json] [--floor SHARE]
#include <spdlog/fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "core/error.h"
#include "core/processors.h"
#include "kernels/simd.h"
#include "networks.h"
#include "report/timing_table.h"
#include "train/measure_step.h"

namespace cnn {
namespace {

/// Prints what it measured; returns the step's rate as a share of the FMA loop's.
double measure(const std::string& name, int threads, double seconds, int batch_override, bool json) {
  Workload w = workload(name);
  if (batch_override > 0) w.batch = batch_override;
  ThreadPool pool(threads);
  Network network(w.network, w.input, 10, w.batch);
  network.initialize(1);
  const StepTiming timing = measure_step(
      network, pool, SgdSpec{.learning_rate = 1e-3, .momentum = 0.9, .nesterov = true}, w.batch, seconds);
  const double share = 1e-9 * timing.flops() * timing.images_per_second / timing.peak_gflops;
  if (!json) {
    fmt::print("{}, batch {}, {} thread{}, {}\n{}\n", name, w.batch, threads, threads == 1 ? "" : "s",
               instruction_set(), timing_table(timing, 100));
    return share;
  }
  const auto line = [&](const char* mode, double images_per_second) {
    fmt::print(
        "{{\"network\":\"{}\",\"mode\":\"{}\",\"threads\":{},\"batch\":{},\"simd\":\"{}\",\"images_per_"
        "second\":"
        "{:.0f},\"gflops\":{:.1f},\"peak_gflops\":{:.1f}}}\n",
        name, mode, threads, w.batch, instruction_set(), images_per_second,
        1e-9 * timing.flops() * timing.images_per_second, timing.peak_gflops);
  };
  line("train", timing.images_per_second);
  line("eval", timing.evaluation_images_per_second);
  std::fflush(stdout);
  return share;
}

}  // namespace
}  // namespace cnn

int main(int argc, char** argv) {
  CLI::App app("Speed of training and evaluation, layer by layer, against the machine's multiply-adds");
  std::vector<std::string> networks = cnn::workload_names(), instruction_sets;
  int threads = cnn::usable_processors(), batch = 0;
  double seconds = 2, floor = 0;
  bool json = false;
  app.add_option("network,--network", networks,
                 fmt::format("Which of {} (default: all)", fmt::join(networks, ", ")))
      ->check(CLI::IsMember(cnn::workload_names()));
  app.add_option("--simd", instruction_sets, "Instruction sets (default: the best, or CNN_SIMD)");
  app.add_option("--threads", threads, "Default: as many as there are cores")->capture_default_str();
  app.add_option("--seconds", seconds, "For each network and instruction set")->capture_default_str();
  app.add_option("--batch", batch, "Instead of the table's");
  app.add_flag("--json", json, "A line per measurement instead of tables");
  app.add_option("--floor", floor,
                 "Exit with 1 if a training step reaches a smaller share of the FMA loop's rate than this");
  CLI11_PARSE(app, argc, argv);
  try {
    cnn::use_instruction_set_from_environment();
    if (instruction_sets.empty()) instruction_sets = {cnn::instruction_set()};
    for (const std::string& name : networks)
      for (const std::string& simd : instruction_sets) {
        cnn::use_instruction_set(simd);
        const double share = cnn::measure(name, threads, seconds, batch, json);
        if (share < floor)
          cnn::fail("{} with {} reaches {:.2f} of the FMA loop's rate, and the floor is {}", name, simd,
                    share, floor);
      }
  } catch (const cnn::Error& error) {
    fmt::print(stderr, "cnn-bench: {}\n", error.what());
    return static_cast<int>(error.code());
  }
}
