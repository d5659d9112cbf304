#pragma once

#include <array>
#include <cstdint>

namespace cnn {

/// What a random number is for. A part of the counter, so that no two uses share a stream. The values are
/// part of every result: never renumber them.
enum class Purpose : std::uint32_t {
  initialization = 1,
  shuffle = 2,
  split = 3,
  dropout = 4,
  augmentation = 5,
  digits = 6,
  mixup = 7,
};

/// One call of the Philox4x32-10 generator: a bijection of a 128-bit counter under a 64-bit key.
/// Source: J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3 and table 2.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// A stream of random numbers that depends on nothing but its four coordinates: the same numbers come out
/// whichever thread asks, in whatever order, and after a resume. Cheap to construct; not shared by threads.
class Random {
 public:
  /// `major` and `minor` tell streams of one purpose apart (an epoch and an image, a layer and a step ...).
  Random(std::uint64_t seed, Purpose purpose, std::uint32_t major = 0, std::uint32_t minor = 0);

  /// 32 uniform bits.
  std::uint32_t bits();
  /// Uniform in [0, 1): multiples of 2^-24.
  float uniform();
  /// Uniform in [low, high).
  float uniform(float low, float high) { return low + (high - low) * uniform(); }
  /// Uniform in [0, n), without bias. n >= 1.
  std::uint32_t below(std::uint32_t n);
  /// Standard normal (Box-Muller on two uniforms).
  float normal();

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
};

}  // namespace cnn
