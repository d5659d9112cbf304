#pragma once

#include <cstdint>
#include <span>

namespace cnn {

/// The order in which an epoch (from 1) takes the images of a training set: 0, 1, 2, ... or, shuffled, a
/// permutation that depends on seed, epoch and number of images only.
void order_of_epoch(std::uint64_t seed, int epoch, bool shuffle, std::span<std::int64_t> order);

}  // namespace cnn
