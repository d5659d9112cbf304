#include "nn/parameter_plan.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "core/block.h"
#include "core/memory.h"
#include "core/text.h"

namespace cnn {
namespace {

/// Tensors begin on 64-byte boundaries.
std::int64_t rounded(std::int64_t floats) { return (floats + kLanes - 1) / kLanes * kLanes; }

std::int64_t count_of(const std::vector<std::int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

/// Numbers in one tensor: far beyond a small network, and small enough that offsets and the tables a layer
/// makes of them fit 32 bits.
constexpr std::int64_t kMostInTensor = std::int64_t{1} << 30;

bool is_too_large(const std::vector<std::int64_t>& shape) {
  std::int64_t left = kMostInTensor;
  for (const std::int64_t size : shape) left /= std::max<std::int64_t>(1, size);
  return left == 0;
}

/// Hands out places, node by node.
class PlaceGiver final : public Planner {
 public:
  PlaceGiver(Graph& graph, std::int64_t largest_batch) : graph_(graph), blocks_(blocks_of(largest_batch)) {}

  ParameterPlan plan() {
    for (std::size_t n = 0; n < graph_.nodes().size(); ++n) plan_node(static_cast<int>(n));
    check_memory();
    return std::move(plan_);
  }

  ParameterId parameter(ParameterRequest request) override {
    if (is_too_large(request.shape))
      throw SpecError(
          node_->path,
          fmt::format("its {} would have {} = more than {} numbers; make it smaller\n{}", request.name,
                      fmt::join(request.shape, " x "), with_commas(kMostInTensor), graph_.chain()));
    const std::int64_t count = count_of(request.shape);
    ParameterId id{.offset = plan_.parameter_floats};
    if (request.gradient_per_leaf) {
      id.leaf_offset = plan_.leaf_floats;
      if (request.leaf_floats == 0)
        plan_.leaf_ranges.push_back({number_, id.offset, id.leaf_offset, rounded(count)});
      plan_.leaf_floats += rounded(request.leaf_floats == 0 ? count : request.leaf_floats);
    }
    node_->parameters_end = id.offset + rounded(count);
    const std::string name = node_->name + "." + request.name;
    if (count > largest_.count) largest_ = {node_->path, name, count};
    plan_.tensors.push_back(
        {name, std::move(request.shape), count, id.offset, true, request.initialization, request.control});
    plan_.parameter_floats += rounded(count);
    node_->parameters += count;
    if (!request.control.trainable.empty()) node_->learns = true;
    return id;
  }

  StateId state(const std::string& name, std::vector<std::int64_t> shape, float initial) override {
    const StateId id{plan_.state_floats};
    const std::int64_t count = count_of(shape);
    plan_.state_floats += rounded(count);
    plan_.tensors.push_back({node_->name + "." + name,
                             std::move(shape),
                             count,
                             id.offset,
                             false,
                             Initialization::constant(initial),
                             {}});
    return id;
  }

  ConstantId constant(std::int64_t floats) override {
    const ConstantId id{plan_.constant_floats};
    plan_.constant_floats += rounded(floats);
    return id;
  }

  BufferId saved(std::int64_t floats) override {
    const BufferId id{static_cast<int>(plan_.saved_floats.size())};
    plan_.saved_floats.push_back(rounded(floats));
    node_->saved.push_back(id);
    return id;
  }

  StatisticId statistic(std::int64_t doubles) override {
    const std::int64_t rounded = (doubles + 7) / 8 * 8;  // blocks never share a cache line
    const StatisticId id{plan_.statistic_doubles, rounded};
    plan_.statistic_doubles += rounded;
    node_->statistics.push_back(id);
    return id;
  }

  void scratch(std::int64_t floats) override {
    plan_.evaluation_scratch_floats = std::max(plan_.evaluation_scratch_floats, rounded(floats));
    training_scratch(floats);
  }
  void training_scratch(std::int64_t floats) override {
    plan_.training_scratch_floats = std::max(plan_.training_scratch_floats, rounded(floats));
  }

  int blocks() const override { return blocks_; }

 private:
  void plan_node(int number) {
    number_ = number;
    node_ = &graph_.nodes()[static_cast<std::size_t>(number)];
    const std::int64_t first = plan_.parameter_floats;
    node_->parameters_begin = node_->parameters_end = first;
    node_->needs = node_->layer->plan(graph_.values()[static_cast<std::size_t>(node_->x)], *this);
    const int tasks = node_->layer->tasks(Work::pack);
    for (int task = 0; task < tasks; ++task)
      plan_.pack_tasks.push_back({number, task, first + (plan_.parameter_floats - first) * task / tasks});
  }

  /// Refuses before allocation what the process cannot get.
  void check_memory() const {
    const std::int64_t bytes = (plan_.parameter_floats + plan_.state_floats + plan_.constant_floats) *
                               static_cast<std::int64_t>(sizeof(float));
    constexpr std::int64_t kSmall = 64 << 20;
    if (bytes < kSmall) return;
    const AvailableMemory available = available_memory();
    if (bytes <= available.bytes) return;
    throw SpecError(
        largest_.path,
        fmt::format(
            "the network's parameters take {} of memory, and {} leaves {}; the largest tensor is this "
            "one, {} of {} numbers; make it smaller\n{}",
            human_bytes(bytes), available.limit, human_bytes(available.bytes), largest_.name,
            with_commas(largest_.count), graph_.chain()));
  }

  Graph& graph_;
  const int blocks_;
  int number_ = 0;
  Node* node_ = nullptr;
  ParameterPlan plan_;
  struct Largest {
    std::string path, name;
    std::int64_t count = 0;
  };
  Largest largest_;  // among the parameters
};

}  // namespace

ParameterPlan plan_parameters(Graph& graph, std::int64_t largest_batch) {
  return PlaceGiver(graph, largest_batch).plan();
}

}  // namespace cnn
