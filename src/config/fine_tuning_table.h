#pragma once

#include "config/table.h"
#include "train/training_spec.h"

namespace cnn {

/// A path, or {"file", "names", "except"}.
KindOf<InitialWeightsSpec> initial_weights_kind();
const Object<InitialWeightsSpec>& initial_weights_object();

/// "trunk", "until <name>", or {"layers": one of these, ...}.
KindOf<FreezeSpec> freeze_kind();
const Object<FreezeSpec>& freeze_object();
const Object<UnfreezeSpec>& unfreeze_object();

}  // namespace cnn
