#pragma once

#include <nlohmann/json.hpp>

#include "data/data_spec.h"

namespace cnn {

/// What the caller of an export must know of depth and background, where the model has any: "depth": 16 with
/// "range": the stored values that are 0 and 1 (what is beyond is cut off), and "background": [r, g, b].
inline void add_value_keys(const ImageSpec& image, nlohmann::ordered_json& about) {
  if (image.depth == 16) {
    const bool given = image.range.mode == PixelRange::Mode::given;
    about["depth"] = 16;
    about["range"] = {given ? image.range.low : 0, given ? image.range.high : 65535};
  }
  if (image.background) about["background"] = *image.background;
}

}  // namespace cnn
