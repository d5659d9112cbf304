#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "export/plan.h"
#include "export/step_row.h"

namespace cnn {

/// The values of a plan for one image, each in memory of its own.
using PlanValues = std::vector<std::vector<float>>;

/// Executes a plan in float32 with the very loops of the C code (src/export/c/float_layers.c). Const: any
/// number of threads may run it at the same time, each with its own values.
class FloatRun {
 public:
  using Values = PlanValues;
  /// The plan must outlive it.
  explicit FloatRun(const ExportPlan& plan);

  /// pixels: [row][column][channel]. Fills in all values.
  void run(std::span<const std::uint8_t> pixels, PlanValues& values) const;
  /// The same of an image as numbers from 0 to 1, [channel][row][column].
  void run_values(std::span<const float> pixels, PlanValues& values) const;
  /// Value 0 of an image.
  void read(std::span<const std::uint8_t> pixels, std::vector<float>& value) const;
  /// Softmax of the logits.
  void probabilities(const PlanValues& values, std::vector<float>& probabilities) const;

 private:
  void make_room(PlanValues& values) const;
  void run_steps(PlanValues& values) const;

  const ExportPlan& plan_;
  std::vector<StepRow> rows_;
  std::vector<float> mean_, std_;
};

/// Pixels as a data set has them, [channel][row][column], in the order in which cameras and files have them.
void interleave(const std::byte* pixels, const ImageSpec& image, std::vector<std::uint8_t>& interleaved);

}  // namespace cnn
