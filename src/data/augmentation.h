#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/data_spec.h"

namespace cnn {

/// A list of random changes, applied in order to the pixels of an image before they are normalized. What
/// happens depends on seed, epoch and index of the image and on nothing else.
class Augmentation {
 public:
  Augmentation() = default;
  Augmentation(std::vector<AugmentSpec> list, std::uint64_t seed) : list_(std::move(list)), seed_(seed) {}

  bool empty() const { return list_.empty(); }

  /// Where every row and column of the changed image comes from: y[i], x[i] in the original, or kNothing for
  /// a border pixel, which is 0. All changes are moves of whole rows and columns, so two lists say it all,
  /// and any number of changes costs one copy.
  static constexpr int kNothing = -1;
  struct Moves {
    std::vector<int> y, x;
  };
  void draw(std::uint32_t epoch, std::int64_t index, int height, int width, Moves& moves) const;

 private:
  std::vector<AugmentSpec> list_;
  std::uint64_t seed_ = 0;
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
