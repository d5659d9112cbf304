#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "inspect/inspected.h"

namespace cnn {

/// --explain: one layer, or all if `layer` is empty, on these image files or on a generated image. Returns
/// the exit code: 1 if a number is not the engine's.
int explain(const Inspected& inspected, const std::string& layer,
            const std::vector<std::filesystem::path>& images, ThreadPool& pool);

/// --check-gradients: the engine against the plain reference, on these image files or on random images.
/// Returns the exit code: 1 if the gradients differ.
int check_gradients(const Inspected& inspected, const std::vector<std::filesystem::path>& images,
                    ThreadPool& pool);

}  // namespace cnn
