#include "nn/batch_loss.h"

#include "kernels/elementwise.h"
#include "kernels/softmax.h"

namespace cnn {

BatchLoss::BatchLoss(int classes, std::int64_t largest_batch, bool keep_outputs)
    : classes_(classes), class_weights_(static_cast<std::size_t>(classes)) {
  const auto images = static_cast<std::size_t>(largest_batch);
  losses_.resize(images);
  predictions_.resize(images);
  if (!keep_outputs) return;
  probabilities_.resize(images * static_cast<std::size_t>(classes));
  logits_.resize(probabilities_.size());
}

void BatchLoss::begin(const Batch& batch, bool training) {
  images_ = batch.images;
  weighted_ = training && !batch.class_weights.empty();
  if (!weighted_) return;
  const auto weight = [&](std::int32_t label) {
    return batch.class_weights[static_cast<std::size_t>(label)];
  };
  double sum = 0;
  for (std::int64_t i = 0; i < batch.images; ++i) {
    const double first = weight(batch.labels[i]);
    sum += batch.second_labels ? batch.share * first + (1 - batch.share) * weight(batch.second_labels[i])
                               : first;
  }
  for (std::size_t k = 0; k < class_weights_.size(); ++k)
    class_weights_[k] = static_cast<float>(batch.class_weights[k] * static_cast<double>(batch.images) / sum);
}

void BatchLoss::run(const Pass& pass, const Batch& batch, const Views& views) {
  const std::int64_t first = std::int64_t{pass.block} * kLanes;
  const CrossEntropy loss{.classes = classes_,
                          .images = pass.images,
                          .labels = batch.labels ? batch.labels + first : nullptr,
                          .second_labels = batch.second_labels ? batch.second_labels + first : nullptr,
                          .share = batch.share,
                          .smoothing = pass.training ? batch.label_smoothing : 0.0f,
                          .scale = 1.0f / static_cast<float>(pass.batch_images),
                          .class_weights = weighted_ ? class_weights_.data() : nullptr};
  const BlockView<float>& to = views.logits_gradient;
  softmax_cross_entropy(loss, views.logits, views.probabilities,
                        batch.labels ? losses_.data() + first : nullptr, predictions_.data() + first,
                        to.empty() ? nullptr : views.scratch);
  if (!to.empty()) {
    copy(BlockView<const float>{views.scratch, to.c, 1, 1, 1, 1}, to);
    if (batch.output_gradient) (*batch.output_gradient)(pass.block, pass.images, to);
  }
  if (!probabilities_.empty()) keep_outputs(pass, views);
}

void BatchLoss::gather(Cluster& cluster, std::span<const std::int64_t> ends) {
  static_assert(sizeof(float) == sizeof(std::int32_t));
  const auto images = static_cast<std::size_t>(images_);
  cluster.all_gather(std::as_writable_bytes(std::span(losses_).first(images)), ends);
  cluster.all_gather(std::as_writable_bytes(std::span(predictions_).first(images)), ends);
}

/// [class][lane] to [image][class].
void BatchLoss::keep_outputs(const Pass& pass, const Views& views) {
  const std::int64_t first = std::int64_t{pass.block} * kLanes;
  for (int lane = 0; lane < pass.images; ++lane)
    for (int k = 0; k < classes_; ++k) {
      const auto place = static_cast<std::size_t>((first + lane) * classes_ + k);
      probabilities_[place] = views.probabilities[k * kLanes + lane];
      logits_[place] = views.logits[k * kLanes + lane];
    }
}

}  // namespace cnn
