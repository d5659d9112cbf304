#pragma once

#include <string>
#include <vector>

#include "core/words.h"
#include "export/plan.h"

namespace cnn {

/// The kinds of layers of the C code, in the order of its enumeration.
enum class RowKind { conv, dense, affine, max_pool, avg_pool, sum, activation };
template <>
inline constexpr auto kWords<RowKind> = all_words<RowKind>({{"CONV", RowKind::conv},
                                                            {"DENSE", RowKind::dense},
                                                            {"AFFINE", RowKind::affine},
                                                            {"MAX_POOL", RowKind::max_pool},
                                                            {"AVG_POOL", RowKind::avg_pool},
                                                            {"SUM", RowKind::sum},
                                                            {"ACTIVATION", RowKind::activation}});

/// A step as a row of the table of layers in the C code.
struct StepRow {
  int step = 0;  ///< its number in the plan
  RowKind kind = RowKind::conv;
  Shape in{}, out{};
  Size2 kernel{}, stride{}, dilation{}, padding{0, 0};
  int groups = 1;
  bool count_padding = true;
  const std::vector<float>*weight = nullptr, *bias = nullptr;  ///< of the plan; null: none
};

/// A row for every step that computes something: flatten only gives the same numbers another shape.
std::vector<StepRow> step_rows(const ExportPlan& plan);

}  // namespace cnn
