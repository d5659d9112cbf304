#include "report/timing_table.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "core/text.h"

namespace cnn {
namespace {

constexpr const char* kLegend =
    R"(us and GFLOP/s: of one thread, for one image; share: of a step's time; peak: share of what a loop of
multiply-adds reaches on the same thread. data: image bytes to the network's input; sums: gradients of
all threads; optimizer: its step, and weights into the kernels' order; waiting: for another thread, or
for a core that other programs use. By Winograd's method a 3x3 convolution needs fewer multiplications
than are counted, and may exceed 100 %. The layer before a 2x2 max pooling may do that, too, in its own
forward time.
)";

constexpr const char* kForecastLegend =
    R"(A forecast, not a measurement: the work that the engine would give to so many cores, each as fast as
those of this run, and what its loops cost. speed-up: over one thread; twice the threads pay: are 1.5
times as fast. memory: what all cores together move beyond their own caches; compare it with what the
machine can do, or give that with --memory-bandwidth.
)";

/// "    12.30   85.1": microseconds and GFLOP/s of one worker.
std::string cell(double seconds, double flops) {
  if (seconds < 5e-10) return fmt::format("{:>9}{:>8}", "-", "");
  const std::string time = fmt::format("{:>9.2f}", 1e6 * seconds);
  return time + (flops == 0 ? fmt::format("{:>8}", "") : fmt::format("{:>8.1f}", 1e-9 * flops / seconds));
}

}  // namespace

std::string timing_table(const StepTiming& t) {
  constexpr std::size_t kLongestName = 20;
  std::size_t width = 10;
  for (const LayerTiming& layer : t.layers)
    width = std::max(width, std::min(printable(layer.name).size(), kLongestName));
  const double total = t.data + t.forward() + t.backward_data() + t.backward_weights() + t.loss + t.summing +
                       t.optimizer + t.waiting;
  const double worker_gflops = t.peak_gflops / t.threads;
  std::string text = fmt::format("{:<{}} {:>17} {:>17} {:>17} {:>7} {:>7}\n", "", width, "forward",
                                 "backward data", "backward weights", "share", "peak");
  text += fmt::format("{:<{}}", "", width);
  for (int i = 0; i < 3; ++i) text += fmt::format(" {:>9}{:>8}", "us", "GFLOP/s");
  text += "\n";
  for (const LayerTiming& layer : t.layers) {
    const double sum = layer.forward + layer.backward_data + layer.backward_weights;
    const double flops = layer.forward_flops + layer.backward_data_flops + layer.backward_weights_flops;
    std::string line = fmt::format(
        "{:<{}} {} {} {} {:>5.1f} %", printable(layer.name), width, cell(layer.forward, layer.forward_flops),
        cell(layer.backward_data, layer.backward_data_flops),
        cell(layer.backward_weights, layer.backward_weights_flops), 100 * sum / total);
    if (flops > 0 && sum > 0) line += fmt::format(" {:>5.0f} %", 100 * 1e-9 * flops / sum / worker_gflops);
    text += line + "\n";
  }
  const auto other = [&](const char* what, double seconds) {
    text += fmt::format("{:<{}} {:>9.2f}{:>44} {:>5.1f} %\n", what, width, 1e6 * seconds, "",
                        100 * seconds / total);
  };
  other("data", t.data);
  other("loss", t.loss);
  other("sums", t.summing);
  other("optimizer", t.optimizer);
  other("waiting", t.waiting);
  text += fmt::format("{:<{}} {} {} {}\n", "all layers", width, cell(t.forward(), 0),
                      cell(t.backward_data(), 0), cell(t.backward_weights(), 0));
  text += kLegend;
  text += fmt::format(
      "training {} images/s, {:.1f} GFLOP/s, {:.1f} % of the {:.1f} of the FMA loop in the same run\n"
      "evaluation {} images/s\n",
      with_commas(static_cast<std::int64_t>(t.images_per_second)), 1e-9 * t.flops() * t.images_per_second,
      100 * 1e-9 * t.flops() * t.images_per_second / t.peak_gflops, t.peak_gflops,
      with_commas(static_cast<std::int64_t>(t.evaluation_images_per_second)));
  return text;
}

std::string forecast_table(const StepTiming& t) {
  std::string text = fmt::format(
      "How batches of {} would scale, computed from the times above\n"
      "threads   images/s  speed-up  efficiency  memory GB/s  twice the threads pay from\n",
      t.batch);
  const double alone = t.forecast.front().images_per_second;
  for (const ThreadsForecast& row : t.forecast) {
    const double speed_up = row.images_per_second / alone;
    text += fmt::format("{:>7} {:>10} {:>9.1f} {:>9.0f} % {:>12.1f}  {}\n", row.threads,
                        with_commas(static_cast<std::int64_t>(row.images_per_second)), speed_up,
                        100 * speed_up / row.threads, 1e-9 * row.bytes_per_second,
                        row.batch_for_double > 0 ? fmt::format("batch {}", row.batch_for_double)
                                                 : fmt::format("no batch up to {}", kLargestForecast));
  }
  return text + kForecastLegend;
}

}  // namespace cnn
