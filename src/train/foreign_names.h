#pragma once

#include <string>
#include <vector>

#include "nn/network.h"
#include "train/safetensors.h"
#include "train/training_spec.h"

namespace cnn {

/// Renames the tensors of a file whose network was built elsewhere to those of `network`, layer by layer.
///
/// A layer is what has one name before the last dot: "layer1.0.bn1" with weight, bias, running_mean,
/// running_var. Files do not keep the order of layers, so it is found from the names: numbers by size, conv1
/// before bn1 before conv2, a downsample behind the rest of its block, fc and classifier at the end. That is
/// the order of torchvision's and timm's ResNets, MobileNetV2 and MobileNetV3. In it, each must have the
/// tensors and shapes of the network's layer at its place: else Error (exit 1) that names both.
///
/// `except`: layers of the network that keep their values; theirs in the file are passed over. The last layer
/// is added to it if only its size differs, or the file ends before it; returns why, for the user, else "".
/// where: the file, for messages.
std::string rename_tensors(SafeTensors& file, const Network& network, const ForeignNames& names,
                           std::vector<std::string>& except, const std::string& where);

/// Whether the layer `a` comes before `b` in a network, by their names.
bool is_earlier_layer(std::string_view a, std::string_view b);

}  // namespace cnn
