#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/optimizer.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/lanes-inl.h"
#include "kernels/optimizer.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

void sgd_step(const SgdStep& s, std::int64_t count, const float* g, float* w, float* m) {
  const V rate = broadcast(s.learning_rate), momentum = broadcast(s.momentum),
          decay = broadcast(s.weight_decay), gradient_scale = broadcast(s.gradient_scale);
  for (std::int64_t i = 0; i < count; i += kWidth) {
    const V weight = load(w + i);
    const V gradient = hn::MulAdd(decay, weight, hn::Mul(gradient_scale, load(g + i)));
    V direction = gradient;
    if (s.momentum != 0) {
      const V velocity = s.first ? gradient : hn::MulAdd(momentum, load(m + i), gradient);
      store(velocity, m + i);
      direction = s.nesterov ? hn::MulAdd(momentum, velocity, gradient) : velocity;
    }
    store(hn::NegMulAdd(rate, direction, weight), w + i);
  }
}

void adam_step(const AdamStep& s, std::int64_t count, const float* g, float* w, float* m, float* v) {
  const V beta1 = broadcast(s.beta1), beta2 = broadcast(s.beta2), eps = broadcast(s.eps);
  const V rest1 = broadcast(s.one_minus_beta1), rest2 = broadcast(s.one_minus_beta2);
  for (std::int64_t i = 0; i < count; i += kWidth) {
    const V weight = hn::Mul(load(w + i), broadcast(s.decay_factor));
    const V gradient =
        hn::MulAdd(broadcast(s.coupled_decay), weight, hn::Mul(broadcast(s.gradient_scale), load(g + i)));
    const V mean = hn::MulAdd(beta1, load(m + i), hn::Mul(rest1, gradient));
    const V square = hn::MulAdd(beta2, load(v + i), hn::Mul(rest2, hn::Mul(gradient, gradient)));
    store(mean, m + i);
    store(square, v + i);
    const V denominator = hn::Add(hn::Div(hn::Sqrt(square), broadcast(s.sqrt_correction2)), eps);
    store(hn::NegMulAdd(broadcast(s.step_size), hn::Div(mean, denominator), weight), w + i);
  }
}

void muon_momentum(const MuonMomentum& s, std::int64_t count, const float* g, float* m, float* u) {
  const V momentum = broadcast(s.momentum), rest = broadcast((1 - s.momentum) * s.gradient_scale);
  for (std::int64_t i = 0; i < count; i += kWidth) {
    const V fresh = hn::Mul(rest, load(g + i));
    const V mean = hn::MulAdd(momentum, load(m + i), fresh);
    store(mean, m + i);
    store(s.nesterov ? hn::MulAdd(momentum, mean, fresh) : mean, u + i);
  }
}

void move_towards(float share, std::int64_t count, const float* target, float* value) {
  const V all = broadcast(share);
  for (std::int64_t i = 0; i < count; i += kWidth) {
    const V to = load(target + i), from = load(value + i);
    store(share == 1 ? to : hn::MulAdd(all, hn::Sub(to, from), from), value + i);
  }
}

double sum_of_squares(std::int64_t count, const float* x) {
  HWY_ALIGN float lanes[kLanes];
  for (int part = 0; part < kParts; ++part) {
    V sum = zero();
    for (std::int64_t i = part * kWidth; i < count; i += kLanes) {
      const V v = load(x + i);
      sum = hn::MulAdd(v, v, sum);
    }
    store(sum, lanes + part * kWidth);
  }
  double total = 0;
  for (const float lane : lanes) total += lane;
  return total;
}

void sum_parts(const float* parts, std::int64_t part_stride, int count_parts, std::int64_t count,
               float* sum) {
  for (std::int64_t i = 0; i < count; i += kWidth) {
    const auto part = [&](int p) HWY_ATTR { return load(parts + p * part_stride + i); };
    store(sum_of_leaves(count_parts, part), sum + i);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {

HWY_EXPORT(sgd_step);
void sgd_step(const SgdStep& step, std::int64_t count, const float* g, float* w, float* m) {
  HWY_DYNAMIC_DISPATCH(sgd_step)(step, count, g, w, m);
}

HWY_EXPORT(adam_step);
void adam_step(const AdamStep& step, std::int64_t count, const float* g, float* w, float* m, float* v) {
  HWY_DYNAMIC_DISPATCH(adam_step)(step, count, g, w, m, v);
}

HWY_EXPORT(muon_momentum);
void muon_momentum(const MuonMomentum& rule, std::int64_t count, const float* g, float* m, float* u) {
  HWY_DYNAMIC_DISPATCH(muon_momentum)(rule, count, g, m, u);
}

HWY_EXPORT(move_towards);
void move_towards(float share, std::int64_t count, const float* target, float* value) {
  HWY_DYNAMIC_DISPATCH(move_towards)(share, count, target, value);
}

HWY_EXPORT(sum_of_squares);
double sum_of_squares(std::int64_t count, const float* x) {
  return HWY_DYNAMIC_DISPATCH(sum_of_squares)(count, x);
}

HWY_EXPORT(sum_parts);
void sum_parts(const float* parts, std::int64_t part_stride, int count_parts, std::int64_t count,
               float* sum) {
  HWY_DYNAMIC_DISPATCH(sum_parts)(parts, part_stride, count_parts, count, sum);
}

}  // namespace cnn
#endif
