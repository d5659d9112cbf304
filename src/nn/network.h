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
#include "nn/graph.h"
#include "nn/layer_summary.h"
#include "nn/network_spec.h"
#include "nn/parameter_plan.h"

namespace cnn {

/// A named tensor of a network, in PyTorch's shape.
struct Tensor {
  std::string name;  ///< "conv1.weight"
  std::vector<std::int64_t> shape;
  std::span<float> values;
  bool trainable = false;  ///< a parameter, as opposed to running statistics
  ParameterControl control;
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

  const Graph& graph() const { return graph_; }
  const Shape& input() const { return graph_.input(); }
  int classes() const { return graph_.classes(); }
  const std::vector<Node>& nodes() const { return graph_.nodes(); }
  int value_count() const { return static_cast<int>(graph_.values().size()); }
  std::int64_t largest_batch() const { return largest_batch_; }
  const std::vector<LayerSummary>& layers() const { return layers_; }
  std::int64_t parameter_count() const;

  /// Every tensor of a model file: parameters and running statistics, in the order of the layers.
  const std::vector<Tensor>& tensors() const { return tensors_; }

  /// The tensor of this name, or null.
  const Tensor* find(std::string_view tensor) const;

  /// As every layer asks for: PyTorch's default, or an initializer by name. Each tensor from a stream of its
  /// own (its number among the parameters).
  void initialize(std::uint64_t seed);

  /// As Graph's.
  const std::optional<Graph::Whitening>& whitening() const { return graph_.whitening(); }

  /// To be called after tensors changed and before the next pass: refreshes what is derived from them. from:
  /// if only those of the nodes from this one on have changed.
  void pack(ThreadPool& pool, int from = 0);

  // For Runner and the optimizer.
  const ParameterPlan& plan() const { return plan_; }
  std::span<float> parameters() { return parameters_.span(); }
  std::span<const float> parameters() const { return parameters_.span(); }
  std::span<float> states() { return states_.span(); }
  std::span<float> constants() { return constants_.span(); }
  std::int64_t parameter_floats() const { return parameters_.size(); }
  std::int64_t state_floats() const { return states_.size(); }
  std::int64_t model_floats() const { return parameters_.size() + states_.size(); }

 private:
  void list_tensors();
  void initialize_states();

  std::int64_t largest_batch_;
  Graph graph_;
  ParameterPlan plan_;
  AlignedBuffer parameters_, states_, constants_;
  std::vector<Tensor> tensors_;  ///< of plan_.tensors
  std::vector<LayerSummary> layers_;
};

}  // namespace cnn
