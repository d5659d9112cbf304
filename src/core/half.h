#pragma once

#include <bit>
#include <cstdint>

namespace cnn {

// 16-bit floating point numbers (IEEE 754 binary16, and bfloat16, the upper half of a float32) as their bits.

/// Exact.
inline float float_of_bfloat16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

/// Exact; infinity and NaN included.
inline float float_of_half(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1fu, fraction = bits & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  // A number without the leading one is a multiple of 2^-24.
  if (exponent == 0) {
    const float value = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -value : value;
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

/// Rounded to the nearest, ties to even; what is too large becomes infinity.
inline std::uint16_t half_of_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
  const auto made = [&](std::uint32_t half) { return static_cast<std::uint16_t>(sign | half); };
  if (size > 0x7f800000u) return made(0x7e00u);   // NaN
  if (size >= 0x477ff000u) return made(0x7c00u);  // from 65520 on
  if (size < 0x38800000u) {                       // below 2^-14: the addition rounds to a multiple of 2^-24
    const float rounded = std::bit_cast<float>(size) + 0.5f;
    return made(std::bit_cast<std::uint32_t>(rounded) - std::bit_cast<std::uint32_t>(0.5f));
  }
  const std::uint32_t odd = size >> 13 & 1u;
  return made((size - 0x38000000u + 0xfffu + odd) >> 13);
}

}  // namespace cnn
