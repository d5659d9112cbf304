#include "report/statistics_table.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "report/text_columns.h"

namespace cnn {

std::string statistics_table(std::span<const LayerStatistics> layers, int columns) {
  constexpr int kNumbers = 52;
  const std::size_t widest_name = static_cast<std::size_t>(std::clamp(columns - kNumbers, 8, 30));
  std::size_t width = 5;
  for (const LayerStatistics& layer : layers)
    width = std::max(width, width_of(cut(printable(layer.layer), widest_name)));
  std::string text =
      fmt::format("  {}    active        mean         std   gradient norm\n", left("layer", width));
  for (const LayerStatistics& layer : layers)
    text += fmt::format("  {}  {:6.2f} %  {:>10.4g}  {:>10.4g}  {:>14}\n",
                        left(cut(printable(layer.layer), widest_name), width), 100 * layer.active_fraction,
                        layer.mean, layer.standard_deviation,
                        std::isnan(layer.gradient_norm) ? "-" : fmt::format("{:.4g}", layer.gradient_norm));
  text.pop_back();
  return text;
}

}  // namespace cnn
