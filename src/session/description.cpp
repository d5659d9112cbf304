#include "session/description.h"

#include <unistd.h>

#include <functional>

#include "core/text.h"
#include "inspect/layer_rows.h"
#include "kernels/simd.h"
#include "session/image_filter.h"

namespace cnn {
namespace {

void describe_data(const TrainingSetup& setup, spdlog::logger& log) {
  const TrainingData& data = setup.data();
  log.info("{}: {} classes ({}), {} training images{}{}", setup.config().name, data.classes.size(),
           printable(join(data.classes)), with_commas(setup.all_train().size()),
           data.validation ? fmt::format(", {} for validation", with_commas(data.validation->size())) : "",
           data.test.empty()
               ? ""
               : fmt::format(", {} for the test at the end", with_commas(data.test.front().set.size())));
  const auto say = [&](const std::string& note) {
    log.log(note.starts_with("warning:") ? spdlog::level::warn : spdlog::level::info, "{}", note);
  };
  for (const std::string& note : data.notes) say(note);
  for (const std::string& note : setup.notes()) say(note);
}

void describe_start(const TrainingSetup& setup, spdlog::logger& log) {
  const auto& start = setup.config().training.initial_weights;
  if (!start || setup.resumed()) return;
  const auto& [unused, left_out] = setup.started_from();
  log.info("starts from {}{}{}", printable(start->file.string()),
           start->except.empty() ? "" : fmt::format(", but {} fresh", printable(join(start->except))),
           unused.empty() ? "" : fmt::format("; unused tensors: {}", printable(join(unused))));
  if (!left_out.empty()) log.info("{}", left_out);
}

void describe_filter(const TrainingSetup& setup, spdlog::logger& log) {
  const auto& filter = setup.config().training.filter;
  if (!filter) return;
  if (setup.resumed())
    log.info("filter: keeps {}", kept_by_class(setup));
  else
    log.info("filter: a proxy network is trained first, for {} epochs, and keeps {}", filter->epochs,
             kept_count(setup));
}

/// Shows the table of a network's layers.
using ShowLayers = std::function<void(const std::string& input, const std::vector<LayerRow>& rows)>;

void describe_layers(const TrainingSetup& setup, spdlog::logger& log, const ShowLayers& show) {
  const std::vector<LayerRow> rows = layer_rows(setup.network());
  if (show) show(to_string(setup.input()), rows);
  for (const CliffWarning& warning : cliff_warnings(setup.input().values(), rows))
    log.warn("warning: {}", warning.message);
}

void describe_all(const TrainingSetup& setup, spdlog::logger& log, const ShowLayers& show_layers) {
  describe_data(setup, log);
  describe_start(setup, log);
  describe_filter(setup, log);
  if (!setup.resumed()) {
    describe_layers(setup, log, show_layers);
    const int batch_size = setup.config().training.batch_size;
    if (const std::int64_t images = setup.data().train.size(); batch_size > images)
      log.warn("warning: batch_size {} exceeds the {}: an epoch is a single step", with_commas(batch_size),
               counted(images, "training image"));
  }
  const int processes = setup.cluster().size();
  if (const int blocks = blocks_of(setup.config().training.batch_size); processes > blocks)
    log.warn(
        "warning: a batch of {} images has {} of {}, so {} of the {} processes have nothing to do; a "
        "batch_size of {} or more gives each of them work",
        setup.config().training.batch_size, counted(blocks, "block"), kLanes, processes - blocks, processes,
        processes * kLanes);
  log.info("{}{}, {}, {} of memory for activations, gradients and optimizer",
           processes > 1 ? fmt::format("{} processes, here ", processes) : "",
           counted(setup.pool().threads(), "thread"), instruction_set(), human_bytes(setup.bytes()));
}

}  // namespace

void describe(const TrainingSetup& setup, spdlog::logger& log) { describe_all(setup, log, {}); }

void introduce(const TrainingSetup& setup, const Voice& voice, RunLog& log) {
  const auto show_layers = [&](const std::string& input, const std::vector<LayerRow>& rows) {
    if (voice.introduces())
      log.voice().info("{}", layer_table(input, rows, terminal_of(STDERR_FILENO).columns));
    log.file().info("{}", layer_table(input, rows, kLogColumns));
  };
  describe_all(setup, voice.introduces() ? log.both() : log.file(), show_layers);
}

}  // namespace cnn
