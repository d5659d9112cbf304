#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "nn/network.h"
#include "train/training_spec.h"

namespace cnn {

/// What a model file says besides the numbers: everything that is needed to use it.
struct ModelDescription {
  std::string config;                ///< resolved config without data paths, JSON
  std::vector<std::string> classes;  ///< in the order of the outputs
  std::vector<double> mean, std;     ///< per channel: input = (value - mean) / std
};

/// Writes parameters, running statistics and description as one safetensors file, atomically.
void save_model(const std::filesystem::path& path, const Network& network,
                const ModelDescription& description);

/// The description alone. Throws Error (exit 1) that names what is missing.
ModelDescription read_description(const std::filesystem::path& path);

/// Fills every tensor of the network from the file. A missing, misshapen or unknown one is an Error (exit 1).
void load_model(const std::filesystem::path& path, Network& network);

/// What a training starts from, besides what its config says.
struct StartingWeights {
  std::vector<std::string> unused;  ///< tensors of the file: of a head that was cut off, say
  std::string left_out;             ///< the layer that `names` left out by itself, and why; "": none
};

/// Starts a training from a file: every tensor of the network except those of the layers in `except`, which
/// keep their values. A missing or misshapen one is an Error (exit 1), and so is an unknown name in `except`
/// (exit 2).
StartingWeights load_initial_weights(const InitialWeightsSpec& spec, Network& network);

}  // namespace cnn
