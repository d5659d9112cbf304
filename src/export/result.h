#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/data_spec.h"
#include "export/byte_run.h"
#include "export/comparison.h"

namespace cnn {

/// What an export made, and what it costs.
struct ExportResult {
  std::string format;              ///< "onnx", "c"
  std::string arithmetic;          ///< "float32", "int8"
  std::vector<std::string> files;  ///< as the user named them
  std::string input;               ///< what goes in, in words
  std::vector<std::string> classes;
  ImageSpec image;
  std::int64_t file_bytes = 0;
  std::int64_t macs = 0;
  std::optional<std::int64_t> scratch_bytes, constant_bytes;  ///< of C
  std::optional<std::int64_t> calibration_images;             ///< of int8
  std::vector<LayerNoise> noise;                              ///< of int8, over so many images
  std::int64_t noise_images = 0;
  std::vector<BadFile> bad_calibration_images;  ///< left out
  std::optional<ExportComparison> comparison;
  std::vector<std::string> warnings;  ///< what the user should know, in sentences
};

/// For people, and as a JSON object for scripts.
std::string result_text(const ExportResult& result);
std::string result_json(const ExportResult& result);

}  // namespace cnn
