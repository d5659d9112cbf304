#include "data/augmentation.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "core/random.h"

namespace cnn {
namespace {

/// Position i seen in a mirror at both ends, the edge itself not repeated: 2 1 | 0 1 2 | 1 0.
int reflected(int i, int size) {
  if (size == 1) return 0;
  const int period = 2 * (size - 1);
  const int inside = std::abs(i) % period;
  return inside < size ? inside : period - inside;
}

/// The changed image's position i shows what `origin` had at i - shift.
void translate(std::vector<int>& origin, int shift, Border border, std::vector<int>& scratch) {
  const int size = static_cast<int>(origin.size());
  if (border == Border::zero) {
    const int gap = std::min(std::abs(shift), size);
    if (shift > 0) {
      std::copy_backward(origin.begin(), origin.end() - gap, origin.end());
      std::fill_n(origin.begin(), gap, Augmentation::kNothing);
    } else {
      std::copy(origin.begin() + gap, origin.end(), origin.begin());
      std::fill_n(origin.end() - gap, gap, Augmentation::kNothing);
    }
    return;
  }
  scratch = origin;
  for (int i = 0; i < size; ++i)
    origin[static_cast<std::size_t>(i)] = scratch[static_cast<std::size_t>(reflected(i - shift, size))];
}

}  // namespace

void Augmentation::draw(std::uint32_t epoch, std::int64_t index, int height, int width, Moves& moves) const {
  moves.y.resize(static_cast<std::size_t>(height));
  moves.x.resize(static_cast<std::size_t>(width));
  std::iota(moves.y.begin(), moves.y.end(), 0);
  std::iota(moves.x.begin(), moves.x.end(), 0);
  static thread_local std::vector<int> scratch;
  Random random(seed_, Purpose::augmentation, epoch, static_cast<std::uint32_t>(index));
  for (const AugmentSpec& change : list_) {
    if (const auto* shift = std::get_if<RandomTranslateSpec>(&change)) {
      const auto choices = static_cast<std::uint32_t>(2 * shift->pixels + 1);
      const int right = static_cast<int>(random.below(choices)) - shift->pixels;
      const int down = static_cast<int>(random.below(choices)) - shift->pixels;
      translate(moves.x, right, shift->border, scratch);
      translate(moves.y, down, shift->border, scratch);
    } else if (const auto* flip = std::get_if<RandomFlipSpec>(&change)) {
      if (random.uniform() < static_cast<float>(flip->p)) std::reverse(moves.x.begin(), moves.x.end());
    }
  }
}

}  // namespace cnn
