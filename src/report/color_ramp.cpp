#include "report/color_ramp.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

namespace cnn {

std::array<std::uint8_t, 3> ramp_color(double share) {
  constexpr std::array<std::array<double, 3>, 6> kStops{
      {{38, 28, 82}, {46, 76, 130}, {30, 122, 140}, {48, 165, 122}, {142, 202, 86}, {250, 230, 80}}};
  const double place = std::clamp(share, 0.0, 1.0) * (kStops.size() - 1);
  const auto stop = std::min(static_cast<std::size_t>(place), kStops.size() - 2);
  const double part = place - static_cast<double>(stop);
  std::array<std::uint8_t, 3> color{};
  for (std::size_t c = 0; c < 3; ++c)
    color[c] =
        static_cast<std::uint8_t>(std::lround(kStops[stop][c] * (1 - part) + kStops[stop + 1][c] * part));
  return color;
}

std::string ramp_text(double share) {
  const auto color = ramp_color(share);
  return fmt::format("#{:02x}{:02x}{:02x}", color[0], color[1], color[2]);
}

bool ramp_is_light(double share) { return share > 0.55; }

}  // namespace cnn
