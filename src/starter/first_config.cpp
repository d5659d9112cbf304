#include "starter/first_config.h"

#include <algorithm>
#include <numeric>

#include "config/config.h"
#include "core/error.h"
#include "core/text.h"
#include "data/open_dataset.h"
#include "starter/choices.h"
#include "starter/config_text.h"
#include "starter/found_classes.h"

namespace cnn {
namespace {

/// "Every image was opened."
std::string looked_words(const FolderLayout& layout, const FolderSurvey& survey) {
  // Folders that cannot be read count as one bad image.
  return survey.looked_at >= layout.train.size()
             ? fmt::format("Every {} was opened.", image_word(layout))
             : fmt::format("{} of them, spread evenly, were opened.", with_commas(survey.looked_at));
}

/// The text must say what was meant: read back, it gives the choices, and defaults for everything else.
void check_read_back(const std::string& text, const FolderLayout& layout, const Choices& choices) {
  const Config config = read_config(Document::parse(text, "the new config", "/"));
  Config meant;
  meant.name = config.name;
  meant.data.format = layout.table ? DataFormat::csv : DataFormat::folder;
  meant.data.train = config.data.train;
  meant.data.validation = config.data.validation;
  meant.data.test = config.data.test;
  meant.data.class_folders = layout.class_folders;
  if (const auto& part = choices.held_back.value) meant.data.validation = *part;
  meant.data.image = choices.image.value;
  meant.data.normalize = choices.normalize.value;
  if (choices.flip.value) meant.data.augment.push_back(*choices.flip.value);
  if (choices.shift.value) meant.data.augment.push_back(*choices.shift.value);
  for (const AugmentSpec& change : choices.changes.value) meant.data.augment.push_back(change);
  meant.data.bad_images = choices.bad_images.value;
  meant.network = choices.network.value;
  meant.training.epochs = choices.epochs.value;
  meant.training.batch_size = choices.batch_size;
  meant.training.optimizer = choices.optimizer.value;
  meant.training.schedule.shape = choices.schedule.value;
  meant.training.label_smoothing = choices.label_smoothing.value;
  meant.training.initial_weights = choices.start.value;
  if (meant.training.initial_weights)
    meant.training.initial_weights->file = config.training.initial_weights->file;
  meant.training.freeze = choices.freeze.value;
  CNN_CHECK(config == meant, "what was written is not what was chosen:\n{}", text);
  CNN_CHECK(layout.test.has_value() == config.data.test.has_value(), "in\n{}", text);
}

/// "5 % of every class held back for validation, 1,000 for the test at the end".
std::string held_back_words(const FolderLayout& layout, const Choices& choices) {
  std::string words = "nothing left for validation";
  if (layout.validation)
    words = fmt::format("{} for validation", with_commas(layout.validation->size()));
  else if (const auto& part = choices.held_back.value)
    words = fmt::format("{:.0f} % of every class held back for validation", 100 * part->fraction);
  if (layout.test) words += fmt::format(", {} for the test at the end", with_commas(layout.test->size()));
  return words;
}

/// Photos of which there are few: "" for others.
std::string advice_on_weights(const FolderSurvey& survey, const FoundClasses& classes) {
  constexpr int kPhoto = 32;
  constexpr std::int64_t kFew = 500;  // of a class
  const bool photos = !survey.all_grey() && std::max(survey.width.median, survey.height.median) >= kPhoto;
  const auto images = std::accumulate(classes.good.begin(), classes.good.end(), std::int64_t{0});
  if (!photos || images >= kFew * static_cast<std::int64_t>(classes.good.size())) return "";
  return "With so few photos, a network that has learned from many others may be the better start: add "
         "--from "
         "resnet18.safetensors. configs/README.md says where to get it, and when it helps.";
}

/// A line each, for a terminal.
std::vector<std::string> summary_of(const FolderLayout& layout, const FolderSurvey& survey,
                                    const ConfigHead& head, const Choices& choices) {
  const ImageSpec& image = choices.image.value;
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{}: {}", layout.train.where, head.found));
  lines.push_back("  data: " + held_back_words(layout, choices));
  lines.push_back(
      fmt::format("  image: {}x{}x{}. {}", image.channels, image.height, image.width, choices.image.why));
  lines.push_back(choices.from.empty()
                      ? fmt::format("  mirroring: {}{}", choices.flip.value ? "on. " : "", choices.flip.why)
                      : "  augmentation: " + choices.flip.why);
  if (!choices.changes.why.empty()) lines.push_back("  changes: " + choices.changes.why);
  lines.push_back(choices.from.empty()
                      ? fmt::format("  network: {} layers with {} weights", choices.network.value.size(),
                                    with_commas(choices.outputs.parameters))
                      : fmt::format("  network: {} with the weights of {}, and a new last layer; {} weights",
                                    choices.from, printable(choices.start.value->file.string()),
                                    with_commas(choices.outputs.parameters)));
  lines.push_back(fmt::format("  training: {} epochs of {} with {} images each", choices.epochs.value,
                              counted(choices.epoch_steps, "step"), choices.batch_size));
  for (const std::string& note : head.notes) lines.push_back("  note: " + note);
  if (!survey.bad.empty())
    lines.push_back(fmt::format("  {} cannot be read and will be left out:\n{}",
                                counted(static_cast<std::int64_t>(survey.bad.size()), "image"),
                                list_bad_files(survey.bad, 10)));
  return lines;
}

}  // namespace

FirstConfig first_config(const FolderLayout& layout, const FolderSurvey& survey, const InitWishes& wishes,
                         const std::filesystem::path& folder) {
  const ImageFiles& files = layout.train;
  if (survey.good == 0)
    fail_usage("{}: none of the {} that were opened can be read, for example\n  {}: {}", files.where,
               counted(survey.looked_at, "image"), printable(survey.bad.front().path),
               survey.bad.front().reason);
  const FoundClasses classes = find_classes(files, survey);
  const Choices choices = choose(layout, survey, classes, wishes);
  ConfigHead head{
      .found = fmt::format("{}. {}", found_words(files, survey, classes), looked_words(layout, survey)),
      .notes = layout.notes};
  for (std::string& warning : class_warnings(files, survey, classes))
    head.notes.push_back(std::move(warning));
  for (const std::string& note : trait_notes(survey.traits, choices.image.value))
    head.notes.push_back(note + ".");
  if (const std::string advice = advice_on_weights(survey, classes); wishes.from.empty() && !advice.empty())
    head.notes.push_back(advice);
  FirstConfig result{config_text(layout, head, choices, folder), summary_of(layout, survey, head, choices)};
  check_read_back(result.text, layout, choices);
  return result;
}

}  // namespace cnn
