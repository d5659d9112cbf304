#pragma once

#include <cstdint>
#include <vector>

#include "nn/network.h"
#include "report/layer_table.h"
#include "train/training_spec.h"

namespace cnn {

/// A network's layers as lines of the layer table. Memory is left at 0.
std::vector<LayerRow> layer_rows(const Network& network);

/// What a batch takes up, layer by layer: values and parameters alone, before the engine lets layers share
/// memory.
void set_memory(std::vector<LayerRow>& rows, const OptimizerSpec& optimizer, std::int64_t batch_size);

}  // namespace cnn
