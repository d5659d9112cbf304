#include "session/image_filter.h"

#include <algorithm>

#include "config/proxy_training.h"
#include "core/clock.h"
#include "core/text.h"
#include "train/data_filter.h"
#include "train/whitening.h"

namespace cnn {

bool filter_images(TrainingSetup& setup, const std::atomic<bool>& stop, const Voice& voice,
                   spdlog::logger& log) {
  setup.drop_trainer();  // the proxy's trainer needs its memory
  const Config& config = setup.config();
  Network& proxy = *setup.proxy();
  proxy.initialize(config.seed);
  whiten(proxy, setup.data().plain_train, setup.pool());
  std::unique_ptr<ProgressLine> line;
  const auto on_step = [&](const StepProgress& p) {
    if (p.step == 1)
      line = voice.progress(fmt::format("proxy epoch {}/{}", p.epoch, p.epochs), p.steps_per_epoch);
    if (line->due(p.step)) line->update(p.step, "loss " + loss_text(p.loss));
  };
  const double start = now_seconds();
  const std::optional<ProxyResult> result =
      train_proxy(proxy, setup.pool(), proxy_training(config.training), config.seed, setup.all_train(),
                  on_step, stop, setup.cluster());
  line.reset();
  if (!result) return false;
  setup.choose(hardest_images(setup.all_train().labels, result->losses, config.training.filter->keep));
  log.info("filter: the proxy network took {} and reached {:.2f} % accuracy in its last epoch; kept {}",
           human_seconds(now_seconds() - start), 100 * result->accuracy, kept_by_class(setup));
  return true;
}

std::string kept_count(const TrainingSetup& setup) {
  return fmt::format("{} of {} training images", with_commas(setup.data().train.size()),
                     with_commas(setup.all_train().size()));
}

std::string kept_by_class(const TrainingSetup& setup) {
  const std::vector<std::string>& classes = setup.data().classes;
  std::vector<std::string> words;
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const auto of_class = [&](const ImageSet& set) {
      return with_commas(std::ranges::count(set.labels, static_cast<std::int32_t>(c)));
    };
    words.push_back(fmt::format("{} {} of {}", printable(classes[c]), of_class(setup.data().train),
                                of_class(setup.all_train())));
  }
  return kept_count(setup) + ": " + join(words);
}

}  // namespace cnn
