#include "report/timing_table.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "core/text.h"
#include "report/terminal.h"
#include "report/text_columns.h"

namespace cnn {
namespace {

constexpr const char* kLegend =
    "us and GFLOP/s: of one thread, for one image; share: of a step's time; peak: share of what a loop of "
    "multiply-adds reaches on the same thread{}. data: image bytes to the network's input; sums: gradients "
    "of all threads; optimizer: its step, and weights into the kernels' order; waiting: for another "
    "thread, or for a core that other programs use. By Winograd's method a 3x3 convolution needs fewer "
    "multiplications than are counted, and may exceed 100 %. The layer before a 2x2 max pooling may do "
    "its work in its own times.";

constexpr const char* kMemoryLegend =
    "; memory: the same for bytes, against a loop of copies, if a call reads and writes each of its maps "
    "once; weights do not count. A layer that reads more than it writes, or finds maps in a cache, may "
    "exceed 100 %";

constexpr const char* kForecastLegend =
    "A forecast, not a measurement: the work that the engine would give to so many cores, each as fast as "
    "those of this run, and what its loops cost. speed-up: over one thread. In the last column: the "
    "smallest batch for which twice the threads are 1.5 times as fast. memory: what all cores together "
    "move beyond their own caches; compare it with what the machine can do, or give that with "
    "--memory-bandwidth.";

constexpr std::size_t kTime = 9, kRate = 8, kShares = 16, kMemory = 8, kShortestName = 10, kLongestName = 20;

/// The lines of a timing table: with the rates, or without where they are too long.
class TimingLines {
 public:
  TimingLines(const StepTiming& timing, std::size_t columns) {
    for (const LayerTiming& layer : timing.layers)
      name_ = std::clamp(width_of(printable(layer.name)), name_, kLongestName);
    rates_ = width() <= columns;
    memory_ = width() + kMemory <= columns;
    if (width() > columns) name_ = std::max(kShortestName, name_ - std::min(name_, width() - columns));
  }

  std::string name(const std::string& text) const { return left(cut(printable(text), name_), name_); }
  /// Whether there is room for the share of the copy loop.
  bool memory() const { return memory_; }
  /// A head over the columns of one direction.
  std::string head(const char* wide, const char* narrow) const {
    return fmt::format(" {}", right(rates_ ? wide : narrow, cell_width()));
  }
  std::string units() const { return fmt::format(" {:>9}{}", "us", rates_ ? " GFLOP/s" : ""); }
  /// "    12.30   85.1": microseconds and GFLOP/s of one worker.
  std::string cell(double seconds, double flops) const {
    const bool nothing = seconds < 5e-10;
    std::string text = fmt::format(" {}", right(nothing ? "-" : fmt::format("{:.2f}", 1e6 * seconds), kTime));
    if (!rates_) return text;
    return text + right(nothing || flops == 0 ? "" : fmt::format("{:.1f}", 1e-9 * flops / seconds), kRate);
  }
  std::string other(const char* what, double seconds, double total) const {
    return name(what) + cell(seconds, 0) + std::string(2 * (cell_width() + 1), ' ') +
           fmt::format(" {:>5.1f} %\n", 100 * seconds / total);
  }

 private:
  std::size_t cell_width() const { return kTime + (rates_ ? kRate : 0); }
  std::size_t width() const { return name_ + 3 * (1 + cell_width()) + kShares; }

  std::size_t name_ = kShortestName;
  bool rates_ = true, memory_ = true;
};

std::string layer_line(const TimingLines& lines, const LayerTiming& layer, double total,
                       const StepTiming& t) {
  const double sum = layer.forward + layer.backward_data + layer.backward_weights;
  const double flops = layer.forward_flops + layer.backward_data_flops + layer.backward_weights_flops;
  std::string text = lines.name(layer.name) + lines.cell(layer.forward, layer.forward_flops) +
                     lines.cell(layer.backward_data, layer.backward_data_flops) +
                     lines.cell(layer.backward_weights, layer.backward_weights_flops) +
                     fmt::format(" {:>5.1f} %", 100 * sum / total);
  const auto of_loop = [&](double amount, double loop) {
    const double share = sum > 0 ? amount / sum / (loop / t.threads) : 0;
    return share > 0 ? fmt::format(" {:>5.0f} %", 100 * share) : std::string(8, ' ');
  };
  text += of_loop(flops, 1e9 * t.peak_gflops);
  if (lines.memory()) text += of_loop(layer.bytes, t.copy_bytes_per_second);
  return text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
}

}  // namespace

std::string timing_table(const StepTiming& t, int columns) {
  const TimingLines lines(t, static_cast<std::size_t>(columns));
  const double total = t.data + t.forward() + t.backward_data() + t.backward_weights() + t.loss + t.summing +
                       t.optimizer + t.waiting;
  std::string text = lines.name("") + lines.head("forward", "forward") +
                     lines.head("backward data", "back data") + lines.head("backward weights", "weights") +
                     "   share    peak" + (lines.memory() ? "  memory" : "") + "\n";
  text += lines.name("") + lines.units() + lines.units() + lines.units() + "\n";
  for (const LayerTiming& layer : t.layers) text += layer_line(lines, layer, total, t);
  text += lines.other("data", t.data, total) + lines.other("loss", t.loss, total) +
          lines.other("sums", t.summing, total) + lines.other("optimizer", t.optimizer, total) +
          lines.other("waiting", t.waiting, total);
  text += lines.name("all layers") + lines.cell(t.forward(), 0) + lines.cell(t.backward_data(), 0) +
          lines.cell(t.backward_weights(), 0) + "\n";
  text += fmt::format(
      "{}\n{}\nevaluation {} images/s\n",
      wrapped(fmt::format(fmt::runtime(kLegend), lines.memory() ? kMemoryLegend : ""), columns),
      wrapped(fmt::format("training {} images/s, {:.1f} GFLOP/s, {:.1f} % of the {:.1f} of the FMA "
                          "loop, {:.1f} GB/s, {:.1f} % of the {:.1f} of the copy loop in the same run",
                          with_commas(static_cast<std::int64_t>(t.images_per_second)),
                          1e-9 * t.flops() * t.images_per_second,
                          100 * 1e-9 * t.flops() * t.images_per_second / t.peak_gflops, t.peak_gflops,
                          1e-9 * t.bytes() * t.images_per_second,
                          100 * t.bytes() * t.images_per_second / t.copy_bytes_per_second,
                          1e-9 * t.copy_bytes_per_second),
              columns),
      with_commas(static_cast<std::int64_t>(t.evaluation_images_per_second)));
  return text;
}

std::string forecast_table(const StepTiming& t, int columns) {
  constexpr int kWhole = 84;
  const bool memory = columns >= kWhole;
  std::string text =
      wrapped(fmt::format("How batches of {} would scale, computed from the times above", t.batch), columns);
  text += fmt::format("\nthreads   images/s  speed-up  efficiency{}\n",
                      memory ? "  memory GB/s  twice the threads pay from" : "  twice pays from");
  const double alone = t.forecast.front().images_per_second;
  for (const ThreadsForecast& row : t.forecast) {
    const double speed_up = row.images_per_second / alone;
    text += fmt::format("{:>7} {:>10} {:>9.1f} {:>9.0f} %{}  {}\n", row.threads,
                        with_commas(static_cast<std::int64_t>(row.images_per_second)), speed_up,
                        100 * speed_up / row.threads,
                        memory ? fmt::format(" {:>12.1f}", 1e-9 * row.bytes_per_second) : "",
                        row.batch_for_double > 0 ? fmt::format("batch {}", row.batch_for_double)
                        : memory                 ? fmt::format("no batch up to {}", kLargestForecast)
                                                 : "no batch");
  }
  return text + wrapped(kForecastLegend, columns) + "\n";
}

}  // namespace cnn
