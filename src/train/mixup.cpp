#include "train/mixup.h"

#include <algorithm>
#include <cmath>

#include "core/portable_math.h"
#include "core/random.h"

namespace cnn {
namespace {

double cube(double x) { return x * x * x; }

/// Logarithm of a Gamma(alpha, 1) variable; small alpha would underflow without it.
/// Source: G. Marsaglia, W. Tsang, "A simple method for generating gamma variables", 2000, with their remark
/// for alpha < 1.
double log_gamma_variable(double alpha, Random& random) {
  if (alpha < 1) {
    const double u = (random.bits() + 1.0) * 0x1p-32;
    return log_gamma_variable(alpha + 1, random) + portable_log(u) / alpha;
  }
  const double d = alpha - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = random.normal(), v = cube(1 + c * x);
    if (v <= 0) continue;
    const double u = (random.bits() + 1.0) * 0x1p-32;
    if (portable_log(u) < x * x / 2 + d * (1 - v + portable_log(v))) return portable_log(d) + portable_log(v);
  }
}

/// The larger of s and 1 - s for s from Beta(alpha, alpha).
double larger_share(double alpha, Random& random) {
  const double a = log_gamma_variable(alpha, random), b = log_gamma_variable(alpha, random);
  return 1 / (1 + portable_exp(-std::abs(a - b)));
}

}  // namespace

Mixup::Mixup(double alpha, std::uint64_t seed, int workers)
    : alpha_(alpha), seed_(seed), others_(static_cast<std::size_t>(alpha > 0 ? workers : 0)) {}

void Mixup::begin(const ImageSet& set, std::span<const std::int64_t> images, std::uint32_t step) {
  set_ = &set;
  images_ = images;
  distance_ = 0;
  share_ = 1;
  const std::size_t n = images.size();
  if (alpha_ == 0 || n < 2) return;
  Random random(seed_, Purpose::mixup, step);
  share_ = static_cast<float>(larger_share(alpha_, random));
  distance_ = 1 + random.below(static_cast<std::uint32_t>(n - 1));
  partners_.resize(n);
  second_labels_.resize(n);
  std::rotate_copy(images.begin(), images.begin() + static_cast<std::ptrdiff_t>(distance_), images.end(),
                   partners_.begin());
  for (std::size_t i = 0; i < n; ++i) second_labels_[i] = set.labels[static_cast<std::size_t>(partners_[i])];
}

void Mixup::fill(std::size_t first, std::size_t count, std::uint32_t epoch, int worker, BlockView<float> x) {
  set_->fill(images_.subspan(first, count), epoch, worker, x);
  if (distance_ == 0) return;
  AlignedBuffer& memory = others_[static_cast<std::size_t>(worker)];
  if (memory.size() == 0) memory = AlignedBuffer(x.pixels() * kLanes);
  const BlockView<float> other{memory.data(), x.c, x.h, x.w, x.w, std::int64_t{x.h} * x.w};
  set_->fill(std::span<const std::int64_t>(partners_).subspan(first, count), epoch, worker, other);
  for (int c = 0; c < x.c; ++c)
    for (int y = 0; y < x.h; ++y) {
      float* to = x.at(c, y, 0);
      const float* from = other.at(c, y, 0);
      for (int i = 0; i < x.w * kLanes; ++i) to[i] = share_ * to[i] + (1 - share_) * from[i];
    }
}

}  // namespace cnn
