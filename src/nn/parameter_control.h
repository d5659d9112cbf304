#pragma once

#include <algorithm>
#include <limits>

namespace cnn {

/// The epochs, counted from 1, in which a parameter learns: first to last. In the others the optimizer leaves
/// it and its running means alone, as PyTorch does where requires_grad is false.
struct LearningEpochs {
  static constexpr int kForever = std::numeric_limits<int>::max();
  int first = 1, last = kForever;

  static LearningEpochs never() { return {1, 0}; }
  bool contains(int epoch) const { return first <= epoch && epoch <= last; }
  bool empty() const { return first > last; }
  friend bool operator==(const LearningEpochs&, const LearningEpochs&) = default;
};

/// How the optimizer treats one tensor of parameters.
struct ParameterControl {
  LearningEpochs trainable;
  double learning_rate_scale = 1;
  double weight_decay_scale = 1;
  friend bool operator==(const ParameterControl&, const ParameterControl&) = default;
};

/// Something for the weight of an entry and something for its bias.
template <class T>
struct WeightAndBias {
  T weight, bias;
  friend bool operator==(const WeightAndBias&, const WeightAndBias&) = default;
};

/// How the optimizer treats the parameters of an entry of the network.
struct LayerControl {
  WeightAndBias<LearningEpochs> trainable;
  WeightAndBias<double> learning_rate_scale{1, 1}, weight_decay_scale{1, 1};
  /// A batch normalization takes its running statistics in training, too, and leaves them as they are
  /// (PyTorch's eval() of that layer).
  bool frozen_statistics = false;

  ParameterControl weight() const {
    return {trainable.weight, learning_rate_scale.weight, weight_decay_scale.weight};
  }
  ParameterControl bias() const {
    return {trainable.bias, learning_rate_scale.bias, weight_decay_scale.bias};
  }
  friend bool operator==(const LayerControl&, const LayerControl&) = default;
};

/// For an entry inside another one: it learns when both do, factors multiply, and statistics are frozen if
/// one of them says so.
inline LayerControl combined(const LayerControl& outer, const LayerControl& inner) {
  const auto both = [](const LearningEpochs& a, const LearningEpochs& b) {
    return LearningEpochs{std::max(a.first, b.first), std::min(a.last, b.last)};
  };
  const auto product = [](const WeightAndBias<double>& a, const WeightAndBias<double>& b) {
    return WeightAndBias<double>{a.weight * b.weight, a.bias * b.bias};
  };
  return {{both(outer.trainable.weight, inner.trainable.weight),
           both(outer.trainable.bias, inner.trainable.bias)},
          product(outer.learning_rate_scale, inner.learning_rate_scale),
          product(outer.weight_decay_scale, inner.weight_decay_scale),
          outer.frozen_statistics || inner.frozen_statistics};
}

}  // namespace cnn
