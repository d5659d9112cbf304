#include "export/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "export/float_run.h"
#include "report/progress.h"

namespace cnn {
namespace {

constexpr int kBins = 4096;
constexpr double kSmallestFactor = 0.3, kFactorStep = 0.02;

/// Images between two looks at the progress.
constexpr std::int64_t kPart = 32;

/// visit(worker, values) for every image.
template <class Visit>
void for_each_image(const ExportPlan& plan, std::span<const std::vector<std::uint8_t>> images,
                    ThreadPool& pool, const char* what, const Visit& visit) {
  const FloatRun run(plan);
  std::vector<PlanValues> values(static_cast<std::size_t>(pool.threads()));
  const auto count = static_cast<std::int64_t>(images.size());
  ProgressLine line(what, count, false);
  for (std::int64_t begin = 0; begin < count; begin += kPart) {
    const std::int64_t part = std::min(kPart, count - begin);
    pool.parallel_for(part, [&](std::int64_t image, int worker) {
      PlanValues& own = values[static_cast<std::size_t>(worker)];
      run.run(images[static_cast<std::size_t>(begin + image)], own);
      visit(static_cast<std::size_t>(worker), own);
    });
    line.update(begin + part, "images");
  }
  line.clear();
}

NumberRange joined(const NumberRange& a, const NumberRange& b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

NumberRange range_of(std::span<const float> numbers) {
  const auto [low, high] = std::ranges::minmax_element(numbers);
  if (!std::isfinite(*low) || !std::isfinite(*high))
    fail("a value of the network is not a finite number on a calibration image: its weights have diverged");
  return {std::min(0.0, double{*low}), std::max(0.0, double{*high})};
}

std::vector<NumberRange> widest_ranges(const ExportPlan& plan,
                                       std::span<const std::vector<std::uint8_t>> images, ThreadPool& pool) {
  std::vector<std::vector<NumberRange>> found(static_cast<std::size_t>(pool.threads()),
                                              std::vector<NumberRange>(plan.values.size()));
  for_each_image(plan, images, pool, "looking for ranges", [&](std::size_t worker, const PlanValues& values) {
    for (std::size_t v = 0; v < values.size(); ++v)
      found[worker][v] = joined(found[worker][v], range_of(values[v]));
  });
  for (std::size_t worker = 1; worker < found.size(); ++worker)
    for (std::size_t v = 0; v < plan.values.size(); ++v) found[0][v] = joined(found[0][v], found[worker][v]);
  return found[0];
}

/// The same for every image: black, white, and all between.
NumberRange input_range(const ExportPlan& plan) {
  NumberRange range;
  for (std::size_t c = 0; c < plan.mean.size(); ++c)
    range = joined(range, {-plan.mean[c] / plan.std[c], (1 - plan.mean[c]) / plan.std[c]});
  return range;
}

}  // namespace

RangeHistogram::RangeHistogram(const NumberRange& range) : range_(range), counts_(kBins) {}

void RangeHistogram::add(std::span<const float> numbers) {
  const double width = range_.high - range_.low;
  if (!(width > 0)) return;
  const double bins = kBins / width;
  for (const float number : numbers) {
    if (number == 0) continue;
    const auto bin = static_cast<std::int64_t>((double{number} - range_.low) * bins);
    ++counts_[static_cast<std::size_t>(std::clamp<std::int64_t>(bin, 0, kBins - 1))];
  }
}

void RangeHistogram::add(const RangeHistogram& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

/// Sum of squares, over the bins' middles.
double RangeHistogram::error(const NumberRange& range) const {
  const ByteCode code = code_for(range);
  const double width = (range_.high - range_.low) / kBins;
  double total = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    const double number = range_.low + (static_cast<double>(i) + 0.5) * width;
    const double wrong = code.decoded(code.encoded(number)) - number;
    total += static_cast<double>(counts_[i]) * wrong * wrong;
  }
  return total;
}

NumberRange RangeHistogram::best() const {
  NumberRange best = range_;
  double least = error(best);
  for (double NumberRange::*end : {&NumberRange::high, &NumberRange::low}) {
    const double whole = range_.*end;
    for (double factor = 1 - kFactorStep; factor >= kSmallestFactor && whole != 0; factor -= kFactorStep) {
      NumberRange tried = best;
      tried.*end = whole * factor;
      const double found = error(tried);
      if (found < least) best = tried, least = found;
    }
  }
  return best;
}

std::vector<NumberRange> calibrate(const ExportPlan& plan, std::span<const std::vector<std::uint8_t>> images,
                                   ThreadPool& pool) {
  std::vector<NumberRange> ranges = widest_ranges(plan, images, pool);
  std::vector<RangeHistogram> empty;
  for (const NumberRange& range : ranges) empty.emplace_back(range);
  std::vector<std::vector<RangeHistogram>> histograms(static_cast<std::size_t>(pool.threads()), empty);
  for_each_image(plan, images, pool, "drawing them in", [&](std::size_t worker, const PlanValues& values) {
    for (std::size_t v = 0; v < values.size(); ++v) histograms[worker][v].add(values[v]);
  });
  for (std::size_t v = 1; v < ranges.size(); ++v) {
    if (static_cast<int>(v) == plan.output) continue;
    for (std::size_t worker = 1; worker < histograms.size(); ++worker)
      histograms[0][v].add(histograms[worker][v]);
    ranges[v] = histograms[0][v].best();
  }
  ranges[0] = input_range(plan);
  return ranges;
}

}  // namespace cnn
