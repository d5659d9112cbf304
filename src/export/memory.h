#pragma once

#include <cstdint>
#include <vector>

#include "export/plan.h"

namespace cnn {

/// Where the values of a plan lie in one piece of memory, counted in numbers. Values that do not live at the
/// same time share memory, as in the engine's arena; a step that takes number for number writes over what it
/// reads, if nobody reads that later.
struct ValuePlaces {
  std::vector<std::int64_t> places;  ///< of every value
  std::int64_t size = 0;             ///< of the memory
};

/// Places are multiples of `alignment`.
ValuePlaces place_values(const ExportPlan& plan, std::int64_t alignment);

}  // namespace cnn
