#pragma once

#include <cstdint>
#include <span>

#include "core/random.h"
#include "data/data_spec.h"
#include "data/pixel_changes.h"
#include "data/warp.h"

namespace cnn {

/// The changes of which TrivialAugment draws one, and the utmost of each. Brightness, color, contrast and
/// sharpness are factors of 1 - 0.99 to 1 + 0.99.
enum class TrivialChange {
  identity,
  shear_x,      ///< 0.99
  shear_y,      ///< 0.99
  translate_x,  ///< 32 pixels, whole ones
  translate_y,  ///< 32 pixels, whole ones
  rotate,       ///< 135 degrees
  brightness,
  color,  ///< saturation; grey images stay
  contrast,
  sharpness,
  posterize,  ///< to 2 bits
  solarize,   ///< all values
  auto_contrast,
  equalize,
};
inline constexpr int kTrivialChanges = 14;
/// A strength is one of so many steps, from nothing to the utmost.
inline constexpr int kTrivialSteps = 31;

/// Which change, and how strong: each uniform among all.
/// Source: S. Mueller, F. Hutter, "TrivialAugment: tuning-free yet state-of-the-art data augmentation", ICCV
/// 2021 (arXiv:2103.10158), with the wide space of strengths; its numbers are those of torchvision.
struct TrivialDraw {
  TrivialChange change = TrivialChange::identity;
  int step = 0;           ///< in 0 .. kTrivialSteps - 1
  bool negative = false;  ///< the other way, where there are two
};
TrivialDraw draw_trivial(Random& random);

/// Applies it. Values are those of 0..1, and stay there if `clamp`. other: as many values as the image, of
/// any content. warp: working memory. border: what comes in when the image moves.
void apply_trivial(const TrivialDraw& draw, Border border, const FloatImageView& image, bool clamp,
                   std::span<float> other, Warp& warp);

}  // namespace cnn
