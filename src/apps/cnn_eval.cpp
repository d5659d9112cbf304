// cnn-eval: scores a model on labeled images, or says what it sees on others. Command line and wiring only.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/command_line.h"
#include "apps/places.h"
#include "apps/training_data.h"
#include "config/config.h"
#include "core/file.h"
#include "core/text.h"
#include "data/open_dataset.h"
#include "data/subset.h"
#include "report/classification.h"
#include "report/progress.h"
#include "train/evaluation.h"
#include "train/model_file.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct Options {
  fs::path model, labels, predictions, json;
  std::vector<fs::path> images;
  int threads = usable_processors(), top = 1;
  double min_accuracy = -1;
};

/// Files decoded at a time: memory does not grow with the folder.
constexpr std::int64_t kChunk = 8192;
constexpr std::int64_t kLargestBatch = Runner::kShards * kLanes;

std::string csv(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

/// A table of predictions that appears under its name only when it is whole.
class PredictionTable {
 public:
  PredictionTable(const fs::path& path, const std::vector<std::string>& classes) : path_(path) {
    if (path.empty()) return;
    file_.open(temporary());
    if (!file_) fail("--predictions {}: cannot be written", printable(path.string()));
    file_ << "path,label,predicted,confidence";
    for (const std::string& name : classes) file_ << ',' << csv("p_" + name);
    file_ << '\n';
  }
  ~PredictionTable() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove(temporary(), ignored);
  }
  void add(const std::string& path, const std::string& label, const std::string& predicted, float confidence,
           std::span<const float> probabilities) {
    if (path_.empty()) return;
    file_ << csv(path) << ',' << csv(label) << ',' << csv(predicted) << ',' << exact(confidence);
    for (const float p : probabilities) file_ << ',' << exact(p);
    file_ << '\n';
  }
  void finish() {
    if (path_.empty()) return;
    file_.close();
    if (!file_) fail("--predictions {}: cannot be written; is the disk full?", printable(path_.string()));
    fs::rename(temporary(), path_);
  }

 private:
  fs::path temporary() const { return path_.string() + ".tmp"; }
  fs::path path_;
  std::ofstream file_;
};

/// A model, ready to take images.
class Evaluator {
 public:
  explicit Evaluator(const Options& options)
      : options_(options), pool_(options.threads), description_(read_description(options.model)) {
    const std::string label = options.model.string();
    const Document document = Document::parse(description_.config, label);
    const Config config = read_model_config(description_.config, label);
    image_ = config.data.image;
    const Shape input{.c = image_.channels, .h = image_.height, .w = image_.width};
    with_places(document, [&] {
      network_ =
          std::make_unique<Network>(config.network, input, static_cast<int>(description_.classes.size()), 1);
    });
    load_model(options.model, *network_);
    network_->pack(pool_);
    table_ = std::make_unique<PredictionTable>(options.predictions, classes());
    classification_ = std::make_unique<Classification>(classes());
  }

  const std::vector<std::string>& classes() const { return description_.classes; }
  const Classification& classification() const { return *classification_; }
  std::int64_t images() const { return images_; }
  const std::vector<BadFile>& bad() const { return bad_; }
  const Json& unlabeled() const { return unlabeled_; }
  void finish() { table_->finish(); }

  LoadOptions load_options() const {
    LoadOptions options;
    options.bad_images = BadImages::skip;
    options.classes = classes();
    options.labels_required = false;
    return options;
  }

  void score_files(std::shared_ptr<const ImageFiles> files) {
    ProgressLine line("evaluating", files->size(), false);
    for (std::int64_t begin = 0; begin < files->size(); begin += kChunk) {
      const std::int64_t end = std::min(begin + kChunk, files->size());
      const LoadedImages loaded =
          load_images(files, begin, end, image_, std::int64_t{1} << 62, pool_,
                      [&](std::int64_t done, std::int64_t) { line.update(begin + done, ""); });
      bad_.insert(bad_.end(), loaded.bad.begin(), loaded.bad.end());
      if (loaded.dataset->size() == 0) continue;
      std::shared_ptr<const Dataset> dataset = loaded.dataset;
      if (!files->classes.empty())
        dataset = std::make_shared<Relabeled>(dataset, classes(),
                                              match_classes(files->classes, classes(), files->where));
      score(dataset);
    }
    bad_.insert(bad_.end(), files->bad.begin(), files->bad.end());
  }

  void score_set(const DataLocation& location) {
    score(open_dataset(location, image_, load_options(), pool_).dataset);
  }

 private:
  void score(std::shared_ptr<const Dataset> dataset) {
    const Normalize normalize{description_.mean, description_.std};
    const ImageSet set = image_set(dataset, normalize, options_.threads);
    const std::int64_t batch = std::min(kLargestBatch, set.size());
    if (!runner_ || runner_->largest_batch() < batch)
      runner_ = std::make_unique<Runner>(*network_, pool_, false, batch);
    evaluate(*runner_, set,
             [&](std::int64_t image, int predicted, std::span<const float> probabilities, float loss) {
               ++images_;
               const int label = set.labels[static_cast<std::size_t>(image)];
               const auto predicted_index = static_cast<std::size_t>(predicted);
               if (label >= 0) classification_->add(label, predicted, probabilities, loss);
               const std::string name = set.name(image);
               table_->add(name, label >= 0 ? classes()[static_cast<std::size_t>(label)] : "",
                           classes()[predicted_index], probabilities[predicted_index], probabilities);
               if (label < 0) show(name, probabilities);
             });
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
      unlabeled_.push_back({{"path", name}, {"predictions", guesses}});
      if (options_.json == "-") return;
    }
    std::string line = printable(name) + ":";
    for (const std::size_t k : order)
      line += fmt::format("  {} {:.2f} %", printable(classes()[k]), 100 * probabilities[k]);
    fmt::print("{}\n", line);
  }

  const Options& options_;
  ThreadPool pool_;
  ModelDescription description_;
  ImageSpec image_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Runner> runner_;
  std::unique_ptr<PredictionTable> table_;
  std::unique_ptr<Classification> classification_;
  std::int64_t images_ = 0;
  std::vector<BadFile> bad_;
  Json unlabeled_ = Json::array();
};

/// IDX files begin with two zero bytes; packed ones are the only gzip files that make sense here.
bool looks_like_idx(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  char head[2] = {1, 1};
  file.read(head, 2);
  return file && ((head[0] == 0 && head[1] == 0) || (head[0] == '\x1f' && head[1] == '\x8b'));
}

void score(Evaluator& evaluator, const Options& options) {
  const fs::path& first = options.images.front();
  if (options.images.size() == 1 && fs::is_directory(first)) {
    if (!options.labels.empty())
      fail_usage("--labels goes with an IDX file; the labels of a folder are its subfolders");
    return evaluator.score_files(std::make_shared<ImageFiles>(scan_folder(first)));
  }
  for (const fs::path& path : options.images)
    if (fs::is_directory(path))
      fail_usage("--images takes one folder or several files, and {} is a folder among others",
                 printable(path.string()));
  if (!options.labels.empty() || (options.images.size() == 1 && fs::is_regular_file(first) &&
                                  first.extension() != ".tga" && looks_like_idx(first)))
    return evaluator.score_set(IdxLocation{first, options.labels});
  if (first.extension() == ".bin") return evaluator.score_set(CifarLocation{options.images});
  evaluator.score_files(std::make_shared<ImageFiles>(list_files(options.images)));
}

Json to_json(const Evaluator& evaluator) {
  const Classification& c = evaluator.classification();
  Json json = {{"images", evaluator.images()}};
  if (c.images() > 0) {
    json["accuracy"] = c.accuracy();
    json["loss"] = c.loss();
    json["per_class"] = Json::array();
    for (const auto& row : c.per_class())
      json["per_class"].push_back({{"name", row.name},
                                   {"precision", row.precision},
                                   {"recall", row.recall},
                                   {"f1", row.f1},
                                   {"support", row.support}});
    json["confusion"] = c.confusion();
  } else {
    json["predictions"] = evaluator.unlabeled();
  }
  json["bad_images"] = Json::array();
  for (const BadFile& file : evaluator.bad())
    json["bad_images"].push_back({{"path", file.path}, {"reason", file.reason}});
  return json;
}

int run(const Options& options) {
  Evaluator evaluator(options);
  score(evaluator, options);
  evaluator.finish();
  const Classification& classification = evaluator.classification();
  if (!options.json.empty()) {
    const std::string text = to_json(evaluator).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    if (options.json == "-")
      fmt::print("{}", text);
    else
      write_file_atomically(options.json, text);
  }
  if (classification.images() > 0 && options.json != "-") fmt::print("{}", classification.text(options.top));
  if (options.min_accuracy >= 0 && classification.images() == 0)
    fail_usage("--min-accuracy needs labels: a folder with one subfolder per class, or --labels");
  if (!evaluator.bad().empty()) {
    fmt::print(stderr, "cnn-eval: {} bad image{} left out:\n{}\n", evaluator.bad().size(),
               evaluator.bad().size() == 1 ? "" : "s", list_bad_files(evaluator.bad()));
    return static_cast<int>(ExitCode::run_failed);
  }
  if (classification.images() > 0 && classification.accuracy() < options.min_accuracy) {
    fmt::print(stderr, "cnn-eval: accuracy {} is below --min-accuracy {}\n", exact(classification.accuracy()),
               exact(options.min_accuracy));
    return static_cast<int>(ExitCode::below_accuracy);
  }
  return 0;
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
      ->check(CLI::PositiveNumber);
  app.add_option("--predictions", options.predictions,
                 "Write path, label, prediction and probabilities of every image (CSV)");
  app.add_option("--json", options.json, "Write the results as JSON; - is stdout");
  app.add_option("--min-accuracy", options.min_accuracy, "End with 3 if the accuracy (0 to 1) is below")
      ->check(CLI::Range(0.0, 1.0));
  cnn::add_version(app, "cnn-eval");
  return cnn::run_program(app, argc, argv, [&] { return cnn::run(options); });
}
