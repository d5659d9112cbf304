// What kernels do in one go has the bits of a pass for each.
#include <cmath>
#include <cstring>
#include <span>

#include "kernel_fixture.h"
#include "kernels/activation.h"
#include "kernels/batch_norm.h"
#include "kernels/elementwise.h"
#include "kernels/pool.h"
#include "kernels/value_statistics.h"
#include "kernels/weighted_sum.h"
#include "kernels/winograd.h"

namespace cnn {
namespace {

AlignedBuffer normals(std::int64_t count, Random& random) {
  AlignedBuffer buffer(count);
  for (float& v : buffer.span()) v = random.normal();
  return buffer;
}

/// Maps without gaps.
BlockView<float> maps(AlignedBuffer& buffer, int c, int h, int w) {
  return {buffer.data(), c, h, w, w, std::int64_t{h} * w};
}

/// Places of winners, aligned as maps are.
class Winners {
 public:
  explicit Winners(std::int64_t size = 0) : places_(size) {}
  std::int64_t size() const { return places_.size(); }
  std::int32_t* data() { return reinterpret_cast<std::int32_t*>(places_.data()); }
  friend bool operator==(const Winners& a, const Winners& b) {
    return std::ranges::equal(a.places(), b.places());
  }

 private:
  std::span<const std::int32_t> places() const {
    return {reinterpret_cast<const std::int32_t*>(places_.data()), static_cast<std::size_t>(size())};
  }
  AlignedBuffer places_;
};

/// The constants of a batch normalization, and what stands behind it.
struct RandomEpilogue {
  RandomEpilogue(int outputs, Random& random)
      : bias(normals(outputs, random)),
        mean(normals(outputs, random)),
        scale(normals(outputs, random)),
        shift(normals(outputs, random)) {
    if (random.below(3) > 0) fused.bias = bias.data();
    if (random.below(3) > 0) fused.affine = {mean.data(), scale.data(), shift.data()};
    fused.rectifier = static_cast<Rectifier>(random.below(3));
    fused.pool = random.below(2) == 0;
  }

  /// What the rest of it makes of y, sums with their bias.
  void apply_to(BlockView<float>& y, AlignedBuffer& pooled, Winners& winners) const {
    if (fused.affine.given()) {
      normalize_forward(fused.affine, fused.rectifier, y, y);
    } else if (fused.rectifier != Rectifier::none) {
      activation_forward({.function = fused.rectifier == Rectifier::relu ? ActivationFunction::relu
                                                                         : ActivationFunction::relu6},
                         y, y);
    }
    if (!fused.pool) return;
    const int rows = y.h / 2, cols = y.w / 2;
    pooled = AlignedBuffer(std::int64_t{y.c} * rows * cols * kLanes);
    winners = Winners(pooled.size());
    const BlockView<float> to = maps(pooled, y.c, rows, cols);
    max_pool_forward({.kh = 2, .kw = 2, .sh = 2, .sw = 2}, y, to, winners.data(),
                     fused.rectifier != Rectifier::none);
    y = to;
  }

  SumEpilogue fused;
  AlignedBuffer bias, mean, scale, shift;
};

void require_same_bits(BlockView<const float> got, BlockView<const float> expected) {
  for (int c = 0; c < expected.c; ++c)
    for (int h = 0; h < expected.h; ++h)
      REQUIRE(std::memcmp(got.at(c, h, 0), expected.at(c, h, 0), sizeof(float) * expected.w * kLanes) == 0);
}

/// 1x1 sums over random maps.
struct SumCase {
  explicit SumCase(Random& random)
      : outputs(1 + static_cast<int>(random.below(70))),
        terms(1 + static_cast<int>(random.below(random.below(6) == 0 ? 300 : 40))),
        rows(2 + static_cast<int>(random.below(5))),
        cols(2 + static_cast<int>(random.below(20))),
        x(normals(std::int64_t{terms} * rows * cols * kLanes, random)),
        w(normals(std::int64_t{outputs} * terms, random)),
        packed(packed_size(outputs, terms)) {
    std::vector<std::int32_t> natural;
    for (int k = 0; k < terms; ++k) {
      natural.push_back(k);
      offsets.push_back(k * rows * cols * kLanes);
    }
    pack_weights(w.data(), outputs, terms, natural, packed.data(), 0, (outputs + 7) / 8);
  }
  WeightedSum sum(int y_cols, int y_rows) const {
    WeightedSum sum;
    sum.outputs = outputs, sum.terms = terms, sum.rows = rows, sum.cols = cols;
    sum.weights = packed.data(), sum.weights_group = terms * kOutputGroup, sum.weights_term = kOutputGroup;
    sum.offsets = offsets.data();
    sum.x_row = cols * kLanes, sum.x_col = kLanes;
    sum.y_row = y_cols * kLanes, sum.y_col = kLanes, sum.y_output = std::int64_t{y_rows} * y_cols * kLanes;
    return sum;
  }
  int outputs, terms, rows, cols;
  AlignedBuffer x, w, packed;
  std::vector<std::int32_t> offsets;
};

TEST_CASE("weighted_sum by a panel has the same bits as in place, at any stride", "[kernels]") {
  on_every_set([] {
    Random random(31, Purpose::split);
    int panels = 0;
    for (int repeat = 0; repeat < 60; ++repeat) {
      const SumCase t(random);
      AlignedBuffer in_place(std::int64_t{t.outputs} * t.rows * t.cols * kLanes), got(in_place.size());
      WeightedSum sum = t.sum(t.cols, t.rows);
      if (repeat % 3 == 0) sum.x_row = 0, sum.cols = (t.cols + 1) / 2, sum.x_col = 2 * kLanes;
      weighted_sum(sum, t.x.data(), in_place.data());
      const std::int64_t floats = panel_floats(t.terms, t.terms, t.outputs);
      CHECK((floats > 0) == (t.outputs >= 24 && t.terms >= 16));
      CHECK(panel_floats(0, t.terms, t.outputs) == 0);
      AlignedBuffer panel(floats);
      for (float& v : panel.span()) v = kNaN;
      sum.panel = panel.data();
      panels += floats > 0;
      for (const auto& [first, end] : two_parts(static_cast<int>(random.below(t.outputs + 1)), t.outputs))
        for (const auto& [first_row, end_row] :
             two_parts(static_cast<int>(random.below(t.rows + 1)), t.rows)) {
          sum.first_output = first, sum.outputs = end, sum.first_row = first_row, sum.end_row = end_row;
          weighted_sum(sum, t.x.data(), got.data());
        }
      require_same_bits(maps(got, t.outputs, t.rows, t.cols), maps(in_place, t.outputs, t.rows, t.cols));
    }
    CHECK(panels > 15);
  });
}

TEST_CASE("weighted_sum's epilogue has the bits of a pass for each of its steps", "[kernels]") {
  on_every_set([] {
    Random random(32, Purpose::split);
    for (int repeat = 0; repeat < 60; ++repeat) {
      const SumCase t(random);
      const RandomEpilogue epilogue(t.outputs, random);
      AlignedBuffer plain(std::int64_t{t.outputs} * t.rows * t.cols * kLanes), pooled, got(plain.size());
      WeightedSum sum = t.sum(t.cols, t.rows);
      sum.epilogue.bias = epilogue.fused.bias;
      weighted_sum(sum, t.x.data(), plain.data());
      BlockView<float> expected = maps(plain, t.outputs, t.rows, t.cols);
      Winners expected_winners;
      epilogue.apply_to(expected, pooled, expected_winners);

      sum = t.sum(expected.w, expected.h);
      sum.epilogue = epilogue.fused;
      Winners winners(expected_winners.size());
      if (epilogue.fused.pool) sum.epilogue.winners = winners.data();
      weighted_sum(sum, t.x.data(), got.data());
      require_same_bits(maps(got, t.outputs, expected.h, expected.w), expected);
      REQUIRE(winners == expected_winners);
    }
  });
}

TEST_CASE("winograd_sum's epilogue has the bits of a pass for each of its steps", "[kernels]") {
  on_every_set([] {
    Random random(33, Purpose::split);
    for (int repeat = 0; repeat < 60; ++repeat) {
      const int inputs = 1 + static_cast<int>(random.below(20)),
                outputs = 1 + static_cast<int>(random.below(40));
      const int rows = 1 + static_cast<int>(random.below(11)), cols = 1 + static_cast<int>(random.below(11));
      Winograd shape{.inputs = inputs, .outputs = outputs, .rows = rows, .cols = cols};
      shape.x_row = kWinogradTile * shape.tile_cols() + 2;
      shape.x_plane = (kWinogradTile * shape.tile_rows() + 2) * shape.x_row;
      const AlignedBuffer x = normals(inputs * shape.x_plane * kLanes, random),
                          w = normals(std::int64_t{outputs} * inputs * 9, random);
      AlignedBuffer packed(winograd_packed_size(inputs, outputs)), scratch(winograd_sum_scratch(shape));
      for (int group = 0; group < winograd_groups(outputs); ++group)
        winograd_pack(w.data(), inputs, outputs, 9, 9 * inputs, false, packed.data(), group);
      const RandomEpilogue epilogue(outputs, random);
      AlignedBuffer plain(std::int64_t{outputs} * rows * cols * kLanes), pooled, got(plain.size());
      shape.y_row = cols, shape.y_plane = rows * cols;
      winograd_sum(shape, {0, outputs, 0, shape.tile_rows()}, packed.data(), {.bias = epilogue.fused.bias},
                   x.data(), plain.data(), scratch.data());
      BlockView<float> expected = maps(plain, outputs, rows, cols);
      Winners expected_winners;
      epilogue.apply_to(expected, pooled, expected_winners);

      for (float& v : got.span()) v = kCanary;
      shape.y_row = expected.w, shape.y_plane = expected.h * expected.w;
      SumEpilogue fused = epilogue.fused;
      Winners winners(expected_winners.size());
      if (epilogue.fused.pool) fused.winners = winners.data();
      const int row_cut = static_cast<int>(random.below(shape.tile_rows() + 1));
      for (const auto& [first, end] : two_parts(8 * static_cast<int>(random.below(5)), outputs))
        for (const auto& [first_row, end_row] : two_parts(row_cut, shape.tile_rows()))
          winograd_sum(shape, {first, end, first_row, end_row}, packed.data(), fused, x.data(), got.data(),
                       scratch.data());
      require_same_bits(maps(got, outputs, expected.h, expected.w), expected);
      REQUIRE(winners == expected_winners);
      const auto beyond = got.span().subspan(static_cast<std::size_t>(expected.pixels() * kLanes));
      REQUIRE(std::ranges::all_of(beyond, [](float v) { return v == kCanary; }));
    }
  });
}

TEST_CASE("normalize_and_pool has the bits of two passes", "[kernels]") {
  on_every_set([] {
    Random random(34, Purpose::split);
    for (int repeat = 0; repeat < 30; ++repeat) {
      const int c = 1 + static_cast<int>(random.below(5)), h = 2 + static_cast<int>(random.below(7)),
                w = 2 + static_cast<int>(random.below(7));
      AlignedBuffer x = normals(std::int64_t{c} * h * w * kLanes, random), two_passes(x.size()), pooled,
                    got(x.size());
      if (repeat % 5 == 0) x.data()[random.below(static_cast<std::uint32_t>(x.size()))] = kNaN;
      RandomEpilogue epilogue(c, random);
      epilogue.fused.affine = {epilogue.mean.data(), epilogue.scale.data(), epilogue.shift.data()};
      epilogue.fused.pool = true;
      std::copy_n(x.data(), x.size(), two_passes.data());
      BlockView<float> expected = maps(two_passes, c, h, w);
      Winners expected_winners;
      epilogue.apply_to(expected, pooled, expected_winners);
      Winners winners(expected_winners.size());
      const BlockView<float> y = maps(got, c, expected.h, expected.w);
      normalize_and_pool(epilogue.fused.affine, epilogue.fused.rectifier, maps(x, c, h, w), y,
                         winners.data());
      require_same_bits(y, expected);
      REQUIRE(winners == expected_winners);
      std::ranges::fill(got.span(), kCanary);
      normalize_and_pool(epilogue.fused.affine, epilogue.fused.rectifier, maps(x, c, h, w), y, nullptr);
      require_same_bits(y, expected);
    }
  });
}

TEST_CASE("the gradient of a batch norm through a pooling has the bits of two passes", "[kernels]") {
  on_every_set([] {
    Random random(36, Purpose::split);
    for (int repeat = 0; repeat < 30; ++repeat) {
      const int c = 1 + static_cast<int>(random.below(5)), h = 2 + static_cast<int>(random.below(7)),
                w = 2 + static_cast<int>(random.below(7)),
                images = 1 + static_cast<int>(random.below(kLanes));
      const Rectifier rectifier = static_cast<Rectifier>(random.below(3));
      const std::int64_t floats = std::int64_t{c} * h * w * kLanes;
      const AlignedBuffer mean = normals(c, random), scale = normals(c, random), shift = normals(c, random),
                          mean_dy = normals(c, random), slope = normals(c, random);
      const ChannelAffine affine{mean.data(), scale.data(), shift.data()};
      AlignedBuffer x = normals(floats, random), pooled(floats), dy = normals(floats, random), spread(floats);
      Winners places(floats);
      const PoolWindow window{.kh = 2, .kw = 2, .sh = 2, .sw = 2};
      normalize_and_pool(affine, rectifier, maps(x, c, h, w), maps(pooled, c, h / 2, w / 2), places.data());
      const BlockView<float> of_pooling = maps(dy, c, h / 2, w / 2), of_pixels = maps(spread, c, h, w);
      max_pool_backward(window, places.data(), of_pooling, of_pixels);

      std::vector<double> sums(2 * c), expected_sums(2 * c);
      normalize_sums(affine, rectifier, maps(x, c, h, w), {of_pooling, places.data()}, images, sums.data(),
                     sums.data() + c);
      normalize_sums(affine, rectifier, maps(x, c, h, w), {of_pixels}, images, expected_sums.data(),
                     expected_sums.data() + c);
      REQUIRE(sums == expected_sums);

      const NormalizeGradient constants{affine, mean_dy.data(), slope.data()};
      AlignedBuffer dx(floats);
      normalize_backward(constants, rectifier, maps(x, c, h, w), {of_pooling, places.data()}, images,
                         maps(dx, c, h, w));
      normalize_backward(constants, rectifier, maps(x, c, h, w), {of_pixels}, images, of_pixels);  // over dy
      require_same_bits(maps(dx, c, h, w), of_pixels);
    }
  });
}

TEST_CASE("sums of two maps and their gradient equal plain loops, whatever their pitches", "[kernels]") {
  on_every_set([] {
    Random random(38, Purpose::split);
    for (int repeat = 0; repeat < 30; ++repeat) {
      const int c = 1 + static_cast<int>(random.below(3)), h = 1 + static_cast<int>(random.below(4)),
                w = 1 + static_cast<int>(random.below(5));
      const Rectifier rectifier = static_cast<Rectifier>(repeat % 3);
      // A halo of another width around each.
      std::vector<AlignedBuffer> memory;
      for (int i = 0; i < 6; ++i) memory.push_back(integers(std::int64_t{c} * 10 * 12 * kLanes, random));
      const auto view = [&](int i) {
        return BlockView<float>{
            memory[i].data() + (12 + i) * kLanes, c, h, w, w + i + 1, (h + i) * (w + i + 1)};
      };
      const BlockView<float> a = view(0), b = view(1), y = view(2), dy = view(3), da = view(4), db = view(5);
      add(a, b, y, rectifier);
      clear_halo(db, 1, 1, 2, 2);
      for (int channel = 0; channel < c; ++channel)
        for (int row = -1; row < h + 2; ++row)
          for (int col = -1; col < w + 2; ++col) {
            const bool inside = row >= 0 && row < h && col >= 0 && col < w;
            if (!inside) REQUIRE(*db.at(channel, row, col) == 0);
          }
      const bool only_a = repeat % 4 == 0, only_b = repeat % 4 == 1;
      add_backward(rectifier, y, dy, only_b ? BlockView<float>{} : da, only_a ? BlockView<float>{} : db);
      for (int channel = 0; channel < c; ++channel)
        for (int row = 0; row < h; ++row)
          for (int i = 0; i < w * kLanes; ++i) {
            const float z = a.at(channel, row, 0)[i] + b.at(channel, row, 0)[i];
            const float most = rectifier == Rectifier::relu6 ? 6 : INFINITY;
            const bool passes = rectifier == Rectifier::none || (z > 0 && z < most);
            REQUIRE(y.at(channel, row, 0)[i] ==
                    (rectifier == Rectifier::none ? z : std::clamp(z, 0.0f, most)));
            const float expected = passes ? dy.at(channel, row, 0)[i] : 0;
            if (!only_b) REQUIRE(da.at(channel, row, 0)[i] == expected);
            if (!only_a) REQUIRE(db.at(channel, row, 0)[i] == expected);
          }
    }
  });
}

TEST_CASE("add_statistics counts and adds the lanes with images", "[kernels]") {
  on_every_set([] {
    Random random(35, Purpose::split);
    for (const int images : {1, 7, 16}) {
      AlignedBuffer buffer = integers(3 * 4 * 6 * kLanes, random);
      // A map with a halo of numbers that do not count, as do not the lanes without images.
      const BlockView<float> x{buffer.data() + 7 * kLanes, 3, 2, 4, 6, 24};
      ValueStatistics expected{.count = 100, .active = 1, .sum = 2, .sum_of_squares = 3}, got = expected;
      for (int c = 0; c < x.c; ++c)
        for (int h = 0; h < x.h; ++h)
          for (int w = 0; w < x.w; ++w) {
            for (int lane = 0; lane < images; ++lane) {
              const double value = x.at(c, h, w)[lane];
              expected.count += 1;
              expected.active += value > 0;
              expected.sum += value;
              expected.sum_of_squares += value * value;
            }
            for (int lane = images; lane < kLanes; ++lane) x.at(c, h, w)[lane] = kNaN;
          }
      add_statistics(x, images, got);
      CHECK(got.count == expected.count);
      CHECK(got.active == expected.active);
      CHECK(got.sum == expected.sum);
      CHECK(got.sum_of_squares == expected.sum_of_squares);
    }
  });
}

TEST_CASE("add_statistics is as good as a sum in double, on maps as large as photos", "[kernels]") {
  on_every_set([] {
    Random random(36, Purpose::split);
    AlignedBuffer buffer = normals(2 * 64 * 500 * kLanes, random);
    for (float& v : buffer.span()) v += 3;
    ValueStatistics got, expected;
    for (const float v : buffer.span()) {
      expected.sum += v;
      expected.sum_of_squares += double{v} * v;
    }
    add_statistics(maps(buffer, 2, 64, 500), kLanes, got);
    CHECK(std::abs(got.sum / expected.sum - 1) < 1e-7);
    CHECK(std::abs(got.sum_of_squares / expected.sum_of_squares - 1) < 1e-7);
  });
}

}  // namespace
}  // namespace cnn
