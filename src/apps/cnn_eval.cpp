// cnn-eval: scores a model on labeled images, or says what it sees on others. Command line and wiring only.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/command_line.h"
#include "apps/path_list.h"
#include "config/config.h"
#include "config/spec_places.h"
#include "core/file.h"
#include "core/text.h"
#include "data/image_files.h"
#include "data/open_dataset.h"
#include "data/subset.h"
#include "report/evaluation_page.h"
#include "report/evaluation_record.h"
#include "report/evaluation_text.h"
#include "report/prediction_table.h"
#include "report/progress.h"
#include "report/text_columns.h"
#include "session/environment.h"
#include "session/interruption.h"
#include "session/report_pictures.h"
#include "session/training_data.h"
#include "train/evaluation.h"
#include "train/model_file.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct Options {
  fs::path model, labels, predictions, json, report;
  std::vector<fs::path> images;
  int threads = usable_processors(), top = 1;
  double min_accuracy = -1;
  std::string tta;  // empty: as the model's config says
};

/// The words of --tta.
const std::map<std::string, TestTimeAugmentation> kLooks{
    {"none", TestTimeAugmentation::none},
    {"flip", TestTimeAugmentation::flip},
    {"shift", TestTimeAugmentation::shift},
    {"flip+shift", TestTimeAugmentation::flip_and_shift}};

/// Files decoded at a time, and the bytes of their pixels: memory does not grow with the folder.
constexpr std::int64_t kChunk = 8192, kChunkBytes = std::int64_t{256} << 20;
constexpr std::int64_t kLargestBatch = Runner::kShards * kLanes;

/// JSON even where a path is no UTF-8. indent -1: on one line.
std::string text_of(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// A model, ready to take images.
class Evaluator {
 public:
  explicit Evaluator(const Options& options)
      : options_(options), pool_(options.threads), description_(read_description(options.model)) {
    const std::string label = options.model.string();
    const Config config = read_model_config(description_.config, label);
    const Document document = Document::parse(description_.config, label);
    image_ = config.data.image;
    tta_ = options.tta.empty() ? config.data.test_time_augmentation : kLooks.at(options.tta);
    limits_ = config.data.limits;
    if (static_cast<int>(description_.mean.size()) != image_.channels)
      fail("{}: its metadata is damaged: {} means for images of {} channels", printable(label),
           description_.mean.size(), image_.channels);
    const Shape input{.c = image_.channels, .h = image_.height, .w = image_.width};
    with_places(
        document,
        [&] {
          network_ = std::make_unique<Network>(config.network, input,
                                               static_cast<int>(description_.classes.size()), 1);
        },
        ExitCode::run_failed);
    load_model(options.model, *network_);
    network_->pack(pool_);
    table_ = std::make_unique<PredictionTable>(options.predictions, classes());
    classification_ = std::make_unique<Classification>(classes());
  }

  const std::vector<std::string>& classes() const { return description_.classes; }
  const Classification& classification() const { return *classification_; }
  EvaluationRecord record() const { return {*classification_, mistakes_.sorted()}; }
  const Network& network() const { return *network_; }
  const ModelDescription& description() const { return description_; }
  std::int64_t images() const { return images_; }
  std::int64_t not_finite() const { return not_finite_; }
  const std::vector<BadFile>& bad() const { return bad_; }
  /// {"path": ..., "predictions": [...]} of the images without a label, one a line, between commas.
  const std::string& unlabeled() const { return unlabeled_; }
  void finish() { table_->finish(); }

  LoadOptions load_options() const {
    LoadOptions options;
    options.bad_images = BadImages::skip;
    options.limits = limits_;
    options.classes = classes();
    options.labels_required = false;
    return options;
  }

  void score_files(std::shared_ptr<const ImageFiles> files) {
    std::vector<int> labels;
    LoadReport report = report_of(*files);
    bad_ = std::move(report.bad);
    report.bad.clear();
    if (!files->classes.empty()) {  // names first: a wrong folder should not have to wait for its images
      labels = match_classes(files->classes, classes(), files->where);
      report.missing_classes = missing_classes(files->classes, classes());
    }
    for (const std::string& note : report.notes()) fmt::print(stderr, "{}: {}\n", files->where, note);

    const std::int64_t image_bytes = std::int64_t{image_.channels} * image_.height * image_.width;
    const std::int64_t chunk = std::clamp(kChunkBytes / image_bytes, kLargestBatch, kChunk);
    for (std::int64_t begin = 0; begin < files->size(); begin += chunk) {
      const std::int64_t end = std::min(begin + chunk, files->size());
      // Half the work on a part is to read it, half to look at it.
      const auto progress = [&](std::int64_t steps) {
        if (!line_) line_ = std::make_unique<ProgressLine>("evaluating", files->size(), false);
        line_->update(begin + std::min(steps / 2, end - begin), "images");
      };
      const LoadedImages loaded = load_images(files, begin, end, image_, limits_, std::int64_t{1} << 62,
                                              pool_, [&](std::int64_t done, std::int64_t) {
                                                progress(done);
                                                stop_if_interrupted();
                                              });
      bad_.insert(bad_.end(), loaded.bad.begin(), loaded.bad.end());
      if (loaded.dataset->size() == 0) continue;
      std::shared_ptr<const Dataset> dataset = loaded.dataset;
      if (!labels.empty()) dataset = std::make_shared<Relabeled>(dataset, classes(), labels);
      score(dataset, [&](std::int64_t done) { progress(end - begin + done); });
    }
    line_.reset();
  }

  void score_set(const DataLocation& location) {
    const std::shared_ptr<const Dataset> dataset =
        open_dataset(location, image_, load_options(), pool_).dataset;
    score(dataset, [&](std::int64_t done) {
      if (!line_) line_ = std::make_unique<ProgressLine>("evaluating", dataset->size(), false);
      line_->update(done, "images");
    });
    line_.reset();
  }

 private:
  void score(std::shared_ptr<const Dataset> dataset, const std::function<void(std::int64_t done)>& progress) {
    const Normalize normalize{description_.mean, description_.std};
    const std::vector<WeightedLook> looks = looks_at(dataset, normalize, options_.threads, tta_);
    const ImageSet& set = looks.front().set;
    const std::int64_t batch = std::min(kLargestBatch, set.size());
    if (!runner_ || runner_->largest_batch() < batch)
      runner_ = std::make_unique<Runner>(*network_, pool_, false, batch);
    evaluate(
        *runner_, looks,
        [&](std::int64_t image, int predicted, std::span<const float> probabilities, float loss) {
          ++images_;
          const int label = set.labels[static_cast<std::size_t>(image)];
          const auto predicted_index = static_cast<std::size_t>(predicted);
          const std::string name = set.name(image);
          not_finite_ += !std::isfinite(probabilities[predicted_index]);
          if (label >= 0) {
            classification_->add(label, predicted, probabilities, loss);
            if (!options_.report.empty() && mistakes_.add(images_, label, predicted, probabilities, loss)) {
              mistakes_.last().path = name;
              mistakes_.last().picture = picture_address(*dataset, image);
            }
          }
          table_->add(name, label >= 0 ? classes()[static_cast<std::size_t>(label)] : "",
                      classes()[predicted_index], probabilities[predicted_index], probabilities);
          if (label < 0) show(name, probabilities);
        },
        [&](std::int64_t done) {
          progress(done);
          stop_if_interrupted();
          return true;
        });
  }

  /// Tables of a part would look like tables of everything: they are not written.
  void stop_if_interrupted() const {
    if (interruption_.requested())
      throw Error(interruption_.exit_code(),
                  fmt::format("interrupted after {}; no results", counted(images_, "image")));
  }

  /// An image without a label: what the model sees, the most probable first.
  void show(const std::string& name, std::span<const float> probabilities) {
    std::vector<std::size_t> order(probabilities.size());
    for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return probabilities[a] > probabilities[b]; });
    order.resize(std::min(order.size(), static_cast<std::size_t>(options_.top)));
    if (!options_.json.empty()) {
      Json guesses = Json::array();
      for (const std::size_t k : order)
        guesses.push_back({{"class", classes()[k]}, {"confidence", probabilities[k]}});
      // As text: hundreds of thousands of them fit into memory.
      const Json entry = {{"path", name}, {"predictions", guesses}};
      unlabeled_ += (unlabeled_.empty() ? "    " : ",\n    ") + text_of(entry);
      if (options_.json == "-") return;
    }
    if (line_) line_->clear();  // what is seen goes to the terminal
    std::string line = printable(name) + ":";
    for (const std::size_t k : order)
      line += fmt::format("  {} {:.2f} %", printable(classes()[k]), 100 * probabilities[k]);
    fmt::print("{}\n", line);
  }

  const Options& options_;
  const Interruption interruption_;
  ThreadPool pool_;
  ModelDescription description_;
  ImageSpec image_;
  TestTimeAugmentation tta_ = TestTimeAugmentation::none;
  DecodeLimits limits_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Runner> runner_;
  std::unique_ptr<PredictionTable> table_;
  std::unique_ptr<Classification> classification_;
  WorstMistakes mistakes_;
  std::int64_t not_finite_ = 0;
  std::unique_ptr<ProgressLine> line_;
  std::int64_t images_ = 0;
  std::vector<BadFile> bad_;
  std::string unlabeled_;
};

/// IDX files begin with two zero bytes; packed ones are the only gzip files that make sense here.
bool looks_like_idx(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  char head[2] = {1, 1};
  file.read(head, 2);
  return file && ((head[0] == 0 && head[1] == 0) || (head[0] == '\x1f' && head[1] == '\x8b'));
}

bool is_cifar_name(const fs::path& path) {
  return path.extension() == ".bin" || (path.extension() == ".gz" && path.stem().extension() == ".bin");
}

/// Refuses, before any work, what could not be written or answered at its end.
void check_outputs(const Options& options) {
  const auto check = [](const char* option, const fs::path& path) {
    if (path.empty() || path == "-") return;
    std::error_code unknown;
    const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
    if (fs::is_directory(path, unknown))
      fail_usage("{} {}: is a folder; name the file to write", option, printable(path.string()));
    if (!fs::is_directory(folder, unknown))
      fail_usage("{} {}: there is no folder {}", option, printable(path.string()),
                 printable(folder.string()));
  };
  const std::pair<const char*, fs::path> outputs[] = {
      {"--json", options.json}, {"--predictions", options.predictions}, {"--report", options.report}};
  for (const auto& [option, path] : outputs) check(option, path);
  if (options.predictions == "-" || options.report == "-")
    fail_usage("only --json takes - for stdout; use /dev/stdout, or a file");
  // Nothing is written over what is read, or over another output.
  std::vector<std::pair<std::string, fs::path>> taken{{"--model", options.model},
                                                      {"--labels", options.labels}};
  for (const fs::path& image : options.images) taken.emplace_back("--images", image);
  for (const auto& [option, path] : outputs) {
    std::error_code unknown;
    if (path.empty() || path == "-" || output_file(path).is_stream) continue;
    const bool exists = fs::exists(path, unknown);
    // One of a folder of images, perhaps, or of a list.
    if (exists && has_image_ending(path.filename().string()))
      fail_usage("{} {}: is an image, and is not overwritten; name another one", option,
                 printable(path.string()));
    for (const auto& [other, used] : taken)
      if (used.lexically_normal() == path.lexically_normal() ||
          (exists && fs::equivalent(used, path, unknown)))
        fail_usage("{} {}: is the file of {}; name another one", option, printable(path.string()), other);
    taken.emplace_back(option, path);
  }
}

void need_labels(const Options& options, bool labeled) {
  for (const auto& [option, given] :
       {std::pair{"--min-accuracy", options.min_accuracy >= 0}, {"--report", !options.report.empty()}})
    if (given && !labeled)
      fail_usage("{} needs labels: a folder with one subfolder per class, or --labels", option);
}

void score(Evaluator& evaluator, const Options& options) {
  const fs::path& first = options.images.front();
  const bool single = options.images.size() == 1;
  // Without exceptions: what cannot be examined (a link to itself) is a bad image like any other.
  std::error_code unknown;
  if (single && fs::is_directory(first, unknown)) {
    if (!options.labels.empty())
      fail_usage("--labels goes with an IDX file; the labels of a folder are its subfolders");
    ProgressLine listing("listing the images", 0, false);
    const auto files = std::make_shared<ImageFiles>(
        scan_folder(first, [&](std::int64_t images) { listing.update(images, "so far"); }));
    listing.clear();
    need_labels(options, !files->classes.empty());
    return evaluator.score_files(files);
  }
  for (const fs::path& path : options.images)
    if (fs::is_directory(path, unknown))
      fail_usage("--images takes one folder or several files, and {} is a folder among others",
                 printable(path.string()));
  if (!options.labels.empty() && !single)
    fail_usage("--labels goes with one IDX file, and --images names {}", options.images.size());
  if (std::all_of(options.images.begin(), options.images.end(), is_cifar_name))
    return evaluator.score_set(CifarLocation{options.images});
  need_labels(options, !options.labels.empty());
  if (!options.labels.empty() ||
      (single && fs::is_regular_file(first, unknown) && first.extension() != ".tga" && looks_like_idx(first)))
    return evaluator.score_set(IdxLocation{first, options.labels});
  evaluator.score_files(std::make_shared<ImageFiles>(list_files(options.images)));
}

std::string to_json(const Evaluator& evaluator, const Options& options) {
  const Classification& c = evaluator.classification();
  Json json = c.images() > 0 ? results_json(c, options.top) : Json{{"images", 0}};
  json["images"] = evaluator.images();
  json["bad_images"] = Json::array();
  for (const BadFile& file : evaluator.bad())
    json["bad_images"].push_back({{"path", file.path}, {"reason", file.reason}});
  std::string text = text_of(json, 2);
  if (!evaluator.unlabeled().empty()) {
    text.resize(text.size() - 2);  // the end of the object
    text += ",\n  \"predictions\": [\n" + evaluator.unlabeled() + "\n  ]\n}";
  }
  return text + "\n";
}

void write_report(const Evaluator& evaluator, const Options& options) {
  EvaluationReport report{.name = options.model.string(),
                          .what = "evaluated on " + join_paths(options.images),
                          .record = evaluator.record(),
                          .bad_images = {},
                          .filters = first_filters(evaluator.network()),
                          .config = evaluator.description().config,
                          .environment = environment(options.threads)};
  for (const BadFile& file : evaluator.bad()) report.bad_images.emplace_back(file.path, file.reason);
  write_file_atomically(options.report, evaluation_page(report));
}

/// A list may have gaps; a single path that leads nowhere is a slip of the pen.
void check_images_exist(const Options& options) {
  const fs::path& first = options.images.front();
  std::error_code unknown;
  if (options.images.size() == 1 && first != "-" &&
      fs::symlink_status(first, unknown).type() == fs::file_type::not_found)
    fail_usage("--images {}: there is no such file or folder", printable(first.string()));
}

int run(Options options) {
  check_images_exist(options);
  if (options.images.size() == 1 && options.images.front() == "-") options.images = read_path_list(std::cin);
  check_outputs(options);
  Evaluator evaluator(options);
  score(evaluator, options);
  evaluator.finish();
  const Classification& classification = evaluator.classification();
  if (options.json == "-")
    fmt::print("{}", to_json(evaluator, options));
  else if (!options.json.empty())
    write_file_atomically(options.json, to_json(evaluator, options));
  if (!options.report.empty() && classification.images() > 0) write_report(evaluator, options);
  if (classification.images() > 0 && options.json != "-")
    fmt::print("{}", evaluation_text(classification, options.top, terminal_columns(STDOUT_FILENO)));
  std::fflush(stdout);  // what follows is about it

  auto code = ExitCode::done;
  if (classification.images() > 0 && classification.accuracy() < options.min_accuracy) {
    fmt::print(stderr, "cnn-eval: accuracy {} is below --min-accuracy {}\n", exact(classification.accuracy()),
               exact(options.min_accuracy));
    code = ExitCode::below_accuracy;
  }
  if (evaluator.not_finite() > 0) {
    fmt::print(
        stderr,
        "cnn-eval: for {} of {} images the outputs of the network are not finite, so they mean nothing: its "
        "weights are out of bounds, by too large a learning rate perhaps\n",
        evaluator.not_finite(), evaluator.images());
    code = ExitCode::run_failed;
  }
  if (!evaluator.bad().empty()) {
    fmt::print(stderr, "cnn-eval: {} bad image{} left out:\n{}\n", evaluator.bad().size(),
               evaluator.bad().size() == 1 ? "" : "s", list_bad_files(evaluator.bad()));
    code = ExitCode::run_failed;
  }
  return static_cast<int>(code);
}

}  // namespace
}  // namespace cnn

int main(int argc, char** argv) {
  CLI::App app("Scores a model of cnn-train on labeled images, or says what it sees on others", "cnn-eval");
  cnn::Options options;
  app.add_option("--model", options.model, "The model (.safetensors); it says how images are treated")
      ->required();
  app.add_option("--images", options.images,
                 "A folder with one subfolder per class, a folder of images, single files, an IDX file, or "
                 "CIFAR .bin files")
      ->required();
  app.add_option("--labels", options.labels, "Labels of an IDX file");
  app.add_option("--threads", options.threads, "Worker threads")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--top", options.top,
                 "Also count an image as right if its class is among the K most probable; for images "
                 "without a label, show that many")
      ->check(CLI::Range(1, 1000000));
  app.add_option("--report", options.report,
                 "Write a page (HTML, one file) with tables, confusion, calibration and the worst mistakes");
  app.add_option("--tta", options.tta,
                 "Judge each image by the mean of several looks: none, flip, shift or flip+shift (as "
                 "data.test_time_augmentation of a config, which is the default)")
      ->check(CLI::IsMember(cnn::kLooks));
  app.add_option("--predictions", options.predictions,
                 "Write path, label, prediction and probabilities of every image; CSV, or JSON if it ends "
                 "with .json");
  app.add_option("--json", options.json, "Write the results as JSON; - is stdout");
  app.add_option("--min-accuracy", options.min_accuracy, "End with 3 if the accuracy (0 to 1) is below")
      ->check([](const std::string& text) {
        double share = 0;
        return CLI::detail::lexical_cast(text, share) && share >= 0 && share <= 1
                   ? std::string()
                   : text + " is no accuracy from 0 to 1; 99.5 % is 0.995";
      });
  cnn::add_version(app, "cnn-eval");
  return cnn::run_program(app, argc, argv, [&] { return cnn::run(options); });
}
