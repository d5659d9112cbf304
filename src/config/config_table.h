#pragma once

#include <memory>

#include "config/config.h"
#include "config/table.h"

namespace cnn {

/// The outermost object.
std::shared_ptr<const Object<Config>> config_kind();

}  // namespace cnn
