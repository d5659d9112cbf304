#pragma once

#include "inspect/inspected.h"

namespace cnn {

enum class TableFormat { text, json, markdown };

/// The table of all layers, what the convolutions share, and the warnings, on stdout.
void print_layers(const Inspected& inspected, TableFormat format, int threads);

}  // namespace cnn
