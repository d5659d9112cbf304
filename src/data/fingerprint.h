#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/block.h"
#include "core/thread_pool.h"
#include "data/dataset.h"
#include "data/picture_hash.h"

namespace cnn {

/// 128 bits, high and low, that stand for the pixels of an image: among a billion images, two different ones
/// share them with a probability of about 1e-21. No defense against somebody who looks for two that do.
struct Fingerprint {
  std::uint64_t high = 0, low = 0;
  std::uint64_t look = 0;  ///< picture_hash() of the same pixels; 0 of what is no picture
  friend auto operator<=>(const Fingerprint&, const Fingerprint&) = default;
};

/// The same on every machine. About 4 bytes a nanosecond.
Fingerprint fingerprint(std::span<const std::byte> pixels);

/// The same of the floats of each image in a block.
std::array<Fingerprint, kLanes> fingerprints_of_lanes(BlockView<const float> block);

/// Of a picture: with its look.
Fingerprint fingerprint(const PictureView& picture);

/// Of every image of a data set, read on all threads.
std::vector<Fingerprint> fingerprints_of(const Dataset& dataset, ThreadPool& pool);

}  // namespace cnn
