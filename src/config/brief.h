#pragma once

#include "config/description.h"

namespace cnn {

/// An object as a person writes it: without the keys that have their defaults. object: all keys, as a kind
/// writes them.
JsonValue brief(const JsonValue& object, const ObjectDescription& description);

}  // namespace cnn
