#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "inspect/image_batch.h"
#include "nn/network.h"
#include "nn/runner.h"

namespace cnn {

/// Everything that one training step of the engine computed, in plain order: [image][c][h][w].
class StepTrace final : private StepObserver {
 public:
  /// Takes the batch through the network, forward and backward; the weights stay as they are. The network
  /// must have been made for at least as many images. `output_gradient`: passed back in place of the loss's
  /// gradient, [image][value of the last layer]; empty: the loss's. Changes running statistics. Throws Error
  /// (exit 1) if the loss is not finite.
  StepTrace(Network& network, ThreadPool& pool, const ImageBatch& batch,
            std::span<const float> output_gradient = {});

  Network& network() const { return network_; }
  int images() const { return images_; }
  /// Mean over the images.
  double loss() const { return loss_; }

  /// Of a node of the network.
  std::span<const float> input(int node) const { return values_[value(network_.nodes()[index(node)].x)]; }
  std::span<const float> shortcut(int node) const {
    return values_[value(network_.nodes()[index(node)].shortcut)];
  }
  std::span<const float> output(int node) const { return values_[value(network_.nodes()[index(node)].y)]; }
  /// d(loss)/d(output), summed over all the ways it comes back.
  std::span<const float> output_gradient(int node) const { return gradients_[index(node)]; }
  /// The part of d(loss)/d(input) that goes back through this node; for the shortcut of a sum, that to the
  /// shortcut.
  std::span<const float> input_gradient(int node) const { return through_[index(node)]; }
  std::span<const float> shortcut_gradient(int node) const { return through_shortcut_[index(node)]; }
  /// d(loss)/d(tensor), of a trainable one.
  std::span<const float> parameter_gradient(const Tensor& tensor) const;
  /// The same of all, one number for each of network().parameters().
  std::span<const float> parameter_gradients() const { return parameter_gradients_; }

 private:
  static std::size_t index(int node) { return static_cast<std::size_t>(node); }
  static std::size_t value(int number) { return static_cast<std::size_t>(number); }
  void keep(std::vector<float>& to, int block, int images, BlockView<const float> from);
  void output(int node, int block, int images, BlockView<const float> y) override;
  void output_gradient(int node, int block, int images, BlockView<const float> dy) override;
  void input_gradient(int node, bool shortcut, int block, int images, BlockView<const float> dx) override;

  Network& network_;
  int images_;
  double loss_ = 0;
  std::vector<std::vector<float>> values_;  ///< by value of the network's graph
  std::vector<std::vector<float>> gradients_, through_, through_shortcut_;  ///< by node
  std::vector<float> parameter_gradients_;
};

}  // namespace cnn
