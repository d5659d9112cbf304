#pragma once

#include <memory>
#include <optional>

#include "kernels/activation.h"
#include "nn/initialization.h"
#include "nn/parameter_control.h"
#include "nn/shape.h"

namespace cnn {

class Layer;

/// Rows and columns around a map.
struct MapSides {
  int top = 0, left = 0, bottom = 0, right = 0;
  friend bool operator==(const MapSides&, const MapSides&) = default;
};

/// Zero border around a convolution's input: an amount per side, or a rule.
struct ConvPadding {
  enum class Mode {
    amount,  ///< `amount` rows above and below, columns left and right
    sides,   ///< `sides`
    same,    ///< output as large as the input: total d*(k-1), floor(total/2) before, the rest after; stride 1
             ///< only
    /// TensorFlow's and Keras's "same": ceil(size / s) outputs, total max((outputs-1)*s + d*(k-1)+1 - size,
    /// 0), floor(total/2) before, the rest after.
    same_tensorflow,
    valid,  ///< none
  };
  Mode mode = Mode::amount;
  Size2 amount{0, 0};
  MapSides sides{};
  friend bool operator==(const ConvPadding&, const ConvPadding&) = default;
};

/// A 2-d convolution (cross-correlation, as in PyTorch).
struct ConvSpec {
  int out_channels = 0;
  Size2 kernel_size;
  Size2 stride{1, 1};
  ConvPadding padding;
  Size2 dilation{1, 1};
  int groups = 1;
  bool bias = true;
  ActivationFunction activation = ActivationFunction::none;
  WeightInit weight_init = WeightInit::kaiming_uniform;
  BiasInit bias_init = BiasInit::uniform;
  LayerControl control;
  friend bool operator==(const ConvSpec&, const ConvSpec&) = default;
};

/// The border around an input of this shape.
MapSides padding_of(const ConvSpec& spec, const Shape& in);

std::unique_ptr<Layer> make_layer(const ConvSpec& spec);

}  // namespace cnn
