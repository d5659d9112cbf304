#pragma once

#include <filesystem>
#include <string>

#include "data/data_spec.h"
#include "nn/network_spec.h"
#include "train/training_spec.h"

namespace cnn {

/// A network that has learned from other images, as the start of one for new classes.
struct Pretrained {
  std::string name;          ///< "resnet18"; that of its config for a model of cnn-train
  NetworkSpec network;       ///< its last entry with weights puts out the new classes
  ImageSpec image;           ///< what it learned with
  NormalizeSpec normalize;   ///< likewise, as numbers
  InitialWeightsSpec start;  ///< all but that last entry
};

/// Finds out which network the weights of a safetensors file belong to: a model of cnn-train says it; of
/// other files, the layers are compared with those of the configs in configs/ that are made for such files.
/// classes: the outputs that it shall have. side: pixels of the longer side that the images shall have; 0: as
/// the network learned. Throws Error (exit 2) that says of each network why the file does not fit.
Pretrained recognize_weights(const std::filesystem::path& file, int classes, int side);

}  // namespace cnn
