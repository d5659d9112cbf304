#pragma once

#include "kernels/activation.h"

namespace cnn {

/// The function at z, in double precision.
double activation_value(const Activation& activation, double z);

}  // namespace cnn
