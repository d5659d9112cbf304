#include "report/filters.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "report/axis.h"
#include "report/html.h"
#include "report/picture.h"

namespace cnn {

std::string filters_part(const Filters& filters) {
  float largest = 0;
  for (const float weight : filters.weights)
    if (std::isfinite(weight)) largest = std::max(largest, std::abs(weight));
  if (largest == 0) largest = 1;
  const auto size = static_cast<std::size_t>(filters.channels) * static_cast<std::size_t>(filters.height) *
                    static_cast<std::size_t>(filters.width);
  const int drawn = std::min(filters.count, kMostFilters);
  std::string text = fmt::format(
      "<p>The {} kernels of {}, {}x{}{}{}: what the first layer looks for. Grey is 0, white is {}, black its "
      "negative{}.</p>\n<div class=\"filters\">\n",
      filters.count, html(filters.layer), filters.height, filters.width,
      filters.channels == 1 ? "" : fmt::format(" over {} channels", filters.channels),
      drawn < filters.count ? fmt::format(" (the first {})", drawn) : "",
      number_text(largest, NumberStyle::plain),
      filters.channels >= 3 ? "; the first three channels are shown as red, green and blue" : "");
  for (int k = 0; k < drawn; ++k) {
    const Picture picture =
        picture_of_floats(filters.weights.subspan(static_cast<std::size_t>(k) * size, size), filters.channels,
                          filters.height, filters.width, -largest, largest);
    text += fmt::format("<img class=\"pixels\" alt=\"Kernel {}\" title=\"kernel {}\" src=\"{}\">\n", k + 1,
                        k + 1, png_address(picture));
  }
  return text + "</div>";
}

}  // namespace cnn
