#pragma once

#include <cstdint>

namespace cnn {

/// Softmax and cross-entropy of one block, with label smoothing e over K classes; an image may be a mixture
/// that is a share s of one class and the rest of another:
///
///     p[k] = exp(z[k] - max z) / sum,   loss = -sum over k of t[k] * log p[k],
///     t[k] = (1 - e) (s [k = label] + (1 - s) [k = second label]) + e/K,   dz[k] = (p[k] - t[k]) * scale
///
/// With class weights c: loss = -sum over k of c[k] * t[k] * log p[k], dz[k] = (p[k] * (sum of c t) - c[k] *
/// t[k]) * scale. That is PyTorch's cross_entropy(weight=c) but for the sum of c[label] over the batch, which
/// it divides by: the caller puts that into c. Lanes from `images` on have dz = 0.
struct CrossEntropy {
  int classes = 0;
  int images = 0;
  const std::int32_t* labels = nullptr;  ///< [images]; may be null when neither losses nor dz are wanted
  const std::int32_t* second_labels = nullptr;  ///< [images]; null: s = 1
  float share = 1;                              ///< s
  float smoothing = 0;
  float scale = 0;                       ///< of the gradient: 1 / images of the batch
  const float* class_weights = nullptr;  ///< [classes]; null: all 1
};

/// z, probabilities and dz: [classes][16]. Overwrites probabilities, losses[images] and predictions[images]
/// (the class with the largest z, the first on ties; NaN wins), and dz; losses and dz may be null. dz may be
/// z.
void softmax_cross_entropy(const CrossEntropy& loss, const float* z, float* probabilities, float* losses,
                           std::int32_t* predictions, float* dz);

}  // namespace cnn
