#pragma once

#include <string>
#include <vector>

#include "core/words.h"
#include "export/plan.h"

namespace cnn {

/// The kinds of layers of the C code, in the order of its enumeration.
enum class RowKind { conv, dense, affine, max_pool, avg_pool, sum, product, activation };
template <>
inline constexpr auto kWords<RowKind> = all_words<RowKind>({{"CONV", RowKind::conv},
                                                            {"DENSE", RowKind::dense},
                                                            {"AFFINE", RowKind::affine},
                                                            {"MAX_POOL", RowKind::max_pool},
                                                            {"AVG_POOL", RowKind::avg_pool},
                                                            {"SUM", RowKind::sum},
                                                            {"PRODUCT", RowKind::product},
                                                            {"ACTIVATION", RowKind::activation}});

/// What a row says of shapes, in float32 as in int8.
struct RowShape {
  Shape in{}, out{};
  Size2 kernel{}, stride{}, dilation{}, padding{0, 0};
  int groups = 1;
  bool count_padding = true;
};

/// Fills in the same of a `layer` of src/export/c.
template <class Layer>
void set_shape(Layer& layer, const RowShape& row) {
  layer.channels = row.in.c, layer.height = row.in.h, layer.width = row.in.w;
  layer.out_channels = row.out.c, layer.out_height = row.out.h, layer.out_width = row.out.w;
  layer.kernel_height = row.kernel.h, layer.kernel_width = row.kernel.w;
  layer.stride_height = row.stride.h, layer.stride_width = row.stride.w;
  layer.dilation_height = row.dilation.h, layer.dilation_width = row.dilation.w;
  layer.padding_top = row.padding.h, layer.padding_left = row.padding.w;
  layer.groups = row.groups;
  layer.count_padding = row.count_padding;
}

/// And the same as numbers of the table, in the order of `layer`: "1, 28, 28, 6, ...".
std::string shape_numbers(const RowShape& row);

/// A step as a row of the table of layers in the C code.
struct StepRow {
  int step = 0;  ///< its number in the plan
  RowKind kind = RowKind::conv;
  RowShape shape{};
  const std::vector<float>*weight = nullptr, *bias = nullptr;  ///< of the plan; null: none
};

/// A row for every step that computes something: flatten only gives the same numbers another shape.
std::vector<StepRow> step_rows(const ExportPlan& plan);

}  // namespace cnn
