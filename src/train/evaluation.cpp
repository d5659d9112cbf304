#include "train/evaluation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace cnn {
namespace {

/// Leaves a pass in the middle: its results do not count, and only scratch memory was changed.
struct Stopped {};

/// Takes images [0, count) of a set through the network in batches: `pass` gets each batch and what it shows,
/// `done` the number of its first image; both say whether to go on.
template <class Pass, class Done>
void in_batches(std::int64_t largest, const ImageSet& set, std::int64_t count, const Pass& pass,
                const Done& done) {
  std::vector<std::int64_t> images;
  std::vector<std::int32_t> labels;
  for (std::int64_t first = 0; first < count; first += largest) {
    images.resize(static_cast<std::size_t>(std::min(largest, count - first)));
    std::iota(images.begin(), images.end(), first);
    labels.clear();
    for (const std::int64_t image : images)
      labels.push_back(std::max(0, set.labels[static_cast<std::size_t>(image)]));
    if (!pass(images, labels) || !done(first)) return;
  }
}

/// One pass of these images through the network in evaluation mode. False: `stop` came true within it.
bool evaluate_batch(Runner& runner, const ImageSet& set, const std::vector<std::int64_t>& images,
                    const std::vector<std::int32_t>& labels, const Observer* observer,
                    const std::atomic<bool>* stop) {
  const std::function<void(int, int, int, BlockView<float>)> fill = [&](int block, int in_block, int worker,
                                                                        BlockView<float> x) {
    if (stop && *stop) throw Stopped();
    set.fill(std::span(images).subspan(static_cast<std::size_t>(block) * kLanes,
                                       static_cast<std::size_t>(in_block)),
             0, worker, x);
  };
  if (set.will_need) set.will_need(images);
  Batch batch;
  batch.images = static_cast<std::int64_t>(images.size());
  batch.labels = labels.data();
  batch.fill = &fill;
  try {
    runner.evaluate(batch, observer);
  } catch (const Stopped&) {
    return false;
  }
  return true;
}

/// What an evaluation says about a batch. probabilities: [image][class].
struct Judgment {
  std::vector<float> losses, probabilities;
  std::vector<std::int32_t> predictions;
};

/// Softmax, cross-entropy and the class with the largest logit (the first on ties, NaN wins), as the
/// network's own loss has them.
void judge(std::span<const double> logits, const std::vector<std::int32_t>& labels, Judgment& out) {
  const std::size_t classes = logits.size() / labels.size();
  out.losses.resize(labels.size());
  out.predictions.resize(labels.size());
  out.probabilities.resize(logits.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::span<const double> z = logits.subspan(i * classes, classes);
    std::size_t best = 0;
    for (std::size_t k = 1; k < classes; ++k)
      if (z[k] > z[best] || std::isnan(z[k])) best = k;
    double sum = 0;
    for (const double value : z) sum += std::exp(value - z[best]);
    for (std::size_t k = 0; k < classes; ++k)
      out.probabilities[i * classes + k] = static_cast<float>(std::exp(z[k] - z[best]) / sum);
    out.predictions[i] = static_cast<std::int32_t>(best);
    out.losses[i] = static_cast<float>(std::log(sum) + z[best] - z[static_cast<std::size_t>(labels[i])]);
  }
}

/// Adds a batch to `result` and shows its images to `each`.
void count(const ImageSet& set, std::int64_t first, std::span<const float> losses,
           std::span<const float> probabilities, std::span<const std::int32_t> predictions,
           const OnPrediction& each, Evaluation& result) {
  const std::size_t classes = probabilities.size() / predictions.size();
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const std::int64_t image = first + static_cast<std::int64_t>(i);
    const std::int32_t label = set.labels[static_cast<std::size_t>(image)];
    ++result.images;
    if (label >= 0) {
      ++result.labeled;
      result.correct += predictions[i] == label;
      result.loss_sum += static_cast<double>(losses[i]);
    }
    if (each) each(image, predictions[i], probabilities.subspan(i * classes, classes), losses[i]);
  }
}

}  // namespace

Evaluation evaluate(Runner& runner, const ImageSet& set, const OnPrediction& each,
                    const std::function<bool(std::int64_t)>& progress, const std::atomic<bool>* stop) {
  Evaluation result;
  in_batches(
      runner.largest_batch(), set, set.size(),
      [&](const auto& images, const auto& labels) {
        return evaluate_batch(runner, set, images, labels, nullptr, stop);
      },
      [&](std::int64_t first) {
        count(set, first, runner.losses(), runner.probabilities(), runner.predictions(), each, result);
        return !progress || progress(result.images);
      });
  return result;
}

Evaluation evaluate(Runner& runner, std::span<const WeightedLook> looks, const OnPrediction& each,
                    const std::function<bool(std::int64_t)>& progress, const std::atomic<bool>* stop) {
  CNN_CHECK(!looks.empty(), "no look at the images");
  const ImageSet& set = looks.front().set;
  if (looks.size() == 1) return evaluate(runner, set, each, progress, stop);
  Evaluation result;
  std::vector<double> logits;
  Judgment judgment;
  in_batches(
      runner.largest_batch(), set, set.size(),
      [&](const auto& images, const auto& labels) {
        logits.clear();
        for (const WeightedLook& look : looks) {
          if (!evaluate_batch(runner, look.set, images, labels, nullptr, stop)) return false;
          logits.resize(runner.logits().size());
          for (std::size_t i = 0; i < logits.size(); ++i)
            logits[i] += static_cast<double>(look.weight) * static_cast<double>(runner.logits()[i]);
        }
        judge(logits, labels, judgment);
        return true;
      },
      [&](std::int64_t first) {
        count(set, first, judgment.losses, judgment.probabilities, judgment.predictions, each, result);
        return !progress || progress(result.images);
      });
  return result;
}

std::vector<LayerActivity> measure_activity(Network& network, Runner& runner, const ImageSet& set,
                                            std::int64_t most, const std::atomic<bool>* stop) {
  ActivityMeter meter(network, runner.largest_batch());
  const auto pass = [&](const auto& images, const auto& labels) {
    return evaluate_batch(runner, set, images, labels, &meter.observer(), stop);
  };
  in_batches(runner.largest_batch(), set, std::min(most, set.size()), pass, [&](std::int64_t) {
    meter.end_pass();
    return true;
  });
  return meter.take();
}

}  // namespace cnn
