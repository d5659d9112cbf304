#pragma once

#include "config/document.h"
#include "data/data_spec.h"

namespace cnn {

/// Checks that the files and folders named in a config's data exist. Throws Error (exit 1) with the place in
/// the config and, if there is one, a similar name beside it.
void check_data_paths(const Document& document, const DataSpec& spec);

}  // namespace cnn
