#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>
#include <set>

#include "catch.h"
#include "core/aligned_buffer.h"
#include "core/thread_pool.h"
#include "data/augmentation.h"
#include "data/batch_filler.h"
#include "data/memory_dataset.h"

namespace cnn {
namespace {

/// `images` of c x h x w whose value i is i * 31 % 256 (bytes) or that / 16 - 3 (floats).
MemoryDataset numbered(PixelType type, int images, int c, int h, int w) {
  MemoryDataset::Content content;
  content.type = type;
  content.channels = c, content.height = h, content.width = w;
  content.labels.assign(static_cast<std::size_t>(images), 0);
  content.classes = {"only"};
  for (int i = 0; i < images * c * h * w; ++i) {
    const int byte = i * 31 % 256;
    if (type == PixelType::bytes) {
      content.pixels.push_back(static_cast<std::byte>(byte));
    } else {
      const float value = static_cast<float>(byte) / 16.0f - 3.0f;
      const auto* bytes = reinterpret_cast<const std::byte*>(&value);
      content.pixels.insert(content.pixels.end(), bytes, bytes + 4);
    }
  }
  return MemoryDataset(std::move(content));
}

constexpr float kUntouched = -777;

/// A block with a border of 2 pixels, all of it kUntouched.
struct Canvas {
  AlignedBuffer memory;
  BlockView<float> view;
  Canvas(int c, int h, int w) : memory(std::int64_t{c} * (h + 4) * (w + 4) * kLanes) {
    std::fill(memory.span().begin(), memory.span().end(), kUntouched);
    view = {memory.data() + (2 * (w + 4) + 2) * kLanes, c, h, w, w + 4, std::int64_t{h + 4} * (w + 4)};
  }
};

TEST_CASE("a block holds the normalized pixels of its images, zeros in empty lanes, and its halo", "[data]") {
  constexpr int kC = 2, kH = 3, kImages = 20;
  const int kW = GENERATE(5, 16, 37);  // rows of 16 pixels and more are turned into lanes at once
  const Normalize normalize{{0.25, 0.5}, {0.3, 2}};
  for (const PixelType type : {PixelType::bytes, PixelType::floats}) {
    const MemoryDataset data = numbered(type, kImages, kC, kH, kW);
    const BatchFiller filler(data, normalize, 1);
    for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{16}}) {
      std::vector<std::int64_t> indices;
      for (std::size_t i = 0; i < count; ++i) indices.push_back(static_cast<std::int64_t>(i * 7 % kImages));
      Canvas canvas(kC, kH, kW);
      filler.fill(indices, 0, 0, canvas.view);
      std::int64_t written = 0;
      for (const float value : canvas.memory.span()) written += value != kUntouched;
      CHECK(written == kC * kH * kW * kLanes);
      for (int c = 0; c < kC; ++c)
        for (int y = 0; y < kH; ++y)
          for (int x = 0; x < kW; ++x)
            for (std::size_t lane = 0; lane < kLanes; ++lane) {
              float expected = 0;
              if (lane < count) {
                const auto i = static_cast<int>(indices[lane]);
                const int byte = (((i * kC + c) * kH + y) * kW + x) * 31 % 256;
                const float value = type == PixelType::bytes ? static_cast<float>(byte) / 255.0f
                                                             : static_cast<float>(byte) / 16.0f - 3.0f;
                expected = (value - (c == 0 ? 0.25f : 0.5f)) / (c == 0 ? 0.3f : 2.0f);
              }
              REQUIRE(canvas.view.at(c, y, x)[lane] == expected);
            }
    }
  }
}

using Ints = std::vector<int>;

/// The moves of the first epoch in which `wanted` holds.
template <class Wanted>
Augmentation::Moves moves_where(const Augmentation& augmentation, int h, int w, const Wanted& wanted) {
  Augmentation::Moves moves;
  for (std::uint32_t epoch = 0; epoch < 10000; ++epoch) {
    augmentation.draw(epoch, 0, h, w, moves);
    if (wanted(moves)) return moves;
  }
  FAIL("no epoch moves the image like this");
  return moves;
}

TEST_CASE("a translation shifts by whole pixels and fills the border", "[data]") {
  constexpr int kNone = Augmentation::kNothing;
  const auto right1_up2 = [](const Augmentation::Moves& m) { return m.x[1] == 0 && m.y[0] == 2; };
  const Augmentation zero({RandomTranslateSpec{2, Border::zero}}, 1);
  auto moves = moves_where(zero, 4, 3, right1_up2);
  CHECK(moves.x == Ints{kNone, 0, 1});
  CHECK(moves.y == Ints{2, 3, kNone, kNone});
  const Augmentation reflect({RandomTranslateSpec{2, Border::reflect}}, 1);
  moves = moves_where(reflect, 4, 3, [](const auto& m) { return m.x == Ints{1, 0, 1} && m.y[0] == 2; });
  CHECK(moves.y == Ints{2, 3, 2, 1});

  const std::array<std::uint8_t, 12> image{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  std::array<std::uint8_t, 12> moved{};
  moves = moves_where(zero, 4, 3, right1_up2);
  move_pixels(moves, 1, image.data(), moved.data());
  CHECK(moved == std::array<std::uint8_t, 12>{0, 7, 8, 0, 10, 11, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("shifts are uniform in both directions, flips happen with their probability", "[data]") {
  const Augmentation shift({RandomTranslateSpec{1}}, 5);
  const Augmentation flip({RandomFlipSpec{0.25}}, 5);
  std::array<int, 9> counts{};
  int flipped = 0;
  Augmentation::Moves moves;
  constexpr int kTimes = 9000;
  for (int i = 0; i < kTimes; ++i) {
    shift.draw(3, i, 3, 3, moves);
    ++counts[static_cast<std::size_t>(3 * moves.y[1] + moves.x[1])];
    flip.draw(3, i, 2, 3, moves);
    CHECK(moves.y == Ints{0, 1});
    const bool mirrored = moves.x == Ints{2, 1, 0};
    REQUIRE((mirrored || moves.x == Ints{0, 1, 2}));
    flipped += mirrored;
  }
  for (const int count : counts) CHECK(count == Approx(kTimes / 9).margin(150));
  CHECK(flipped == Approx(kTimes / 4).margin(200));
}

TEST_CASE("shifts larger than the image leave nothing, or reflect again and again", "[data]") {
  Augmentation::Moves moves;
  const Augmentation zero({RandomTranslateSpec{9}}, 1);
  moves = moves_where(zero, 2, 3, [](const auto& m) { return m.x == Ints{-1, -1, -1}; });
  const Augmentation reflect({RandomTranslateSpec{9, Border::reflect}}, 1);
  std::set<Ints> seen;
  for (std::uint32_t epoch = 0; epoch < 500; ++epoch) {
    reflect.draw(epoch, 0, 1, 3, moves);
    CHECK(moves.y == Ints{0});
    seen.insert(moves.x);
  }
  CHECK(seen == std::set<Ints>{{0, 1, 2}, {1, 2, 1}, {2, 1, 0}, {1, 0, 1}});
}

TEST_CASE("changes apply in their order", "[data]") {
  // A shift by at most 1 with zeros, then one with reflection: a zero column may be mirrored inside.
  const Augmentation both({RandomTranslateSpec{1, Border::zero}, RandomTranslateSpec{1, Border::reflect}}, 1);
  const auto inside = moves_where(both, 1, 4, [](const auto& m) { return m.x == Ints{0, -1, 0, 1}; });
  const Augmentation flip_last({RandomTranslateSpec{1}, RandomFlipSpec{1}}, 1);
  moves_where(flip_last, 1, 3, [](const auto& m) { return m.x == Ints{1, 0, -1}; });

  // The filler follows the same moves, zeros inside included.
  const MemoryDataset data = numbered(PixelType::bytes, 1, 1, 1, 4);
  const BatchFiller filler(data, {{0.5}, {0.5}}, 1, both);
  bool found = false;
  for (std::uint32_t epoch = 0; epoch < 200; ++epoch) {
    Augmentation::Moves moves;
    both.draw(epoch, 0, 1, 4, moves);
    Canvas canvas(1, 1, 4);
    filler.fill(std::array<std::int64_t, 1>{0}, epoch, 0, canvas.view);
    for (int x = 0; x < 4; ++x) {
      const int from = moves.x[static_cast<std::size_t>(x)];
      const int byte = from < 0 || moves.y[0] < 0 ? 0 : from * 31 % 256;
      REQUIRE(canvas.view.at(0, 0, x)[0] == (static_cast<float>(byte) / 255.0f - 0.5f) / 0.5f);
    }
    found = found || moves.x == inside.x;
  }
  CHECK(found);
}

TEST_CASE("augmentation depends on seed, epoch and image only", "[data]") {
  const std::vector<AugmentSpec> list{RandomTranslateSpec{3, Border::reflect}, RandomFlipSpec{}};
  const MemoryDataset data = numbered(PixelType::bytes, 40, 3, 8, 8);
  const BatchFiller one(data, {{0, 0, 0}, {1, 1, 1}}, 1, Augmentation(list, 9));
  const BatchFiller other_seed(data, {{0, 0, 0}, {1, 1, 1}}, 1, Augmentation(list, 10));
  std::array<std::int64_t, 16> indices, reversed;
  std::iota(indices.begin(), indices.end(), 11);
  std::reverse_copy(indices.begin(), indices.end(), reversed.begin());
  Canvas a(3, 8, 8), b(3, 8, 8), c(3, 8, 8), d(3, 8, 8);
  one.fill(indices, 4, 0, a.view);
  one.fill(indices, 5, 0, c.view);
  one.fill(reversed, 4, 0, b.view);  // other lanes, another order, after another epoch
  other_seed.fill(indices, 4, 0, d.view);
  int same_epoch = 0, same_seed = 0;
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 8; ++x)
      for (int lane = 0; lane < kLanes; ++lane) {
        REQUIRE(a.view.at(1, y, x)[lane] == b.view.at(1, y, x)[15 - lane]);
        same_epoch += a.view.at(1, y, x)[lane] == c.view.at(1, y, x)[lane];
        same_seed += a.view.at(1, y, x)[lane] == d.view.at(1, y, x)[lane];
      }
  CHECK(same_epoch < 512);
  CHECK(same_seed < 512);
}

}  // namespace
}  // namespace cnn
