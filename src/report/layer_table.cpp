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

std::vector<CliffWarning> cliff_warnings(std::int64_t input_values, const std::vector<LayerRow>& rows,
                                         double fall, double growth) {
  std::vector<CliffWarning> warnings;
  std::int64_t before = input_values;
  std::string before_name = "the input";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const LayerRow& row = rows[i];
    const double ratio = static_cast<double>(before) / static_cast<double>(row.activations);
    if (ratio > fall && row.type != "global_avg_pool")
      warnings.push_back(
          {row.name, "activation_cliff",
           fmt::format("{} puts out {} values, {} put out {}: {:.0f} to 1 in one step, so most of what was "
                       "found is thrown away at once; insert a max_pool with kernel_size 2 after {} (it "
                       "leaves about {}), or a dense layer between",
                       row.name, with_commas(row.activations), before_name, with_commas(before), ratio,
                       before_name, with_commas(before / 4))});
    if (i > 0 && 1 / ratio > growth)
      warnings.push_back(
          {row.name, "activation_growth",
           fmt::format("{} puts out {} values, {:.1f} times as many as {} ({}): time and memory grow with "
                       "them; use fewer channels, a stride, or a max_pool before it",
                       row.name, with_commas(row.activations), 1 / ratio, before_name, with_commas(before))});
    before = row.activations;
    before_name = row.name;
  }
  return warnings;
}

}  // namespace cnn
