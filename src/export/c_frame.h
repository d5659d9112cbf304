#pragma once

#include <string>

#include "export/c_source.h"
#include "export/memory.h"

namespace cnn {

/// NAME.h. arithmetic: "float32", say. The costs in `source` are filled in.
std::string c_header(const ExportPlan& plan, const CNaming& naming, const std::string& arithmetic,
                     const CSource& source);

/// NAME_main.c.
std::string c_main(const CNaming& naming);

/// The comment at the top of NAME.c.
std::string c_title(const ExportPlan& plan, const CNaming& naming, const std::string& arithmetic);

/// What differs between the kinds of arithmetic in NAME_predict.
struct CPredictWords {
  std::string number;   ///< type of the values
  std::string input;    ///< arguments of read_pixels: what makes a number of a byte
  std::string softmax;  ///< arguments of softmax before the last, each with ", " behind it
};

/// The definition of NAME_predict.
std::string c_predict(const ExportPlan& plan, const CNaming& naming, const ValuePlaces& places,
                      const CPredictWords& words);

/// The definition of NAME_class_names, and what it takes of memory.
std::string c_class_names(const ExportPlan& plan, const CNaming& naming);
std::int64_t class_name_bytes(const ExportPlan& plan);

}  // namespace cnn
