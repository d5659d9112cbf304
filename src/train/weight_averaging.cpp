#include "train/weight_averaging.h"

#include <algorithm>

#include "core/chunks.h"
#include "kernels/optimizer.h"

namespace cnn {

WeightAveraging::WeightAveraging(const WeightAveragingSpec& spec, Network& network)
    : decay_(spec.decay),
      parameters_(network.parameter_floats()),
      states_(static_cast<std::int64_t>(network.states().size())) {}

void WeightAveraging::update(Network& network, ThreadPool& pool) {
  const float share = updates_ == 0 ? 1.0f : static_cast<float>(1 - decay_);
  ++updates_;
  const auto average = [&](std::span<const float> now, AlignedBuffer& averages) {
    for_each_chunk(averages.size(), pool, [&](std::int64_t first, std::int64_t count) {
      move_towards(share, count, now.data() + first, averages.data() + first);
    });
  };
  average(network.parameters(), parameters_);
  average(network.states(), states_);
}

void WeightAveraging::swap(Network& network) {
  if (updates_ == 0) return;
  std::ranges::swap_ranges(network.parameters(), parameters_.span());
  std::ranges::swap_ranges(network.states(), states_.span());
}

void WeightAveraging::list_state(StateParts& parts) {
  parts.add("averaging.updates", updates_);
  parts.add("averaging.parameters", parameters_.span());
  parts.add("averaging.states", states_.span());
}

std::int64_t WeightAveraging::bytes(const Network& network) {
  return network.model_floats() * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace cnn
