#pragma once

#include <cstdint>

namespace cnn {

/// Steps of the optimizers on `count` numbers, PyTorch's update rules to the letter (torch.optim.SGD, Adam,
/// AdamW). All pointers 64-byte aligned, count a multiple of 16; ranges may be worked on by different
/// threads.

/// g *= gradient_scale;  g += weight_decay * w;  m = first ? g : momentum * m + g;  w -= learning_rate *
/// (nesterov ? g + momentum * m : m). Without momentum m is not touched.
struct SgdStep {
  float learning_rate = 0, momentum = 0, weight_decay = 0;
  float gradient_scale = 1;
  bool nesterov = false;
  bool first = false;
};
void sgd_step(const SgdStep& step, std::int64_t count, const float* g, float* w, float* m);

/// g *= gradient_scale. Decay: adam g += weight_decay * w; adamw w *= 1 - learning_rate * weight_decay (D.
/// Kingma, J. Ba, arXiv:1412.6980; I. Loshchilov, F. Hutter, arXiv:1711.05101). Then m = beta1 m + (1 -
/// beta1) g, v = beta2 v + (1 - beta2) g^2, w -= step_size * m / (sqrt(v) / sqrt_correction2 + eps), where
/// step_size = learning_rate / (1 - beta1^t) and sqrt_correction2 = sqrt(1 - beta2^t).
struct AdamStep {
  float step_size = 0, sqrt_correction2 = 1;
  float beta1 = 0, one_minus_beta1 = 0, beta2 = 0, one_minus_beta2 = 0, eps = 0;
  float coupled_decay = 0;  ///< adam: weight_decay
  float decay_factor = 1;   ///< adamw: 1 - learning_rate * weight_decay
  float gradient_scale = 1;
};
void adam_step(const AdamStep& step, std::int64_t count, const float* g, float* w, float* m, float* v);

/// Muon's direction before it is orthogonalized: g *= gradient_scale;  m = momentum * m + (1 - momentum) * g;
/// u = nesterov ? momentum * m + (1 - momentum) * g : m.
struct MuonMomentum {
  float momentum = 0;
  float gradient_scale = 1;
  bool nesterov = false;
};
void muon_momentum(const MuonMomentum& rule, std::int64_t count, const float* g, float* m, float* u);

/// value += share * (target - value). With share 1 value becomes target, to the bit.
void move_towards(float share, std::int64_t count, const float* target, float* value);

/// Sum of x^2, in one order: 16 sums of floats side by side, then these in double.
double sum_of_squares(std::int64_t count, const float* x);

/// sum[i] = parts[0][i] + parts[1][i] + ..., in the order of kernels/sum_tree.h; part p begins at parts +
/// p*part_stride. sum may be part 0. At most kMostLeaves parts.
void sum_parts(const float* parts, std::int64_t part_stride, int count_parts, std::int64_t count, float* sum);

}  // namespace cnn
