#include "export/comparison.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "data/image_folder.h"
#include "data/open_dataset.h"
#include "data/subset.h"
#include "export/float_run.h"
#include "report/progress.h"
#include "session/training_data.h"
#include "train/evaluation.h"

namespace cnn {
namespace {

/// Images at a time: memory does not grow with the folder.
constexpr std::int64_t kPart = 2048;

int most_probable(std::span<const float> probabilities) {
  return static_cast<int>(std::ranges::max_element(probabilities) - probabilities.begin());
}

/// What one image adds.
struct ImageResult {
  int predicted = 0;
  double difference = 0;
};

class SideBySide {
 public:
  SideBySide(const Inspected& model, ThreadPool& pool, const ExportAnswer& answer,
             const ExportFloatAnswer& at_16_bits)
      : model_(model),
        pool_(pool),
        answer_(answer),
        at_16_bits_(at_16_bits),
        network_(model.network(kEvaluationBatch)),
        runner_(*network_, pool, false, kEvaluationBatch) {
    network_->pack(pool);
  }

  void take(const std::shared_ptr<const Dataset>& dataset) {
    const ImageSet set = image_set(dataset, {model_.mean, model_.std}, pool_.threads());
    std::vector<float> engine;
    std::vector<int> predicted;
    evaluate(runner_, set, [&](std::int64_t, int best, std::span<const float> probabilities, float) {
      engine.insert(engine.end(), probabilities.begin(), probabilities.end());
      predicted.push_back(best);
    });
    std::vector<ImageResult> results(predicted.size());
    pool_.parallel_for(dataset->size(), [&](std::int64_t image, int) {
      const auto i = static_cast<std::size_t>(image);
      results[i] = ask(*dataset, image, std::span(engine).subspan(i * network_classes(), network_classes()));
    });
    for (std::size_t i = 0; i < results.size(); ++i) add(results[i], predicted[i], set.labels[i]);
  }

  ExportComparison& result() { return result_; }

 private:
  std::size_t network_classes() const { return static_cast<std::size_t>(network_->classes()); }

  ImageResult ask(const Dataset& dataset, std::int64_t image, std::span<const float> engine) const {
    std::vector<std::byte> scratch;
    std::vector<std::uint8_t> pixels;
    std::vector<float> probabilities;
    const std::byte* stored = dataset.pixels(image, scratch);
    if (dataset.pixel_type() == PixelType::floats) {
      at_16_bits_(
          {reinterpret_cast<const float*>(stored), static_cast<std::size_t>(dataset.values_per_image())},
          probabilities);
    } else {
      interleave(stored, model_.config.data.image, pixels);
      answer_(pixels, probabilities);
    }
    ImageResult result{.predicted = most_probable(probabilities)};
    for (std::size_t k = 0; k < engine.size(); ++k)
      result.difference = std::max(result.difference, std::abs(double{engine[k]} - double{probabilities[k]}));
    return result;
  }

  void add(const ImageResult& image, int engine, int label) {
    ++result_.images;
    result_.agree += image.predicted == engine;
    result_.largest_difference = std::max(result_.largest_difference, image.difference);
    if (label < 0) return;
    ++result_.labeled;
    result_.engine_correct += engine == label;
    result_.export_correct += image.predicted == label;
  }

  const Inspected& model_;
  ThreadPool& pool_;
  const ExportAnswer& answer_;
  const ExportFloatAnswer& at_16_bits_;
  std::unique_ptr<Network> network_;
  Runner runner_;
  ExportComparison result_;
};

LoadedImages load(const Inspected& model, std::shared_ptr<const ImageFiles> files, std::int64_t begin,
                  std::int64_t end, ThreadPool& pool) {
  const DataSpec& data = model.config.data;
  return load_images(std::move(files), begin, end, data.image, data.limits, std::int64_t{1} << 62, pool);
}

}  // namespace

PixelSample sample_pixels(const Inspected& model, const std::filesystem::path& folder, std::int64_t most,
                          ThreadPool& pool) {
  const ImageFiles all = scan_folder(folder, {}, model.config.data.class_folders);
  std::vector<std::filesystem::path> chosen;
  const std::int64_t count = std::min(most, all.size());
  for (std::int64_t i = 0; i < count; ++i) chosen.push_back(all.path(i * all.size() / count));
  const LoadedImages loaded = load(model, std::make_shared<ImageFiles>(list_files(chosen)), 0, count, pool);
  PixelSample sample{.images = {}, .classes = all.classes, .bad = all.bad};
  sample.bad.insert(sample.bad.end(), loaded.bad.begin(), loaded.bad.end());
  std::vector<std::byte> scratch;
  for (std::int64_t i = 0; i < loaded.dataset->size(); ++i)
    interleave(loaded.dataset->pixels(i, scratch), model.config.data.image, sample.images.emplace_back());
  if (sample.images.empty())
    fail("{}: none of its files could be read as an image\n{}", folder.string(), list_bad_files(sample.bad));
  return sample;
}

ExportComparison compare(const Inspected& model, const std::filesystem::path& folder, ThreadPool& pool,
                         const ExportAnswer& answer, const ExportFloatAnswer& at_16_bits) {
  const auto files =
      std::make_shared<const ImageFiles>(scan_folder(folder, {}, model.config.data.class_folders));
  std::vector<int> labels;
  if (!files->classes.empty()) labels = match_classes(files->classes, model.classes, files->where);
  SideBySide both(model, pool, answer, at_16_bits);
  both.result().bad = files->bad;
  ProgressLine line("comparing", files->size(), false);
  for (std::int64_t begin = 0; begin < files->size(); begin += kPart) {
    const std::int64_t end = std::min(begin + kPart, files->size());
    const LoadedImages loaded = load(model, files, begin, end, pool);
    both.result().bad.insert(both.result().bad.end(), loaded.bad.begin(), loaded.bad.end());
    if (loaded.dataset->size() > 0) {
      std::shared_ptr<const Dataset> dataset = loaded.dataset;
      if (!labels.empty()) dataset = std::make_shared<Relabeled>(dataset, model.classes, labels);
      both.take(dataset);
    }
    line.update(end, "images");
  }
  line.clear();
  return both.result();
}

}  // namespace cnn
