#pragma once

#include <cstdint>

#include "core/block.h"
#include "kernels/sum_epilogue.h"

namespace cnn {

// 3x3 convolutions with stride 1 in fewer multiplications: Winograd's minimal filtering F(4x4, 3x3), by
// A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, section 4. A tile of
// 4x4 outputs needs 36 products for each pair of channels instead of 144:
//
//     Y = A^T [ sum over ic of (G w G^T) . (B^T x B) ] A         x: 6x6 inputs of the tile, w: 3x3, Y: 4x4
//
// One dimension of it is a product of polynomials, w(t) of degree 2 and y(t) of degree 3, transposed. It is
// known by its values at six points: 0, a, -a, b, -b, and the leading coefficient. With the points p:
//
//           | a^2 b^2   0   -(a^2+b^2)      0      1  0 |
//           |    0   -a b^2    -b^2         a      1  0 |     A^T[k][p] = p^k, the last column 0 0 0 1
//     B^T = |    0    a b^2    -b^2        -a      1  0 |     G[p] = (1  p  p^2) / f(p), the last row 0 0 1
//           |    0   -a^2 b    -a^2         b      1  0 |     f(p): product of p - q over the other points q
//           |    0    a^2 b    -a^2        -b      1  0 |
//           |    0    a^2 b^2    0      -(a^2+b^2) 0  1 |
//
// Any points will do, but they decide how large the numbers in between become. Often used are 1 and 2; with
// a = 3/4 and b = 3/2, which are exact in binary as their squares are, the error is a third of theirs and
// about twice that of the plain sum (a test compares).
//
// The transposed algorithm gives the gradient of the kernel, F(3x3, 4x4):
//
//     dw = G^T [ sum over tiles and images of (A dY A^T) . (B^T x B) ] G
//
// For each of the 36 positions of a transformed tile the sum is a product of matrices. Every sum runs in one
// fixed order with fused multiply-adds, as everywhere (see weighted_sum.h).

/// Rows and columns of outputs in a tile.
constexpr int kWinogradTile = 4;
/// Tiles along `size` outputs; the last may stick out.
constexpr int winograd_tiles(int size) { return (size + kWinogradTile - 1) / kWinogradTile; }

/// Whether a convolution of this shape is faster this way: enough channels to pay for the transforms, and a
/// map that tiles of 4x4 do not overshoot by much. A fixed rule: the numbers must not depend on a timing.
/// rows, cols: of the output.
bool winograd_pays(int inputs, int outputs, int rows, int cols);

/// Channels and maps of one convolution: inputs is IC, outputs OC, rows and cols OH and OW
/// (kernels/letters.h); the input gradient is a convolution with inputs and outputs exchanged.
struct Winograd {
  int inputs = 0, outputs = 0;
  int rows = 0, cols = 0;               ///< of y
  std::int64_t x_row = 0, x_plane = 0;  ///< pixels from one row, one channel of x to the next
  std::int64_t y_row = 0, y_plane = 0;  ///< the same of y (or dy)
  int tile_rows() const { return winograd_tiles(rows); }
  int tile_cols() const { return winograd_tiles(cols); }
  int tiles() const { return tile_rows() * tile_cols(); }
};

/// Floats of the transformed weights.
std::int64_t winograd_packed_size(int inputs, int outputs);

/// Groups of 8 outputs, to pack in parallel.
constexpr int winograd_groups(int outputs) { return (outputs + 7) / 8; }

/// Transforms the kernels of one group into `packed`, 64-byte aligned. Kernel (o, i) is 3x3 at w +
/// o*output_stride + i*input_stride; `flip` turns it by 180 degrees (input gradient).
void winograd_pack(const float* w, int inputs, int outputs, std::int64_t input_stride,
                   std::int64_t output_stride, bool flip, float* packed, int group);

/// What of y a call computes: outputs, from a multiple of 8 on, and rows of tiles.
struct WinogradPart {
  int first_output = 0, end_output = 0;
  int first_tile_row = 0, end_tile_row = 0;
};

/// Floats of scratch for winograd_sum(), for any part.
std::int64_t winograd_sum_scratch(const Winograd& shape);

/// y[o] = what the epilogue makes of: sum over i of the convolution of x[i] with kernel (o, i). x: the first
/// pixel of the first window. Reads 4*tile_rows()+2 rows and 4*tile_cols()+2 columns: more than the windows
/// cover where rows or cols are no multiples of 4 (any finite value may stand there). `epilogue` is that of
/// all outputs. Overwrites y; must not overlap.
void winograd_sum(const Winograd& shape, const WinogradPart& part, const float* packed,
                  const SumEpilogue& epilogue, const float* x, float* y, float* scratch);

/// Floats of scratch for winograd_weight_gradient().
std::int64_t winograd_gradient_scratch(const Winograd& shape);

/// dw as TransposedGradient (kernels/transposed_gradient.h), for the outputs [first, end), first a multiple
/// of 8: overwritten, or added to if `accumulate`. x as for winograd_sum(), dy in the place of y, zero in
/// lanes without an image; nothing is read around it.
void winograd_weight_gradient(const Winograd& shape, int first, int end, const float* x, const float* dy,
                              float* dw, bool accumulate, float* scratch);

}  // namespace cnn
