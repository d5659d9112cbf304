#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "inspect/explain_parts.h"

namespace cnn {
namespace {

constexpr int kWidestGrid = 10;
/// Windows that are explained one by one.
constexpr std::size_t kWindowsTold = 4;
/// Values of a window that are written out.
constexpr std::size_t kValuesShown = 12;

/// A pooling and the corner of one map that is shown.
class PoolStory {
 public:
  PoolStory(const Scene& scene, Size2 kernel, Size2 stride, Size2 padding, bool max, bool count_padding)
      : scene_(scene),
        book_(scene.book),
        rows_{scene.in().h, scene.out().h, kernel.h, stride.h, 1, padding.h, padding.h},
        columns_{scene.in().w, scene.out().w, kernel.w, stride.w, 1, padding.w, padding.w},
        max_(max),
        count_padding_(count_padding) {
    choose();
  }

  void tell() {
    facts();
    patch();
    if (rows_.padded() || columns_.padded()) border();
  }

 private:
  struct Cell {
    int h, w;
  };
  /// The inputs of an output, without padding, in reading order.
  std::vector<Cell> window(int oh, int ow) const {
    std::vector<Cell> cells;
    for (int kh = 0; kh < rows_.kernel; ++kh)
      for (int kw = 0; kw < columns_.kernel; ++kw) {
        const Cell cell{rows_.input(oh, kh), columns_.input(ow, kw)};
        if (rows_.inside(cell.h) && columns_.inside(cell.w)) cells.push_back(cell);
      }
    return cells;
  }
  /// What a mean divides by: counts the padding's zeros if the config says so, but no position beyond the
  /// padding.
  int divisor(int oh, int ow) const {
    if (!count_padding_) return static_cast<int>(window(oh, ow).size());
    const auto along = [](const WindowSide& axis, int output) {
      return std::min(axis.input(output, axis.kernel), axis.size + axis.after) - axis.input(output, 0);
    };
    return along(rows_, oh) * along(columns_, ow);
  }
  double x(const Cell& cell) const { return scene_.x()[at(scene_.in(), 0, c_, cell.h, cell.w)]; }
  double dy(int oh, int ow) const { return scene_.dy()[at(scene_.out(), 0, c_, oh, ow)]; }
  /// The first of the largest, as in the engine.
  Cell winner(const std::vector<Cell>& cells) const {
    Cell best = cells.front();
    for (const Cell& cell : cells)
      if (x(cell) > x(best)) best = cell;
    return best;
  }

  void choose() {
    const PatchChoice choice = choose_patch(rows_, columns_);
    whole_ = choice.whole;
    rows_shown_ = choice.rows, columns_shown_ = choice.columns;
    double best = -1;
    const int step = std::max(1, scene_.out().c / 16);
    for (int c = 0; c < scene_.out().c; c += step)
      for (int oh = choice.first_row; oh <= choice.last_row; ++oh)
        for (int ow = choice.first_column; ow <= choice.last_column; ++ow) {
          double gradient = 0;
          int alive = 0;
          for (int r = 0; r < rows_shown_; ++r)
            for (int k = 0; k < columns_shown_; ++k) {
              const std::size_t i = at(scene_.out(), 0, c, oh + r, ow + k);
              gradient += std::abs(double{scene_.dy()[i]});
              alive += scene_.y()[i] != 0;
            }
          if (gradient * (0.01 + alive) > best) best = gradient * (0.01 + alive), c_ = c, oh_ = oh, ow_ = ow;
        }
  }

  void facts() {
    const Shape &in = scene_.in(), &out = scene_.out();
    book_.heading("Size of the output: how often the window fits, one stride apart");
    explain_size(book_, rows_, columns_);
    book_.heading(
        fmt::format("Channels stay {}, there is nothing to learn, and no activation function", in.c));
    book_.say(
        fmt::format("Each map is pooled by itself: a window never looks at two maps, so {} in and {} out. "
                    "The {} of a window has no weights, so there are 0 parameters. An activation function "
                    "bends what would be linear between two layers with weights; {}",
                    in.c == 1 ? "one map goes" : fmt::format("{} maps go", in.c),
                    in.c == 1 ? "one comes" : fmt::format("{} come", out.c), max_ ? "largest value" : "mean",
                    max_ ? "the largest value is not linear anyway, and a relu gives the same result before "
                           "the pooling and after it."
                         : "a mean is linear, but it has no weights to keep apart from others."));
    book_.say(fmt::format("{} become{} {}.", counted(in.values(), "value"), in.values() == 1 ? "s" : "",
                          with_commas(out.values())));
  }

  void patch() {
    const int top = whole_ ? 0 : rows_.input(oh_, 0), left = whole_ ? 0 : columns_.input(ow_, 0);
    const int height = whole_ ? rows_.size : rows_.input(oh_ + rows_shown_ - 1, rows_.kernel - 1) - top + 1;
    const int width =
        whole_ ? columns_.size : columns_.input(ow_ + columns_shown_ - 1, columns_.kernel - 1) - left + 1;
    std::vector<float> values, gradients;
    for (int h = 0; h < height; ++h)
      for (int w = 0; w < width; ++w) values.push_back(static_cast<float>(x({top + h, left + w})));
    Grid x_grid{fmt::format("x: map {}, from row {}, column {}", c_, top, left),
                height,
                width,
                {values.begin(), values.end()}};
    Grid y_grid{"y", rows_shown_, columns_shown_, {}}, dy_grid{"dy", rows_shown_, columns_shown_, {}};
    Grid dx_grid{"dx", height, width, std::vector<double>(values.size(), 0.0)};
    if (max_) x_grid.marked.assign(values.size(), false);

    std::vector<std::string> stories;
    for (int r = 0; r < rows_shown_; ++r)
      for (int k = 0; k < columns_shown_; ++k) {
        const std::vector<Cell> cells = window(oh_ + r, ow_ + k);
        const double gradient = dy(oh_ + r, ow_ + k);
        gradients.push_back(static_cast<float>(gradient));
        dy_grid.values.push_back(gradient);
        const auto place = [&](const Cell& cell) {
          return static_cast<std::size_t>((cell.h - top) * width + cell.w - left);
        };
        if (max_) {
          const Cell won = winner(cells);
          y_grid.values.push_back(x(won));
          x_grid.marked[place(won)] = true;
          dx_grid.values[place(won)] += gradient;
          stories.push_back(
              fmt::format("y({},{}) is the largest of its window, x({},{}) = {}: all of dy({},{}) = {} "
                          "goes back to x({},{}), nothing to the others",
                          r, k, won.h - top, won.w - left, short_number(x(won)), r, k, short_number(gradient),
                          won.h - top, won.w - left));
        } else {
          const int count = divisor(oh_ + r, ow_ + k);
          double sum = 0;
          for (const Cell& cell : cells) {
            sum += x(cell);
            dx_grid.values[place(cell)] += gradient / count;
          }
          y_grid.values.push_back(sum / count);
          stories.push_back(
              fmt::format("y({},{}) is the mean of {} values, {} / {} = {}: each of them gets back the "
                          "same part of dy({},{}), {} / {} = {}",
                          r, k, count, short_number(sum), count, short_number(sum / count), r, k,
                          short_number(gradient), count, short_number(gradient / count)));
        }
      }

    LayerSpec alone = scene_.entry;
    if (!whole_ && max_) std::get<MaxPoolSpec>(alone.spec).padding = {0, 0};
    if (!whole_ && !max_) std::get<AvgPoolSpec>(alone.spec).padding = {0, 0};
    const LayerAlone engine(scene_, alone, {.c = 1, .h = height, .w = width}, 1, values, gradients);

    book_.heading(whole_
                      ? std::string("Forward and backward, on one map")
                      : "Forward and backward, on " + patch_text(height, width, rows_shown_, columns_shown_));
    if (height <= kWidestGrid && width <= kWidestGrid) {
      book_.grids({x_grid, y_grid});
      book_.say("dy is what the next layer sent back for each output; dx is what this layer sends on:");
      book_.grids({dy_grid, dx_grid});
    }
    for (std::size_t i = 0; i < std::min(stories.size(), kWindowsTold); ++i) book_.say(stories[i]);
    if (rows_.stride < rows_.kernel || columns_.stride < columns_.kernel)
      book_.say("Windows overlap: what an input gets back from several of them is added up.");
    // The input that gets the most back, its sum written out.
    const auto most = static_cast<std::size_t>(
        std::max_element(dx_grid.values.begin(), dx_grid.values.end(),
                         [](double a, double b) { return std::abs(a) < std::abs(b); }) -
        dx_grid.values.begin());
    std::vector<double> terms;
    std::vector<std::string> written;
    for (int r = 0; r < rows_shown_; ++r)
      for (int k = 0; k < columns_shown_; ++k) {
        const std::vector<Cell> cells = window(oh_ + r, ow_ + k);
        const Cell own{top + static_cast<int>(most) / width, left + static_cast<int>(most) % width};
        const Cell won = winner(cells);
        const bool reads = std::any_of(cells.begin(), cells.end(), [&](const Cell& cell) {
          return cell.h == own.h && cell.w == own.w && (!max_ || (cell.h == won.h && cell.w == won.w));
        });
        if (!reads) continue;
        const double gradient = dy(oh_ + r, ow_ + k);
        const int count = max_ ? 1 : divisor(oh_ + r, ow_ + k);
        terms.push_back(gradient / count);
        written.push_back(max_ ? fmt::format("dy({},{})", r, k) : fmt::format("dy({},{})/{}", r, k, count));
      }
    book_.sum(fmt::format("dx({},{})", static_cast<int>(most) / width, static_cast<int>(most) % width), terms,
              written, engine.dx()[most]);
    book_.same("y of the patch", y_grid.values, engine.y());
    book_.same("dx of the patch", dx_grid.values, engine.dx());
  }

  /// An output whose window reaches into the padding.
  void border() {
    const int oh = rows_.border_output(), ow = columns_.border_output();
    book_.heading(fmt::format("At the border: map {}, output row {}, column {}", c_, oh, ow));
    book_.say(
        border_text(rows_, columns_, oh, ow) +
        (max_ ? " Padding counts as minus infinity here: it never wins."
         : count_padding_
             ? " They count as 0, but the mean divides by all positions (count_include_pad is true)."
             : " They do not count: the mean divides by the others only (count_include_pad is false)."));
    draw_window(oh, ow);
    const std::vector<Cell> cells = window(oh, ow);
    const double engine = scene_.y()[at(scene_.out(), 0, c_, oh, ow)];
    if (max_)
      book_.value("y", fmt::format("max({})", join(written(cells))), x(winner(cells)), engine);
    else
      border_mean(oh, ow, cells, engine);
  }

  void draw_window(int oh, int ow) {
    if (rows_.kernel > kWidestGrid || columns_.kernel > kWidestGrid) return;
    Grid grid{"x", rows_.kernel, columns_.kernel, {}};
    for (int kh = 0; kh < rows_.kernel; ++kh)
      for (int kw = 0; kw < columns_.kernel; ++kw) {
        const Cell cell{rows_.input(oh, kh), columns_.input(ow, kw)};
        grid.padding.push_back(!rows_.inside(cell.h) || !columns_.inside(cell.w));
        grid.values.push_back(grid.padding.back() ? 0 : x(cell));
      }
    book_.grids({grid});
  }

  /// The values of a window, all of a few.
  std::vector<std::string> written(const std::vector<Cell>& cells) const {
    std::vector<std::string> values;
    for (std::size_t i = 0; i < std::min(cells.size(), kValuesShown); ++i)
      values.push_back(max_ ? short_number(x(cells[i])) : term(x(cells[i])));
    if (cells.size() > kValuesShown) values.push_back("...");
    return values;
  }

  /// The mean of a window that reaches into the padding, what its inputs get back, and the mean with the
  /// other count_include_pad.
  void border_mean(int oh, int ow, const std::vector<Cell>& cells, double engine) {
    double sum = 0, scale = 0;
    for (const Cell& cell : cells) sum += x(cell), scale += std::abs(x(cell));
    const int count = divisor(oh, ow), inputs = static_cast<int>(cells.size());
    book_.value("y", fmt::format("({}) / {}", join(written(cells), " + "), count), sum / count, engine,
                scale / count);
    book_.say(
        fmt::format("{} gets back dy / {} = {} / {} = {}.",
                    inputs == 1 ? std::string("The one input") : fmt::format("Each of the {} inputs", inputs),
                    count, short_number(dy(oh, ow)), count, short_number(dy(oh, ow) / count)));
    const int otherwise = count_padding_ ? inputs : rows_.kernel * columns_.kernel;
    book_.say(fmt::format("With count_include_pad {}, y would be {} / {} = {}.",
                          count_padding_ ? "false" : "true", short_number(sum), otherwise,
                          short_number(sum / otherwise)));
  }

  const Scene& scene_;
  Notebook& book_;
  WindowSide rows_, columns_;
  bool max_, count_padding_, whole_ = false;
  int rows_shown_ = 1, columns_shown_ = 1, c_ = 0, oh_ = 0, ow_ = 0;
};

}  // namespace

void explain(const Scene& scene, const MaxPoolSpec& spec) {
  PoolStory(scene, spec.kernel_size, spec.stride.value_or(spec.kernel_size), spec.padding, true, false)
      .tell();
}

void explain(const Scene& scene, const AvgPoolSpec& spec) {
  PoolStory(scene, spec.kernel_size, spec.stride.value_or(spec.kernel_size), spec.padding, false,
            spec.count_include_pad)
      .tell();
}

void explain(const Scene& scene, const GlobalAvgPoolSpec&) {
  const Shape& in = scene.in();
  Notebook& book = scene.book;
  const int map = in.h * in.w;
  book.heading("Size of the output: one value for each map, whatever its size");
  book.say(fmt::format("{}x{}x{} -> {}x1x1: {} of {}{}", in.c, in.h, in.w, in.c, counted(in.c, "mean"),
                       counted(map, "value"), in.c == 1 ? "" : " each"));
  book.heading("Channels stay, there is nothing to learn, and no activation function");
  book.say(
      "Each map is averaged by itself, so as many values come out as maps go in; a mean has no weights, and "
      "so no parameters to learn. What was found counts, not where.");
  // The map with the largest gradient.
  int c = 0;
  for (int i = 1; i < in.c; ++i)
    if (std::abs(scene.dy()[static_cast<std::size_t>(i)]) > std::abs(scene.dy()[static_cast<std::size_t>(c)]))
      c = i;
  std::vector<double> terms;
  std::vector<std::string> written;
  const auto x = scene.x().subspan(at(in, 0, c, 0, 0), static_cast<std::size_t>(map));
  for (const float v : x) {
    terms.push_back(double{v} / map);
    written.push_back(fmt::format("{}/{}", term(v), map));
  }
  const double dy = scene.dy()[static_cast<std::size_t>(c)];
  book.heading(fmt::format("Forward and backward, on map {}", c));
  if (in.h <= kWidestGrid && in.w <= kWidestGrid) book.grids({{"x", in.h, in.w, {x.begin(), x.end()}}});
  book.sum("y", terms, written, scene.y()[static_cast<std::size_t>(c)]);
  book.say(
      fmt::format("dy = {} is what the next layer sent back. Every input had the same part in the mean, so "
                  "each gets the same part of it:",
                  short_number(dy)));
  book.value("dx at every place", fmt::format("{} / {}", short_number(dy), map), dy / map,
             scene.dx()[at(in, 0, c, 0, 0)]);
  book.same("dx of the map", std::vector<double>(static_cast<std::size_t>(map), dy / map),
            scene.dx().subspan(at(in, 0, c, 0, 0), static_cast<std::size_t>(map)));
}

}  // namespace cnn
