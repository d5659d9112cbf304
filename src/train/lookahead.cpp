#include "train/lookahead.h"

#include <algorithm>

#include "core/chunks.h"
#include "core/portable_math.h"
#include "kernels/optimizer.h"

namespace cnn {

Lookahead::Lookahead(const LookaheadSpec& spec, Network& network)
    : spec_(spec),
      parameters_(network.parameter_floats()),
      states_(static_cast<std::int64_t>(network.states().size())) {
  std::ranges::copy(network.parameters(), parameters_.data());
  std::ranges::copy(network.states(), states_.data());
}

void Lookahead::after_step(std::int64_t steps, double fraction, Network& network, ThreadPool& pool) {
  if (steps % spec_.steps == 0) follow(fraction, network, pool);
  if (fraction < 1) return;
  std::ranges::copy(parameters_.span(), network.parameters().begin());
  std::ranges::copy(states_.span(), network.states().begin());
}

void Lookahead::follow(double fraction, Network& network, ThreadPool& pool) {
  const double alpha = spec_.alpha + (spec_.final_alpha - spec_.alpha) * portable_pow(fraction, spec_.power);
  const auto all = [&](std::span<float> fast, AlignedBuffer& slow) {
    for_each_chunk(slow.size(), pool, [&](std::int64_t first, std::int64_t count) {
      move_towards(static_cast<float>(alpha), count, fast.data() + first, slow.data() + first);
      std::copy_n(slow.data() + first, count, fast.data() + first);
    });
  };
  all(network.parameters(), parameters_);
  all(network.states(), states_);
}

void Lookahead::list_state(StateParts& parts) {
  parts.add("lookahead.parameters", parameters_.span());
  parts.add("lookahead.states", states_.span());
}

std::int64_t Lookahead::bytes(const Network& network) {
  return network.model_floats() * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace cnn
