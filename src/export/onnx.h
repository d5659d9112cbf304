#pragma once

#include <string>

#include "export/plan.h"

namespace cnn {

/// What the ONNX model takes.
enum class OnnxInput {
  floats,  ///< [N, C, H, W], values 0..1
  bytes,   ///< [N, H, W, C], values 0..255
};

/// An ONNX model (opset 17) with everything inside: input "image", normalization, the plan, outputs
/// "probabilities" and "logits" [N, classes], any N. Nodes and tensors are named by the config's layers. Its
/// metadata says what the classes are and how an image is prepared. version: of the program.
std::string onnx_text(const ExportPlan& plan, OnnxInput input, const std::string& version);

}  // namespace cnn
