#include "train/evaluation.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "cluster/messages.h"
#include "cluster/patience.h"
#include "core/error.h"
#include "core/portable_math.h"

namespace cnn {
namespace {

/// Of the messages with probabilities; those of gradients have smaller numbers.
constexpr int kProbabilitiesTag = 32000;

/// Leaves a pass in the middle: its results do not count, and only scratch memory was changed.
struct Stopped {};

/// Takes the images of a share of a set through the network in batches: `pass` gets each batch and what it
/// shows, `done` the number of its first image; both say whether to go on.
template <class Pass, class Done>
void in_batches(std::int64_t largest, const ImageSet& set, const Portion& share, const Pass& pass,
                const Done& done) {
  std::vector<std::int64_t> images;
  std::vector<std::int32_t> labels;
  for (std::int64_t first = share.first; first < share.end; first += largest) {
    images.resize(static_cast<std::size_t>(std::min(largest, share.end - first)));
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

/// What an evaluation says about images. probabilities: [image][class].
struct Judgments {
  std::vector<float> losses, probabilities;
  std::vector<std::int32_t> predictions;

  void append(const Judgments& more) {
    const auto add = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
    add(losses, more.losses);
    add(probabilities, more.probabilities);
    add(predictions, more.predictions);
  }
};

/// Softmax, cross-entropy and the class with the largest logit (the first on ties, NaN wins), as the
/// network's own loss has them.
void judge(std::span<const double> logits, const std::vector<std::int32_t>& labels, Judgments& out) {
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
    for (const double value : z) sum += portable_exp(value - z[best]);
    for (std::size_t k = 0; k < classes; ++k)
      out.probabilities[i * classes + k] = static_cast<float>(portable_exp(z[k] - z[best]) / sum);
    out.predictions[i] = static_cast<std::int32_t>(best);
    out.losses[i] = static_cast<float>(portable_log(sum) + z[best] - z[static_cast<std::size_t>(labels[i])]);
  }
}

/// Adds images to `result` and shows them to `each`.
void count(const ImageSet& set, std::int64_t first, std::span<const float> losses,
           std::span<const float> probabilities, std::span<const std::int32_t> predictions,
           const OnPrediction& each, Evaluation& result) {
  if (predictions.empty()) return;
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

/// Judges one batch; false: `stop` came true within it.
class Judge {
 public:
  Judge(Runner& runner, std::span<const WeightedLook> looks, const std::atomic<bool>* stop)
      : runner_(runner), looks_(looks), stop_(stop) {}

  bool operator()(const std::vector<std::int64_t>& images, const std::vector<std::int32_t>& labels) {
    if (looks_.size() == 1) {
      if (!evaluate_batch(runner_, looks_.front().set, images, labels, nullptr, stop_)) return false;
      found_.losses.assign(runner_.losses().begin(), runner_.losses().end());
      found_.probabilities.assign(runner_.probabilities().begin(), runner_.probabilities().end());
      found_.predictions.assign(runner_.predictions().begin(), runner_.predictions().end());
      return true;
    }
    logits_.clear();
    for (const WeightedLook& look : looks_) {
      if (!evaluate_batch(runner_, look.set, images, labels, nullptr, stop_)) return false;
      logits_.resize(runner_.logits().size());
      for (std::size_t i = 0; i < logits_.size(); ++i)
        logits_[i] += static_cast<double>(look.weight) * static_cast<double>(runner_.logits()[i]);
    }
    judge(logits_, labels, found_);
    return true;
  }
  const Judgments& found() const { return found_; }

 private:
  Runner& runner_;
  const std::span<const WeightedLook> looks_;
  const std::atomic<bool>* stop_;
  std::vector<double> logits_;
  Judgments found_;
};

/// The probabilities of the images of all shares, from their processes to process 0. Waits for the sender's
/// part, too: `mine` is free again.
class Probabilities {
 public:
  Probabilities(Cluster& cluster, const std::vector<float>& mine)
      : cluster_(cluster), mine_(mine), counts_(gathered(cluster, static_cast<std::int64_t>(mine.size()))) {}

  void send() { wait(cluster_.send(mine_, 0, kProbabilitiesTag)); }
  std::span<const float> of(int rank) {
    if (rank == 0) return mine_;
    received_.resize(static_cast<std::size_t>(counts_[static_cast<std::size_t>(rank)]));
    wait(cluster_.receive(received_, rank, kProbabilitiesTag));
    return received_;
  }

 private:
  void wait(Cluster::Ticket ticket) {
    for (Patience patience; !cluster_.finished(ticket); patience.pause()) {
    }
  }
  Cluster& cluster_;
  const std::vector<float>& mine_;
  const std::vector<std::int64_t> counts_;
  std::vector<float> received_;
};

/// Joins what the processes found: all count it, process 0 shows it. Nothing if one of them was stopped.
Evaluation join(Cluster& cluster, const ImageSet& set, const Judgments& mine, bool stopped,
                const OnPrediction& each) {
  Evaluation result;
  const std::vector<char> stops = gathered(cluster, static_cast<char>(stopped));
  if (std::ranges::count(stops, char{0}) < cluster.size()) return result;
  const std::vector<float> losses = joined(cluster, std::span<const float>(mine.losses));
  const std::vector<std::int32_t> predictions = joined(cluster, std::span(mine.predictions));
  Probabilities probabilities(cluster, mine.probabilities);
  if (!cluster.is_root()) {
    probabilities.send();
    // Whoever does not show them counts with these.
    count(set, 0, losses, losses, predictions, {}, result);
    return result;
  }
  for (int rank = 0; rank < cluster.size(); ++rank) {
    const Portion share = share_of_blocks(set.size(), rank, cluster.size());
    const auto part = [&](const auto& all) {
      return std::span(all).subspan(static_cast<std::size_t>(share.first),
                                    static_cast<std::size_t>(share.size()));
    };
    count(set, share.first, part(losses), probabilities.of(rank), part(predictions), each, result);
  }
  return result;
}

}  // namespace

Evaluation evaluate(Runner& runner, std::span<const WeightedLook> looks, const OnPrediction& each,
                    const std::function<bool(std::int64_t)>& progress, const std::atomic<bool>* stop,
                    Cluster& cluster) {
  CNN_CHECK(!looks.empty(), "no look at the images");
  const ImageSet& set = looks.front().set;
  const bool together = cluster.size() > 1;
  const Portion share = share_of_blocks(set.size(), cluster.rank(), cluster.size());
  Evaluation result;
  Judge judge(runner, looks, stop);
  Judgments mine;
  std::int64_t done = share.first;
  const auto take = [&](std::int64_t first) {
    const Judgments& found = judge.found();
    done += static_cast<std::int64_t>(found.predictions.size());
    if (together)
      mine.append(found);
    else
      count(set, first, found.losses, found.probabilities, found.predictions, each, result);
    // The others are about as far.
    return !progress || progress(std::min(set.size(), (done - share.first) * cluster.size()));
  };
  in_batches(runner.largest_batch(), set, share, std::ref(judge), take);
  return together ? join(cluster, set, mine, done < share.end, each) : result;
}

Evaluation evaluate(Runner& runner, const ImageSet& set, const OnPrediction& each,
                    const std::function<bool(std::int64_t)>& progress, const std::atomic<bool>* stop,
                    Cluster& cluster) {
  const WeightedLook look{set};
  return evaluate(runner, {&look, 1}, each, progress, stop, cluster);
}

std::vector<LayerActivity> measure_activity(Network& network, Runner& runner, const ImageSet& set,
                                            std::int64_t most, const std::atomic<bool>* stop,
                                            Cluster& cluster) {
  const std::int64_t images = std::min(most, set.size());
  const Portion share = share_of_blocks(images, cluster.rank(), cluster.size());
  ActivityMeter meter(network, images);
  const auto pass = [&](const auto& some, const auto& labels) {
    meter.begin_pass(some.front() / kLanes);
    return evaluate_batch(runner, set, some, labels, &meter.observer(), stop);
  };
  in_batches(runner.largest_batch(), set, share, pass, [](std::int64_t) { return true; });
  return meter.take(cluster);
}

}  // namespace cnn
