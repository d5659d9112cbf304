#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/product_gradient.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <numeric>

#include "kernels/outer_product-inl.h"
#include "kernels/pieces.h"
#include "kernels/product_gradient.h"
#include "kernels/transposed_gradient.h"

#ifndef CNN_KERNELS_PRODUCT_GRADIENT_ONCE
#define CNN_KERNELS_PRODUCT_GRADIENT_ONCE
namespace cnn {
namespace {

constexpr int kPixelsOfStrip = 32;  ///< of dy
/// Transposing a pixel of 16 channels takes as long as so many products of a pixel and a weight, about.
constexpr double kTransposing = 320;

constexpr int kPanelsOfInputs = 4;  ///< of 16 inputs, that are transposed together

constexpr int panels(int channels) { return (channels + kLanes - 1) / kLanes; }

/// One dimension of what a strip reads of x: every `step`-th pixel.
struct Reach {
  Reach(int kernel, int stride, int dilation)
      : step(kernel == 1 ? stride : std::gcd(stride, dilation)),
        of_output(stride / step),
        of_tap(dilation / step),
        window((kernel - 1) * of_tap + 1) {}
  int step;       ///< pixels of x from one that is read to the next
  int of_output;  ///< of those, from one output to the next
  int of_tap;     ///< from one tap to the next
  int window;
  int count(int outputs) const { return (outputs - 1) * of_output + window; }
};

/// How a call goes through the map, and the parts of its scratch: panels of [row][column][image][channel].
struct Strips {
  explicit Strips(const ProductGradient& g)
      : across(g.kernel_cols, g.stride_cols, g.dilation_cols),
        down(g.kernel_rows, g.stride_rows, g.dilation_rows),
        cols(even_piece(g.cols, kPixelsOfStrip)),
        rows(even_piece(g.rows, std::max(1, kPixelsOfStrip / cols))),
        x_panel(std::int64_t{down.count(rows)} * across.count(cols) * kPixel),
        dy_panel(std::int64_t{rows} * cols * kPixel) {}
  /// Powers of two would fall into a few sets of the first-level cache.
  static constexpr std::int64_t kPixel = kLanes * kLanes + kLanes;
  Reach across, down;
  int cols, rows;  ///< of dy, in a strip
  std::int64_t x_panel, dy_panel;
  std::int64_t floats(const ProductGradient& g) const {
    return std::min(panels(g.inputs), kPanelsOfInputs) * x_panel + panels(g.outputs) * dy_panel;
  }
};

}  // namespace
}  // namespace cnn
#endif

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

class ProductGradientCall {
 public:
  ProductGradientCall(const ProductGradient& g, int first, int end, const float* x, const float* dy,
                      float* dw, bool accumulate, float* scratch)
      : g_(g),
        layout_{.taps = g.taps(), .inputs = g.inputs, .outputs = g.outputs},
        strips_(g),
        first_(first),
        end_(end),
        x_(x),
        dy_(dy),
        dw_(dw),
        adds_(accumulate),
        dyt_(scratch),
        xt_(scratch + panels(end - first) * strips_.dy_panel) {}

  void run() {
    for (int row = 0; row < g_.rows; row += strips_.rows)
      for (int col = 0; col < g_.cols; col += strips_.cols) {
        row_ = row, col_ = col;
        rows_ = std::min(strips_.rows, g_.rows - row);
        cols_ = std::min(strips_.cols, g_.cols - col);
        take_strip();
        adds_ = true;
      }
  }

 private:
  void take_strip() {
    for (int o = first_; o < end_; o += kLanes) transpose_dy(o);
    constexpr int kInputs = kPanelsOfInputs * kLanes;
    for (int i = 0; i < g_.inputs; i += kInputs) {
      const int inputs = std::min(kInputs, g_.inputs - i);
      for (int panel = 0; panel < panels(inputs); ++panel) transpose_x(i + panel * kLanes, panel);
      for (int o = first_; o < end_; o += kLanes) products(i, panels(inputs), o);
    }
  }

  void transpose_dy(int o) {
    float* to = dyt_ + (o - first_) / kLanes * strips_.dy_panel;
    for (int row = 0; row < rows_; ++row) {
      const float* from = dy_ + (o * g_.dy_plane + (row_ + row) * g_.dy_row + col_) * kLanes;
      for (int col = 0; col < cols_; ++col, from += kLanes, to += Strips::kPixel)
        transpose_lanes(from, g_.dy_plane * kLanes, end_ - o, to, kLanes);
    }
  }

  void transpose_x(int i, int panel) {
    const Reach &down = strips_.down, &across = strips_.across;
    float* to = xt_ + panel * strips_.x_panel;
    for (int row = 0; row < down.count(rows_); ++row) {
      const std::int64_t x_row = row_ * std::int64_t{g_.stride_rows} + row * down.step;
      const float* from = x_ + (i * g_.x_plane + x_row * g_.x_row + col_ * g_.stride_cols) * kLanes;
      for (int col = 0; col < across.count(cols_); ++col, from += across.step * kLanes, to += Strips::kPixel)
        transpose_lanes(from, g_.x_plane * kLanes, g_.inputs - i, to, kLanes);
    }
  }

  /// A column of the matrices: a vector of inputs, at one tap.
  struct Column {
    const float* x;
    float* dw;
  };
  Column column(int first_input, int panels, int number, int o) const {
    const int part = number % kParts, panel = number / kParts % panels, tap = number / kParts / panels;
    const int kh = tap / g_.kernel_cols, kw = tap % g_.kernel_cols;
    const std::int64_t pixel =
        std::int64_t{kh} * strips_.down.of_tap * strips_.across.count(cols_) + kw * strips_.across.of_tap;
    return {xt_ + panel * strips_.x_panel + pixel * Strips::kPixel + part * kWidth,
            dw_ + tap * layout_.tap() + o * layout_.output() + first_input + panel * kLanes + part * kWidth};
  }

  /// 16 outputs from o on, and all taps of some panels of inputs.
  void products(int first_input, int panels, int o) const {
    const float* dy = dyt_ + (o - first_) / kLanes * strips_.dy_panel;
    for_vector_tiles(g_.taps() * panels * kParts, [&]<int C>(int number,
                                                             std::integral_constant<int, C>) HWY_ATTR {
      Column columns[C];
      for (int c = 0; c < C; ++c) columns[c] = column(first_input, panels, number + c, o);
      for_output_tiles(std::min(kLanes, end_ - o), [&]<int O>(int from, std::integral_constant<int, O>)
                                                       HWY_ATTR { tile<O, C>(dy + from, columns, from); });
    });
  }

  /// O outputs by C columns, over the strip.
  template <int O, int C>
  HWY_NOINLINE void tile(const float* HWY_RESTRICT dy, const Column (&columns)[C], int first_output) const {
    constexpr std::int64_t kPixel = Strips::kPixel;
    const std::int64_t x_row = strips_.down.of_output * strips_.across.count(cols_) * kPixel,
                       x_col = strips_.across.of_output * kPixel;
    V acc[O][C];
    CNN_UNROLL for (int o = 0; o < O; ++o) CNN_UNROLL for (int c = 0; c < C; ++c) acc[o][c] = zero();
    for (int row = 0; row < rows_; ++row) {
      std::int64_t at = row * x_row;
      for (int col = 0; col < cols_; ++col, at += x_col, dy += kPixel) {
        for (int image = 0; image < kLanes * kLanes; image += kLanes) {
          V x[C];
          CNN_UNROLL for (int c = 0; c < C; ++c) x[c] = load(columns[c].x + at + image);
          CNN_UNROLL for (int o = 0; o < O; ++o) {
            const V d = broadcast(dy[image + o]);
            CNN_UNROLL for (int c = 0; c < C; ++c) acc[o][c] = hn::MulAdd(d, x[c], acc[o][c]);
          }
        }
      }
    }
    CNN_UNROLL for (int o = 0; o < O; ++o) {
      CNN_UNROLL for (int c = 0; c < C; ++c) {
        float* to = columns[c].dw + (first_output + o) * layout_.output();
        store(adds_ ? hn::Add(load(to), acc[o][c]) : acc[o][c], to);
      }
    }
  }

  const ProductGradient& g_;
  const TransposedGradient layout_;
  const Strips strips_;
  const int first_, end_;
  const float *x_, *dy_;
  float* dw_;
  bool adds_;
  float *dyt_, *xt_;
  int row_ = 0, col_ = 0, rows_ = 0, cols_ = 0;  ///< the strip
};

void product_gradient(const ProductGradient& shape, int first, int end, const float* x, const float* dy,
                      float* dw, bool accumulate, float* scratch) {
  ProductGradientCall(shape, first, end, x, dy, dw, accumulate, scratch).run();
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {

bool product_gradient_pays(int inputs, int outputs, int taps, std::int64_t x_pixels) {
  if (inputs < kLanes || outputs < kLanes) return false;
  const double share =
      kTransposing * (panels(inputs) + panels(outputs)) / (static_cast<double>(inputs) * outputs * taps);
  constexpr std::int64_t kNearBytes = 2 << 20;
  const bool is_near = x_pixels * kLanes * static_cast<std::int64_t>(sizeof(float)) <= kNearBytes;
  return share <= (is_near ? 0.35 : 1);
}

double transposing_work(const ProductGradient& shape) {
  const Strips strips(shape);
  return kTransposing / kLanes * strips.down.count(shape.rows) * strips.across.count(shape.cols);
}

std::int64_t product_gradient_scratch(const ProductGradient& shape) { return Strips(shape).floats(shape); }

HWY_EXPORT(product_gradient);
void product_gradient(const ProductGradient& shape, int first, int end, const float* x, const float* dy,
                      float* dw, bool accumulate, float* scratch) {
  HWY_DYNAMIC_DISPATCH(product_gradient)(shape, first, end, x, dy, dw, accumulate, scratch);
}

}  // namespace cnn
#endif
