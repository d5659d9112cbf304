#pragma once

namespace cnn {

/// A function that kernels apply before they store what they computed: max(z, 0), or min(max(z, 0), 6). NaN
/// stays NaN.
enum class Rectifier { none, relu, relu6 };

}  // namespace cnn
