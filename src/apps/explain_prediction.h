#pragma once

#include <filesystem>

namespace cnn {

/// cnn-eval --explain-prediction: draws which parts of an image speak for the class that the model gives it.
/// Returns the exit code; throws Error for what is no model and no image, and (exit 2) for an output that
/// would replace one of them.
int explain_prediction(const std::filesystem::path& model, const std::filesystem::path& image,
                       const std::filesystem::path& out);

}  // namespace cnn
