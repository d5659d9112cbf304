#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numbers>

#include "catch.h"
#include "core/portable_math.h"
#include "core/random.h"

namespace cnn {
namespace {

/// Distance to the true value in units of the last place of a double.
double error_in_places(double result, long double truth) {
  const double near = std::abs(static_cast<double>(truth));
  const double place = std::nextafter(near, std::numeric_limits<double>::infinity()) - near;
  return static_cast<double>(std::abs(static_cast<long double>(result) - truth) /
                             static_cast<long double>(place));
}

/// The largest error, and all bits of all results in one number.
class Results {
 public:
  void add(double result, long double truth) {
    error_ = std::max(error_, error_in_places(result, truth));
    bits_ = (bits_ ^ std::bit_cast<std::uint64_t>(result)) * 0x100000001b3u;
  }
  double error() const { return error_; }
  std::uint64_t bits() const { return bits_; }

 private:
  double error_ = 0;
  std::uint64_t bits_ = 0xcbf29ce484222325u;
};

/// 20,000 arguments between two numbers.
Results over(double low, double high, double (*function)(double), long double (*truth)(long double)) {
  Results results;
  Random random(7, Purpose::split);
  for (int i = 0; i < 20000; ++i) {
    const double x = low + (high - low) * (random.bits() * 0x1p-32);
    results.add(function(x), truth(static_cast<long double>(x)));
  }
  return results;
}

}  // namespace

TEST_CASE("portable functions are good to one unit in the last place, with the same bits everywhere",
          "[core]") {
  // The second column was computed on x86-64 with gcc; every other processor, compiler and library must
  // agree.
  const auto check = [](const char* what, const Results& results, double most, std::uint64_t bits) {
    INFO(what << ": error " << results.error() << ", bits " << std::hex << results.bits());
    CHECK(results.error() < most);
    CHECK(results.bits() == bits);
  };
  check("exp", over(-40, 40, portable_exp, std::exp), 0.7, 0x49fb7547a211840bu);
  check("exp, small", over(-0.01, 0.01, portable_exp, std::exp), 0.7, 0xa024da8ca9ba6a8au);
  check("log", over(0, 1000, portable_log, std::log), 0.9, 0x89ce197af362341du);
  check("log, near 1", over(0.99, 1.01, portable_log, std::log), 0.9, 0xb08aefb89fb01384u);
  check("sin", over(-400, 400, portable_sin, std::sin), 0.9, 0xa8056ab51d7221acu);
  check("cos", over(-400, 400, portable_cos, std::cos), 0.9, 0xfd09038e5dbf8576u);

  Results powers;
  Random random(8, Purpose::split);
  for (int i = 0; i < 20000; ++i) {
    const double base = 4 * (random.bits() * 0x1p-32), exponent = 50 * (random.bits() * 0x1p-32);
    powers.add(portable_pow(base, exponent),
               std::pow(static_cast<long double>(base), static_cast<long double>(exponent)));
  }
  check("pow", powers, 2, 0x98f42bc740bc71d2u);

  CHECK(error_in_places(std::nextafter(1.0, 2.0), 1.0L) == 1);  // what compares can fail
}

TEST_CASE("portable functions at the ends of their ranges", "[core]") {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  CHECK(portable_exp(0) == 1);
  CHECK(portable_exp(-kInfinity) == 0);
  CHECK(portable_exp(-800) == 0);
  CHECK(portable_exp(kInfinity) == kInfinity);
  CHECK(portable_exp(710) == kInfinity);
  CHECK(portable_exp(709) < kInfinity);
  CHECK(std::isnan(portable_exp(kNaN)));
  CHECK(portable_log(1) == 0);
  CHECK(portable_log(0) == -kInfinity);
  CHECK(portable_log(kInfinity) == kInfinity);
  CHECK(portable_log(std::numeric_limits<double>::denorm_min()) == std::log(0x1p-1074));
  CHECK(std::isnan(portable_log(-1)));
  CHECK(std::isnan(portable_log(kNaN)));
  CHECK(portable_sin(0) == 0);
  CHECK(portable_cos(0) == 1);
  CHECK(portable_cos(std::numbers::pi) == -1);
  CHECK(std::abs(portable_sin(1e300)) <= 1);
  CHECK(std::isnan(portable_cos(kInfinity)));
  CHECK(portable_pow(0, 0) == 1);
  CHECK(portable_pow(0, 2) == 0);
  CHECK(portable_pow(0, -2) == kInfinity);
  CHECK(portable_pow(0.9, 1) == 0.9);
  CHECK(portable_pow(2, 10) == 1024);
  CHECK(portable_pow(2, 5000) == kInfinity);
  CHECK(portable_pow(2, -5000) == 0);
  CHECK(portable_pow(0.5, kInfinity) == 0);
  CHECK(portable_pow(kInfinity, 0.5) == kInfinity);
  CHECK(std::isnan(portable_pow(-2, 2)));
  CHECK(std::isnan(portable_pow(kNaN, 2)));
  for (int k = -20; k <= 20; ++k) CHECK(portable_pow(10, k) == std::stod("1e" + std::to_string(k)));
}

}  // namespace cnn
