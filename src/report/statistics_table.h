#pragma once

#include <span>
#include <string>

#include "report/run_history.h"

namespace cnn {

/// How lively the layers are, as text: a line each with the share of active values, mean, standard deviation
/// and the gradient's norm (a dash for a layer without parameters). Where the lines would be longer than
/// `columns`, names are cut.
std::string statistics_table(std::span<const LayerStatistics> layers, int columns);

}  // namespace cnn
