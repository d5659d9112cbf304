#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/words.h"

namespace cnn {

class Random;

/// Initializers of weights, after torch.nn.init. fan_in = inputs of one output, fan_out = outputs * kernel
/// positions.
enum class WeightInit {
  kaiming_uniform,  ///< U(-b, b), b = 1 / sqrt(fan_in): what PyTorch's layers do (gain for a = sqrt(5))
  kaiming_normal,   ///< N(0, 2 / fan_in) (K. He et al., arXiv:1502.01852)
  xavier_uniform,   ///< U(-b, b), b = sqrt(6 / (fan_in + fan_out)) (X. Glorot, Y. Bengio, 2010)
  dirac,            ///< output d of the first IC copies input d, the other outputs are 0; per group
  partial_dirac,    ///< the same, but the other outputs are kaiming_uniform
  zeros,
  whitening,  ///< filters that decorrelate the training images' patches (train/whitening.h); the network
              ///< itself starts them as kaiming_uniform
};
template <>
inline constexpr auto kWords<WeightInit> =
    all_words<WeightInit>({{"kaiming_uniform", WeightInit::kaiming_uniform},
                           {"kaiming_normal", WeightInit::kaiming_normal},
                           {"xavier_uniform", WeightInit::xavier_uniform},
                           {"zeros", WeightInit::zeros},
                           {"dirac", WeightInit::dirac},
                           {"partial_dirac", WeightInit::partial_dirac},
                           {"whitening", WeightInit::whitening}});

enum class BiasInit {
  uniform,  ///< U(-b, b), b = 1 / sqrt(fan_in): what PyTorch's layers do
  zeros,
};
template <>
inline constexpr auto kWords<BiasInit> = all_words<BiasInit>({{"uniform", BiasInit::uniform},
                                                              {"zeros", BiasInit::zeros}});

/// How a parameter starts: a constant or random numbers, and some outputs as copies of inputs.
struct Initialization {
  enum class Form { constant, uniform, normal };
  Form form = Form::constant;
  float size = 0;  ///< the constant; or the bound of [-size, size); or the standard deviation
  /// At least 1: in each of so many groups, output d, for every d below the group's inputs, is nothing but a
  /// copy of input d: 1 in the middle of its kernel, zeros elsewhere.
  int copying_groups = 0;

  static Initialization constant(float value) { return {.size = value}; }
  static Initialization uniform(float bound) { return {.form = Form::uniform, .size = bound}; }
};

/// shape: of the weight: [out, in] or [OC, IC / groups, KH, KW].
Initialization initialization_of(WeightInit init, std::span<const std::int64_t> shape, int groups = 1);

/// fan_in: of the weight that the bias belongs to.
Initialization initialization_of(BiasInit init, std::int64_t fan_in);

/// Inputs of one output of a weight.
std::int64_t fan_in_of(std::span<const std::int64_t> shape);

/// Overwrites values, of this shape. All random numbers come from `random`, in the order of the values.
void initialize(const Initialization& how, std::span<const std::int64_t> shape, Random& random,
                std::span<float> values);

}  // namespace cnn
