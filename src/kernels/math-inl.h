// Elementary functions on vectors, written out so that every instruction set with fused multiply-add computes
// the same bits. To be included inside a foreach_target source.
#if defined(CNN_KERNELS_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CNN_KERNELS_MATH_INL_H_
#undef CNN_KERNELS_MATH_INL_H_
#else
#define CNN_KERNELS_MATH_INL_H_
#endif

#include "kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {

/// c[0] + c[1] x + ... by Horner's rule.
template <int N>
HWY_INLINE V polynomial(V x, const float (&c)[N]) {
  V sum = broadcast(c[N - 1]);
  CNN_UNROLL for (int i = N - 2; i >= 0; --i) sum = hn::MulAdd(sum, x, broadcast(c[i]));
  return sum;
}

/// x = n ln 2 + r with integral n and |r| <= ln(2)/2, and e^r - 1. ln 2 is split so that n * high is exact
/// (W. Cody, W. Waite, "Software Manual for the Elementary Functions", 1980, chapter 6).
struct ReducedExp {
  V n;
  V r_minus_1;  ///< e^r - 1
};
HWY_INLINE ReducedExp reduced_exp(V x) {
  const V n = hn::Round(hn::Mul(x, broadcast(1.44269504f)));
  V r = hn::NegMulAdd(n, broadcast(0.693359375f), x);
  r = hn::NegMulAdd(n, broadcast(-2.12194440e-4f), r);
  // Taylor to r^7/7!: the rest is below 1e-8 on this interval.
  const float c[] = {0.5f, 1.f / 6, 1.f / 24, 1.f / 120, 1.f / 720, 1.f / 5040};
  return {n, hn::MulAdd(hn::Mul(r, r), polynomial(r, c), r)};
}

/// 2^n for integral n in [-126, 127].
HWY_INLINE V power_of_2(V n) {
  const hn::RebindToSigned<D> di;
  return hn::BitCast(D(), hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(di, n), hn::Set(di, 127))));
}

/// Keeps x in the range in which 2^n can be built; NaN stays NaN (a minimum would lose it).
HWY_INLINE V clamp_exponent(V x) {
  x = hn::IfThenElse(hn::Lt(x, broadcast(-87.0f)), broadcast(-87.0f), x);
  return hn::IfThenElse(hn::Gt(x, broadcast(88.0f)), broadcast(88.0f), x);
}

/// e^x, to about 1e-7; e^88 and e^-87 beyond those (so never infinite). NaN gives NaN.
HWY_INLINE V exp(V x) {
  const ReducedExp e = reduced_exp(clamp_exponent(x));
  const V scale = power_of_2(hn::IfThenElse(hn::Eq(x, x), e.n, zero()));
  return hn::MulAdd(scale, e.r_minus_1, scale);
}

/// e^x - 1 without cancellation near 0. Same range as exp.
HWY_INLINE V expm1(V x) {
  const ReducedExp e = reduced_exp(clamp_exponent(x));
  const V scale = power_of_2(hn::IfThenElse(hn::Eq(x, x), e.n, zero()));
  return hn::MulAdd(scale, e.r_minus_1, hn::Sub(scale, broadcast(1.0f)));
}

/// Natural logarithm of a positive normal number: x = 2^n m with m in [sqrt(1/2), sqrt(2)),
/// ln m = 2 artanh(s) with s = (m-1)/(m+1), as a series in s^2 (|s| < 0.172).
HWY_INLINE V log(V x) {
  const hn::RebindToSigned<D> di;
  const auto bits = hn::BitCast(di, x);
  const auto shifted = hn::Sub(bits, hn::Set(di, 0x3f3504f3));  // of sqrt(1/2)
  const auto n = hn::ShiftRight<23>(shifted);
  const V m = hn::BitCast(D(), hn::Sub(bits, hn::ShiftLeft<23>(n)));
  const V s = hn::Div(hn::Sub(m, broadcast(1.0f)), hn::Add(m, broadcast(1.0f)));
  const V s2 = hn::Mul(s, s);
  const float c[] = {2.0f, 2.f / 3, 2.f / 5, 2.f / 7, 2.f / 9, 2.f / 11};
  return hn::MulAdd(hn::ConvertTo(D(), n), broadcast(0.693147181f), hn::Mul(s, polynomial(s2, c)));
}

/// 1 / (1 + e^-x), from e^-|x| so that nothing overflows.
HWY_INLINE V sigmoid(V x) {
  const V e = exp(hn::Neg(hn::Abs(x)));
  const V small = hn::Div(e, hn::Add(broadcast(1.0f), e));
  const V large = hn::Div(broadcast(1.0f), hn::Add(broadcast(1.0f), e));
  return hn::IfThenElse(hn::Lt(x, zero()), small, large);
}

/// tanh x = -m / (2 + m) with m = e^-2|x| - 1, and the sign of x.
HWY_INLINE V tanh(V x) {
  const V m = expm1(hn::Mul(broadcast(-2.0f), hn::Abs(x)));
  return hn::CopySign(hn::Div(hn::Neg(m), hn::Add(broadcast(2.0f), m)), x);
}

/// The normal distribution: Phi(x) and its density phi(x) = e^(-x^2/2) / sqrt(2 pi). The tail beyond |x| is
/// e^(-x^2/2) times a slow function of t = 1 / (1 + 0.35 |x|): t P(t), where P is the polynomial of degree 8
/// with the least relative deviation for |x| < 14 (3e-8, found by Lawson's algorithm).
struct Normal {
  V distribution;
  V density;
};
HWY_INLINE Normal normal(V x) {
  const float c[] = {0.139621403f, 0.139861892f,  0.119832704f, 0.105508663f,  -0.0231114175f,
                     0.159176491f, -0.255716319f, 0.143972707f, -0.0291461394f};
  const V bell = exp(hn::Mul(hn::Mul(broadcast(-0.5f), x), x)), one = broadcast(1.0f);
  const V t = hn::Div(one, hn::MulAdd(broadcast(0.35f), hn::Abs(x), one));
  const V tail = hn::Mul(bell, hn::Mul(t, polynomial(t, c)));
  return {hn::IfThenElse(hn::Lt(x, zero()), tail, hn::Sub(one, tail)),
          hn::Mul(broadcast(0.398942280f), bell)};
}

}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();
#endif
