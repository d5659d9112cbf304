#include "session/evaluator.h"

#include <algorithm>

#include "cluster/messages.h"
#include "config/config.h"
#include "config/spec_places.h"
#include "core/standard_streams.h"
#include "core/text.h"
#include "data/subset.h"
#include "session/training_data.h"

namespace cnn {
namespace {

/// Files decoded at a time, and the bytes of their pixels: memory does not grow with the folder.
constexpr std::int64_t kChunk = 8192, kChunkBytes = std::int64_t{256} << 20;

/// The description that process 0 reads, on all.
ModelDescription shared_description(const std::filesystem::path& model, Cluster& cluster) {
  ModelDescription description;
  if (cluster.is_root()) description = read_description(model);
  if (cluster.size() == 1) return description;
  broadcast_text(cluster, description.config);
  std::uint64_t counts[] = {description.classes.size(), description.mean.size()};
  broadcast_value(cluster, counts);
  description.classes.resize(counts[0]);
  for (std::string& name : description.classes) broadcast_text(cluster, name);
  for (std::vector<double>* values : {&description.mean, &description.std}) {
    values->resize(counts[1]);
    cluster.broadcast(std::as_writable_bytes(std::span(*values)), 0);
  }
  return description;
}

}  // namespace

Evaluator::Evaluator(const Options& options, const Interruption& interruption, Cluster& cluster)
    : options_(options),
      interruption_(interruption),
      cluster_(cluster),
      pool_(options.threads),
      description_(shared_description(options.model, cluster)),
      collector_(description_.classes, options.pictures) {
  const std::string label = options.model.string();
  const Config config = read_model_config(description_.config, label);
  const Document document = Document::parse(description_.config, label);
  image_ = config.data.image;
  looks_ = options.looks.value_or(config.data.test_time_augmentation);
  limits_ = config.data.limits;
  class_folders_ = config.data.class_folders;
  if (static_cast<int>(description_.mean.size()) != image_.channels)
    fail("{}: its metadata is damaged: {} means for images of {} channels", printable(label),
         description_.mean.size(), image_.channels);
  const Shape input{.c = image_.channels, .h = image_.height, .w = image_.width};
  with_places(
      document,
      [&] {
        network_ = std::make_unique<Network>(config.network, input, static_cast<int>(classes().size()), 1);
      },
      ExitCode::run_failed);
  if (cluster.is_root()) load_model(options.model, *network_);
  cluster.broadcast(std::as_writable_bytes(network_->parameters()), 0);
  cluster.broadcast(std::as_writable_bytes(network_->states()), 0);
  network_->pack(pool_);
}

void Evaluator::score_files(std::shared_ptr<const ImageFiles> files, const OnImage& each) {
  const std::vector<int> labels = labels_of(*files);
  const std::int64_t image_bytes = bytes_of_image(image_);
  const std::int64_t chunk = std::clamp(kChunkBytes / image_bytes, kEvaluationBatch, kChunk);
  TraitCounts traits;
  for (std::int64_t begin = 0; begin < files->size(); begin += chunk) {
    const std::int64_t end = std::min(begin + chunk, files->size());
    // Reading a part is half of its work, judging it the other half.
    const auto progress = [&](std::int64_t steps) {
      show_progress(begin + std::min(steps / 2, end - begin), files->size());
    };
    const LoadedImages loaded = load_images(files, begin, end, image_, limits_, std::int64_t{1} << 62, pool_,
                                            [&](std::int64_t done, std::int64_t) {
                                              progress(done);
                                              stop_if_interrupted();
                                            },
                                            {&cluster_, Sharing::Use::own_share, true});
    bad_.insert(bad_.end(), loaded.bad.begin(), loaded.bad.end());
    traits.add(loaded.traits);
    if (loaded.dataset->size() == 0) continue;
    std::shared_ptr<const Dataset> dataset = loaded.dataset;
    if (!labels.empty()) dataset = std::make_shared<Relabeled>(dataset, classes(), labels);
    score(dataset, each, [&](std::int64_t done) { progress(end - begin + done); });
  }
  line_.reset();
  if (!cluster_.is_root()) return;
  for (const std::string& note : model_notes(traits, image_)) print_err("{}: {}\n", files->where, note);
}

/// The model's number of each class of the files; empty if they have no classes. Prints notes about them.
std::vector<int> Evaluator::labels_of(const ImageFiles& files) {
  std::vector<int> labels;
  LoadReport report = report_of(files);
  bad_ = std::move(report.bad);
  report.bad.clear();
  if (!files.classes.empty()) {  // names first: a wrong folder should not have to wait for its images
    labels = match_classes(files.classes, classes(), files.where);
    report.missing_classes = missing_classes(files.classes, classes());
    report.other_accents = other_accents(files.classes, classes());
  }
  if (!cluster_.is_root()) return labels;
  for (const std::string& note : report.notes()) print_err("{}: {}\n", files.where, note);
  return labels;
}

void Evaluator::score_set(const DataLocation& location, const OnImage& each) {
  LoadOptions options;
  options.bad_images = BadImages::skip;
  options.limits = limits_;
  options.classes = classes();
  options.class_folders = class_folders_;
  options.labels_required = false;
  const std::shared_ptr<const Dataset> dataset = open_dataset(location, image_, options, pool_).dataset;
  score(dataset, each, [&](std::int64_t done) { show_progress(done, dataset->size()); });
  line_.reset();
}

void Evaluator::score(const std::shared_ptr<const Dataset>& dataset, const OnImage& each,
                      const std::function<void(std::int64_t done)>& progress) {
  const Normalize normalize{description_.mean, description_.std};
  const std::vector<WeightedLook> looks = looks_at(dataset, normalize, options_.threads, looks_);
  const ImageSet& set = looks.front().set;
  const std::int64_t batch = std::min(kEvaluationBatch, set.size());
  if (!runner_ || runner_->largest_batch() < batch)
    runner_ = std::make_unique<Runner>(*network_, pool_, false, batch);
  collector_.begin_part(set, *dataset);
  evaluate(
      *runner_, looks,
      [&](std::int64_t image, int predicted, std::span<const float> probabilities, float loss) {
        collector_.see(image, predicted, probabilities, loss);
        each({set.name(image), set.labels[static_cast<std::size_t>(image)], predicted, probabilities});
      },
      [&](std::int64_t done) {
        progress(done);
        stop_if_interrupted();
        return true;
      },
      nullptr, cluster_);
  collector_.end_part();
}

void Evaluator::show_progress(std::int64_t done, std::int64_t total) {
  if (!cluster_.is_root()) return;
  if (!line_) line_ = std::make_unique<ProgressLine>("evaluating", total, false);
  line_->update(done, "images");
}

/// Writes no tables: those of a part would look like those of everything.
void Evaluator::stop_if_interrupted() const {
  if (interruption_.requested())
    throw Error(interruption_.exit_code(),
                fmt::format("interrupted after {}; no results", counted(collector_.images(), "image")));
}

}  // namespace cnn
