#pragma once

#include <bit>

namespace cnn {

// Gradients are added in the order of one fixed tree over the leaves of a batch, so that any worker or
// process may add any part of it. The sum of leaves [first, end) is that of [first, middle) plus that of
// [middle, end), where middle - first is the largest power of two below end - first. Leaf by leaf it is a
// binary counter: every leaf goes onto a stack, and then so many times the two sums on top become one.

/// Sums to join after leaf i of a tree is on the stack. After the last one: until one sum is left.
constexpr int joins_after(int leaf) { return std::countr_one(static_cast<unsigned>(leaf)); }

/// Most leaves of a batch.
inline constexpr int kMostLeaves = 64;

/// Most sums on the stack at a time.
inline constexpr int kTreeDepth = 7;

}  // namespace cnn
