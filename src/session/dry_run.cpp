#include "session/dry_run.h"

#include <unistd.h>

#include "config/proxy_training.h"
#include "core/clock.h"
#include "core/standard_streams.h"
#include "core/text.h"
#include "inspect/layer_rows.h"
#include "report/layer_table.h"
#include "report/terminal.h"
#include "session/description.h"

namespace cnn {
namespace {

struct Measured {
  double epoch = 0;     ///< seconds; 0: not known
  double features = 0;  ///< of a frozen front, once
};

/// Trains for about a second to measure how long an epoch takes, or computes features of a frozen front for
/// as long, if they take longer. This changes the network's weights.
Measured measure(Trainer& trainer) {
  std::atomic<bool> stop{false};
  const double start = now_seconds();
  const auto elapsed = [&] { return now_seconds() - start; };
  Measured measured;
  double first = 0, per_step = 0;
  std::int64_t steps = 0;
  const auto on_step = [&](const StepProgress& p) {
    // The first step warms up.
    if (++steps == 1)
      first = elapsed();
    else
      per_step = (elapsed() - first) / static_cast<double>(steps - 1);
    if ((elapsed() > 1 && steps > 2) || p.step == p.steps_per_epoch) stop = true;
  };
  TrainingEvents events{.on_step = on_step};
  events.front.on_features = [&](std::int64_t done, std::int64_t looks) {
    measured.features = elapsed() * static_cast<double>(looks) / static_cast<double>(done);
    if (elapsed() > 1 && done < looks) stop = true;
  };
  trainer.run(events, stop);
  if (steps == 1) per_step = first - measured.features;
  measured.epoch = per_step * static_cast<double>(trainer.steps_per_epoch());
  return measured;
}

}  // namespace

double dry_run(TrainingSetup& setup, const Voice& voice) {
  describe(setup, voice.log());
  const TrainingSpec& training = setup.config().training;
  const Measured measured = measure(setup.trainer());
  const double all = measured.features + measured.epoch * training.epochs;
  print_out("{}", layer_table(to_string(setup.input()), layer_rows(setup.network()),
                              terminal_of(STDOUT_FILENO).columns));
  print_out("memory: {}, without the images\n", human_bytes(setup.bytes()));
  if (measured.features > 0)
    print_out("what the frozen layers make of the images, once: about {}\n",
              human_seconds(measured.features));
  if (measured.epoch > 0)
    print_out("time per epoch: about {} ({} steps), {} epochs in about {}\n", human_seconds(measured.epoch),
              setup.trainer().steps_per_epoch(), training.epochs,
              human_seconds(measured.epoch * training.epochs));
  else
    print_out("the {} epochs after that only train what is not frozen\n", training.epochs);
  if (!setup.proxy()) return all;
  setup.drop_trainer();
  setup.proxy()->initialize(setup.config().seed);
  Trainer proxy(*setup.proxy(), setup.pool(), proxy_training(training), setup.config().seed,
                setup.all_train(), nullptr);
  const int epochs = training.filter->epochs;
  const double before = epochs * measure(proxy).epoch;
  print_out("before that, the filter's proxy network: {} epochs in about {}\n", epochs,
            human_seconds(before));
  return all + before;
}

}  // namespace cnn
