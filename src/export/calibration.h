#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/thread_pool.h"
#include "export/plan.h"
#include "export/quantized_plan.h"

namespace cnn {

/// The range of every value that bytes are to stand for, from images (interleaved pixels).
///
/// The widest range that the images show would give a few outliers most of the bytes. Its upper end, then its
/// lower one, is therefore drawn in by the factor, from 1 down to 0.3, with which the mean squared error of
/// rounding and clipping is smallest over all numbers that the images gave. The logits keep their widest
/// range, and the input has that of all bytes.
std::vector<NumberRange> calibrate(const ExportPlan& plan, std::span<const std::vector<std::uint8_t>> images,
                                   ThreadPool& pool);

/// Numbers of a value, counted in bins between the ends of a range; zeros, which a byte holds exactly, left
/// out.
class RangeHistogram {
 public:
  explicit RangeHistogram(const NumberRange& range);
  void add(std::span<const float> numbers);
  void add(const RangeHistogram& other);
  /// The range, drawn in.
  NumberRange best() const;

 private:
  double error(const NumberRange& range) const;
  NumberRange range_;
  std::vector<std::int64_t> counts_;
};

}  // namespace cnn
