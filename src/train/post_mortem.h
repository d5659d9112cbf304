#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cluster/cluster.h"
#include "core/error.h"
#include "nn/network.h"
#include "nn/runner.h"

namespace cnn {

/// Smallest and largest of the finite ones among many numbers.
struct ValueRange {
  float low = 0, high = 0;  ///< 0 if none is finite
  std::int64_t finite = 0, not_finite = 0;
  void add(float value);
  void add(const ValueRange& other);
};

/// What was found when a number of a training stopped being finite.
struct PostMortem {
  enum class Cause { loss, gradient, weight };
  Cause cause = Cause::loss;
  int epoch = 0;
  std::int64_t step = 0;  ///< of the epoch, from 1
  double learning_rate = 0;

  struct Layer {
    std::string name;
    ValueRange output;
  };
  struct Parameters {
    std::string name;
    ValueRange values, gradient;
  };
  std::vector<Layer> layers;        ///< in the order of computation; empty after a weight
  std::vector<Parameters> tensors;  ///< running statistics have no gradient
  std::vector<std::string> images;  ///< of the batch
  std::string first_layer;          ///< where it began: "" where no layer's output is to blame
  std::string first_tensor;         ///< a parameter, or "" where none is

  /// One sentence: where it began.
  std::string beginning() const;
};

/// Looks at a network whose training step went wrong. For a loss or a gradient the parameters must be those
/// from before the step: the batch goes forward once more, which changes running statistics. `gradients`: of
/// that batch, or empty. Collective: the runner's cluster.
PostMortem examine(PostMortem::Cause cause, Network& network, Runner& training, const Batch& batch,
                   std::span<const float> gradients, Cluster& cluster = alone());

/// A page for people, and the same for programs.
std::string to_text(const PostMortem& post_mortem);
std::string to_json(const PostMortem& post_mortem);

/// Ends a step whose numbers are not finite.
class NonFiniteError : public Error {
 public:
  explicit NonFiniteError(PostMortem post_mortem);
  const PostMortem& post_mortem() const { return post_mortem_; }

 private:
  PostMortem post_mortem_;
};

}  // namespace cnn
