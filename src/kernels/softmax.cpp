#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cmath>
#include <numeric>

#include "kernels/math-inl.h"
#include "kernels/softmax.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

void softmax_cross_entropy(const CrossEntropy& l, const float* z, float* probabilities, float* losses,
                           std::int32_t* predictions, float* dz) {
  using Int = hn::RebindToSigned<D>;
  HWY_ALIGN float log_sum[kLanes];  // log of the sum of exp(z), so that -log p = log_sum - z
  HWY_ALIGN float z_sum[kLanes];
  HWY_ALIGN std::int32_t best_class[kLanes];
  for (int part = 0; part < kParts; ++part) {
    const float* at = z + part * kWidth;
    float* p = probabilities + part * kWidth;
    V best = load(at);
    auto winner = hn::Zero(Int());
    for (int k = 1; k < l.classes; ++k) {
      const V v = load(at + k * kLanes);
      const auto wins = hn::Or(hn::Gt(v, best), hn::IsNaN(v));
      best = hn::IfThenElse(wins, v, best);
      winner = hn::IfThenElse(hn::RebindMask(Int(), wins), hn::Set(Int(), k), winner);
    }
    V sum = zero(), total = zero();
    for (int k = 0; k < l.classes; ++k) {
      const V v = load(at + k * kLanes);
      const V e = exp(hn::Sub(v, best));
      sum = hn::Add(sum, e);
      total = l.class_weights ? hn::MulAdd(broadcast(l.class_weights[k]), v, total) : hn::Add(total, v);
      store(e, p + k * kLanes);
    }
    for (int k = 0; k < l.classes; ++k) store(hn::Div(load(p + k * kLanes), sum), p + k * kLanes);
    store(hn::Add(best, log(sum)), log_sum + part * kWidth);
    store(total, z_sum + part * kWidth);
    hn::Store(winner, Int(), best_class + part * kWidth);
  }
  const float classes = static_cast<float>(l.classes), off = l.smoothing / classes;
  const auto weight = [&](int k) { return l.class_weights ? l.class_weights[k] : 1.0f; };
  float all_weights = classes;
  if (l.class_weights) all_weights = std::accumulate(l.class_weights, l.class_weights + l.classes, 0.0f);
  for (int lane = 0; lane < l.images; ++lane) {
    predictions[lane] = best_class[lane];
    if (!losses) continue;
    float plain = weight(l.labels[lane]) * (log_sum[lane] - z[l.labels[lane] * kLanes + lane]);
    if (l.second_labels) {
      const int label = l.second_labels[lane];
      const float second = weight(label) * (log_sum[lane] - z[label * kLanes + lane]);
      plain = l.share * plain + (1 - l.share) * second;
    }
    const float mean = all_weights / classes * log_sum[lane] - z_sum[lane] / classes;
    losses[lane] = l.smoothing == 0 ? plain : (1 - l.smoothing) * plain + l.smoothing * mean;
    // The log of a NaN or infinite sum is not what bit tricks make of it.
    if (!std::isfinite(log_sum[lane]) || !std::isfinite(z_sum[lane])) losses[lane] = std::nanf("");
  }
  if (!dz) return;
  HWY_ALIGN float mass[kLanes] = {};  // sum of c t
  const auto label_weight = [&](int lane) {
    const float first = weight(l.labels[lane]);
    return l.second_labels ? l.share * first + (1 - l.share) * weight(l.second_labels[lane]) : first;
  };
  for (int lane = 0; lane < l.images; ++lane)
    mass[lane] = l.class_weights ? (1 - l.smoothing) * label_weight(lane) + off * all_weights : 1.0f;
  for (int part = 0; part < kParts; ++part) {
    const auto valid = valid_lanes(part, l.images);
    const V sum = load(mass + part * kWidth);
    for (int k = 0; k < l.classes; ++k) {
      const int at = k * kLanes + part * kWidth;
      const V target = broadcast(weight(k) * off);
      const V g = hn::Mul(hn::Sub(hn::Mul(load(probabilities + at), sum), target), broadcast(l.scale));
      store(hn::IfThenElseZero(valid, g), dz + at);
    }
  }
  for (int lane = 0; lane < l.images; ++lane) {
    const int label = l.labels[lane], second = l.second_labels ? l.second_labels[lane] : label;
    const auto write = [&](int k, float share) {
      const int at = k * kLanes + lane;
      dz[at] = (probabilities[at] * mass[lane] - weight(k) * ((1 - l.smoothing) * share) - weight(k) * off) *
               l.scale;
    };
    if (second == label) {
      write(label, 1);
    } else {
      write(label, l.share);
      write(second, 1 - l.share);
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {

HWY_EXPORT(softmax_cross_entropy);
void softmax_cross_entropy(const CrossEntropy& loss, const float* z, float* probabilities, float* losses,
                           std::int32_t* predictions, float* dz) {
  HWY_DYNAMIC_DISPATCH(softmax_cross_entropy)(loss, z, probabilities, losses, predictions, dz);
}

}  // namespace cnn
#endif
