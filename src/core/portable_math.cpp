#include "core/portable_math.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace cnn {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// ln 2 and pi/2 as sums of two numbers. The first has so few bits that its product with any quotient that
/// occurs is exact (W. Cody, W. Waite, "Software Manual for the Elementary Functions", 1980).
constexpr double kLn2High = 0x1.62e42feep-1, kLn2Low = 0x1.a39ef35793c76p-33;
constexpr double kHalfPiHigh = 0x1.921fb544p+0, kHalfPiLow = 0x1.0b4611a626331p-34;

/// c[0] + c[1] x + ... by Horner's rule.
template <int N>
double polynomial(double x, const double (&c)[N]) {
  double sum = c[N - 1];
  for (int i = N - 2; i >= 0; --i) sum = sum * x + c[i];
  return sum;
}

/// A number as the unevaluated sum of two, the second below half a unit in the last place of the first.
struct TwoPart {
  double high, low;
};

/// a + b without any error (D. Knuth, "The Art of Computer Programming", volume 2, 4.2.2, theorem B).
TwoPart exact_sum(double a, double b) {
  const double sum = a + b, part_of_b = sum - a;
  return {sum, (a - (sum - part_of_b)) + (b - part_of_b)};
}

/// a * b without any error: each factor is split into halves of 26 bits, whose products are exact (T. Dekker,
/// "A floating-point technique for extending the available precision", 1971).
TwoPart exact_product(double a, double b) {
  constexpr double kSplitter = 0x1p27 + 1;
  const auto high_half = [](double x) {
    const double scaled = kSplitter * x;
    return scaled - (scaled - x);
  };
  const double a_high = high_half(a), a_low = a - a_high, b_high = high_half(b), b_low = b - b_high;
  const double product = a * b;
  return {product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low};
}

/// e^(x + tail) for a tail far smaller than x. x = n ln 2 + r with |r| <= ln(2)/2, and Taylor to r^14/14!:
/// the rest is below 2^-60 of the result.
double exp_of_sum(double x, double tail) {
  if (std::isnan(x)) return x;
  if (x > 710) return kInfinity;
  if (x < -746) return 0;
  const double n = std::floor(x * std::numbers::log2e + 0.5);
  const double high = x - n * kLn2High, low = tail - n * kLn2Low;
  const double r = high + low, rest = (high - r) + low;  // r + rest, the second a rounding error
  constexpr double kFactorials[] = {1.0 / 2,          1.0 / 6,        1.0 / 24,        1.0 / 120,
                                    1.0 / 720,        1.0 / 5040,     1.0 / 40320,     1.0 / 362880,
                                    1.0 / 3628800,    1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800,
                                    1.0 / 87178291200};
  const TwoPart leading = exact_sum(1, r);
  const double further = leading.low + (r * r * polynomial(r, kFactorials) + (rest + rest * r));
  return std::ldexp(leading.high + further, static_cast<int>(n));
}

/// x = 2^n (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)).
struct ReducedExponent {
  double n, f;
};
ReducedExponent split(double x) {
  int n = 0;
  double m = std::frexp(x, &n);  // in [1/2, 1)
  if (m < std::numbers::sqrt2 / 2) m *= 2, --n;
  return {static_cast<double>(n), m - 1};
}

/// ln(1 + f) = 2 artanh(s) with s = f / (2 + f); this is 2 artanh(s) / s - 2, a series in z = s^2 < 0.0295.
double artanh_rest(double z) {
  constexpr double kOdd[] = {2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11, 2.0 / 13,
                             2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23};
  return z * polynomial(z, kOdd);
}

/// ln x as two parts, good to about 2^-60 of it.
TwoPart log_parts(double x) {
  const auto [n, f] = split(x);
  const TwoPart divisor = exact_sum(2.0, f);
  const double s = f / divisor.high;
  const TwoPart back = exact_product(s, divisor.high);
  const double s_low = ((f - back.high) - back.low - s * divisor.low) / divisor.high;
  const TwoPart leading = exact_sum(n * kLn2High, 2 * s);
  const double rest = leading.low + (n * kLn2Low + 2 * s_low + s * artanh_rest(s * s));
  return exact_sum(leading.high, rest);
}

/// An angle as quarter * pi/2 + (r + rest) with |r| <= pi/4 and a quarter from 0 to 3.
struct Angle {
  int quarter;
  double r, rest;
};
Angle reduced(double radians) {
  // Beyond, the angle's own rounding is that of many turns.
  if (std::abs(radians) > 1e5) radians = std::fmod(radians, 2 * std::numbers::pi);
  const double n = std::floor(radians * (2 / std::numbers::pi) + 0.5);
  const double high = radians - n * kHalfPiHigh, low = n * kHalfPiLow;
  const double r = high - low;
  return {static_cast<int>(n - 4 * std::floor(n / 4)), r, (high - r) - low};
}

/// Taylor to r^19 and r^18: the rest is below 2^-60 of the result for |r| <= pi/4.
double near_sin(double r, double rest) {
  constexpr double kOdd[] = {-1.0 / 6,
                             1.0 / 120,
                             -1.0 / 5040,
                             1.0 / 362880,
                             -1.0 / 39916800,
                             1.0 / 6227020800,
                             -1.0 / 1307674368000,
                             1.0 / 355687428096000,
                             -1.0 / 121645100408832000};
  const double z = r * r;
  return r + (r * z * polynomial(z, kOdd) + rest * (1 - z / 2));
}
double near_cos(double r, double rest) {
  constexpr double kEven[] = {
      1.0 / 24,        -1.0 / 720,         1.0 / 40320,          -1.0 / 3628800,
      1.0 / 479001600, -1.0 / 87178291200, 1.0 / 20922789888000, -1.0 / 6402373705728000};
  const double z = r * r, half = z / 2, leading = 1 - half;
  return leading + (((1 - leading) - half) + (z * z * polynomial(z, kEven) - r * rest));
}

/// The sine of an angle that is `more` quarters further.
double sin_of(double radians, int more) {
  if (!std::isfinite(radians)) return kNaN;
  const auto [quarter, r, rest] = reduced(radians);
  switch ((quarter + more) % 4) {
    case 0:
      return near_sin(r, rest);
    case 1:
      return near_cos(r, rest);
    case 2:
      return -near_sin(r, rest);
    default:
      return -near_cos(r, rest);
  }
}

}  // namespace

double portable_exp(double x) { return exp_of_sum(x, 0); }

double portable_log(double x) {
  if (std::isnan(x) || x < 0) return kNaN;
  if (x == 0) return -kInfinity;
  if (x == kInfinity) return x;
  const auto [n, f] = split(x);
  // f - s f + s rest, where s f = f^2/2 - s f^2/2: what is added to f is small and has a small error.
  const double s = f / (2 + f), half = f * f / 2;
  return n * kLn2High - ((half - (s * (half + artanh_rest(s * s)) + n * kLn2Low)) - f);
}

double portable_sin(double radians) { return sin_of(radians, 0); }
double portable_cos(double radians) { return sin_of(radians, 1); }

double portable_pow(double base, double exponent) {
  if (exponent == 0 || base == 1) return 1;
  if (std::isnan(base) || std::isnan(exponent) || base < 0) return kNaN;
  if (exponent == 1) return base;
  if (base == 0) return exponent > 0 ? 0 : kInfinity;
  if (base == kInfinity || std::isinf(exponent)) return (base > 1) == (exponent > 0) ? kInfinity : 0;
  const TwoPart logarithm = log_parts(base);
  const double estimate = exponent * logarithm.high;
  if (!(std::abs(estimate) < 1000)) return estimate > 0 ? kInfinity : 0;
  const TwoPart product = exact_product(exponent, logarithm.high);
  return exp_of_sum(product.high, product.low + exponent * logarithm.low);
}

}  // namespace cnn
