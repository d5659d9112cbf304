#pragma once

#include "config/document.h"
#include "data/data_spec.h"

namespace cnn {

/// Whether the files and folders that the data of a config names are there. Throws Error (exit 1) with the
/// place in the config and, if something of nearly that name lies beside it, that name.
void check_data_paths(const Document& document, const DataSpec& spec);

}  // namespace cnn
