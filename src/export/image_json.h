#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "data/data_spec.h"

namespace cnn {

/// The image that a model takes, as the caller of an export must make it: "channels", "height", "width",
/// "resize", and where the model has them "short_side", "depth": 16 with "range": the stored values that are
/// 0 and 1 (what is beyond is cut off), and "background": [r, g, b].
inline nlohmann::ordered_json image_json(const ImageSpec& image) {
  nlohmann::ordered_json about{{"channels", image.channels},
                               {"height", image.height},
                               {"width", image.width},
                               {"resize", std::string(word_of(image.resize))}};
  if (image.short_side > 0) about["short_side"] = image.short_side;
  if (image.depth == 16) {
    const bool given = image.range.mode == PixelRange::Mode::given;
    about["depth"] = 16;
    about["range"] = {given ? image.range.low : 0, given ? image.range.high : 65535};
  }
  if (image.background) about["background"] = *image.background;
  return about;
}

}  // namespace cnn
