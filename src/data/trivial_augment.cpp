#include "data/trivial_augment.h"

#include <algorithm>

#include "data/color_changes.h"
#include "data/tone_changes.h"

namespace cnn {
namespace {

/// Begins a warp with the change, if it is one.
bool add_change(const TrivialDraw& draw, double strength, Warp& warp) {
  switch (draw.change) {
    case TrivialChange::shear_x:
      warp.shear(0, 0.99 * strength);
      return true;
    case TrivialChange::shear_y:
      warp.shear(0.99 * strength, 0);
      return true;
    case TrivialChange::translate_x:
      warp.shift(0, static_cast<int>(32 * strength));
      return true;
    case TrivialChange::translate_y:
      warp.shift(static_cast<int>(32 * strength), 0);
      return true;
    case TrivialChange::rotate:
      warp.rotate(135 * strength);
      return true;
    default:
      return false;
  }
}

/// Posterizing goes from 8 bits to 2, each number of bits over five steps.
int bits_of(int step) { return 8 - (step + 2) / 5; }

void change_values(const TrivialDraw& draw, double strength, const FloatImageView& image, bool clamp,
                   std::span<float> other) {
  const auto factor = static_cast<float>(1 + 0.99 * strength);
  switch (draw.change) {
    case TrivialChange::brightness:
      return change_brightness(image, factor, clamp);
    case TrivialChange::color:
      if (image.channels == 3) change_saturation(image, factor, clamp);
      return;
    case TrivialChange::contrast:
      return change_contrast(image, factor, clamp);
    case TrivialChange::sharpness:
      return change_sharpness(image, factor, clamp, other);
    case TrivialChange::posterize:
      return posterize(image, bits_of(draw.step));
    case TrivialChange::solarize:
      return solarize(image, (255.0f - 8.5f * static_cast<float>(draw.step)) / 255.0f);
    case TrivialChange::auto_contrast:
      return stretch_contrast(image);
    case TrivialChange::equalize:
      return equalize(image);
    default:
      return;
  }
}

}  // namespace

TrivialDraw draw_trivial(Random& random) {
  TrivialDraw draw;
  draw.change = static_cast<TrivialChange>(random.below(kTrivialChanges));
  draw.step = static_cast<int>(random.below(kTrivialSteps));
  draw.negative = random.below(2) == 1;
  return draw;
}

void apply_trivial(const TrivialDraw& draw, Border border, const FloatImageView& image, bool clamp,
                   std::span<float> other, Warp& warp) {
  const double strength = (draw.negative ? -1.0 : 1.0) * draw.step / (kTrivialSteps - 1);
  warp.begin(image.height, image.width);
  if (!add_change(draw, strength, warp)) return change_values(draw, strength, image, clamp, other);
  std::copy(image.values, image.values + image.size(), other.begin());
  warp.apply(border, image.channels, other.data(), image.values);
}

}  // namespace cnn
