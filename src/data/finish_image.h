#pragma once

#include "data/data_spec.h"
#include "data/image.h"

namespace cnn {

/// The last step of every decoder, in this order: notes the traits of the image; lays `target->background`
/// under its transparent parts, or drops alpha, so that the color shows that is hidden there (divided by
/// alpha if it was multiplied by it); and makes 16 bits into 8 (the upper ones) unless `target->depth` is 16.
/// target: may be null, which is 8 bits without a background.
///
/// The background is one that the network sees: at depth 16, 0 and 255 stand for the ends of the range.
void finish_image(Image& image, const ImageSpec* target);

/// The stored values that stand for 0 and for 1 at depth 16. Files of 8 bits do not follow the range: they
/// have 0 and 255.
struct ValueEnds {
  int low = 0, high = 255;
};
ValueEnds value_ends(const ImageSpec& spec, bool deep, int white);

}  // namespace cnn
