#include "report/line_chart.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "report/html.h"

namespace cnn {
namespace {

// The drawing, in units of its own: about a pixel where two charts stand side by side.
constexpr double kWidth = 480, kHeight = 250, kLeft = 60, kRight = 12, kTop = 12, kBottom = 36;
constexpr double kInnerWidth = kWidth - kLeft - kRight, kInnerHeight = kHeight - kTop - kBottom;

/// Areas that can be pointed at, and points that get a dot each.
constexpr std::size_t kMostAreas = 160, kMostDots = 30;

/// The chart's two axes, and where a value lies in the drawing.
struct Plane {
  Axis x, y;
  double px(double value) const { return kLeft + kInnerWidth * x.position(value); }
  double py(double value) const { return kTop + kInnerHeight * (1 - y.position(value)); }
};

/// Whether a value can be drawn.
bool drawable(double value, bool logarithmic) { return std::isfinite(value) && (!logarithmic || value > 0); }

std::optional<Plane> plane_of(const LineChart& chart) {
  std::vector<double> values;
  for (const Series& series : chart.series)
    for (const double y : series.y)
      if (drawable(y, chart.y_logarithmic)) values.push_back(y);
  if (values.empty() || chart.x.empty()) return std::nullopt;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  Plane plane;
  plane.y = chart.y_logarithmic ? logarithmic_axis(*low / 1.1, *high * 1.1) : linear_axis(*low, *high);
  if (chart.style == NumberStyle::percent) {  // a fraction ends at 1
    plane.y.high = std::min(plane.y.high, 1.0);
    std::erase_if(plane.y.ticks, [&](double tick) { return tick > plane.y.high + 1e-9; });
  }
  const double first = chart.x.front(), last = chart.x.back();
  if (chart.x_logarithmic) {
    plane.x = logarithmic_axis(first, last);
  } else {
    plane.x = linear_axis(first, last, 8);
    plane.x.low = first == last ? first - 0.5 : first;  // lines begin and end at the border
    plane.x.high = first == last ? first + 0.5 : last;
    std::erase_if(plane.x.ticks, [&](double tick) {
      return tick < plane.x.low || tick > plane.x.high || tick != std::round(tick);
    });
  }
  return plane;
}

std::string grid(const LineChart& chart, const Plane& plane) {
  std::string svg;
  for (const double tick : plane.y.ticks) {
    const double y = plane.py(tick);
    svg += fmt::format(R"(<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>)", kLeft,
                       kWidth - kRight, y, y);
    svg += fmt::format(R"(<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>)", kLeft - 8,
                       y + 4, number_text(tick, chart.style));
  }
  for (const double tick : plane.x.ticks)
    svg += fmt::format(R"(<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>)",
                       plane.px(tick), kHeight - kBottom + 17, number_text(tick, NumberStyle::plain));
  svg += fmt::format(R"(<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>)", kWidth - kRight,
                     kHeight - 3, html(chart.x_name));
  return svg;
}

std::string mark(const LineChart& chart, const Plane& plane) {
  if (chart.mark_text.empty()) return "";
  const double x = plane.px(chart.marked_x);
  // The word stands where the lines are not.
  const auto at = std::find(chart.x.begin(), chart.x.end(), chart.marked_x);
  double height = 0;
  if (at != chart.x.end())
    for (const Series& series : chart.series) {
      const double y = series.y[static_cast<std::size_t>(at - chart.x.begin())];
      if (drawable(y, chart.y_logarithmic)) height = std::max(height, plane.y.position(y));
    }
  const bool at_left = x > kLeft + kInnerWidth / 2;
  return fmt::format(R"(<line class="mark" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>)"
                     R"(<text class="tick" x="{3:.1f}" y="{4}" text-anchor="{5}">{6}</text>)",
                     x, kTop, kHeight - kBottom, at_left ? x - 5 : x + 5,
                     height > 0.7 ? kHeight - kBottom - 8 : kTop + 8, at_left ? "end" : "start",
                     html(chart.mark_text));
}

std::string line(const LineChart& chart, std::size_t number, const Plane& plane) {
  const Series& series = chart.series[number];
  std::string path, dots;
  bool connected = false;
  for (std::size_t i = 0; i < chart.x.size(); ++i) {
    const bool there = drawable(series.y[i], chart.y_logarithmic);
    if (there) {
      const double x = plane.px(chart.x[i]), y = plane.py(series.y[i]);
      path += fmt::format("{}{:.1f} {:.1f}", connected ? "L" : "M", x, y);
      dots += fmt::format(R"(<circle class="c{}" cx="{:.1f}" cy="{:.1f}" r="2.5"/>)", number, x, y);
    }
    connected = there;
  }
  return fmt::format(R"(<path class="line c{}" d="{}"/>)", number, path) +
         (chart.x.size() <= kMostDots ? dots : "");
}

/// "epoch 3\ntraining 98.1 %\nvalidation 97.5 %".
std::string values_at(const LineChart& chart, std::size_t i) {
  std::string text = fmt::format("{} {}", chart.x_name, number_text(chart.x[i], NumberStyle::plain));
  for (const Series& series : chart.series)
    if (std::isfinite(series.y[i]))
      text += fmt::format("\n{} {}", series.name, number_text(series.y[i], chart.style));
  return text;
}

std::string areas(const LineChart& chart, const Plane& plane) {
  const std::size_t count = std::min(chart.x.size(), kMostAreas);
  std::vector<std::size_t> points;
  for (std::size_t k = 0; k < count; ++k)
    points.push_back(count == 1 ? 0 : k * (chart.x.size() - 1) / (count - 1));
  const auto border = [&](std::size_t left) {
    return (plane.px(chart.x[points[left]]) + plane.px(chart.x[points[left + 1]])) / 2;
  };
  std::string svg;
  for (std::size_t k = 0; k < count; ++k) {
    const double begin = k == 0 ? kLeft - 6 : border(k - 1);
    const double end = k + 1 == count ? kWidth : border(k);
    svg += fmt::format(
        R"(<rect class="hit" x="{:.1f}" y="{}" width="{:.1f}" height="{}" data-x="{:.1f}"><title>{}</title></rect>)",
        begin, kTop, end - begin, kInnerHeight, plane.px(chart.x[points[k]]),
        html_lines(values_at(chart, points[k])));
  }
  return svg;
}

std::string legend(const LineChart& chart) {
  if (chart.series.size() < 2) return "";
  std::string text = R"(<div class="legend">)";
  for (std::size_t k = 0; k < chart.series.size(); ++k)
    text += fmt::format(
        R"(<span><svg viewBox="0 0 24 8" aria-hidden="true"><path class="line c{}" d="M0 4L24 4"/></svg>{}</span>)",
        k, html(chart.series[k].name));
  return text + "</div>";
}

}  // namespace

std::string line_chart(const LineChart& chart) {
  std::string figure = fmt::format("<figure><figcaption>{}</figcaption>", html(chart.title));
  const std::optional<Plane> plane = plane_of(chart);
  if (!plane) return figure + R"(<p class="quiet">Nothing to draw yet.</p></figure>)" + "\n";
  figure += legend(chart);
  figure += fmt::format(
      R"(<svg class="chart" viewBox="0 0 {} {}" role="img" tabindex="0" aria-label="{}, {} points; arrow keys tell their values">)",
      kWidth, kHeight, html(chart.title), chart.x.size());
  figure += grid(chart, *plane) + mark(chart, *plane);
  for (std::size_t k = 0; k < chart.series.size(); ++k) figure += line(chart, k, *plane);
  figure += fmt::format(R"(<line class="cursor" y1="{}" y2="{}" x1="0" x2="0"/>)", kTop, kHeight - kBottom);
  return figure + areas(chart, *plane) + "</svg></figure>\n";
}

}  // namespace cnn
