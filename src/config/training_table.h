#pragma once

#include <memory>

#include "config/typed.h"
#include "train/training_spec.h"

namespace cnn {

/// The key `training`.
std::shared_ptr<const Object<TrainingSpec>> training_kind();
const Typed<OptimizerSpec, OptimizerSpec>& optimizer_kind();
/// muon's `others`.
const Typed<ElementwiseSpec, ElementwiseSpec>& elementwise_kind();
const Object<WeightAveragingSpec>& weight_averaging_kind();
const Object<LookaheadSpec>& lookahead_kind();
const Object<EarlyStoppingSpec>& early_stopping_kind();
const Object<DataFilterSpec>& data_filter_kind();
using ScheduleVariant = decltype(ScheduleSpec::shape);
const Typed<ScheduleSpec, ScheduleVariant>& schedule_kind();

}  // namespace cnn
