#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cluster/cluster.h"
#include "nn/batch.h"
#include "nn/pass.h"

namespace cnn {

/// The softmax and the cross-entropy of one batch (kernels/softmax.h), block by block, and the results for
/// every image: losses, predictions and, in evaluation, probabilities and logits.
class BatchLoss {
 public:
  /// keep_outputs: whether probabilities() and logits() are needed.
  BatchLoss(int classes, std::int64_t largest_batch, bool keep_outputs);

  /// Before the first block of a batch. Training: brings the class weights to a mean of 1 over its images.
  void begin(const Batch& batch, bool training);

  /// What the loss of one block reads and writes.
  struct Views {
    const float* logits;
    float* probabilities;              ///< [class][lane]
    float* scratch = nullptr;          ///< as many, where there is a gradient
    BlockView<float> logits_gradient;  ///< empty: not needed
  };
  /// Blocks may be worked on at the same time.
  void run(const Pass& pass, const Batch& batch, const Views& views);

  /// Brings the losses and predictions of all processes together. ends: of each process's images, in bytes of
  /// one array.
  void gather(Cluster& cluster, std::span<const std::int64_t> ends);

  /// Of the batch that began last, per image.
  std::span<const float> losses() const { return first(losses_, 1); }
  std::span<const std::int32_t> predictions() const { return first(predictions_, 1); }
  /// [image][class]
  std::span<const float> probabilities() const { return first(probabilities_, classes_); }
  std::span<const float> logits() const { return first(logits_, classes_); }

 private:
  template <class T>
  std::span<const T> first(const std::vector<T>& all, int per_image) const {
    return {all.data(), static_cast<std::size_t>(images_ * per_image)};
  }
  void keep_outputs(const Pass& pass, const Views& views);

  int classes_;
  std::int64_t images_ = 0;
  bool weighted_ = false;
  std::vector<float> class_weights_;  // of this batch, their mean over the images being 1
  std::vector<float> losses_, probabilities_, logits_;
  std::vector<std::int32_t> predictions_;
};

}  // namespace cnn
