#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/thread_pool.h"
#include "export/plan.h"
#include "export/quantized_plan.h"

namespace cnn {

/// The bytes of a plan for one image, each value in memory of its own.
using ByteValues = std::vector<std::vector<std::int8_t>>;

/// Executes a quantized plan with the very loops of the C code (src/export/c/int8_layers.c): the same bits.
/// Const: any number of threads may run it at the same time, each with its own values.
class ByteRun {
 public:
  using Values = ByteValues;
  /// Both must outlive it.
  ByteRun(const ExportPlan& plan, const QuantizedPlan& quantized);

  /// pixels: [row][column][channel]. Fills in all values.
  void run(std::span<const std::uint8_t> pixels, ByteValues& values) const;
  /// One row alone: y from the inputs of its step.
  void run_row(const ByteRow& row, ByteValues& values) const;
  void probabilities(const ByteValues& values, std::vector<float>& probabilities) const;

 private:
  void resize(ByteValues& values) const;
  const ExportPlan& plan_;
  const QuantizedPlan& quantized_;
};

/// How well a layer's bytes stand for its numbers in float32: signal to noise, in decibels. 6 are one bit.
struct LayerNoise {
  std::string layer;
  double own = 0;    ///< only this layer in bytes, and what it reads
  double total = 0;  ///< everything up to here in bytes
};

/// Over some images (interleaved pixels).
std::vector<LayerNoise> measure_noise(const ExportPlan& plan, const QuantizedPlan& quantized,
                                      std::span<const std::vector<std::uint8_t>> images, ThreadPool& pool);

}  // namespace cnn
