#include "export/step_row.h"

#include <spdlog/fmt/fmt.h>

#include <optional>

namespace cnn {
namespace {

using Row = std::optional<StepRow>;

Row row_of(const ExportConv& conv) {
  return StepRow{.kind = RowKind::conv,
                 .shape = {.kernel = conv.kernel,
                           .stride = conv.stride,
                           .dilation = conv.dilation,
                           .padding = conv.before,
                           .groups = conv.groups},
                 .weight = &conv.weight,
                 .bias = &conv.bias};
}
Row row_of(const ExportDense& dense) {
  return StepRow{.kind = RowKind::dense, .weight = &dense.weight, .bias = &dense.bias};
}
Row row_of(const ExportAffine& affine) {
  return StepRow{.kind = RowKind::affine, .weight = &affine.factor, .bias = &affine.term};
}
Row row_of(const ExportPool& pool) {
  return StepRow{.kind = pool.kind == ExportPool::Kind::max ? RowKind::max_pool : RowKind::avg_pool,
                 .shape = {.kernel = pool.kernel,
                           .stride = pool.stride,
                           .padding = pool.padding,
                           .count_padding = pool.count_padding}};
}
Row row_of(const ExportFlatten&) { return std::nullopt; }
Row row_of(const ExportActivation&) { return StepRow{.kind = RowKind::activation}; }
Row row_of(const ExportSum&) { return StepRow{.kind = RowKind::sum}; }
Row row_of(const ExportProduct&) { return StepRow{.kind = RowKind::product}; }

}  // namespace

std::string shape_numbers(const RowShape& row) {
  return fmt::format("{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}", row.in.c, row.in.h,
                     row.in.w, row.out.c, row.out.h, row.out.w, row.kernel.h, row.kernel.w, row.stride.h,
                     row.stride.w, row.dilation.h, row.dilation.w, row.padding.h, row.padding.w, row.groups,
                     row.count_padding ? 1 : 0);
}

std::vector<StepRow> step_rows(const ExportPlan& plan) {
  std::vector<StepRow> rows;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const ExportStep& step = plan.steps[i];
    Row row = std::visit([](const auto& action) { return row_of(action); }, step.action);
    if (!row) continue;
    row->step = static_cast<int>(i);
    row->shape.in = plan.in(step);
    row->shape.out = plan.out(step);
    rows.push_back(*row);
  }
  return rows;
}

}  // namespace cnn
