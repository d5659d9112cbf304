#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "data/data_spec.h"
#include "data/pixel_changes.h"
#include "data/random_box.h"
#include "data/test_views.h"
#include "data/warp.h"

namespace cnn {

/// A list of random changes, applied in order to the pixels of an image before they are normalized. What
/// happens depends on seed, epoch and index of the image and on nothing else. Mixup is not its business: it
/// needs a batch (train/mixup.h).
class Augmentation {
 public:
  Augmentation() = default;
  Augmentation(std::vector<AugmentSpec> list, std::uint64_t seed);
  /// Not random: every image is seen like this.
  explicit Augmentation(const TestView& view) : view_(view) {}

  bool empty() const { return list_.empty() && !view_; }
  /// Nothing but shifts, crops and flips, which move whole rows and columns: draw() says it all, and any
  /// number of changes costs one copy. Else the image goes through change().
  bool only_moves() const { return only_moves_; }

  /// Where every row and column of the changed image comes from: y[i], x[i] in the original, or kNothing for
  /// a border pixel, which is 0.
  static constexpr int kNothing = -1;
  struct Moves {
    std::vector<int> y, x;
  };
  /// Only if only_moves(). epoch counts from 1 in training.
  void draw(std::uint32_t epoch, std::int64_t index, int height, int width, Moves& moves) const;

  /// Working memory of change(), kept from one image to the next.
  struct Scratch {
    std::vector<float> other;
    Moves moves;
    Warp warp;
    BoxEnlarger enlarger;
  };
  /// Changes the image in place. Its values are in 0..1 and stay there if `clamp`; without it (pixels that
  /// were floats from the start) brightness and contrast may go anywhere. `mean`: the color, per channel,
  /// that cutout leaves.
  void change(std::uint32_t epoch, std::int64_t index, const FloatImageView& image, bool clamp,
              std::span<const float> mean, Scratch& scratch) const;

 private:
  /// Applies the entries from `first` on as long as they are moves; returns the first that is none.
  std::size_t draw_moves(std::size_t first, std::uint32_t epoch, std::int64_t index, Random& random,
                         Moves& moves) const;
  /// The same for turns, zooms and deformations that one interpolation can do.
  std::size_t draw_warp(std::size_t first, Random& random, Warp& warp) const;

  std::vector<AugmentSpec> list_;
  std::uint64_t seed_ = 0;
  bool only_moves_ = true;
  std::optional<TestView> view_;
};

/// Copies `channels` planes of height x width values (the sizes of the lists) from `from` to `to`, moved.
/// Value: std::uint8_t or float. No overlap.
template <class Value>
void move_pixels(const Augmentation::Moves& moves, int channels, const Value* from, Value* to) {
  const std::size_t height = moves.y.size(), width = moves.x.size();
  for (int c = 0; c < channels; ++c, from += height * width) {
    for (const int y : moves.y) {
      const Value* row = from + static_cast<std::size_t>(y < 0 ? 0 : y) * width;
      for (const int x : moves.x) *to++ = x < 0 || y < 0 ? Value{0} : row[x];
    }
  }
}

}  // namespace cnn
