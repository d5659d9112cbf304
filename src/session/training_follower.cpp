#include "session/training_follower.h"

#include "cluster/messages.h"
#include "session/image_filter.h"

namespace cnn {
namespace {

bool may_roll_back(const TrainingSetup& setup) {
  return setup.config().training.on_non_finite == OnNonFinite::rollback &&
         setup.trainer().rollbacks() < kMostRollbacks;
}

/// False: interrupted.
bool run_epochs(TrainingSetup& setup, const Voice& voice, const Interruption& interruption) {
  TrainingEvents events;
  events.layers_every = voice.layers().every_steps;
  events.on_layers = [](const StepProgress&, const std::vector<LayerActivity>&) {};
  for (;;) {
    try {
      return setup.trainer().run(events, interruption.requested()) == Trainer::Outcome::finished;
    } catch (const NonFiniteError&) {
      if (!may_roll_back(setup)) throw;
      setup.trainer().roll_back(shared_checkpoint(setup.cluster(), nullptr));
    }
  }
}

/// False: interrupted.
bool evaluate_all(TrainingSetup& setup, std::span<const WeightedLook> looks,
                  const Interruption& interruption) {
  const Evaluation result = setup.trainer().evaluate(looks, {}, {}, &interruption.requested());
  return result.images == looks.front().set.size();
}

/// False: interrupted.
bool train_and_test(TrainingSetup& setup, const Voice& voice, const Interruption& interruption) {
  if (!run_epochs(setup, voice, interruption)) return false;
  setup.trainer().swap_best();
  const TrainingData& data = setup.data();
  if (!data.test.empty() && !evaluate_all(setup, data.test, interruption)) return false;
  if (!validates_again(setup.cluster(), false)) return true;
  const WeightedLook plain{*data.validation};
  return evaluate_all(setup, {&plain, 1}, interruption);
}

}  // namespace

ExitCode follow(TrainingSetup& setup, const Voice& voice, Interruption& interruption) {
  interruption.begin_work();
  try {
    const bool chosen = !setup.proxy() || filter_images(setup, interruption.requested(), voice, voice.log());
    if (chosen && train_and_test(setup, voice, interruption)) return ExitCode::done;
  } catch (const NonFiniteError& error) {  // process 0 has seen it, too
    return error.code();
  }
  interruption.agree(setup.cluster());
  return interruption.exit_code();
}

Checkpoint shared_checkpoint(Cluster& cluster, const Checkpoint* mine) {
  std::string bytes = mine ? mine->bytes() : "";
  broadcast_text(cluster, bytes);
  return Checkpoint::parse(std::move(bytes), "the checkpoint of rank 0");
}

bool validates_again(Cluster& cluster, bool mine) {
  broadcast_value(cluster, mine);
  return mine;
}

}  // namespace cnn
