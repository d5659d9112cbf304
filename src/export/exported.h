#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "export/byte_run.h"
#include "export/c_source.h"
#include "export/comparison.h"
#include "export/onnx.h"
#include "export/outputs.h"
#include "export/result.h"

namespace cnn {

/// An export before it is written: its files, what is said about it, and the program's own execution of it.
struct Exported {
  OutputFiles files;
  ExportResult result;
  ExportAnswer answer;
  ExportFloatAnswer at_16_bits;  ///< only of ONNX whose input is floats
};

/// Images that ranges are measured on at most, evenly spread over the folder, and images of the table of
/// noise.
inline constexpr std::int64_t kMostCalibrationImages = 512, kNoiseImages = 64;

/// Fewer images than this are warned of: see tests/README.md for what some of them cost.
inline constexpr std::int64_t kEnoughCalibrationImages = 64;

/// The plan of a model. Throws Error for one that is damaged.
ExportPlan export_plan(const Inspected& model, ActivationFolding folding);

Exported export_onnx(const Inspected& model, const std::filesystem::path& out, OnnxInput input,
                     const std::string& version);

/// name: "" for one made from the config's name.
Exported export_float_c(const Inspected& model, const std::filesystem::path& folder, const std::string& name,
                        const std::string& version);

/// calibration: a folder of images; those that cannot be read are left out, and listed in the result. noise:
/// also measure it, layer by layer.
Exported export_int8_c(const Inspected& model, const std::filesystem::path& folder, const std::string& name,
                       const std::string& version, const std::filesystem::path& calibration, bool noise,
                       ThreadPool& pool);

}  // namespace cnn
