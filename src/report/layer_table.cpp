#include "report/layer_table.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>

#include "core/text.h"

namespace cnn {

std::string layer_table(const std::string& input, const std::vector<LayerRow>& rows) {
  constexpr std::size_t kColumns = 7;
  using Line = std::array<std::string, kColumns>;
  std::vector<Line> lines;
  lines.push_back({"layer", "type", "output", "activations", "parameters", "mult-adds", "sees"});
  lines.push_back({"input", "", input, "", "", "", ""});
  LayerRow total;
  for (const LayerRow& row : rows) {
    lines.push_back({printable(row.name), row.type, row.output, with_commas(row.activations),
                     with_commas(row.parameters), with_commas(row.macs), row.receptive_field});
    total.activations += row.activations;
    total.parameters += row.parameters;
    total.macs += row.macs;
  }
  lines.push_back({"total", "", "", with_commas(total.activations), with_commas(total.parameters),
                   with_commas(total.macs), ""});
  std::array<std::size_t, kColumns> width{};
  for (const Line& line : lines)
    for (std::size_t c = 0; c < kColumns; ++c) width[c] = std::max(width[c], line[c].size());
  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string one;
    for (std::size_t c = 0; c < kColumns; ++c) {
      const bool left = c < 2;  // names to the left, numbers to the right
      one += left ? fmt::format("{:<{}}  ", lines[i][c], width[c])
                  : fmt::format("{:>{}}  ", lines[i][c], width[c]);
    }
    one.erase(one.find_last_not_of(' ') + 1);
    text += one + "\n";
    if (i == 0 || i + 2 == lines.size()) {
      std::size_t full = 0;
      for (const std::size_t w : width) full += w + 2;
      text += std::string(full - 2, '-') + "\n";
    }
  }
  return text;
}

}  // namespace cnn
