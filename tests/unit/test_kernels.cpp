#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "kernel_fixture.h"
#include "kernels/activation.h"
#include "kernels/batch_norm.h"
#include "kernels/byte_rows.h"
#include "kernels/normalize_bytes.h"
#include "kernels/optimizer.h"
#include "kernels/pool.h"
#include "kernels/product_gradient.h"
#include "kernels/softmax.h"
#include "kernels/sum_tree.h"
#include "kernels/transposed_gradient.h"
#include "kernels/weight_gradient.h"
#include "kernels/weighted_sum.h"
#include "kernels/winograd.h"

namespace cnn {
namespace {

TEST_CASE("an unknown instruction set is refused with the supported ones", "[kernels]") {
  CHECK_THROWS_WITH(use_instruction_set("avx1024"),
                    ContainsSubstring("use one of " + supported_instruction_sets().front()));
}

/// Outputs are cut anywhere, rows at a multiple of `unit`.
void in_four_parts(WeightedSum sum, Random& random, int unit, const float* x, float* y) {
  const auto outputs = two_parts(static_cast<int>(random.below(sum.outputs + 1)), sum.outputs);
  const auto rows = two_parts(unit * static_cast<int>(random.below(sum.rows / unit + 1)), sum.rows);
  for (const auto& [first, end] : outputs)
    for (const auto& [first_row, end_row] : rows) {
      sum.first_output = first, sum.outputs = end, sum.first_row = first_row, sum.end_row = end_row;
      weighted_sum(sum, x, y);
    }
}

TEST_CASE("weighted_sum equals plain loops on random shapes", "[kernels]") {
  on_every_set([] {
    Random random(11, Purpose::split);
    for (int repeat = 0; repeat < 60; ++repeat) {
      const int outputs = 1 + static_cast<int>(random.below(20)), terms = static_cast<int>(random.below(40));
      const int rows = 1 + static_cast<int>(random.below(5)), cols = 1 + static_cast<int>(random.below(9));
      const int stride = 1 + static_cast<int>(random.below(3)), x_pitch = cols * stride + 5;
      const std::int64_t x_pixels = std::int64_t{rows} * stride * x_pitch + 64;
      const AlignedBuffer x = integers(x_pixels * kLanes, random),
                          w = integers(std::int64_t{outputs} * terms + 1, random),
                          bias = integers(outputs, random);
      std::vector<std::int32_t> offsets, natural;
      for (int k = 0; k < terms; ++k)
        offsets.push_back(static_cast<std::int32_t>(random.below(60)) * kLanes), natural.push_back(k);
      AlignedBuffer packed(packed_size(outputs, terms));
      pack_weights(w.data(), outputs, terms, natural, packed.data(), 0, (outputs + 7) / 8);
      // The output has gaps between its pixels, rows and maps; all of it starts as canaries.
      const int y_col = 1 + static_cast<int>(random.below(2)), y_row = cols * y_col + 1,
                y_map = rows * y_row + 1;
      AlignedBuffer y(std::int64_t{outputs} * y_map * kLanes);
      for (float& v : y.span()) v = kCanary;
      WeightedSum sum;
      sum.outputs = outputs, sum.terms = terms, sum.rows = rows, sum.cols = cols;
      sum.weights = packed.data(), sum.weights_group = terms * kOutputGroup, sum.weights_term = kOutputGroup;
      sum.epilogue.bias = repeat % 3 ? bias.data() : nullptr;
      sum.offsets = offsets.data();
      sum.x_row = std::int64_t{x_pitch} * stride * kLanes, sum.x_col = stride * kLanes;
      sum.y_row = y_row * kLanes, sum.y_col = y_col * kLanes, sum.y_output = y_map * kLanes;
      sum.epilogue.rectifier = repeat % 2 ? Rectifier::relu : Rectifier::none;
      in_four_parts(sum, random, 1, x.data(), y.data());
      for (int o = 0; o < outputs; ++o)
        for (int r = 0; r < rows; ++r)
          for (int c = 0; c < cols; ++c)
            for (int lane = 0; lane < kLanes; ++lane) {
              double expected = sum.epilogue.bias ? bias.data()[o] : 0;
              for (int k = 0; k < terms; ++k)
                expected +=
                    w.data()[o * terms + k] * x.data()[r * sum.x_row + c * sum.x_col + offsets[k] + lane];
              if (sum.epilogue.rectifier == Rectifier::relu) expected = std::max(expected, 0.0);
              float& got = y.data()[o * sum.y_output + r * sum.y_row + c * sum.y_col + lane];
              REQUIRE(got == expected);
              got = kCanary;
            }
      for (const float v : y.span()) REQUIRE(v == kCanary);  // nothing beside the output was touched
    }
  });
}

TEST_CASE("weighted_sum goes the other way with the same packed weights", "[kernels]") {
  on_every_set([] {
    Random random(13, Purpose::split);
    for (int repeat = 0; repeat < 60; ++repeat) {
      const int outputs = 1 + static_cast<int>(random.below(40)),
                terms = 1 + static_cast<int>(random.below(40));
      const int cols = 1 + static_cast<int>(random.below(5));
      // w[k][o]: the other sum has `terms` outputs.
      const AlignedBuffer w = integers(std::int64_t{outputs} * terms, random),
                          x = integers(std::int64_t{terms} * cols * kLanes, random);
      std::vector<std::int32_t> natural, offsets;
      for (int o = 0; o < outputs; ++o) natural.push_back(o);
      for (int k = 0; k < terms; ++k) offsets.push_back(k * cols * kLanes);
      AlignedBuffer packed(packed_size(terms, outputs));
      pack_weights(w.data(), terms, outputs, natural, packed.data(), 0, (terms + 7) / 8);
      const std::vector<std::int32_t> weight_offsets = offsets_of_packed_outputs(terms, outputs);
      AlignedBuffer y(std::int64_t{outputs} * cols * kLanes);
      WeightedSum sum;
      sum.outputs = outputs, sum.terms = terms, sum.rows = 1, sum.cols = cols;
      sum.weights = packed.data(), sum.weights_group = kOutputGroup * kOutputGroup;
      sum.weight_offsets = weight_offsets.data(), sum.transposed = true;
      sum.offsets = offsets.data();
      sum.x_col = sum.y_col = kLanes, sum.y_output = cols * kLanes;
      weighted_sum(sum, x.data(), y.data());
      for (int o = 0; o < outputs; ++o)
        for (int c = 0; c < cols; ++c)
          for (int lane = 0; lane < kLanes; ++lane) {
            float expected = 0;
            for (int k = 0; k < terms; ++k)
              expected += w.data()[k * outputs + o] * x.data()[(k * cols + c) * kLanes + lane];
            REQUIRE(y.data()[(o * cols + c) * kLanes + lane] == expected);
          }
    }
  });
}

TEST_CASE("product_gradient equals plain loops on random shapes", "[kernels]") {
  on_every_set([] {
    Random random(37, Purpose::split);
    const auto at_most = [&](int most) {
      return 1 + static_cast<int>(random.below(static_cast<unsigned>(most)));
    };
    for (int repeat = 0; repeat < 40; ++repeat) {
      ProductGradient g;
      g.inputs = at_most(repeat % 8 == 0 ? 100 : 34), g.outputs = at_most(34);
      g.kernel_rows = at_most(3), g.kernel_cols = at_most(3);
      g.stride_rows = at_most(3), g.stride_cols = at_most(3);
      g.dilation_rows = at_most(2), g.dilation_cols = at_most(2);
      g.rows = at_most(5), g.cols = at_most(repeat % 4 == 0 ? 40 : 6);  // several strips, or one
      const int x_rows = (g.rows - 1) * g.stride_rows + (g.kernel_rows - 1) * g.dilation_rows + 1;
      g.x_row = (g.cols - 1) * g.stride_cols + (g.kernel_cols - 1) * g.dilation_cols + 1 + at_most(2);
      g.x_plane = x_rows * g.x_row + 1;
      g.dy_row = g.cols + at_most(2), g.dy_plane = g.rows * g.dy_row + 1;
      const AlignedBuffer x = integers(g.inputs * g.x_plane * kLanes, random),
                          dy = integers(g.outputs * g.dy_plane * kLanes, random);
      const TransposedGradient layout{.taps = g.taps(), .inputs = g.inputs, .outputs = g.outputs};
      constexpr int kTestLeaves = 2;
      AlignedBuffer leaves(kTestLeaves * layout.floats()), scratch(product_gradient_scratch(g));
      std::ranges::fill(leaves.span(), kNaN);
      std::ranges::fill(scratch.span(), kNaN);
      const int calls = at_most(2);  // for one leaf
      for (int leaf = 0; leaf < kTestLeaves; ++leaf)
        for (int call = 0; call < calls; ++call)
          for (const auto& [first, end] : two_parts(at_most(40), g.outputs))
            product_gradient(g, first, end, x.data(), dy.data(), leaves.data() + leaf * layout.floats(),
                             call > 0, scratch.data());
      std::vector<float> dw(static_cast<std::size_t>(g.outputs) * g.inputs * g.taps(), kNaN);
      for (const auto& [first, end] : two_parts(at_most(40), g.outputs))
        sum_transposed_leaves(layout, leaves.data(), layout.floats(), kTestLeaves, dw.data(), first, end);
      auto next = dw.begin();
      for (int o = 0; o < g.outputs; ++o)
        for (int i = 0; i < g.inputs; ++i)
          for (int kh = 0; kh < g.kernel_rows; ++kh)
            for (int kw = 0; kw < g.kernel_cols; ++kw) {
              double expected = 0;
              for (int r = 0; r < g.rows; ++r)
                for (int c = 0; c < g.cols; ++c) {
                  const float* const a = dy.data() + (o * g.dy_plane + r * g.dy_row + c) * kLanes;
                  const int row = r * g.stride_rows + kh * g.dilation_rows,
                            col = c * g.stride_cols + kw * g.dilation_cols;
                  const float* const b = x.data() + (i * g.x_plane + row * g.x_row + col) * kLanes;
                  for (int lane = 0; lane < kLanes; ++lane) expected += double{a[lane]} * b[lane];
                }
              REQUIRE(*next++ == kTestLeaves * calls * expected);
            }
    }
  });
}

TEST_CASE("weight_gradient and bias_gradient equal plain loops on random shapes", "[kernels]") {
  on_every_set([] {
    Random random(12, Purpose::split);
    for (int repeat = 0; repeat < 60; ++repeat) {
      const int outputs = 1 + static_cast<int>(random.below(11)),
                terms = 1 + static_cast<int>(random.below(40));
      // Large maps are taken in strips of rows.
      const int largest = repeat % 10 == 0 ? 40 : 7;
      const int rows = 1 + static_cast<int>(random.below(largest)),
                cols = 1 + static_cast<int>(random.below(largest));
      const int stride = 1 + static_cast<int>(random.below(2)), x_pitch = cols * stride + 3;
      const int dy_pitch = cols + 2, dy_map = rows * dy_pitch + 1;
      const AlignedBuffer x = integers((std::int64_t{rows} * stride * x_pitch + 64) * kLanes, random),
                          dy = integers(std::int64_t{outputs} * dy_map * kLanes, random);
      std::vector<std::int32_t> offsets;
      for (int k = 0; k < terms; ++k) offsets.push_back(static_cast<std::int32_t>(random.below(60)) * kLanes);
      WeightGradient g;
      g.outputs = outputs, g.terms = terms, g.offsets = offsets.data(), g.rows = rows, g.cols = cols;
      g.x_row = std::int64_t{x_pitch} * stride * kLanes, g.x_col = stride * kLanes;
      g.dy_row = dy_pitch * kLanes, g.dy_output = dy_map * kLanes;
      std::vector<float> dw(static_cast<std::size_t>(outputs) * terms + 1, kNaN), db(outputs + 1, kNaN);
      dw.back() = db.back() = kCanary;
      const BlockView<const float> dy_view{dy.data(), outputs, rows, cols, dy_pitch, dy_map};
      AlignedBuffer scratch(weight_gradient_scratch(terms));
      weight_gradient(g, x.data(), dy.data(), dw.data(), false, scratch.data());
      bias_gradient(dy_view, db.data(), false);
      const bool twice = repeat % 2;
      if (twice) {
        weight_gradient(g, x.data(), dy.data(), dw.data(), true, scratch.data());
        bias_gradient(dy_view, db.data(), true);
      }
      for (int o = 0; o < outputs; ++o) {
        double sum = 0;
        for (int k = -1; k < terms; ++k) {
          double expected = 0;
          for (int r = 0; r < rows; ++r)
            for (int c = 0; c < cols; ++c)
              for (int lane = 0; lane < kLanes; ++lane) {
                const double d = dy.data()[o * g.dy_output + r * g.dy_row + c * kLanes + lane];
                expected += k < 0 ? d : d * x.data()[r * g.x_row + c * g.x_col + offsets[k] + lane];
              }
          if (k < 0)
            sum = expected;
          else
            REQUIRE(dw[static_cast<std::size_t>(o) * terms + k] == (twice ? 2 : 1) * expected);
        }
        REQUIRE(db[o] == (twice ? 2 : 1) * sum);
      }
      REQUIRE(dw.back() == kCanary);
      REQUIRE(db.back() == kCanary);
    }
  });
}

/// One random 3x3 convolution of integers for the Winograd kernels: a term that is wrong is wrong by one or
/// more, the rounding of the transforms by much less.
struct WinogradCase {
  static constexpr double kRounding = 0.02;
  explicit WinogradCase(Random& random)
      : inputs(1 + static_cast<int>(random.below(random.below(8) == 0 ? 150 : 40))),
        outputs(1 + static_cast<int>(random.below(40))),
        rows(1 + static_cast<int>(random.below(9))),
        cols(1 + static_cast<int>(random.below(20))) {
    shape = {.inputs = inputs, .outputs = outputs, .rows = rows, .cols = cols};
    shape.x_row = kWinogradTile * shape.tile_cols() + 2 + random.below(2);
    shape.x_plane = (kWinogradTile * shape.tile_rows() + 2) * shape.x_row + random.below(2);
    shape.y_row = cols + 1 + random.below(2);
    shape.y_plane = rows * shape.y_row + 1;
    x = integers(inputs * shape.x_plane * kLanes, random);
    w = integers(std::int64_t{outputs} * inputs * 9, random);
  }
  double x_at(int i, int r, int c, int lane) const {
    return x.data()[(i * shape.x_plane + r * shape.x_row + c) * kLanes + lane];
  }
  int inputs, outputs, rows, cols;
  Winograd shape;
  AlignedBuffer x, w;
};

TEST_CASE("winograd_sum equals plain loops on random shapes", "[kernels]") {
  on_every_set([] {
    Random random(15, Purpose::split);
    for (int repeat = 0; repeat < 40; ++repeat) {
      const WinogradCase t(random);
      const bool flip = repeat % 2, relu = repeat % 3 == 1;
      AlignedBuffer packed(winograd_packed_size(t.inputs, t.outputs)), scratch(winograd_sum_scratch(t.shape)),
          bias = integers(t.outputs, random), y(t.outputs * t.shape.y_plane * kLanes);
      for (float& v : scratch.span()) v = kNaN;
      for (float& v : packed.span()) v = kNaN;
      for (float& v : y.span()) v = kCanary;
      // Kernel (o, i) lies at [i][o] when flipped: as an input gradient reads it.
      const std::int64_t input_stride = flip ? 9 * t.outputs : 9, output_stride = flip ? 9 : 9 * t.inputs;
      for (int group = 0; group < winograd_groups(t.outputs); ++group)
        winograd_pack(t.w.data(), t.inputs, t.outputs, input_stride, output_stride, flip, packed.data(),
                      group);
      // In up to four parts: outputs cut at a multiple of 8, tiles between two rows.
      const int output_cut = 8 * static_cast<int>(random.below(winograd_groups(t.outputs) + 1)),
                row_cut = static_cast<int>(random.below(t.shape.tile_rows() + 1));
      for (const auto& [first, end] : two_parts(output_cut, t.outputs))
        for (const auto& [first_row, end_row] : two_parts(row_cut, t.shape.tile_rows()))
          winograd_sum(t.shape, {first, end, first_row, end_row}, packed.data(),
                       {.bias = repeat % 4 ? bias.data() : nullptr,
                        .rectifier = relu ? Rectifier::relu : Rectifier::none},
                       t.x.data(), y.data(), scratch.data());
      int wrong = 0;  // millions of values: a REQUIRE for each takes longer than all else
      for (int o = 0; o < t.outputs; ++o)
        for (int r = 0; r < t.rows; ++r)
          for (int c = 0; c < t.cols; ++c)
            for (int lane = 0; lane < kLanes; ++lane) {
              double expected = repeat % 4 ? bias.data()[o] : 0;
              for (int i = 0; i < t.inputs; ++i)
                for (int tap = 0; tap < 9; ++tap)
                  expected += t.w.data()[o * output_stride + i * input_stride + (flip ? 8 - tap : tap)] *
                              t.x_at(i, r + tap / 3, c + tap % 3, lane);
              if (relu) expected = std::max(expected, 0.0);
              float& got = y.data()[(o * t.shape.y_plane + r * t.shape.y_row + c) * kLanes + lane];
              wrong += !(std::abs(got - expected) < WinogradCase::kRounding);
              got = kCanary;
            }
      REQUIRE(wrong == 0);
      REQUIRE(std::ranges::count(y.span(), kCanary) == y.size());
    }
  });
}

TEST_CASE("winograd_pack writes weights beyond the caches as it writes few", "[kernels]") {
  on_every_set([] {
    Random random(16, Purpose::split);
    constexpr int kInputs = 130, kOutputs = 125, kGroups = winograd_groups(kOutputs);
    const AlignedBuffer w = integers(std::int64_t{kOutputs} * kInputs * 9, random);
    AlignedBuffer large(winograd_packed_size(kInputs, kOutputs)), small(winograd_packed_size(kInputs, 8));
    REQUIRE(large.size() * static_cast<std::int64_t>(sizeof(float)) > 2 << 20);
    const std::int64_t of_group = std::int64_t{kInputs} * 8;
    for (int i = 0; i < 2 * kGroups; ++i) {
      const int group = i / 2;
      const bool flip = i % 2;
      const std::int64_t input_stride = flip ? 9 * kOutputs : 9, output_stride = flip ? 9 : 9 * kInputs;
      winograd_pack(w.data(), kInputs, kOutputs, input_stride, output_stride, flip, large.data(), group);
      winograd_pack(w.data() + group * 8 * output_stride, kInputs, std::min(8, kOutputs - group * 8),
                    input_stride, output_stride, flip, small.data(), 0);
      for (int position = 0; position < 36; ++position)
        REQUIRE(std::equal(small.data() + position * of_group, small.data() + (position + 1) * of_group,
                           large.data() + (position * kGroups + group) * of_group));
    }
  });
}

TEST_CASE("winograd_weight_gradient equals plain loops on random shapes", "[kernels]") {
  on_every_set([] {
    Random random(16, Purpose::split);
    for (int repeat = 0; repeat < 30; ++repeat) {
      const WinogradCase t(random);
      // What lies around dy must not be read.
      AlignedBuffer dy(t.outputs * t.shape.y_plane * kLanes);
      for (float& v : dy.span()) v = kNaN;
      const auto dy_at = [&](int o, int r, int c) {
        return dy.data() + (o * t.shape.y_plane + r * t.shape.y_row + c) * kLanes;
      };
      for (int o = 0; o < t.outputs; ++o)
        for (int r = 0; r < t.rows; ++r)
          for (int c = 0; c < t.cols; ++c)
            for (int lane = 0; lane < kLanes; ++lane)
              dy_at(o, r, c)[lane] = static_cast<float>(random.below(9)) - 4;
      const TransposedGradient layout{.taps = 9, .inputs = t.inputs, .outputs = t.outputs};
      const std::int64_t size = layout.floats();
      constexpr int kTestLeaves = 3;
      AlignedBuffer leaves(kTestLeaves * size), scratch(winograd_gradient_scratch(t.shape));
      for (float& v : scratch.span()) v = kNaN;
      for (float& v : leaves.span()) v = kNaN;
      const int cut = 8 * static_cast<int>(random.below(winograd_groups(t.outputs) + 1));
      // The second leaf has two blocks: 1 + 2 + 1 times the same gradient.
      for (int leaf = 0; leaf < kTestLeaves; ++leaf)
        for (int block = 0; block < (leaf == 1 ? 2 : 1); ++block)
          for (const auto& [first, end] : two_parts(cut, t.outputs))
            winograd_weight_gradient(t.shape, first, end, t.x.data(), dy.data(), leaves.data() + leaf * size,
                                     block > 0, scratch.data());
      std::vector<float> dw(static_cast<std::size_t>(t.inputs) * t.outputs * 9 + 1, kNaN);
      dw.back() = kCanary;
      for (int o = 0; o < t.outputs; o += 4)
        sum_transposed_leaves(layout, leaves.data(), size, kTestLeaves, dw.data(), o,
                              std::min(o + 4, t.outputs));
      for (int o = 0; o < t.outputs; ++o)
        for (int i = 0; i < t.inputs; ++i)
          for (int tap = 0; tap < 9; ++tap) {
            double expected = 0;
            for (int r = 0; r < t.rows; ++r)
              for (int c = 0; c < t.cols; ++c)
                for (int lane = 0; lane < kLanes; ++lane)
                  expected += dy_at(o, r, c)[lane] * t.x_at(i, r + tap / 3, c + tap % 3, lane);
            const double got = dw[(static_cast<std::size_t>(o) * t.inputs + i) * 9 + tap];
            REQUIRE(std::abs(got - 4 * expected) < WinogradCase::kRounding);
          }
      REQUIRE(dw.back() == kCanary);
    }
  });
}

TEST_CASE("the error of winograd_sum is about that of the plain sum", "[kernels]") {
  on_every_set([] {
    Random random(17, Purpose::split);
    constexpr int kChannels = 64, kSize = 8;
    Winograd shape{.inputs = kChannels, .outputs = kChannels, .rows = kSize, .cols = kSize};
    shape.x_row = kSize + 2, shape.x_plane = shape.x_row * shape.x_row;
    shape.y_row = kSize, shape.y_plane = kSize * kSize;
    AlignedBuffer x(kChannels * shape.x_plane * kLanes), w(kChannels * kChannels * 9),
        packed(winograd_packed_size(kChannels, kChannels)), scratch(winograd_sum_scratch(shape)),
        y(kChannels * shape.y_plane * kLanes);
    for (float& v : x.span()) v = random.uniform(-1, 1);
    for (float& v : w.span()) v = random.uniform(-0.04f, 0.04f);
    for (int group = 0; group < winograd_groups(kChannels); ++group)
      winograd_pack(w.data(), kChannels, kChannels, 9, 9 * kChannels, false, packed.data(), group);
    winograd_sum(shape, {0, kChannels, 0, shape.tile_rows()}, packed.data(), {}, x.data(), y.data(),
                 scratch.data());
    double worst = 0, direct_worst = 0;
    for (int o = 0; o < kChannels; o += 7)
      for (int r = 0; r < kSize; ++r)
        for (int c = 0; c < kSize; ++c) {
          double exact = 0;
          float direct = 0;
          for (int i = 0; i < kChannels; ++i)
            for (int tap = 0; tap < 9; ++tap) {
              const float weight = w.data()[(o * kChannels + i) * 9 + tap];
              const float value =
                  x.data()[(i * shape.x_plane + (r + tap / 3) * shape.x_row + c + tap % 3) * kLanes];
              exact += double{weight} * value;
              direct = std::fma(weight, value, direct);
            }
          worst = std::max(worst, std::abs(exact - y.data()[(o * shape.y_plane + r * kSize + c) * kLanes]));
          direct_worst = std::max(direct_worst, std::abs(exact - direct));
        }
    CAPTURE(worst, direct_worst);  // of sums of size 0.3 or so
    CHECK(worst < 4 * direct_worst);
    CHECK(worst < 2e-6);
  });
}

TEST_CASE("dense_weight_gradient equals plain loops on random shapes", "[kernels]") {
  on_every_set([] {
    Random random(13, Purpose::split);
    for (int repeat = 0; repeat < 40; ++repeat) {
      DenseGradient g;
      g.inputs = 1 + static_cast<int>(random.below(120)), g.outputs = 1 + static_cast<int>(random.below(20));
      // Leaves of one or two blocks.
      std::vector<int> ends{1};
      for (std::uint32_t more = random.below(7); more > 0; --more)
        ends.push_back(ends.back() + 1 + static_cast<int>(random.below(2)));
      g.leaves = static_cast<int>(ends.size());
      g.leaf_ends = ends.data();
      g.x_input = kLanes * (1 + random.below(2));
      g.x_block = g.inputs * g.x_input + 16, g.dy_block = g.outputs * kLanes + 32;
      const AlignedBuffer x = integers(g.blocks() * g.x_block, random),
                          dy = integers(g.blocks() * g.dy_block, random);
      g.x = x.data(), g.dy = dy.data();
      AlignedBuffer scratch(dense_gradient_scratch(g.blocks()));
      std::vector<float> dw(static_cast<std::size_t>(g.inputs) * g.outputs, kNaN), db(g.outputs, kNaN);
      for (int first = 0; first < g.inputs; first += kDenseGradientInputs)
        dense_weight_gradient(g, first, std::min(kDenseGradientInputs, g.inputs - first), scratch.data(),
                              dw.data());
      dense_bias_gradient(g, db.data());
      for (int o = 0; o < g.outputs; ++o) {
        double sum = 0;
        for (int i = -1; i < g.inputs; ++i) {
          double expected = 0;
          for (int b = 0; b < g.blocks(); ++b)
            for (int lane = 0; lane < kLanes; ++lane) {
              const double d = dy.data()[b * g.dy_block + o * kLanes + lane];
              expected += i < 0 ? d : d * x.data()[b * g.x_block + i * g.x_input + lane];
            }
          if (i < 0)
            sum = expected;
          else
            REQUIRE(dw[static_cast<std::size_t>(o) * g.inputs + i] == expected);
        }
        REQUIRE(db[o] == sum);
      }
    }
  });
}

TEST_CASE("activation functions agree with the standard library over their range, and NaN stays NaN",
          "[kernels]") {
  const auto exact = [](ActivationFunction f, double z) {
    switch (f) {
      case ActivationFunction::none:
        return z;
      case ActivationFunction::relu:
        return z > 0 ? z : 0;
      case ActivationFunction::relu6:
        return std::clamp(z, 0.0, 6.0);
      case ActivationFunction::leaky_relu:
        return z > 0 ? z : 0.25 * z;
      case ActivationFunction::elu:
        return z > 0 ? z : std::expm1(z);
      case ActivationFunction::gelu:
        return z * 0.5 * std::erfc(-z / std::sqrt(2.0));
      case ActivationFunction::silu:
        return z / (1 + std::exp(-z));
      case ActivationFunction::hard_swish:
        return z * std::clamp(z + 3, 0.0, 6.0) / 6;
      case ActivationFunction::sigmoid:
        return 1 / (1 + std::exp(-z));
      case ActivationFunction::hard_sigmoid:
        return std::clamp(z + 3, 0.0, 6.0) / 6;
      case ActivationFunction::tanh:
        return std::tanh(z);
    }
    return z;
  };
  on_every_set([&] {
    for (int f = 0; f <= static_cast<int>(ActivationFunction::tanh); ++f) {
      const Activation activation{static_cast<ActivationFunction>(f), 0.25f};
      AlignedBuffer z(64 * kLanes), y(64 * kLanes);
      for (int i = 0; i < 64 * kLanes; ++i) {
        const float step = static_cast<float>(i - 512) / 512;  // dense near 0, up to +-20
        z.data()[i] = 20 * step * step * step;
      }
      z.data()[7] = kNaN;
      const BlockView<float> zv{z.data(), 1, 1, 64, 64, 64}, yv{y.data(), 1, 1, 64, 64, 64};
      activation_forward(activation, zv, yv);
      CHECK(std::isnan(y.data()[7]));
      for (int i = 0; i < 64 * kLanes; ++i) {
        if (i == 7) continue;
        const double expected = exact(activation.function, z.data()[i]);
        CAPTURE(f, z.data()[i], y.data()[i], expected);
        // gelu's tail is e^-z^2/2: the rounding of the exponent shows.
        const double tolerance = activation.function == ActivationFunction::gelu ? 5e-6 : 1e-6;
        REQUIRE(std::abs(y.data()[i] - expected) <= tolerance * std::abs(expected) + 1e-12);
      }
    }
  });
}

TEST_CASE("max_pool: the first of equals wins, NaN wins over all, windows are clipped", "[kernels]") {
  on_every_set([] {
    AlignedBuffer x(4 * kLanes), y(kLanes), dx(4 * kLanes), dy(kLanes);
    AlignedBuffer winners(kLanes);
    auto* w = reinterpret_cast<std::int32_t*>(winners.data());
    for (int i = 0; i < 4; ++i)
      for (int lane = 0; lane < kLanes; ++lane)
        x.data()[i * kLanes + lane] = lane == 0 ? 5.0f : static_cast<float>(i);
    x.data()[1 * kLanes + 2] = kNaN;
    const BlockView<float> xv{x.data(), 1, 2, 2, 2, 4}, yv{y.data(), 1, 1, 1, 1, 1},
        dxv{dx.data(), 1, 2, 2, 2, 4}, dyv{dy.data(), 1, 1, 1, 1, 1};
    const PoolWindow window{.kh = 2, .kw = 2, .sh = 2, .sw = 2};
    max_pool_forward(window, xv, yv, w);
    CHECK(w[0] == 0);
    CHECK(w[1] == 3);
    CHECK((std::isnan(y.data()[2]) && w[2] == 1));
    max_pool_forward(window, xv, yv, w, true);
    CHECK((w[0] == 0 && w[1] == 3));
    CHECK((std::isnan(y.data()[2]) && w[2] == -1));  // NaN > 0 is false, as in the ReLU's own derivative
    for (float& v : dy.span()) v = 7;
    for (float& v : dx.span()) v = kNaN;
    max_pool_backward(window, w, dyv, dxv);
    for (int i = 0; i < 4; ++i) {
      CHECK(dx.data()[i * kLanes] == (i == 0 ? 7 : 0));
      CHECK(dx.data()[i * kLanes + 1] == (i == 3 ? 7 : 0));
    }
  });
}

TEST_CASE("max_pool equals plain loops on random windows, side by side or not", "[kernels]") {
  on_every_set([] {
    Random random(18, Purpose::split);
    for (int repeat = 0; repeat < 40; ++repeat) {
      const int kernel = 1 + static_cast<int>(random.below(4));
      const int stride = repeat % 2 ? kernel : 1 + static_cast<int>(random.below(3));
      const int c = 2, h = kernel + static_cast<int>(random.below(6)),
                w = kernel + static_cast<int>(random.below(6));
      const int oh = (h - kernel) / stride + 1, ow = (w - kernel) / stride + 1;
      const int x_row = w + 2, y_row = ow + 1;
      const std::int64_t x_plane = (h + 1) * x_row, y_plane = (oh + 1) * y_row;
      const AlignedBuffer x = integers(c * x_plane * kLanes, random),
                          dy = integers(c * y_plane * kLanes, random);
      AlignedBuffer y(c * y_plane * kLanes), dx(c * x_plane * kLanes), winners(c * oh * ow * kLanes);
      for (float& v : y.span()) v = kNaN;
      for (float& v : dx.span()) v = kNaN;
      const PoolWindow window{.kh = kernel, .kw = kernel, .sh = stride, .sw = stride};
      auto* winner = reinterpret_cast<std::int32_t*>(winners.data());
      const BlockView<float> yv{y.data(), c, oh, ow, y_row, y_plane}, dxv{dx.data(), c, h, w, x_row, x_plane};
      const bool only_positive = repeat % 4 >= 2;
      max_pool_forward(window, {x.data(), c, h, w, x_row, x_plane}, yv, winner, only_positive);
      max_pool_backward(window, winner, {dy.data(), c, oh, ow, y_row, y_plane}, dxv);
      std::vector<double> expected_dx(static_cast<std::size_t>(c) * h * w * kLanes);
      for (int i = 0; i < c * oh * ow * kLanes; ++i) {
        const int lane = i % kLanes, q = i / kLanes % ow, r = i / kLanes / ow % oh,
                  channel = i / kLanes / ow / oh;
        const auto x_at = [&](int row, int col) {
          return x.data()[(channel * x_plane + row * x_row + col) * kLanes + lane];
        };
        int best_row = r * stride, best_col = q * stride;
        for (int row = r * stride; row < r * stride + kernel; ++row)
          for (int col = q * stride; col < q * stride + kernel; ++col)
            if (x_at(row, col) > x_at(best_row, best_col)) best_row = row, best_col = col;
        const std::int64_t at = (channel * y_plane + r * y_row + q) * kLanes + lane;
        REQUIRE(y.data()[at] == x_at(best_row, best_col));
        if (only_positive && y.data()[at] <= 0) continue;
        expected_dx[((static_cast<std::size_t>(channel) * h + best_row) * w + best_col) * kLanes + lane] +=
            dy.data()[at];
      }
      for (int channel = 0; channel < c; ++channel)
        for (int row = 0; row < h; ++row)
          for (int i = 0; i < w * kLanes; ++i)
            REQUIRE(dxv.at(channel, row, 0)[i] ==
                    expected_dx[(static_cast<std::size_t>(channel) * h + row) * w * kLanes + i]);
    }
  });
}

TEST_CASE("channel_moments keeps its precision far from zero and leaves empty lanes out", "[kernels]") {
  on_every_set([] {
    Random random(5, Purpose::split);
    AlignedBuffer x(35 * kLanes);
    double sum = 0, squares = 0;
    for (int i = 0; i < 35; ++i)
      for (int lane = 0; lane < kLanes; ++lane) {
        float& v = x.data()[i * kLanes + lane];
        v = lane < 11 ? 1000 + random.uniform() : 1e6f;
        if (lane < 11) sum += v;
      }
    const double mean = sum / (35 * 11);
    for (int i = 0; i < 35; ++i)
      for (int lane = 0; lane < 11; ++lane)
        squares += (x.data()[i * kLanes + lane] - mean) * (x.data()[i * kLanes + lane] - mean);
    Moments moments;
    channel_moments({x.data(), 1, 5, 7, 7, 35}, 11, &moments);
    CHECK(moments.count == 35 * 11);
    CHECK(moments.mean == Approx(mean).epsilon(1e-9));
    CHECK(moments.m2 == Approx(squares).epsilon(1e-6));
    Moments a{.count = 2, .mean = 1, .m2 = 2}, b{.count = 1, .mean = 4, .m2 = 0};  // {0, 2} and {4}
    a.merge(b);
    CHECK(a.mean == 2);
    CHECK(a.m2 == Approx(8));
  });
}

TEST_CASE("softmax: large logits, smoothing, predictions and empty lanes", "[kernels]") {
  on_every_set([] {
    AlignedBuffer z(3 * kLanes), p(3 * kLanes), dz(3 * kLanes);
    for (int k = 0; k < 3; ++k)
      for (int lane = 0; lane < kLanes; ++lane)
        z.data()[k * kLanes + lane] = static_cast<float>(k == 1 ? 2 : 0) + 100.0f * static_cast<float>(lane);
    std::vector<std::int32_t> labels{1, 0}, predictions(2);
    std::vector<float> losses(2);
    softmax_cross_entropy(
        {.classes = 3, .images = 2, .labels = labels.data(), .smoothing = 0.3f, .scale = 0.5f}, z.data(),
        p.data(), losses.data(), predictions.data(), dz.data());
    const double e = std::exp(2.0), sum = e + 2;
    CHECK(predictions == std::vector<std::int32_t>{1, 1});
    const auto loss = [&](int label) {
      double total = 0;
      for (int k = 0; k < 3; ++k) total -= ((k == label ? 0.7 : 0) + 0.1) * std::log((k == 1 ? e : 1) / sum);
      return total;
    };
    CHECK(losses[0] == Approx(loss(1)).epsilon(1e-5));
    CHECK(losses[1] == Approx(loss(0)).epsilon(1e-5));
    CHECK(dz.data()[1 * kLanes] == Approx((e / sum - 0.8) * 0.5).epsilon(1e-5));
    CHECK(dz.data()[1 * kLanes + 1] == Approx((e / sum - 0.1) * 0.5).epsilon(1e-5));
    for (int k = 0; k < 3; ++k) CHECK(dz.data()[k * kLanes + 2] == 0);
  });
}

TEST_CASE("the cross-entropy of mixed images follows its formula", "[kernels]") {
  on_every_set([] {
    constexpr int kClasses = 4;
    constexpr double kShare = 0.75, kSmoothing = 0.2;
    const std::vector<std::int32_t> first{1, 2, 0}, second{3, 2, 1};
    Random random(5, Purpose::split);
    AlignedBuffer z(kClasses * kLanes), p(kClasses * kLanes), dz(kClasses * kLanes);
    for (float& value : z.span()) value = random.normal();
    std::vector<float> losses(3);
    std::vector<std::int32_t> predictions(3);
    softmax_cross_entropy({.classes = kClasses,
                           .images = 3,
                           .labels = first.data(),
                           .second_labels = second.data(),
                           .share = static_cast<float>(kShare),
                           .smoothing = static_cast<float>(kSmoothing),
                           .scale = 0.5f},
                          z.data(), p.data(), losses.data(), predictions.data(), dz.data());
    for (std::size_t lane = 0; lane < 3; ++lane) {
      double sum = 0, loss = 0;
      const auto logit = [&](int k) {
        return static_cast<double>(z.data()[k * kLanes + static_cast<int>(lane)]);
      };
      for (int k = 0; k < kClasses; ++k) sum += std::exp(logit(k));
      for (int k = 0; k < kClasses; ++k) {
        const double hot = (k == first[lane] ? kShare : 0) + (k == second[lane] ? 1 - kShare : 0);
        const double target = (1 - kSmoothing) * hot + kSmoothing / kClasses;
        loss -= target * (logit(k) - std::log(sum));
        CHECK(dz.data()[k * kLanes + static_cast<int>(lane)] ==
              Approx((std::exp(logit(k)) / sum - target) * 0.5).epsilon(1e-5).margin(1e-7));
      }
      CHECK(losses[lane] == Approx(loss).epsilon(1e-5));
    }
    for (int k = 0; k < kClasses; ++k) CHECK(dz.data()[k * kLanes + 3] == 0);
  });
}

TEST_CASE("normalize_bytes gives the formula's bits in the lanes of images, and zeros", "[kernels]") {
  on_every_set([] {
    Random random(17, Purpose::split);
    for (int repeat = 0; repeat < 60; ++repeat) {
      const int count = kNormalizedAtOnce + static_cast<int>(random.below(40)),
                images = 1 + static_cast<int>(random.below(kLanes));
      const auto mean = static_cast<float>(random.uniform()),
                 std = static_cast<float>(random.uniform() + 0.05);
      std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count) * kLanes);
      for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.bits());
      const std::uint8_t* rows[kLanes] = {};
      for (int lane = 0; lane < images; ++lane) rows[lane] = bytes.data() + lane * count;
      AlignedBuffer to((count + 1) * kLanes);
      for (float& v : to.span()) v = kCanary;
      normalize_bytes(rows, images, count, mean, std, to.data());
      for (int i = 0; i < count; ++i)
        for (int lane = 0; lane < kLanes; ++lane)
          REQUIRE(to.data()[i * kLanes + lane] ==
                  (lane < images ? (static_cast<float>(rows[lane][i]) / 255.0f - mean) / std : 0.0f));
      for (int lane = 0; lane < kLanes; ++lane) REQUIRE(to.data()[count * kLanes + lane] == kCanary);
      REQUIRE(normalizes_bytes_exactly(mean, std));
    }
  });
}

TEST_CASE("colors are taken apart, and rows of bytes are weighed, as plain loops do it", "[kernels]") {
  on_every_set([] {
    Random random(19, Purpose::split);
    const auto below = [&](int n) { return static_cast<int>(random.below(static_cast<std::uint32_t>(n))); };
    const auto bytes = [&](int count) {
      std::vector<std::uint8_t> all(static_cast<std::size_t>(count));
      for (std::uint8_t& byte : all) byte = static_cast<std::uint8_t>(random.bits());
      return all;
    };
    // At most twice what bytes can hold, in both directions: sums are cut off.
    const auto weight = [&](int taps) { return (below(1 << 21) - (1 << 19)) / std::max(1, taps) * 5; };
    const auto rounded = [](std::int64_t sum) {
      return std::clamp<std::int64_t>((sum + (1 << 21)) >> kByteWeightBits, 0, 255);
    };
    for (int repeat = 0; repeat < 60; ++repeat) {
      const int count = 1 + below(150), components = 3 + repeat % 2;
      const std::vector<std::uint8_t> pixels = bytes(count * components);
      std::vector<std::uint8_t> planes(static_cast<std::size_t>(3 * count) + 1, 77);
      std::uint8_t* const to = planes.data();
      split_colors(pixels.data(), components, count, {to, to + count, to + 2 * count});
      for (int c = 0; c < 3; ++c)
        for (int i = 0; i < count; ++i) REQUIRE(to[c * count + i] == pixels[i * components + c]);
      REQUIRE(planes.back() == 77);

      const int outputs = 1 + below(40), taps = kByteWeightGroup * (1 + below(4));
      std::vector<int> first, counts;
      std::vector<std::int32_t> weights;
      for (int i = 0; i < outputs; ++i) {
        first.push_back(below(count));
        counts.push_back(1 + below(std::min(taps, count - first.back())));  // within the row
        for (int k = 0; k < taps; ++k) weights.push_back(k < counts.back() ? weight(taps) : 0);
      }
      const std::vector<std::uint8_t> row = bytes(count + kByteRowSlack);
      std::vector<std::uint8_t> out(static_cast<std::size_t>(outputs) + 1, 77);
      weigh_row(row.data(), {outputs, first.data(), counts.data(), weights.data(), taps}, out.data());
      for (int i = 0; i < outputs; ++i) {
        std::int64_t sum = 0;
        for (int k = 0; k < counts[i]; ++k) sum += std::int64_t{row[first[i] + k]} * weights[i * taps + k];
        REQUIRE(out[i] == rounded(sum));
      }
      REQUIRE(out.back() == 77);

      const int rows = 1 + below(20), pitch = count + below(3);
      const std::vector<std::uint8_t> many = bytes(rows * pitch + kByteRowSlack);
      std::vector<std::uint8_t> mean(static_cast<std::size_t>(count) + kByteRowSlack);
      weights.clear();
      for (int k = 0; k < rows; ++k) weights.push_back(weight(rows));
      weigh_rows(many.data(), pitch, weights.data(), rows, count, mean.data());
      for (int x = 0; x < count; ++x) {
        std::int64_t sum = 0;
        for (int k = 0; k < rows; ++k) sum += std::int64_t{many[k * pitch + x]} * weights[k];
        REQUIRE(mean[x] == rounded(sum));
      }
    }
  });
}

TEST_CASE("weighted_sum with a pooling gives the bits of one after the other", "[kernels]") {
  on_every_set([] {
    Random random(18, Purpose::split);
    for (int repeat = 0; repeat < 80; ++repeat) {
      const int outputs = 1 + static_cast<int>(random.below(20)),
                terms = 1 + static_cast<int>(random.below(30));
      const int rows = 2 + static_cast<int>(random.below(6)), cols = 2 + static_cast<int>(random.below(9));
      const int stride = 1 + repeat % 2, x_pitch = stride * cols + 4;
      AlignedBuffer x = integers((stride * rows + 4) * x_pitch * kLanes, random);
      const AlignedBuffer w = integers(std::int64_t{outputs} * terms, random),
                          bias = integers(outputs, random);
      if (repeat % 5 == 0) x.data()[random.below(static_cast<std::uint32_t>(x.size()))] = kNaN;
      std::vector<std::int32_t> offsets, natural;
      for (int k = 0; k < terms; ++k) {
        offsets.push_back(static_cast<std::int32_t>(random.below(4) * x_pitch + random.below(4)) * kLanes);
        natural.push_back(k);
      }
      AlignedBuffer packed(packed_size(outputs, terms));
      pack_weights(w.data(), outputs, terms, natural, packed.data(), 0, (outputs + 7) / 8);
      WeightedSum sum;
      sum.outputs = outputs, sum.terms = terms, sum.rows = rows, sum.cols = cols;
      sum.weights = packed.data(), sum.weights_group = terms * kOutputGroup, sum.weights_term = kOutputGroup;
      sum.epilogue.bias = repeat % 3 ? bias.data() : nullptr;
      sum.offsets = offsets.data();
      sum.x_row = stride * x_pitch * kLanes, sum.x_col = stride * kLanes;
      sum.epilogue.rectifier = repeat % 4 < 2 ? Rectifier::relu : Rectifier::none;

      const int pooled_rows = rows / 2, pooled_cols = cols / 2, pooled = pooled_rows * pooled_cols * kLanes;
      AlignedBuffer y(outputs * rows * cols * kLanes), expected(outputs * pooled), places(outputs * pooled);
      auto* const expected_winners = reinterpret_cast<std::int32_t*>(places.data());
      WeightedSum plain = sum;
      plain.y_row = cols * kLanes, plain.y_col = kLanes, plain.y_output = rows * cols * kLanes;
      weighted_sum(plain, x.data(), y.data());
      max_pool_forward({.kh = 2, .kw = 2, .sh = 2, .sw = 2},
                       {y.data(), outputs, rows, cols, cols, rows * cols},
                       {expected.data(), outputs, pooled_rows, pooled_cols, pooled_cols, pooled / kLanes},
                       expected_winners, repeat % 4 < 2);

      // Into a map with a pitch of its own.
      const int y_row = (pooled_cols + 1) * kLanes, y_output = pooled_rows * y_row + kLanes;
      AlignedBuffer got(outputs * y_output), pooled_places(outputs * pooled);
      for (float& v : got.span()) v = kCanary;
      sum.epilogue.pool = true;
      sum.y_row = y_row, sum.y_col = kLanes, sum.y_output = y_output;
      auto* const winners = reinterpret_cast<std::int32_t*>(pooled_places.data());
      sum.epilogue.winners = repeat % 7 == 3 ? nullptr : winners;
      in_four_parts(sum, random, 2, x.data(), got.data());
      for (int o = 0; o < outputs; ++o)
        for (int r = 0; r < pooled_rows; ++r)
          for (int i = 0; i < pooled_cols * kLanes; ++i) {
            float& value = got.data()[o * y_output + r * y_row + i];
            const std::int64_t at = o * pooled + r * pooled_cols * kLanes + i;
            REQUIRE(std::memcmp(&value, expected.data() + at, sizeof value) == 0);
            if (sum.epilogue.winners) REQUIRE(winners[at] == expected_winners[at]);
            value = kCanary;
          }
      for (const float v : got.span()) REQUIRE(v == kCanary);
    }
  });
}

TEST_CASE("optimizer steps follow PyTorch's rules", "[kernels]") {
  on_every_set([] {
    Random random(9, Purpose::split);
    AlignedBuffer w(32), g(32), m(32), v(32);
    for (int i = 0; i < 32; ++i) w.data()[i] = random.normal(), g.data()[i] = random.normal();
    std::vector<double> we(w.data(), w.data() + 32), me(32), ve(32);
    const double lr = 0.1, decay = 0.01;
    for (int t = 1; t <= 3; ++t) {  // sgd, nesterov
      sgd_step(
          {.learning_rate = 0.1f, .momentum = 0.9f, .weight_decay = 0.01f, .nesterov = true, .first = t == 1},
          32, g.data(), w.data(), m.data());
      for (int i = 0; i < 32; ++i) {
        const double gi = g.data()[i] + decay * we[i];
        me[i] = t == 1 ? gi : 0.9 * me[i] + gi;
        we[i] -= lr * (gi + 0.9 * me[i]);
        CHECK(w.data()[i] == Approx(we[i]).epsilon(1e-5).margin(1e-6));
      }
    }
    std::fill(me.begin(), me.end(), 0), std::fill(m.data(), m.data() + 32, 0.0f);
    for (int t = 1; t <= 3; ++t) {  // adamw
      const double c1 = 1 - std::pow(0.9, t), c2 = 1 - std::pow(0.99, t);
      adam_step({.step_size = static_cast<float>(lr / c1),
                 .sqrt_correction2 = static_cast<float>(std::sqrt(c2)),
                 .beta1 = 0.9f,
                 .one_minus_beta1 = 0.1f,
                 .beta2 = 0.99f,
                 .one_minus_beta2 = 0.01f,
                 .eps = 1e-8f,
                 .coupled_decay = 0,
                 .decay_factor = static_cast<float>(1 - lr * decay)},
                32, g.data(), w.data(), m.data(), v.data());
      for (int i = 0; i < 32; ++i) {
        const double gi = g.data()[i];
        me[i] = 0.9 * me[i] + 0.1 * gi, ve[i] = 0.99 * ve[i] + 0.01 * gi * gi;
        we[i] = we[i] * (1 - lr * decay) - lr / c1 * me[i] / (std::sqrt(ve[i] / c2) + 1e-8);
        CHECK(w.data()[i] == Approx(we[i]).epsilon(1e-5).margin(1e-6));
      }
    }
  });
}

/// kernels/sum_tree.h by its definition.
float sum_by_tree(const float* values, std::int64_t stride, int count) {
  if (count == 1) return *values;
  int middle = 1;
  while (2 * middle < count) middle *= 2;
  return sum_by_tree(values, stride, middle) + sum_by_tree(values + middle * stride, stride, count - middle);
}

TEST_CASE("gradients of leaves are added in the order of the tree", "[kernels]") {
  on_every_set([] {
    Random random(21, Purpose::split);
    constexpr int kInputs = 3, kOutputs = 2;
    for (int leaves = 1; leaves <= kMostLeaves; ++leaves) {
      AlignedBuffer parts(leaves * 32), sum(32);
      for (float& v : parts.span()) v = random.uniform(-1, 1);
      sum_parts(parts.data(), 32, leaves, 32, sum.data());
      for (int i = 0; i < 32; ++i) REQUIRE(sum.data()[i] == sum_by_tree(parts.data() + i, 32, leaves));

      const TransposedGradient layout{.taps = 9, .inputs = kInputs, .outputs = kOutputs};
      const std::int64_t size = layout.floats();
      AlignedBuffer dw(leaves * size);
      for (float& v : dw.span()) v = random.uniform(-1, 1);
      std::vector<float> of_winograd(kInputs * kOutputs * 9);
      sum_transposed_leaves(layout, dw.data(), size, leaves, of_winograd.data(), 0, kOutputs);
      for (int o = 0; o < kOutputs; ++o)
        for (int i = 0; i < kInputs; ++i)
          for (int tap = 0; tap < 9; ++tap)
            REQUIRE(of_winograd[static_cast<std::size_t>((o * kInputs + i) * 9 + tap)] ==
                    sum_by_tree(dw.data() + (tap * kOutputs + o) * 16 + i, size, leaves));

      // One image a block, so that a leaf's gradient is a plain product.
      std::vector<int> ends(static_cast<std::size_t>(leaves));
      std::iota(ends.begin(), ends.end(), 1);
      AlignedBuffer x(leaves * kInputs * kLanes), dy(leaves * kOutputs * kLanes),
          scratch(dense_gradient_scratch(leaves));
      std::vector<float> products(static_cast<std::size_t>(leaves)), biases(products.size());
      for (int leaf = 0; leaf < leaves; ++leaf) {
        for (int i = 0; i < kInputs; ++i) x.data()[(leaf * kInputs + i) * kLanes] = random.uniform(-1, 1);
        for (int o = 0; o < kOutputs; ++o) dy.data()[(leaf * kOutputs + o) * kLanes] = random.uniform(-1, 1);
      }
      const DenseGradient g{.inputs = kInputs,
                            .outputs = kOutputs,
                            .leaves = leaves,
                            .leaf_ends = ends.data(),
                            .x = x.data(),
                            .dy = dy.data(),
                            .x_block = kInputs * kLanes,
                            .dy_block = kOutputs * kLanes};
      std::vector<float> of_dense(kInputs * kOutputs), of_bias(kOutputs);
      dense_weight_gradient(g, 0, kInputs, scratch.data(), of_dense.data());
      dense_bias_gradient(g, of_bias.data());
      for (int o = 0; o < kOutputs; ++o)
        for (int i = 0; i < kInputs; ++i) {
          for (int leaf = 0; leaf < leaves; ++leaf) {
            const auto at = static_cast<std::size_t>(leaf);
            biases[at] = dy.data()[(leaf * kOutputs + o) * kLanes];
            products[at] = biases[at] * x.data()[(leaf * kInputs + i) * kLanes];
          }
          REQUIRE(of_dense[static_cast<std::size_t>(o * kInputs + i)] ==
                  sum_by_tree(products.data(), 1, leaves));
          REQUIRE(of_bias[static_cast<std::size_t>(o)] == sum_by_tree(biases.data(), 1, leaves));
        }
    }
  });
}

}  // namespace
}  // namespace cnn
