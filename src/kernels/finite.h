#pragma once

#include <span>

namespace cnn {

/// Whether every one of these numbers is finite. Any alignment and length; looked for in every step of a
/// training, so it has to be cheap.
bool all_finite(std::span<const float> values);

}  // namespace cnn
