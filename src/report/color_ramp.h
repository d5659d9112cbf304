#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace cnn {

/// Colors from dark blue over green to yellow, in even steps of lightness: the order shows without color
/// vision and in grey print too. share: 0 to 1; what lies outside takes the end.
std::array<std::uint8_t, 3> ramp_color(double share);

/// The same as "#1f6a8c".
std::string ramp_text(double share);

/// Whether text on that color should be dark.
bool ramp_is_light(double share);

}  // namespace cnn
