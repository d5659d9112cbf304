#pragma once

#include <string>

#include "export/c_source.h"

namespace cnn {

/// NAME.h. arithmetic: "float32", say. The costs in `source` are filled in.
std::string c_header(const ExportPlan& plan, const CNaming& naming, const std::string& arithmetic,
                     const CSource& source);

/// NAME_main.c.
std::string c_main(const CNaming& naming);

/// The comment at the top of NAME.c.
std::string c_title(const ExportPlan& plan, const CNaming& naming, const std::string& arithmetic);

/// The definition of NAME_class_names, and what it takes of memory.
std::string c_class_names(const ExportPlan& plan, const CNaming& naming);
std::int64_t class_name_bytes(const ExportPlan& plan);

}  // namespace cnn
