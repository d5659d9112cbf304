#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/thread_pool.h"
#include "nn/network.h"
#include "train/image_set.h"
#include "train/trainer.h"
#include "train/training_spec.h"

namespace cnn {

/// Data filtering: a small proxy network is trained first, and the long training leaves out the images that
/// were easy for it, after airbench96 (K. Jordan, 2024). There the choice is made anew in every batch; here
/// it is made once: the training runs on a smaller set, and nothing else about it changes.

struct ProxyResult {
  /// Of each image: the mean over the epochs, as the steps saw them; infinite for one that none saw
  /// (drop_last).
  std::vector<double> losses;
  double accuracy = 0;  ///< of the last epoch
};
/// Trains a proxy network, which must be initialized, without class weights and mixup: losses are compared
/// within a class. The result depends on spec (how the proxy is trained), seed and data only. Nothing if
/// `stop` became true. Throws Error (exit 1) for numbers that are not finite.
std::optional<ProxyResult> train_proxy(Network& proxy, ThreadPool& pool, const TrainingSpec& spec,
                                       std::uint64_t seed, ImageSet train,
                                       const std::function<void(const StepProgress&)>& on_step,
                                       const std::atomic<bool>& stop, Cluster& cluster = alone());

/// Of every class with n images, the round-half-up(n * keep) images with the largest loss, but at least one;
/// of equal ones the first. Ascending.
std::vector<std::int64_t> hardest_images(std::span<const std::int32_t> labels, std::span<const double> losses,
                                         double keep);

/// A choice of images as text, one character for each of `count` images: 1 kept, 0 left out.
std::string to_text(std::span<const std::int64_t> kept, std::int64_t count);
/// Throws Error (exit 1) that begins with `where` if it is not a choice among `count` images.
std::vector<std::int64_t> to_kept_images(const std::string& text, std::int64_t count,
                                         const std::string& where);

}  // namespace cnn
