#include "report/timing_table.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "core/text.h"

namespace cnn {
namespace {

/// "12.3 us  85 %": time of one worker for one image, and its rate against one worker's share of the peak.
std::string cell(double seconds, double flops, double worker_gflops) {
  if (seconds < 5e-10) return fmt::format("{:>9}{:>6}", "-", "");
  const std::string time = fmt::format("{:>9.2f}", 1e6 * seconds);
  if (flops == 0) return time + fmt::format("{:>6}", "");
  return time + fmt::format("{:>4.0f} %", 100 * 1e-9 * flops / seconds / worker_gflops);
}

}  // namespace

std::string timing_table(const StepTiming& t) {
  std::size_t width = 12;
  for (const LayerTiming& layer : t.layers) width = std::max(width, printable(layer.name).size());
  const double total = t.data + t.forward() + t.backward_data() + t.backward_weights() + t.loss + t.summing +
                       t.optimizer + t.waiting;
  const double worker_gflops = t.peak_gflops / t.threads;
  std::string text = fmt::format("{:<{}} {:>15}{:>17}{:>17}{:>8}\n", "us an image", width, "forward",
                                 "backward data", "backward weights", "share");
  for (const LayerTiming& layer : t.layers) {
    const double sum = layer.forward + layer.backward_data + layer.backward_weights;
    text += fmt::format("{:<{}} {}  {}  {}{:>6.1f} %\n", printable(layer.name), width,
                        cell(layer.forward, layer.forward_flops, worker_gflops),
                        cell(layer.backward_data, layer.backward_data_flops, worker_gflops),
                        cell(layer.backward_weights, layer.backward_weights_flops, worker_gflops),
                        100 * sum / total);
  }
  const auto other = [&](const char* what, double seconds) {
    text += fmt::format("{:<{}} {:>9.2f}{:>41}{:>6.1f} %\n", what, width, 1e6 * seconds, "",
                        100 * seconds / total);
  };
  other("data", t.data);
  other("loss", t.loss);
  other("sums", t.summing);
  other("optimizer", t.optimizer);
  other("waiting", t.waiting);
  text += fmt::format("{:<{}} {}  {}  {}\n", "all layers", width, cell(t.forward(), 0, 1),
                      cell(t.backward_data(), 0, 1), cell(t.backward_weights(), 0, 1));
  text += fmt::format(
      "training {} images/s, {:.1f} GFLOP/s, {:.1f} % of the {:.1f} of the FMA loop in the same run\n"
      "evaluation {} images/s\n",
      with_commas(static_cast<std::int64_t>(t.images_per_second)), 1e-9 * t.flops() * t.images_per_second,
      100 * 1e-9 * t.flops() * t.images_per_second / t.peak_gflops, t.peak_gflops,
      with_commas(static_cast<std::int64_t>(t.evaluation_images_per_second)));
  return text;
}

}  // namespace cnn
