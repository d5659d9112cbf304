#include "nn/network.h"

#include <algorithm>

#include "core/chunks.h"
#include "core/random.h"

namespace cnn {

Network::Network(const NetworkSpec& spec, const Shape& input, int classes, std::int64_t largest_batch)
    : largest_batch_(largest_batch),
      graph_(spec, input, classes),
      plan_(plan_parameters(graph_, largest_batch)),
      parameters_(plan_.parameter_floats),
      states_(plan_.state_floats),
      constants_(plan_.constant_floats),
      layers_(summarize(graph_)) {
  list_tensors();
  initialize_states();  // parameters stay zero until initialize()
}

Network::~Network() = default;

void Network::list_tensors() {
  for (const ParameterPlan::PlannedTensor& tensor : plan_.tensors) {
    AlignedBuffer& buffer = tensor.trainable ? parameters_ : states_;
    const std::span values(buffer.data() + tensor.offset, static_cast<std::size_t>(tensor.count));
    tensors_.push_back({tensor.name, tensor.shape, values, tensor.trainable, tensor.control});
  }
}

void Network::initialize_states() {
  for (std::size_t i = 0; i < tensors_.size(); ++i)
    if (!tensors_[i].trainable) std::ranges::fill(tensors_[i].values, plan_.tensors[i].start.size);
}

void Network::initialize(std::uint64_t seed) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    if (!tensors_[i].trainable) continue;
    Random random(seed, Purpose::initialization, number++);
    cnn::initialize(plan_.tensors[i].start, tensors_[i].shape, random, tensors_[i].values);
  }
  initialize_states();
}

const Tensor* Network::find(std::string_view tensor) const {
  const auto found = std::ranges::find(tensors_, tensor, &Tensor::name);
  return found == tensors_.end() ? nullptr : &*found;
}

void Network::pack(ThreadPool& pool, int from) {
  Pass pass;
  pass.parameters = parameters_.data();
  pass.states = states_.data();
  pass.constants = constants_.data();
  // The worker that took the optimizer's step for some parameters packs them, too, or most of them where a
  // task reads a whole layer (Winograd). Layers without parameters may stand at the very end.
  for_each_in_chunks(parameters_.size(), pool, plan_.pack_tasks, &ParameterPlan::PackTask::position,
                     [&](const ParameterPlan::PackTask& task) {
                       if (task.node < from) return;
                       nodes()[static_cast<std::size_t>(task.node)].layer->run(pass, Work::pack, task.task);
                     });
}

std::int64_t Network::parameter_count() const {
  std::int64_t count = 0;
  for (const LayerSummary& layer : layers_) count += layer.parameters;
  return count;
}

}  // namespace cnn
