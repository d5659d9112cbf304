#include "session/training_commentary.h"

#include <unistd.h>

#include "core/clock.h"
#include "core/text.h"
#include "report/layer_health.h"
#include "report/statistics_table.h"
#include "report/text_columns.h"

namespace cnn {
namespace {

std::vector<LayerStatistics> statistics_of(int epoch, const std::vector<LayerActivity>& layers) {
  std::vector<LayerStatistics> statistics;
  for (const LayerActivity& layer : layers)
    statistics.push_back({.epoch = epoch,
                          .layer = layer.layer,
                          .values = layer.values,
                          .active_fraction = layer.active_fraction,
                          .mean = layer.mean,
                          .standard_deviation = layer.standard_deviation,
                          .gradient_norm = layer.gradient_norm});
  return statistics;
}

std::string activity_words(const EpochResult& result) {
  std::vector<std::string> words{"active:"};
  for (const LayerActivity& layer : result.activity)
    words.push_back(fmt::format("{} {:.0f} %", printable(layer.layer), 100 * layer.active_fraction));
  return wrapped(words, 2, terminal_columns(STDERR_FILENO));
}

}  // namespace

std::string percent_text(double fraction) { return fmt::format("{:.2f} %", 100 * fraction); }

TrainingCommentary::TrainingCommentary(spdlog::logger& log, Trainer& trainer, const TrainingData& data,
                                       const Voice& voice)
    : log_(log),
      trainer_(trainer),
      validation_images_(data.validation ? data.validation->size() : 0),
      voice_(voice),
      start_(now_seconds()) {}

void TrainingCommentary::listen(TrainingEvents& events) {
  events.on_step = [this](const StepProgress& p) {
    if (!line_ || validating_)
      line_ = voice_.progress(fmt::format("epoch {}/{}", p.epoch, p.epochs), p.steps_per_epoch);
    validating_ = false;
    if (line_->due(p.step))
      line_->update(p.step, fmt::format("loss {}  accuracy {}", loss_text(p.loss), percent_text(p.accuracy)));
  };
  events.on_validated = [this](std::int64_t images) {
    if (!validating_) line_ = voice_.progress("validating", validation_images_);
    validating_ = true;
    line_->update(images, "images");
  };
  events.layers_every = voice_.layers().every_steps;
  events.on_layers = [this](const StepProgress& p, const std::vector<LayerActivity>& layers) {
    if (line_) line_->clear();
    log_.info("epoch {}, step {}: the layers on this step's images\n{}", p.epoch, p.step,
              statistics_table(statistics_of(p.epoch, layers)));
  };
}

void TrainingCommentary::epoch(const EpochResult& r) {
  clear();
  ++epochs_here_;
  const int epochs = trainer_.epochs();
  std::string text = fmt::format("epoch {}/{}  loss {}  accuracy {}", r.epoch, epochs,
                                 loss_text(r.train_loss), percent_text(r.train_accuracy));
  if (r.validation)
    text += fmt::format("  validation {} (loss {})", percent_text(r.validation->accuracy()),
                        loss_text(r.validation->loss()));
  text += fmt::format("\n  learning rate {:.3g}, {} images/s", r.learning_rate,
                      with_commas(static_cast<std::int64_t>(r.images_per_second)));
  if (r.epoch < epochs)
    text +=
        fmt::format(", {} left", human_seconds((now_seconds() - start_) / epochs_here_ * (epochs - r.epoch)));
  if (r.validation && r.best) text += ", best so far";
  log_.info(
      "{}\n{}", text,
      voice_.layers().every_epoch ? statistics_table(statistics_of(r.epoch, r.activity)) : activity_words(r));
  complain(r);
}

void TrainingCommentary::complain(const EpochResult& result) {
  Complaints now;
  for (const LayerComplaint& complaint : layer_complaints(statistics_of(result.epoch, result.activity))) {
    const std::pair key(complaint.layer, complaint.kind);
    if (said_.insert(key).second) log_.warn("warning: epoch {}: {}", result.epoch, complaint.message);
    const auto before = standing_.find(key);
    now[key] = {before == standing_.end() ? result.epoch : before->second.since, complaint.message};
  }
  standing_ = std::move(now);
}

void TrainingCommentary::times() const {
  const TimeAccount& account = trainer_.times();
  const double all = account.all();
  double booked = 0;
  std::string text;
  const auto add = [&](const char* what, double seconds) {
    booked += seconds;
    if (seconds >= 0.005 * all) text += fmt::format(", {} {}", what, human_seconds(seconds));
  };
  add("training", account.seconds(Spent::training));
  add("validation", account.seconds(Spent::validation));
  add("layer statistics", account.seconds(Spent::statistics));
  add("test", account.seconds(Spent::test));
  add("files", account.seconds(Spent::files));
  add("pages", account.seconds(Spent::pages));
  add("other", all - booked);
  log_.info("time: {}{}", human_seconds(all), text);
}

void TrainingCommentary::end() const {
  const int last = trainer_.epochs_done();
  for (const auto& [key, complaint] : standing_)
    if (complaint.since < last)
      log_.warn("warning: from epoch {} to {}: {}", complaint.since, last, complaint.message);
}

}  // namespace cnn
