#pragma once

#include <cstdint>

namespace cnn {

/// What happens to the pixels of an image on its way from a decoder to its size. Integers only: the same
/// bytes on every instruction set. Nothing overlaps.

/// Takes the colors of `count` pixels apart: planes[c][i] = pixels[i*components + c] for c < 3. components:
/// 3, or 4, whose last one is dropped.
void split_colors(const std::uint8_t* pixels, int components, int count, std::uint8_t* const (&planes)[3]);

/// Weights are multiples of 2^-22, and sums are rounded to the nearest byte:
/// 8 bits of pixel, 22 of weight, and room for the sign and for rounding.
inline constexpr int kByteWeightBits = 22;
/// Weights of an output come in groups of so many; those that it does not need are 0.
inline constexpr int kByteWeightGroup = 8;
/// Whole vectors are read and written: rows have room for so many bytes more. What they hold does not matter.
inline constexpr int kByteRowSlack = 64;

/// How a row becomes one of another length: output i is made of count[i] bytes, from first[i] on.
struct RowWeights {
  int outputs = 0;
  const int* first = nullptr;             ///< [outputs]
  const int* count = nullptr;             ///< [outputs]
  const std::int32_t* weights = nullptr;  ///< [outputs][taps]
  int taps = 0;                           ///< a multiple of kByteWeightGroup
};
/// out[i] = sum over k < count[i] of weights[i*taps + k] * row[first[i] + k]. `row` has slack.
void weigh_row(const std::uint8_t* row, const RowWeights& by, std::uint8_t* out);

/// out[x] = sum over k < count of weights[k] * rows[k*pitch + x], for x < columns. `rows` and `out` have
/// slack.
void weigh_rows(const std::uint8_t* rows, std::int64_t pitch, const std::int32_t* weights, int count,
                int columns, std::uint8_t* out);

}  // namespace cnn
