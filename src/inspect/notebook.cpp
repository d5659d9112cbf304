#include "inspect/notebook.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "core/unicode.h"
#include "report/terminal.h"

namespace cnn {
namespace {

/// Relative difference that single precision explains.
constexpr double kTolerance = 1e-4;
constexpr std::size_t kMostTerms = 12, kShownOfMany = 6;

/// A width and a format that suit all numbers of a grid.
std::vector<std::string> cells_of(const Grid& grid) {
  double largest = 0;
  for (const double v : grid.values)
    if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
  std::vector<std::string> cells;
  for (std::size_t i = 0; i < grid.values.size(); ++i) {
    const double v = grid.values[i];
    std::string cell = !grid.padding.empty() && grid.padding[i] ? "pad"
                       : v == 0                                 ? "0"
                       : largest >= 0.1 && largest < 1000       ? fmt::format("{:.3f}", v)
                       : largest >= 0.001 && largest < 0.1      ? fmt::format("{:.5f}", v)
                                                                : fmt::format("{:.2e}", v);
    if (!grid.marked.empty()) cell += grid.marked[i] ? '*' : ' ';
    cells.push_back(std::move(cell));
  }
  return cells;
}

std::vector<std::string> lines_of(const Grid& grid) {
  const std::vector<std::string> cells = cells_of(grid);
  std::size_t width = 1;
  for (const std::string& cell : cells) width = std::max(width, cell.size());
  std::vector<std::string> lines{grid.head};
  for (int r = 0; r < grid.rows; ++r) {
    std::string line;
    for (int c = 0; c < grid.columns; ++c)
      line += fmt::format("{}{:>{}}", c > 0 ? " " : "", cells[static_cast<std::size_t>(r * grid.columns + c)],
                          width);
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace

std::string short_number(double value) {
  const std::string text = fmt::format("{:.4g}", value);
  return text == "-0" ? "0" : text;
}

std::string term(double value) {
  return value < 0 ? fmt::format("({})", short_number(value)) : short_number(value);
}

void Notebook::heading(std::string_view text) { text_ += fmt::format("\n{}\n", text); }

void Notebook::say(std::string_view text) { text_ += wrapped(fmt::format("  {}", text), columns_, 2) + "\n"; }

void Notebook::lines(std::string_view text) { text_ += fmt::format("{}\n", text); }

void Notebook::grids(const std::vector<Grid>& grids) {
  struct Block {
    std::vector<std::string> lines;
    int width = 0;
  };
  std::vector<Block> blocks;
  for (const Grid& grid : grids) {
    Block block{lines_of(grid)};
    for (const std::string& line : block.lines) block.width = std::max(block.width, display_width(line));
    blocks.push_back(std::move(block));
  }
  constexpr int kBetween = 4;
  for (std::size_t begin = 0; begin < blocks.size();) {
    // As many as fit on a line.
    std::size_t end = begin, height = 0;
    for (int used = 2; end < blocks.size() && (end == begin || used + blocks[end].width <= columns_); ++end) {
      used += blocks[end].width + kBetween;
      height = std::max(height, blocks[end].lines.size());
    }
    for (std::size_t i = 0; i < height; ++i) {
      std::string line = "  ";
      for (std::size_t b = begin; b < end; ++b) {
        const std::string cell = i < blocks[b].lines.size() ? blocks[b].lines[i] : "";
        line += cell +
                std::string(static_cast<std::size_t>(blocks[b].width - display_width(cell) + kBetween), ' ');
      }
      text_ += line.erase(line.find_last_not_of(' ') + 1) + "\n";
    }
    begin = end;
  }
}

std::string Notebook::verdict(double ours, double engine, double scale) {
  const double difference = std::abs(ours - engine);
  // NaN never agrees.
  const bool same = difference <= kTolerance * std::max(scale, 1e-30);
  agrees_ = agrees_ && same;
  return fmt::format("the engine: {}{}", short_number(engine), same ? "" : "  (DISAGREES)");
}

void Notebook::sum(std::string_view left, std::span<const double> terms, std::span<const std::string> written,
                   double engine) {
  double total = 0, scale = 0;
  for (const double t : terms) total += t, scale += std::abs(t);
  const std::size_t shown = terms.size() > kMostTerms ? kShownOfMany : terms.size();
  std::string text;
  for (std::size_t i = 0; i < shown; ++i)
    text += (i > 0 ? " + " : "") + (written.empty() ? term(terms[i]) : written[i]);
  if (shown < terms.size())
    text += fmt::format(" + ... ({} terms)", with_commas(static_cast<std::int64_t>(terms.size())));
  // A single number is its own sum.
  text = terms.empty() || text == term(total) ? "" : text + " = ";
  say(fmt::format("{} = {}{};  {}", left, text, short_number(total), verdict(total, engine, scale)));
}

void Notebook::value(std::string_view left, std::string_view how, double ours, double engine, double scale) {
  say(fmt::format("{} = {}{};  {}", left, how.empty() ? "" : fmt::format("{} = ", how), short_number(ours),
                  verdict(ours, engine, scale > 0 ? scale : std::abs(ours))));
}

void Notebook::same(std::string_view what, std::span<const double> ours, std::span<const float> engine) {
  double worst = 0, scale = 0;
  bool comparable = ours.size() == engine.size();
  for (std::size_t i = 0; i < std::min(ours.size(), engine.size()); ++i) {
    const double difference = std::abs(ours[i] - engine[i]);
    comparable = comparable && std::isfinite(difference);
    worst = std::max(worst, difference);
    scale = std::max(scale, std::abs(ours[i]));
  }
  const bool same = comparable && worst <= kTolerance * std::max(scale, 1e-30);
  agrees_ = agrees_ && same;
  say(fmt::format("{}: {}, the engine's {} (largest difference {:.1e})", what,
                  counted(static_cast<std::int64_t>(ours.size()), "number"),
                  same ? ours.size() == 1 ? "is the same" : "are the same" : "DISAGREE", worst));
}

}  // namespace cnn
