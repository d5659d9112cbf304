#pragma once

#include "config/typed.h"
#include "data/data_spec.h"

namespace cnn {

/// An entry of `data.augment`.
const Typed<AugmentSpec, AugmentSpec>& augment_kind();

/// `data.test_time_augmentation`.
KindOf<TestTimeAugmentation> test_time_augmentation_kind();

/// What the entries must be for images of this size, and beside one another. `place`: the key `data`.
bool check_augment(const Place& place, const DataSpec& data);

}  // namespace cnn
