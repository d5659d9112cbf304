#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/thread_pool.h"
#include "nn/layer.h"
#include "nn/network_spec.h"

namespace cnn {

/// A named tensor of a network, in PyTorch's shape.
struct Tensor {
  std::string name;  ///< "conv1.weight"
  std::vector<std::int64_t> shape;
  std::span<float> values;
  bool trainable = false;  ///< a parameter, as opposed to running statistics
  ParameterControl control;
};

/// One layer in the order of computation. The entries of a residual come before the residual's own node, its
/// sum.
struct Node {
  std::unique_ptr<Layer> layer;
  std::string name;
  std::string path;  ///< JSON pointer of its entry
  int entry =
      -1;  ///< which row of layers() it belongs to; a projection's conv and norm belong to the residual
  bool is_row = true;  ///< whether its output is the entry's output
  Shape in, out;
  int x = 0, shortcut = -1,
      y = 0;  ///< values (edges of the graph) that it reads and writes; value 0 is the input
  Needs needs;
  /// In a node with a ReLU: the max pooling behind it, its only reader, which may do the ReLU's part of
  /// backward(). In that pooling: the node. -1: none.
  int relu_partner = -1;
  /// In a convolution: the 2x2 max pooling behind it, its only reader, which its forward() may do. In that
  /// pooling: the convolution. -1: none.
  int pooling_partner = -1;
  bool learns = false;  ///< has parameters that are ever trained
  std::vector<BufferId> saved;
};

/// What a table says about one entry of the config.
struct LayerSummary {
  std::string name, type;
  Shape in, out;
  std::int64_t parameters = 0;
  std::int64_t macs = 0;
  std::int64_t dense_equivalent_parameters = 0;
  Size2 receptive_field;  ///< input rows and columns that one output value can see
  /// Input rows and columns between what neighboring outputs see; 0 where there are no neighbors: flat, 1x1.
  Size2 effective_stride{0, 0};
  Window window;
  std::int64_t inputs_per_output = 0;  ///< values of `in` that one output value reads, at most
};

/// A network: its layers with their shapes, and all numbers that a model file holds. Built from a checked
/// spec; the shapes are checked here.
class Network {
 public:
  /// `classes`: what the last entry must put out; 0: not known. `largest_batch`: images in one pass.
  /// Throws SpecError with the chain of shapes up to the entry that cannot work.
  Network(const NetworkSpec& spec, const Shape& input, int classes, std::int64_t largest_batch);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  const Shape& input() const { return input_; }
  int classes() const { return nodes_.back().out.c; }
  std::int64_t largest_batch() const { return largest_batch_; }
  const std::vector<LayerSummary>& layers() const { return layers_; }
  std::int64_t parameter_count() const;

  /// Every tensor of a model file: parameters and running statistics, in the order of the layers.
  const std::vector<Tensor>& tensors() const { return tensors_; }

  /// As every layer asks for: PyTorch's default, or an initializer by name. Each tensor from a stream of its
  /// own (its number among the parameters).
  void initialize(std::uint64_t seed);

  /// The weight of the first convolution, if it is to be made from images (train/whitening.h), and the
  /// distance of the pixels in its window.
  struct Whitening {
    std::string tensor;
    Size2 dilation;
  };
  const std::optional<Whitening>& whitening() const { return whitening_; }

  /// The tensor of this name, or null.
  const Tensor* find(std::string_view tensor) const;

  /// To be called after tensors changed and before the next pass: refreshes what is derived from them.
  void pack(ThreadPool& pool);

  // For Runner and the optimizer.
  const std::vector<Node>& nodes() const { return nodes_; }
  int value_count() const { return static_cast<int>(nodes_.size()) + 1; }
  std::span<float> parameters() { return parameters_.span(); }
  std::span<const float> parameters() const { return parameters_.span(); }
  std::span<float> states() { return states_.span(); }
  std::span<float> constants() { return constants_.span(); }
  std::int64_t parameter_floats() const { return parameters_.size(); }
  std::int64_t state_floats() const { return states_.size(); }
  std::int64_t model_floats() const { return parameters_.size() + states_.size(); }
  struct ShardRange {
    std::int64_t offset, shard_offset, count;  ///< multiples of 16 floats
  };
  /// Parameters whose gradients the runner adds up over the shards.
  const std::vector<ShardRange>& shard_ranges() const { return shard_ranges_; }
  std::int64_t shard_floats() const { return shard_floats_; }
  std::int64_t statistic_doubles() const { return statistic_doubles_; }
  std::int64_t scratch_floats(bool training) const {
    return training ? training_scratch_floats_ : scratch_floats_;
  }
  const std::vector<std::int64_t>& saved_floats() const { return saved_floats_; }

 private:
  class Plan;
  int add_entries(const NetworkSpec& spec, const LayerControl& outer, int value);
  int add_node(std::unique_ptr<Layer> layer, const std::string& name, const std::string& path, int entry,
               int x, int shortcut = -1);
  int add_residual(const LayerSpec& entry, const ResidualSpec& spec, const LayerControl& outer, int value);
  std::string chain() const;
  void plan();
  void join_poolings();
  void initialize_states();
  void summarize();

  Shape input_;
  std::int64_t largest_batch_ = 0;
  std::vector<Node> nodes_;
  std::vector<Shape> values_;
  std::vector<std::string> entry_names_;
  std::vector<LayerSummary> layers_;
  std::vector<Tensor> tensors_;

  AlignedBuffer parameters_, states_, constants_;
  std::optional<Whitening> whitening_;
  std::vector<Initialization> starts_;  ///< of each of tensors_
  struct PackTask {
    const Layer* layer;
    int task;
    std::int64_t position;  ///< about where it reads among the parameters; ascending
  };
  std::vector<PackTask> pack_tasks_;
  std::vector<ShardRange> shard_ranges_;
  std::int64_t shard_floats_ = 0, statistic_doubles_ = 0;
  std::int64_t scratch_floats_ = 0, training_scratch_floats_ = 0;
  std::vector<std::int64_t> saved_floats_;
};

}  // namespace cnn
