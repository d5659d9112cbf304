#include "core/random.h"

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/portable_math.h"

namespace cnn {

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> c, std::array<std::uint32_t, 2> k) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53u} * c[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57u} * c[2];
    c = {static_cast<std::uint32_t>(product1 >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(product1),
         static_cast<std::uint32_t>(product0 >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(product0)};
    k[0] += 0x9E3779B9u;
    k[1] += 0xBB67AE85u;
  }
  return c;
}

Random::Random(std::uint64_t seed, Purpose purpose, std::uint32_t major, std::uint32_t minor)
    : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
      counter_{0, static_cast<std::uint32_t>(purpose), major, minor} {}

std::uint32_t Random::bits() {
  if (used_ == 4) {
    block_ = philox(counter_, key_);
    ++counter_[0];
    used_ = 0;
  }
  return block_[used_++];
}

float Random::uniform() { return static_cast<float>(bits() >> 8) * 0x1p-24f; }

std::uint32_t Random::below(std::uint32_t n) {
  CNN_CHECK(n >= 1, "n = {}", n);
  // Multiply-shift with rejection of the uneven rest (D. Lemire, "Fast random integer generation in an
  // interval", 2019).
  const std::uint32_t uneven = (0u - n) % n;
  for (;;) {
    const std::uint64_t product = std::uint64_t{bits()} * n;
    if (static_cast<std::uint32_t>(product) >= uneven) return static_cast<std::uint32_t>(product >> 32);
  }
}

float Random::normal() {
  const double u = (bits() + 1.0) * 0x1p-32;  // in (0, 1]: its logarithm is finite
  const double v = bits() * 0x1p-32;
  return static_cast<float>(std::sqrt(-2.0 * portable_log(u)) * portable_cos(2.0 * std::numbers::pi * v));
}

}  // namespace cnn
