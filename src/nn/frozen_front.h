#pragma once

#include "nn/network.h"

namespace cnn {

/// The front of a network that training does not change: how many nodes, from the first on, compute in this
/// epoch (from 1) what they compute in evaluation, from parameters that do not learn in it. What they make of
/// an image is then the same in every step. Where a residual would be cut in the middle, the front ends
/// before it. 0: none; at least one node is behind it.
int frozen_front(const Network& network, int epoch);

}  // namespace cnn
