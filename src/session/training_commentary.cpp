#include "session/training_commentary.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "core/clock.h"
#include "core/text.h"
#include "report/fit_advice.h"
#include "report/layer_health.h"
#include "report/statistics_table.h"
#include "report/terminal.h"
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

/// A layer has become much less active when no more than this part of it is left.
constexpr double kMuchLess = 0.5;

/// before: what was told of an earlier epoch, or empty: what is frozen need not be told again.
std::string activity_words(const std::vector<LayerActivity>& now, const std::vector<LayerActivity>& before,
                           int columns) {
  const auto is_as_before = [&](std::size_t i) {
    return i < before.size() && before[i].mean == now[i].mean &&
           before[i].standard_deviation == now[i].standard_deviation &&
           before[i].active_fraction == now[i].active_fraction;
  };
  std::vector<std::string> words{"active:"};
  for (std::size_t i = 0; i < now.size(); ++i)
    if (!is_as_before(i))
      words.push_back(fmt::format("{} {:.0f} %", printable(now[i].layer), 100 * now[i].active_fraction));
  if (words.size() <= now.size()) words.push_back("(all others as before)");
  return wrapped(words, 2, static_cast<std::size_t>(columns));
}

/// An epoch in a line: on narrow terminals without what weighs least.
std::string epoch_line(const EpochResult& r, int epochs, const std::string& left, int columns) {
  std::vector<LinePart> parts{{fmt::format("epoch {}/{}", r.epoch, epochs), 9},
                              {"loss " + loss_text(r.train_loss), 8},
                              {"accuracy " + percent_text(r.train_accuracy), 7}};
  if (r.validation) {
    parts.push_back({"validation " + percent_text(r.validation->accuracy()), 9});
    parts.push_back({fmt::format("(loss {})", loss_text(r.validation->loss())), 5});
  }
  parts.push_back({with_commas(static_cast<std::int64_t>(r.images_per_second)) + " images/s", 3});
  parts.push_back({fmt::format("learning rate {:.3g}", r.learning_rate), 2});
  if (!left.empty()) parts.push_back({left + " left", 4});
  if (r.validation && r.best) parts.push_back({"best", 6});
  return fitting_line(parts, static_cast<std::size_t>(columns));
}

/// What happens to the frozen front of the network.
std::string front_words(const FrontReport& report) {
  if (report.last_entry.empty()) return fmt::format("from epoch {} on, all layers learn", report.epoch);
  std::string words = fmt::format("frozen up to {}", printable(report.last_entry));
  if (report.looks > 0)
    words += fmt::format("; what it makes of {} {} is computed once and kept ({})", with_commas(report.looks),
                         report.views > 1          ? "looks at images"
                         : report.training_is_kept ? "images"
                                                   : "validation images",
                         human_bytes(report.bytes));
  if (report.views > 0)
    words += fmt::format("; augmentation gives {} looks at each training image, in turn", report.views);
  if (!report.why_not.empty())
    words += fmt::format("; of training images it is computed in every step: {}", report.why_not);
  return words;
}

}  // namespace

std::string percent_text(double fraction) { return fmt::format("{:.2f} %", 100 * fraction); }

TrainingCommentary::TrainingCommentary(RunLog& log, Trainer& trainer, const Cluster& cluster,
                                       const TrainingData& data, const Voice& voice)
    : log_(log),
      trainer_(trainer),
      validation_images_(data.validation ? data.validation->size() : 0),
      voice_(voice),
      cluster_(cluster),
      waited_before_(cluster.waited()),
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
  events.front.on_front = [this](const FrontReport& report) {
    clear();
    log_.both().info("{}", front_words(report));
    time_anew();
  };
  events.front.on_features = [this](std::int64_t done, std::int64_t looks) {
    if (!line_) line_ = voice_.progress("computing features", looks);
    line_->update(done, "images");
    if (done == looks) clear();
  };
  events.front.on_kept = [this](const FeatureReport& report) {
    if (report.found > 0)
      log_.both().info("an earlier training has kept {} of these", with_commas(report.found));
    if (!report.store.empty())
      log_.both().info("kept for the next training, too, in {}", printable(report.store.string()));
    time_anew();
  };
  events.layers_every = voice_.layers().every_steps;
  events.on_layers = [this](const StepProgress& p, const std::vector<LayerActivity>& layers) {
    if (line_) line_->clear();
    const auto show = [&](spdlog::logger& log, int columns) {
      log.info("epoch {}, step {}: the layers on this step's images\n{}", p.epoch, p.step,
               statistics_table(statistics_of(p.epoch, layers), columns));
    };
    show(log_.voice(), terminal_of(STDERR_FILENO).columns);
    show(log_.file(), kLogColumns);
  };
}

/// Epochs take another time from now on.
void TrainingCommentary::time_anew() { start_ = now_seconds(), epochs_here_ = 0; }

void TrainingCommentary::epoch(const EpochResult& r) {
  clear();
  ++epochs_here_;
  const int epochs = trainer_.epochs();
  const std::string left =
      r.epoch < epochs ? human_seconds((now_seconds() - start_) / epochs_here_ * (epochs - r.epoch)) : "";
  log_.voice().info("{}", epoch_line(r, epochs, left, terminal_columns(STDERR_FILENO)));
  constexpr int kNoEnd = 1000;
  log_.file().info("{}\n{}", epoch_line(r, epochs, left, kNoEnd),
                   voice_.layers().every_epoch
                       ? statistics_table(statistics_of(r.epoch, r.activity), kLogColumns)
                       : activity_words(r.activity, before_, kLogColumns));
  show_activity(r);
  before_ = r.activity;
  complain(r);
}

/// On the terminal: all layers at first and on request, then what has become much less active.
void TrainingCommentary::show_activity(const EpochResult& r) {
  const Terminal terminal = terminal_of(STDERR_FILENO);
  std::vector<std::string> fewer{"less active:"};
  for (const LayerActivity& layer : r.activity) {
    const auto [told, is_new] = told_.try_emplace(layer.layer, layer.active_fraction);
    told->second = std::max(told->second, layer.active_fraction);
    if (is_new || told->second == 0 || layer.active_fraction > kMuchLess * told->second) continue;
    fewer.push_back(fmt::format("{} {:.0f} -> {:.0f} %", printable(layer.layer), 100 * told->second,
                                100 * layer.active_fraction));
    told->second = layer.active_fraction;
  }
  if (voice_.layers().every_epoch)
    log_.voice().info("{}", statistics_table(statistics_of(r.epoch, r.activity), terminal.columns));
  else if (epochs_here_ == 1)
    log_.voice().info("{}", activity_words(r.activity, {}, terminal.columns));
  else if (fewer.size() > 1)
    log_.voice().info("{}", wrapped(fewer, 2, static_cast<std::size_t>(terminal.columns)));
}

void TrainingCommentary::complain(const EpochResult& result) {
  Complaints now;
  for (const LayerComplaint& complaint : layer_complaints(statistics_of(result.epoch, result.activity))) {
    const std::pair key(complaint.layer, complaint.kind);
    if (said_.insert(key).second) log_.both().warn("warning: epoch {}: {}", result.epoch, complaint.message);
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
  add("features", account.seconds(Spent::features));
  add("training", account.seconds(Spent::training));
  add("validation", account.seconds(Spent::validation));
  add("layer statistics", account.seconds(Spent::statistics));
  add("test", account.seconds(Spent::test));
  add("files", account.seconds(Spent::files));
  add("pages", account.seconds(Spent::pages));
  add("other", all - booked);
  log_.both().info("time: {}{}", human_seconds(all), text);
  if (const double waited = cluster_.waited() - waited_before_; cluster_.size() > 1)
    log_.both().info("{} processes; this one waited {} for the others, {:.0f} % of the time", cluster_.size(),
                     human_seconds(waited), 100 * waited / all);
}

void TrainingCommentary::end() const {
  const int last = trainer_.epochs_done();
  std::vector<EpochMetrics> epochs;
  for (const EpochResult& epoch : trainer_.history()) {
    EpochMetrics& metrics = epochs.emplace_back();
    metrics.train_loss = epoch.train_loss, metrics.train_accuracy = epoch.train_accuracy;
    metrics.validation_accuracy = epoch.validation ? epoch.validation->accuracy() : NAN;
  }
  if (const std::string advice = fit_advice(epochs); !advice.empty()) log_.both().info("note: {}", advice);
  if (epochs_here_ > 1 && !voice_.layers().every_epoch)
    log_.voice().info("{}",
                      activity_words(trainer_.history().back().activity, trainer_.history().front().activity,
                                     terminal_of(STDERR_FILENO).columns));
  for (const auto& [key, complaint] : standing_)
    if (complaint.since < last)
      log_.both().warn("warning: from epoch {} to {}: {}", complaint.since, last, complaint.message);
}

}  // namespace cnn
