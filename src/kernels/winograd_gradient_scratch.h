#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/winograd-inl.h"
#include "kernels/winograd.h"

namespace cnn::winograd {

/// What winograd_weight_gradient() takes at once: a rectangle of tiles, so many inputs, so many outputs. What
/// belongs to one position fits the first-level cache, all together the second-level cache.
inline constexpr int kTilesOfGradient = 4, kInputsOfGradient = 64, kOutputsOfGradient = kLanes;

/// The parts of winograd_weight_gradient()'s scratch.
struct GradientScratch {
  explicit GradientScratch(const Winograd& s)
      : cols(even_piece(s.tile_cols(), kTilesOfGradient)),
        rows(even_piece(s.tile_rows(), std::max(1, kTilesOfGradient / cols))),
        strips((s.tile_rows() + rows - 1) / rows * ((s.tile_cols() + cols - 1) / cols)),
        inputs(std::min(static_cast<int>(round_up(s.inputs, kLanes)), kInputsOfGradient)),
        x_panel((kTile * rows + 2) * (kTile * cols + 2) * kPixel),
        dy_panel(kTile * rows * kTile * cols * kPixel),
        panel(rows * cols * kLanes * kLanes),
        v_position(inputs / kLanes * panel + kSkew),
        d_position(panel + kSkew),
        sum_position(kOutputsOfGradient * inputs + kSkew),
        sums(strips == 1 ? 1 : pairs(s)),
        dy_floats(round_up(s.outputs, kLanes) / kLanes * dy_panel) {}
  /// Groups of inputs times groups of outputs.
  static std::int64_t pairs(const Winograd& s) {
    return (s.inputs + kInputsOfGradient - 1) / kInputsOfGradient *
           ((s.outputs + kOutputsOfGradient - 1) / kOutputsOfGradient);
  }
  static constexpr std::int64_t kPixel = kLanes * kLanes + kSkew;  ///< of a transposed panel
  int cols, rows;                                                  ///< of tiles, in a strip
  int strips;                                                      ///< of the map
  int inputs;                                                      ///< of a group, in whole panels of 16
  std::int64_t x_panel, dy_panel;                                  ///< floats of a transposed panel
  std::int64_t panel;                                 ///< floats of a transformed panel, at one position
  std::int64_t v_position, d_position, sum_position;  ///< floats from one position to the next
  std::int64_t sums;                                  ///< pairs whose sums wait for the next strip
  std::int64_t dy_floats;                             ///< of all panels of dy
  std::int64_t floats() const {
    return x_panel + dy_floats + kPositions * (v_position + d_position + sums * sum_position);
  }
};

}  // namespace cnn::winograd
