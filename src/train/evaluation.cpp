#include "train/evaluation.h"

#include <algorithm>
#include <numeric>

namespace cnn {
namespace {

/// Takes images [0, count) of a set through `runner` in batches; `done` after each with the number of its
/// first image.
template <class Done>
void in_batches(Runner& runner, const ImageSet& set, std::int64_t count, const Observer* observer,
                const Done& done) {
  const std::int64_t largest = runner.largest_batch();
  std::vector<std::int64_t> images;
  std::vector<std::int32_t> labels;
  const std::function<void(int, int, int, BlockView<float>)> fill = [&](int block, int in_block, int worker,
                                                                        BlockView<float> x) {
    set.fill(std::span(images).subspan(static_cast<std::size_t>(block) * kLanes,
                                       static_cast<std::size_t>(in_block)),
             0, worker, x);
  };
  for (std::int64_t first = 0; first < count; first += largest) {
    images.resize(static_cast<std::size_t>(std::min(largest, count - first)));
    std::iota(images.begin(), images.end(), first);
    if (set.will_need) set.will_need(images);
    labels.clear();
    for (const std::int64_t image : images)
      labels.push_back(std::max(0, set.labels[static_cast<std::size_t>(image)]));
    Batch batch;
    batch.images = static_cast<std::int64_t>(images.size());
    batch.labels = labels.data();
    batch.fill = &fill;
    runner.evaluate(batch, observer);
    if (!done(first)) return;
  }
}

}  // namespace

Evaluation evaluate(Runner& runner, const ImageSet& set, const OnPrediction& each,
                    const std::function<bool(std::int64_t)>& progress) {
  Evaluation result;
  in_batches(runner, set, set.size(), nullptr, [&](std::int64_t first) {
    const auto losses = runner.losses(), probabilities = runner.probabilities();
    const auto predictions = runner.predictions();
    const std::size_t classes = probabilities.size() / predictions.size();
    for (std::size_t i = 0; i < predictions.size(); ++i) {
      const std::int64_t image = first + static_cast<std::int64_t>(i);
      const std::int32_t label = set.labels[static_cast<std::size_t>(image)];
      ++result.images;
      if (label >= 0) {
        ++result.labeled;
        result.correct += predictions[i] == label;
        result.loss_sum += losses[i];
      }
      if (each) each(image, predictions[i], probabilities.subspan(i * classes, classes), losses[i]);
    }
    return !progress || progress(result.images);
  });
  return result;
}

std::vector<LayerActivity> measure_activity(Network& network, Runner& runner, const ImageSet& set,
                                            std::int64_t most) {
  ActivityMeter meter(network, runner.largest_batch());
  in_batches(runner, set, std::min(most, set.size()), &meter.observer(), [&](std::int64_t) {
    meter.end_pass();
    return true;
  });
  return meter.take();
}

}  // namespace cnn
