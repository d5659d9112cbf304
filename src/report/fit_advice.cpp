#include "report/fit_advice.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>

namespace cnn {
namespace {

std::string percent_of(double fraction) { return fmt::format("{:.1f} %", 100 * fraction); }

}  // namespace

std::string fit_advice(std::span<const EpochMetrics> epochs) {
  constexpr double kWellLearned = 0.9, kFar = 0.1, kNear = 0.03, kFalls = 0.99;
  if (epochs.size() < 2 || !std::isfinite(epochs.back().validation_accuracy)) return "";
  const EpochMetrics& last = epochs.back();
  const double before = epochs[epochs.size() - 2].train_loss;
  const double gap = last.train_accuracy - last.validation_accuracy;
  if (last.train_accuracy >= kWellLearned && gap >= kFar)
    return fmt::format(
        "The network overfits: at the end, {} of the training images are right, and {} of the validation "
        "images. "
        "More images help most; then weights of a network that has learned from many (initial_weights), more "
        "augmentation, dropout, or fewer weights.",
        percent_of(last.train_accuracy), percent_of(last.validation_accuracy));
  if (last.train_accuracy < kWellLearned && gap <= kNear && last.train_loss <= kFalls * before)
    return fmt::format(
        "The network underfits: only {} of the training images are right, and their loss still falls ({:.3g} "
        "to "
        "{:.3g} in the last epoch). More epochs help, then more channels, or less augmentation.",
        percent_of(last.train_accuracy), before, last.train_loss);
  return "";
}

}  // namespace cnn
