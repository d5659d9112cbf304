#pragma once

#include <span>
#include <vector>

#include "export/float_run.h"
#include "export/plan.h"

namespace cnn {

/// What a step makes of its inputs before the activation function, and that function's result: plain sums in
/// double precision. shortcut: of a sum or product, else empty.
struct StepValue {
  std::vector<double> before, after;
};
StepValue step_value(const ExportPlan& plan, const ExportStep& step, std::span<const float> x,
                     std::span<const float> shortcut);

/// d(logit of a class) / d(value `to` of the plan), as the network works in evaluation: batch norm with its
/// running statistics, no dropout. values: of FloatRun, for one image. Where a window of a max pooling has
/// several largest values, the first one counts. Plain loops back from the output to `to`, in double
/// precision.
std::vector<double> logit_gradient(const ExportPlan& plan, const PlanValues& values, int class_number,
                                   int to);

}  // namespace cnn
