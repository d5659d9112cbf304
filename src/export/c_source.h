#pragma once

#include <cstdint>
#include <string>

#include "export/plan.h"
#include "export/quantized_plan.h"

namespace cnn {

/// What the C code is called, and what it says of its origin.
struct CNaming {
  std::string name;     ///< prefix of files and functions
  std::string model;    ///< the model's file
  std::string version;  ///< of the program
};

/// The three files, and what they cost.
struct CSource {
  std::string header, source, main;  ///< NAME.h, NAME.c, NAME_main.c
  std::int64_t scratch_bytes = 0;
  std::int64_t constant_bytes = 0;  ///< in flash, beside the code
};

/// A plan as C99: float32, with the layers of src/export/c/float_layers.c.
CSource float_c_source(const ExportPlan& plan, const CNaming& naming);

/// The same in int8, with those of src/export/c/int8_layers.c.
CSource int8_c_source(const ExportPlan& plan, const QuantizedPlan& quantized, const CNaming& naming);

}  // namespace cnn
