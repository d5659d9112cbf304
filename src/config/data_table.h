#pragma once

#include <memory>
#include <vector>

#include "config/table.h"
#include "data/data_spec.h"

namespace cnn {

/// The key `data`.
std::shared_ptr<const Object<DataSpec>> data_kind();
std::shared_ptr<const Object<ImageSpec>> image_kind();
std::shared_ptr<const Object<DecodeLimits>> limits_kind();

/// For the JSON Schema: what `train` and the like look like for each format.
struct LocationSchema {
  std::string format;
  JsonValue schema;
};
std::vector<LocationSchema> location_schemas();

}  // namespace cnn
