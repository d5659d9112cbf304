#include <algorithm>
#include <cmath>

#include "kernel_fixture.h"
#include "kernels/depthwise.h"

namespace cnn {
namespace {

/// One channel: maps with a border of zeros that is wide enough for every window.
struct Channel {
  static constexpr int kBorder = 6;
  int rows, cols, row;
  AlignedBuffer memory;

  Channel(int h, int w, Random& random)
      : rows(h), cols(w), row(w + 2 * kBorder), memory(std::int64_t{h + 2 * kBorder} * row * kLanes) {
    const AlignedBuffer values = integers(memory.size(), random);
    std::ranges::fill(memory.span(), 0.0f);
    for (int r = 0; r < h; ++r) std::copy_n(values.data() + r * w * kLanes, w * kLanes, at(r, 0));
  }
  float* at(int r, int c) { return memory.data() + ((r + kBorder) * row + c + kBorder) * kLanes; }
};

TEST_CASE("the kernels of depthwise convolutions equal plain loops on random shapes", "[kernels]") {
  on_every_set([] {
    Random random(39, Purpose::split);
    const auto below = [&](int most) { return static_cast<int>(random.below(static_cast<unsigned>(most))); };
    for (int repeat = 0; repeat < 80; ++repeat) {
      const int kh = 1 + below(5), kw = repeat % 2 == 0 ? 3 : 5, sh = 1 + below(2), sw = 1 + below(2);
      const int top = below(kh), left = below(kw);
      REQUIRE(is_depthwise_kernel(kw, sw));
      Channel x(1 + below(8), 1 + below(repeat % 5 == 0 ? 40 : 12), random);
      const int rows = (x.rows + 2 * top - kh) / sh + 1, cols = (x.cols + 2 * left - kw) / sw + 1;
      if (x.rows + 2 * top < kh || x.cols + 2 * left < kw) continue;
      Channel y(rows, cols, random), dy(rows, cols, random);
      const AlignedBuffer w = integers(kh * kw, random), bias = integers(1, random);
      Depthwise shape{.kernel_rows = kh,
                      .kernel_cols = kw,
                      .stride_rows = sh,
                      .stride_cols = sw,
                      .rows = rows,
                      .cols = cols,
                      .first_row = below(rows),
                      .end_row = rows,
                      .x_row = x.row,
                      .y_row = y.row};
      const auto meets = [&](int r, int c, int i, int j) {
        return x.at(r * sh + i - top, c * sw + j - left);
      };

      const bool flipped = sw == 1 && repeat % 3 == 0;
      const SumEpilogue epilogue{.bias = repeat % 4 == 0 ? nullptr : bias.data(),
                                 .rectifier = static_cast<Rectifier>(below(3))};
      std::ranges::fill(y.memory.span(), kCanary);
      depthwise_sum(shape, w.data(), flipped, epilogue, meets(0, 0, 0, 0), y.at(0, 0));
      for (int r = -1; r <= rows; ++r)
        for (int c = -1; c <= cols; ++c)
          for (int lane = 0; lane < kLanes; ++lane) {
            const bool inside = r >= shape.first_row && r < rows && c >= 0 && c < cols;
            float expected = inside ? (epilogue.bias ? *bias.data() : 0) : kCanary;
            for (int i = 0; inside && i < kh; ++i)
              for (int j = 0; j < kw; ++j)
                expected +=
                    w.data()[flipped ? kh * kw - 1 - (i * kw + j) : i * kw + j] * meets(r, c, i, j)[lane];
            if (inside && epilogue.rectifier != Rectifier::none) expected = std::max(expected, 0.0f);
            if (inside && epilogue.rectifier == Rectifier::relu6) expected = std::min(expected, 6.0f);
            REQUIRE(y.at(r, c)[lane] == expected);
          }

      std::vector<float> dw(static_cast<std::size_t>(kh * kw) + 1, kCanary);
      depthwise_gradient(shape, meets(0, 0, 0, 0), dy.at(0, 0), dw.data(), false);
      depthwise_gradient(shape, meets(0, 0, 0, 0), dy.at(0, 0), dw.data(), true);
      for (int i = 0; i < kh; ++i)
        for (int j = 0; j < kw; ++j) {
          double expected = 0;
          for (int r = 0; r < rows; ++r)
            for (int c = 0; c < cols; ++c)
              for (int lane = 0; lane < kLanes; ++lane)
                expected += 2.0 * dy.at(r, c)[lane] * meets(r, c, i, j)[lane];
          REQUIRE(dw[i * kw + j] == expected);
        }
      REQUIRE(dw.back() == kCanary);
    }
  });
}

TEST_CASE("a kernel turned around adds its terms in the same order", "[kernels]") {
  on_every_set([] {
    Random random(41, Purpose::split);
    const bool fused = instruction_set() != "sse4";
    for (const int kernel : {3, 5}) {
      constexpr int kRows = 4, kCols = 9;
      Channel x(kRows, kCols, random), y(kRows, kCols, random);
      for (float& v : x.memory.span()) v *= static_cast<float>(random.normal());
      AlignedBuffer w(kernel * kernel);
      for (float& v : w.span()) v = static_cast<float>(random.normal());
      const int before = kernel / 2;
      depthwise_sum({.kernel_rows = kernel,
                     .kernel_cols = kernel,
                     .rows = kRows,
                     .cols = kCols,
                     .first_row = 0,
                     .end_row = kRows,
                     .x_row = x.row,
                     .y_row = y.row},
                    w.data(), true, {}, x.at(-before, -before), y.at(0, 0));
      for (int r = 0; r < kRows; ++r)
        for (int c = 0; c < kCols; ++c) {
          float expected = 0;
          for (int i = 0; i < kernel; ++i)
            for (int j = 0; j < kernel; ++j) {
              const float a = w.data()[i * kernel + j], b = x.at(r + before - i, c + before - j)[0];
              expected = fused ? std::fma(a, b, expected) : expected + a * b;
            }
          REQUIRE(*y.at(r, c) == expected);
        }
    }
  });
}

TEST_CASE("the gradient of a depthwise convolution's input at stride 2 equals plain loops", "[kernels]") {
  on_every_set([] {
    Random random(40, Purpose::split);
    const auto below = [&](int most) { return static_cast<int>(random.below(static_cast<unsigned>(most))); };
    for (int repeat = 0; repeat < 80; ++repeat) {
      const int kh = 1 + below(5), kw = repeat % 2 == 0 ? 3 : 5, top = below(kh + 1), left = below(kw + 1);
      const int in_rows = 1 + below(9), in_cols = 1 + below(repeat % 5 == 0 ? 40 : 12);
      if (in_rows + 2 * top < kh || in_cols + 2 * left < kw) continue;
      const int rows = (in_rows + 2 * top - kh) / 2 + 1, cols = (in_cols + 2 * left - kw) / 2 + 1;
      Channel dy(rows, cols, random), dx(in_rows, in_cols, random);
      std::ranges::fill(dx.memory.span(), kCanary);
      const AlignedBuffer w = integers(kh * kw, random);
      const DepthwiseBackward shape{.kernel_rows = kh,
                                    .kernel_cols = kw,
                                    .before_rows = top,
                                    .before_cols = left,
                                    .dy_rows = rows,
                                    .dx_rows = in_rows,
                                    .dx_cols = in_cols,
                                    .dy_row = dy.row,
                                    .dx_row = dx.row};
      REQUIRE(std::max(shape.zeros_before(), shape.zeros_behind(cols)) <= Channel::kBorder);
      // What else stands beside the rows is not read.
      for (int r = 0; r < rows; ++r)
        for (int c = -Channel::kBorder; c < cols + Channel::kBorder; ++c)
          if (c < -shape.zeros_before() || c >= cols + shape.zeros_behind(cols))
            std::fill_n(dy.at(r, c), kLanes, kNaN);
      depthwise_backward(shape, w.data(), dy.at(0, 0), dx.at(0, 0));
      for (int r = -1; r <= in_rows; ++r)
        for (int c = -1; c <= in_cols; ++c)
          for (int lane = 0; lane < kLanes; ++lane) {
            const bool inside = r >= 0 && r < in_rows && c >= 0 && c < in_cols;
            float expected = inside ? 0 : kCanary;
            for (int i = 0; inside && i < kh; ++i)
              for (int j = 0; j < kw; ++j) {
                const int oh = r + top - i, ow = c + left - j;
                if (oh < 0 || ow < 0 || oh % 2 != 0 || ow % 2 != 0 || oh / 2 >= rows || ow / 2 >= cols)
                  continue;
                expected += w.data()[i * kw + j] * dy.at(oh / 2, ow / 2)[lane];
              }
            REQUIRE(dx.at(r, c)[lane] == expected);
          }
    }
  });
}

}  // namespace
}  // namespace cnn
