// What a checkpoint keeps of a trainer, and how it is put back.
#include <algorithm>
#include <atomic>

#include "core/chunks.h"
#include "core/error.h"
#include "kernels/finite.h"
#include "train/trainer.h"

namespace cnn {

void Trainer::list_state(StateParts& parts) {
  parts.add("network.parameters", network_.parameters());
  parts.add("network.states", network_.states());
  optimizer_.list_state(parts);
  if (lookahead_) lookahead_->list_state(parts);
  if (averaging_) averaging_->list_state(parts);
  budget_.list_state(parts);
  parts.add("epochs_done", epochs_done_);
  parts.add("rollbacks", rollbacks_);
  parts.add("rate_scale", rate_scale_);
  parts.add("epoch.steps", now_.steps);
  parts.add("epoch.seen", now_.seen);
  parts.add("epoch.correct", now_.correct);
  parts.add("epoch.loss_sum", now_.loss_sum);
  parts.add("epoch.seconds", now_.seconds);
  parts.add("epoch.gradient_norms", std::span<double>(gradient_norms_));
  parts.add("history", {[this] { return to_numbers(history_); },
                        [this](std::span<const double> numbers) {
                          history_ = to_epochs(numbers, network_, validation_ != nullptr);
                        }});
  parts.add("best.parameters", best_parameters_.span());
  parts.add("best.states", best_states_.span());
}

void Trainer::restore(const Checkpoint& checkpoint) {
  StateParts parts;
  list_state(parts);
  checkpoint.restore(parts);
  if (epochs_done_ != static_cast<std::int64_t>(history_.size()))
    fail("the checkpoint counts {} epochs, but its history holds {}", epochs_done_, history_.size());
  const std::int64_t seen = std::min<std::int64_t>(now_.steps * spec_.batch_size, train_.size());
  if (now_.steps < 0 || now_.steps > steps_per_epoch_ || now_.seen != seen || now_.correct < 0 ||
      now_.correct > seen)
    fail("the checkpoint stands at step {} of {}, {} images seen, {} correct: no training can reach that",
         now_.steps, steps_per_epoch_, now_.seen, now_.correct);
  budget_.go_on(epochs_done());
}

void Trainer::roll_back(const Checkpoint& checkpoint) {
  const std::int64_t rollbacks = rollbacks_ + 1;
  const double scale = rate_scale_ / 2;
  restore(checkpoint);
  rollbacks_ = rollbacks;
  rate_scale_ = scale;
}

bool Trainer::is_finite() { return all_finite(network_.parameters()) && all_finite(network_.states()); }

/// Of all parameters, or their gradients: those that this epoch can change.
std::span<const float> Trainer::learning_part(std::span<const float> all) const {
  const Node& first = network_.nodes()[static_cast<std::size_t>(passes_.learns_from())];
  return all.subspan(static_cast<std::size_t>(first.parameters_begin));
}

bool Trainer::all_finite(std::span<const float> values) {
  std::atomic<bool> finite{true};
  for_each_chunk(static_cast<std::int64_t>(values.size()), pool_,
                 [&](std::int64_t first, std::int64_t count) {
                   if (!cnn::all_finite(std::span(values.data() + first, static_cast<std::size_t>(count))))
                     finite = false;
                 });
  return finite;
}

}  // namespace cnn
