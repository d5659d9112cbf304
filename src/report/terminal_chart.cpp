#include "report/terminal_chart.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "report/text_columns.h"

namespace cnn {
namespace {

/// Dots of a Braille character: 2 wide, 4 high (Unicode 15, chapter 21.1: U+2800 and a bit for each dot).
constexpr int kDotsWide = 2, kDotsHigh = 4;
constexpr int kDotBits[kDotsHigh][kDotsWide] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};

std::string utf8(char32_t c) {  // of U+0800 to U+FFFF
  return {static_cast<char>(0xE0 | (c >> 12)), static_cast<char>(0x80 | ((c >> 6) & 0x3F)),
          static_cast<char>(0x80 | (c & 0x3F))};
}

/// A drawing area of characters.
class Dots {
 public:
  Dots(std::size_t columns, std::size_t rows) : columns_(columns), bits_(columns * rows) {}

  /// Coordinates from 0 to 1, y upward. A line between two points.
  void line(double x0, double y0, double x1, double y1) {
    const double steps = std::max({1.0, std::abs(x1 - x0) * width(), std::abs(y1 - y0) * height()});
    for (double k = 0; k <= steps; ++k) dot(x0 + (x1 - x0) * k / steps, y0 + (y1 - y0) * k / steps);
  }
  void mark(std::size_t column) { marked_ = column; }

  std::string row(std::size_t r, bool unicode) const {
    std::string text;
    for (std::size_t c = 0; c < columns_; ++c) {
      const int bits = bits_[r * columns_ + c];
      if (bits != 0)
        text += unicode ? utf8(static_cast<char32_t>(0x2800 + bits)) : "*";
      else
        text += c != marked_ ? " " : unicode ? "│" : "|";
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  }

 private:
  double width() const { return static_cast<double>(columns_ * kDotsWide - 1); }
  double height() const { return static_cast<double>(bits_.size() / columns_ * kDotsHigh - 1); }
  void dot(double x, double y) {
    if (!(x >= 0 && x <= 1 && y >= 0 && y <= 1)) return;
    const auto px = static_cast<std::size_t>(std::lround(x * width()));
    const auto py = static_cast<std::size_t>(std::lround((1 - y) * height()));
    bits_[py / kDotsHigh * columns_ + px / kDotsWide] |= kDotBits[py % kDotsHigh][px % kDotsWide];
  }

  std::size_t columns_, marked_ = static_cast<std::size_t>(-1);
  std::vector<int> bits_;
};

}  // namespace

std::string terminal_chart(const LineChart& chart, const Terminal& terminal, int height) {
  const auto rows = static_cast<std::size_t>(height);
  const bool unicode = terminal.unicode;
  const std::vector<double>& y = chart.series.front().y;
  std::vector<double> finite;
  for (const double value : y)
    if (std::isfinite(value)) finite.push_back(value);
  if (finite.empty()) return "";
  const auto [low, high] = std::minmax_element(finite.begin(), finite.end());
  const Axis vertical = linear_axis(*low, *high, height / 3);
  const Axis horizontal = chart.x_logarithmic ? logarithmic_axis(chart.x.front(), chart.x.back())
                                              : linear_axis(chart.x.front(), chart.x.back(), 8);

  // What is written at the left: a tick on the row in which it lies.
  std::vector<std::string> labels(rows);
  std::size_t margin = 0;
  for (const double tick : vertical.ticks) {
    const auto row =
        static_cast<std::size_t>(std::lround((1 - vertical.position(tick)) * static_cast<double>(rows - 1)));
    labels[row] = number_text(tick, chart.style);
    margin = std::max(margin, width_of(labels[row]));
  }
  const std::size_t width =
      static_cast<std::size_t>(std::max(20, terminal.columns - static_cast<int>(margin) - 2));
  Dots dots(width, rows);
  const auto column_of = [&](double x) {
    return static_cast<std::size_t>(
        std::lround(std::clamp(horizontal.position(x), 0.0, 1.0) * static_cast<double>(width - 1)));
  };
  if (!chart.mark_text.empty()) dots.mark(column_of(chart.marked_x));
  for (std::size_t i = 1; i < y.size(); ++i)
    if (std::isfinite(y[i - 1]) && std::isfinite(y[i]))
      dots.line(horizontal.position(chart.x[i - 1]), vertical.position(y[i - 1]),
                horizontal.position(chart.x[i]), vertical.position(y[i]));

  const char *wall = unicode ? "│" : "|", *tick_mark = unicode ? "┤" : "+";
  std::string text = chart.title + "\n";
  for (std::size_t r = 0; r < rows; ++r)
    text += fmt::format("{} {}{}\n", right(labels[r], margin), labels[r].empty() ? wall : tick_mark,
                        dots.row(r, unicode));
  std::string axis, numbers(margin + 2 + width, ' ');
  for (std::size_t c = 0; c < width; ++c) axis += unicode ? "─" : "-";
  text += std::string(margin + 1, ' ') + (unicode ? "└" : "+") + axis + "\n";
  std::size_t free = 0;
  for (const double tick : horizontal.ticks) {
    const std::string number = number_text(tick, NumberStyle::plain);
    std::size_t at = margin + 2 + column_of(tick);
    at -= std::min(at, number.size() / 2);
    if (at < free || at + number.size() > numbers.size()) continue;
    numbers.replace(at, number.size(), number);
    free = at + number.size() + 2;
  }
  numbers.erase(numbers.find_last_not_of(' ') + 1);
  text += numbers + "\n" + std::string(margin + 2, ' ') + chart.x_name;
  if (!chart.mark_text.empty()) text += fmt::format("; {} {}", wall, chart.mark_text);
  return text + "\n";
}

}  // namespace cnn
