#include "inspect/receptive_field.h"

#include <algorithm>

namespace cnn {
namespace {

/// Positions of one value of the network's graph: those of a map, or the numbers of a vector.
struct Positions {
  Shape shape;
  std::vector<bool> wanted;

  bool any() const { return std::find(wanted.begin(), wanted.end(), true) != wanted.end(); }
};

std::size_t count_of(const Shape& shape) {
  return static_cast<std::size_t>(shape.flat ? shape.c : shape.h * shape.w);
}

/// What an output at (oh, ow) reads along with all that was wanted before.
void add_window(const Window& window, int oh, int ow, Positions& x) {
  for (int kh = 0; kh < window.kernel.h; ++kh)
    for (int kw = 0; kw < window.kernel.w; ++kw) {
      const int h = oh * window.stride.h + kh * window.dilation.h - window.padding.h;
      const int w = ow * window.stride.w + kw * window.dilation.w - window.padding.w;
      if (h >= 0 && h < x.shape.h && w >= 0 && w < x.shape.w)
        x.wanted[static_cast<std::size_t>(h * x.shape.w + w)] = true;
    }
}

void go_back(const Node& node, const Positions& y, Positions& x) {
  const Window window = node.layer->window(node.in);
  if (window.whole_map) {
    x.wanted.assign(x.wanted.size(), true);
    return;
  }
  for (std::size_t i = 0; i < y.wanted.size(); ++i) {
    if (!y.wanted[i]) continue;
    if (y.shape.flat && !x.shape.flat)  // flatten: map after map
      x.wanted[i % x.wanted.size()] = true;
    else if (y.shape.flat)
      x.wanted[i] = true;
    else
      add_window(window, static_cast<int>(i) / y.shape.w, static_cast<int>(i) % y.shape.w, x);
  }
}

}  // namespace

std::int64_t SeenPixels::count() const { return std::count(seen.begin(), seen.end(), true); }

SeenPixels pixels_seen(const Network& network, int row, OutputPlace place) {
  const auto& nodes = network.nodes();
  std::vector<Positions> values{{network.input(), {}}};
  for (const Node& node : nodes) values.push_back({node.out, {}});
  for (Positions& value : values) value.wanted.assign(count_of(value.shape), false);

  auto last = static_cast<int>(nodes.size()) - 1;
  while (nodes[static_cast<std::size_t>(last)].entry != row || !nodes[static_cast<std::size_t>(last)].is_row)
    --last;
  const Shape& out = nodes[static_cast<std::size_t>(last)].out;
  const bool middle = place == OutputPlace::middle;
  SeenPixels result;
  result.output_row = middle && !out.flat ? out.h / 2 : 0;
  result.output_column = middle ? (out.flat ? out.c / 2 : out.w / 2) : 0;
  auto& wanted = values[static_cast<std::size_t>(nodes[static_cast<std::size_t>(last)].y)].wanted;
  wanted[static_cast<std::size_t>(result.output_row * out.w + result.output_column)] = true;
  for (int n = last; n >= 0; --n) {
    const Node& node = nodes[static_cast<std::size_t>(n)];
    const Positions& y = values[static_cast<std::size_t>(node.y)];
    if (!y.any()) continue;
    go_back(node, y, values[static_cast<std::size_t>(node.x)]);
    if (node.shortcut >= 0) go_back(node, y, values[static_cast<std::size_t>(node.shortcut)]);
  }
  result.height = network.input().h;
  result.width = network.input().w;
  result.seen = values[0].wanted;
  return result;
}

}  // namespace cnn
