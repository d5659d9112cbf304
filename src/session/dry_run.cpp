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

/// Trains for about a second to measure how long an epoch takes. This changes the network's weights.
double measured_epoch_seconds(Trainer& trainer) {
  std::atomic<bool> stop{false};
  const double start = now_seconds();
  const auto elapsed = [&] { return now_seconds() - start; };
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
  trainer.run({.on_step = on_step}, stop);
  if (steps == 1) per_step = first;
  return per_step * static_cast<double>(trainer.steps_per_epoch());
}

}  // namespace

double dry_run(TrainingSetup& setup, const Voice& voice) {
  describe(setup, voice.log());
  const TrainingSpec& training = setup.config().training;
  const double seconds = measured_epoch_seconds(setup.trainer());
  double all = seconds * training.epochs;
  print_out("{}", layer_table(to_string(setup.input()), layer_rows(setup.network()),
                              terminal_of(STDOUT_FILENO).columns));
  print_out("memory: {}, without the images\ntime per epoch: about {} ({} steps), {} epochs in about {}\n",
            human_bytes(setup.bytes()), human_seconds(seconds), setup.trainer().steps_per_epoch(),
            training.epochs, human_seconds(all));
  if (!setup.proxy()) return all;
  setup.drop_trainer();
  setup.proxy()->initialize(setup.config().seed);
  Trainer proxy(*setup.proxy(), setup.pool(), proxy_training(training), setup.config().seed,
                setup.all_train(), nullptr);
  const int epochs = training.filter->epochs;
  const double before = epochs * measured_epoch_seconds(proxy);
  print_out("before that, the filter's proxy network: {} epochs in about {}\n", epochs,
            human_seconds(before));
  return all + before;
}

}  // namespace cnn
