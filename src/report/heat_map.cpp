#include "report/heat_map.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "report/color_ramp.h"
#include "report/html.h"

namespace cnn {
namespace {

constexpr double kWidth = 480, kLeft = 126, kRow = 17, kBottom = 22;

std::vector<std::size_t> thinned(std::size_t count) {
  const std::size_t drawn = std::min(count, kMostHeatMapColumns);
  std::vector<std::size_t> chosen;
  for (std::size_t k = 0; k < drawn; ++k) chosen.push_back(drawn == 1 ? 0 : k * (count - 1) / (drawn - 1));
  return chosen;
}

/// What the colors stand for.
struct Extremes {
  double low, high;
  bool logarithmic;
  double share(double value) const {
    if (!(high > low)) return 0.5;
    if (!logarithmic) return (value - low) / (high - low);
    return value > 0 ? std::log(value / low) / std::log(high / low) : 0;
  }
};

Extremes range_of(const HeatMap& map) {
  if (map.style == NumberStyle::percent) return {0, 1, false};
  std::vector<double> values;
  for (const auto& row : map.values)
    for (const double value : row)
      if (std::isfinite(value) && (!map.logarithmic || value > 0)) values.push_back(value);
  if (values.empty()) return {0, 0, map.logarithmic};
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {*low, *high, map.logarithmic};
}

std::string scale(const HeatMap& map, const Extremes& range) {
  std::string stops;
  for (int k = 0; k <= 5; ++k) stops += fmt::format("{}{}", k == 0 ? "" : ",", ramp_text(k / 5.0));
  const std::string middle =
      range.logarithmic && range.low > 0
          ? fmt::format("<span>logarithmic: the middle is {}</span>",
                        number_text(std::sqrt(range.low) * std::sqrt(range.high), map.style))
          : "";
  return fmt::format(
      R"-(<div class="legend"><span>{}<i class="scale" style="background:linear-gradient(90deg,{})"></i>{}</span>{}</div>)-",
      number_text(range.low, map.style), stops, number_text(range.high, map.style), middle);
}

std::string table(const HeatMap& map, const std::vector<std::size_t>& columns) {
  std::string text =
      fmt::format("<details><summary>Numbers</summary><div class=\"scroll\"><table><thead><tr><th>{}</th>",
                  html(map.column_name));
  for (const std::string& row : map.rows) text += fmt::format("<th class=\"n\">{}</th>", html(row));
  text += "</tr></thead>\n";
  for (const std::size_t column : columns) {
    text += fmt::format("<tr><th>{}</th>", html(map.columns[column]));
    for (const auto& row : map.values)
      text += fmt::format("<td class=\"n\">{}</td>", number_text(row[column], map.style));
    text += "</tr>\n";
  }
  return text + "</table></div></details>";
}

}  // namespace

std::string heat_map(const HeatMap& map) {
  const std::vector<std::size_t> columns = thinned(map.columns.size());
  const Extremes range = range_of(map);
  const double height = kRow * static_cast<double>(map.rows.size()) + kBottom;
  const double cell = (kWidth - kLeft) / static_cast<double>(std::max<std::size_t>(columns.size(), 1));
  std::string figure =
      fmt::format("<figure><figcaption>{}</figcaption>{}", html(map.title), scale(map, range));
  figure += fmt::format(
      R"(<svg class="chart" viewBox="0 0 {} {}" role="img" tabindex="0" aria-label="{}; arrow keys tell the values">)",
      kWidth, height, html(map.title));
  for (std::size_t r = 0; r < map.rows.size(); ++r) {
    const double y = kRow * static_cast<double>(r);
    figure += fmt::format(R"(<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>)", kLeft - 8,
                          y + 12, html_shortened(map.rows[r], 17));
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const double value = map.values[r][columns[k]];
      const std::string hint =
          fmt::format("{}\n{} {}\n{}", map.rows[r], map.column_name, map.columns[columns[k]],
                      std::isnan(value) ? "none" : number_text(value, map.style));
      figure += fmt::format(
          R"(<rect class="hit cell" x="{:.2f}" y="{}" width="{:.2f}" height="{}" fill="{}"><title>{}</title></rect>)",
          kLeft + cell * static_cast<double>(k), y, cell - std::min(1.0, cell / 8), kRow - 1,
          std::isfinite(value) ? ramp_text(range.share(value)) : "none", html_lines(hint));
    }
  }
  if (!columns.empty()) {
    figure += fmt::format(R"(<text class="tick" x="{}" y="{}">{} {}</text>)", kLeft, height - 6,
                          html(map.column_name), html(map.columns[columns.front()]));
    if (columns.size() > 1)
      figure += fmt::format(R"(<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>)", kWidth,
                            height - 6, html(map.columns[columns.back()]));
  }
  return figure + "</svg>" + table(map, columns) + "</figure>\n";
}

}  // namespace cnn
