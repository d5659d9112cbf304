#include <algorithm>
#include <vector>

#include "core/error.h"
#include "kernels/weighted_sum.h"
#include "nn/layers/conv_algorithm.h"
#include "nn/layers/conv_gradient.h"
#include "nn/layers/conv_terms.h"

namespace cnn {
namespace {

/// The sums as they stand. Rows and columns of dx that are equal modulo the stride form a phase: the same
/// taps reach all of them, so each phase is a WeightedSum of its own over dy (one phase at stride 1, with the
/// kernel flipped).
class DirectConv final : public ConvAlgorithm {
 public:
  explicit DirectConv(const ConvGeometry& geometry)
      : geometry_(geometry),
        spec_(geometry.spec),
        in_(geometry.in),
        out_(geometry.out),
        before_(geometry.before),
        group_inputs_(geometry.group_inputs()),
        group_outputs_(geometry.group_outputs()),
        terms_(geometry),
        group_terms_(terms_.count()),
        packed_group_(packed_size(group_outputs_, group_terms_)),
        gradient_(make_conv_gradient(geometry)) {}

  ParameterId plan(ParameterRequest weight, Planner& planner) override {
    weight_ = gradient_->plan(std::move(weight), planner);
    packed_ = planner.constant(packed_group_ * spec_.groups);
    planner.scratch(terms_.scratch() + panel_floats(group_terms_, group_inputs_, group_outputs_));
    for (int i = 0; i < group_terms_; ++i) natural_order_.push_back(i);
    plan_phases(planner);
    return weight_;
  }

  Halo x_halo() const override {
    // What the last window reads beyond the map may be less than the padding (or nothing): the halo is what
    // is read.
    const Size2 k = spec_.kernel_size, s = spec_.stride, d = spec_.dilation;
    const auto beyond = [](int size, int out, int kernel, int stride, int dilation, int pad) {
      return std::max(0, (out - 1) * stride + (kernel - 1) * dilation - pad - (size - 1));
    };
    return {before_.h, before_.w, beyond(in_.h, out_.h, k.h, s.h, d.h, before_.h),
            beyond(in_.w, out_.w, k.w, s.w, d.w, before_.w)};
  }
  Halo dy_halo() const override { return dy_halo_; }

  bool pooling_pays() const override { return cnn::pooling_pays(); }

  void forward(const Pass& pass, const SumEpilogue& epilogue, BlockView<const float> x,
               BlockView<float> y) const override {
    WeightedSum sum;
    sum.terms = group_terms_;
    sum.weights_group = std::int64_t{group_terms_} * kOutputGroup;
    sum.weights_term = kOutputGroup;
    sum.offsets = terms_.offsets(pass, x);
    sum.rows = out_.h, sum.cols = out_.w;
    sum.x_row = std::int64_t{spec_.stride.h} * x.row * kLanes;
    sum.x_col = std::int64_t{spec_.stride.w} * kLanes;
    sum.y_row = std::int64_t{y.row} * kLanes;
    sum.y_col = kLanes;
    sum.y_output = y.plane * kLanes;
    if (!epilogue.pool) sum.panel = panel(pass, sum.terms, group_inputs_, group_outputs_);
    const Extent rows = pass.share.rows(out_.h, epilogue.pool ? 2 : 1);
    sum.first_row = rows.first;
    sum.end_row = rows.end;
    const std::int64_t winners_group = std::int64_t{group_outputs_} * y.h * y.w * kLanes;
    ConvTerms::for_each_group(pass.share.channels(out_.c), group_outputs_, [&](int g, const Extent& outputs) {
      sum.first_output = outputs.first;
      sum.outputs = outputs.end;
      sum.weights = pass.constant(packed_) + g * packed_group_;
      sum.epilogue = epilogue.from(g * group_outputs_);
      if (epilogue.winners) sum.epilogue.winners += g * winners_group;
      weighted_sum(sum, geometry_.first_window(x, g), y.at(g * group_outputs_, 0, 0));
    });
  }

  void weight_gradient(const Pass& pass, BlockView<const float> x, BlockView<const float> dy) const override {
    gradient_->compute(pass, x, dy);
  }

  void input_gradient(const Pass& pass, BlockView<const float> dy, BlockView<float> dx) const override {
    CNN_CHECK(dy.row == dy_pitches_.row && dy.plane == dy_pitches_.plane, "pitches {}, {}", dy.row, dy.plane);
    const Extent rows = pass.share.rows(in_.h, 1), channels = pass.share.channels(in_.c);
    for (const Phase& phase : phases_) {
      for (const Region& region : phase.regions) {
        WeightedSum sum;
        sum.terms = region.terms();
        sum.weights_group = std::int64_t{phase.terms()} * kOutputGroup;
        sum.weights_term = kOutputGroup;
        sum.weight_offsets = region.weight_offsets.empty() ? nullptr : region.weight_offsets.data();
        sum.offsets = region.dy_offsets.data();
        sum.rows = region.rows;
        sum.cols = region.cols;
        sum.x_row = std::int64_t{dy.row} * kLanes;
        sum.x_col = kLanes;
        sum.y_row = std::int64_t{dx.row} * spec_.stride.h * kLanes;
        sum.y_col = std::int64_t{spec_.stride.w} * kLanes;
        sum.y_output = dx.plane * kLanes;
        sum.panel = panel(pass, sum.terms, group_outputs_, group_inputs_);
        if (pass.share.axis == Share::Axis::rows) {  // at stride 1 only
          sum.first_row = std::clamp(rows.first - region.first_row, 0, region.rows);
          sum.end_row = std::clamp(rows.end - region.first_row, 0, region.rows);
        }
        ConvTerms::for_each_group(channels, group_inputs_, [&](int g, const Extent& inputs) {
          sum.first_output = inputs.first;
          sum.outputs = inputs.end;
          sum.weights = pass.constant(phase.packed) + g * packed_size(group_inputs_, phase.terms());
          float* const to = dx.at(g * group_inputs_, region.first_row, region.first_col);
          weighted_sum(sum, dy.at(g * group_outputs_, 0, 0), to);
        });
      }
    }
  }

  Sharings sharings() const override {
    const double products = static_cast<double>(out_.values()) * group_terms_;
    const bool depthwise = spec_.groups == in_.c && spec_.groups == out_.c;
    const auto by_channels = [&](int channels, int of_group) -> CallSharing {
      const bool whole_groups = spec_.groups == 1 || of_group == 1 || of_group % (2 * kOutputGroup) == 0;
      return {.channels = whole_groups ? channels : 0, .own_channels = depthwise, .work = products};
    };
    Sharings all{.forward = by_channels(out_.c, group_outputs_),
                 .weight_gradient = by_channels(out_.c, group_outputs_),
                 .input_gradient = by_channels(in_.c, group_inputs_)};
    all.weight_gradient.repeated = gradient_->repeated_work();
    all.weight_gradient.work += all.weight_gradient.repeated;
    all.forward.rows = out_.h;
    if (spec_.stride.h == 1) all.input_gradient.rows = in_.h;
    return all;
  }

  int tasks(Work work) const override {
    if (work == Work::weight_gradient) return gradient_->tasks();
    return work == Work::pack ? spec_.groups : 0;
  }

  void run(const Pass& pass, Work work, int task) const override {
    work == Work::pack ? pack(pass, task) : gradient_->run(pass, task);
  }

 private:
  void pack(const Pass& pass, int g) const {
    const float* w = pass.parameter(weight_) + std::int64_t{g} * group_outputs_ * group_terms_;
    pack_weights(w, group_outputs_, group_terms_, natural_order_, pass.constant(packed_) + g * packed_group_,
                 0, groups_of(group_outputs_));
    for (const Phase& phase : phases_)
      pack_weights(w, group_inputs_, std::int64_t{spec_.kernel_size.h} * spec_.kernel_size.w,
                   phase.weight_index,
                   pass.constant(phase.packed) + g * packed_size(group_inputs_, phase.terms()), 0,
                   groups_of(group_inputs_));
  }

  /// A weight and the pixel of dy it meets, seen from the first pixel of dx in a phase.
  struct Tap {
    int oc, row, col;
  };

  /// A rectangle of dx whose pixels all meet the same taps inside dy.
  struct Region {
    int first_row = 0, first_col = 0;  ///< in dx
    int rows = 0, cols = 0;
    std::vector<std::int32_t> dy_offsets{};      ///< of each term, from dy's pixel (0, 0)
    std::vector<std::int32_t> weight_offsets{};  ///< of each term in the packed weights; empty: all, in order
    int terms() const { return static_cast<int>(dy_offsets.size()); }
  };

  /// Pixels of dx that the same taps reach: rows first_row, first_row + SH, ..., columns alike.
  struct Phase {
    int first_row = 0, first_col = 0;
    int rows = 0, cols = 0;
    std::vector<Tap> taps;
    std::vector<std::int32_t> weight_index;
    ConstantId packed;
    bool leaves_out_zeros = false;
    std::vector<Region> regions;
    int terms() const { return static_cast<int>(taps.size()); }
  };

  /// Null where it does not pay.
  float* panel(const Pass& pass, int terms, int inputs, int outputs) const {
    return panel_floats(terms, inputs, outputs) > 0 ? pass.scratch() + terms_.scratch() : nullptr;
  }
  static int groups_of(int outputs) { return (outputs + kOutputGroup - 1) / kOutputGroup; }

  void plan_phases(Planner& planner) {
    const Size2 k = spec_.kernel_size, s = spec_.stride, d = spec_.dilation;
    const std::int32_t per_output = group_inputs_ * k.h * k.w;
    for (int row = 0; row < std::min(s.h, in_.h); ++row) {
      for (int col = 0; col < std::min(s.w, in_.w); ++col) {
        Phase phase;
        phase.first_row = row;
        phase.first_col = col;
        phase.rows = (in_.h - row + s.h - 1) / s.h;
        phase.cols = (in_.w - col + s.w - 1) / s.w;
        for (int oc = 0; oc < group_outputs_; ++oc) {
          for (int kh = 0; kh < k.h; ++kh) {
            const int oh = row + before_.h - kh * d.h;  // times SH
            if (floor_mod(oh, s.h) != 0) continue;
            for (int kw = 0; kw < k.w; ++kw) {
              const int ow = col + before_.w - kw * d.w;
              if (floor_mod(ow, s.w) != 0) continue;
              phase.taps.push_back({oc, floor_div(oh, s.h), floor_div(ow, s.w)});
              phase.weight_index.push_back(oc * per_output + kh * k.w + kw);
            }
          }
        }
        planner.training_scratch(terms_.scratch() +
                                 panel_floats(phase.terms(), group_outputs_, group_inputs_));
        phase.packed = planner.constant(packed_size(group_inputs_, phase.terms()) * spec_.groups);
        phases_.push_back(std::move(phase));
      }
    }
    for (Phase& phase : phases_) {
      phase.leaves_out_zeros = leaves_out_zeros(phase);
      if (!phase.leaves_out_zeros) cover(phase, dy_halo_);
    }
    dy_pitches_ = Pitches::of(out_, dy_halo_);
    for (Phase& phase : phases_) plan_regions(phase);
  }

  /// A run of rows (or columns) of a phase that meet the same taps inside dy.
  struct Zone {
    int first, count;
  };

  static bool is_inside(int position, int size) { return position >= 0 && position < size; }

  static std::vector<Zone> zones(const std::vector<Tap>& taps, int Tap::*offset, int count, int size) {
    std::vector<Zone> result;
    const auto same_taps = [&](int a, int b) {
      return std::all_of(taps.begin(), taps.end(), [&](const Tap& tap) {
        return is_inside(a + tap.*offset, size) == is_inside(b + tap.*offset, size);
      });
    };
    for (int i = 0; i < count; ++i) {
      if (i == 0 || !same_taps(i - 1, i)) result.push_back({i, 0});
      ++result.back().count;
    }
    return result;
  }
  std::vector<Zone> row_zones(const Phase& phase) const {
    return zones(phase.taps, &Tap::row, phase.rows, out_.h);
  }
  std::vector<Zone> col_zones(const Phase& phase) const {
    return zones(phase.taps, &Tap::col, phase.cols, out_.w);
  }
  bool meets(const Tap& tap, const Zone& rows, const Zone& cols) const {
    return is_inside(tap.row + rows.first, out_.h) && is_inside(tap.col + cols.first, out_.w);
  }

  /// Pixels near the border of dx meet few taps inside dy; the others would multiply the zeros of its halo.
  /// For the second layer of a LeNet-5 (5x5 kernel, 14x14 to 10x10) that is half of all products. Where it is
  /// a tenth or more, the phase is cut into regions with their own lists of terms, and needs no halo of dy.
  bool leaves_out_zeros(const Phase& phase) const {
    std::int64_t useful = 0;
    const std::vector<Zone> all_cols = col_zones(phase);
    for (const Zone& rows : row_zones(phase))
      for (const Zone& cols : all_cols)
        useful += std::int64_t{rows.count} * cols.count *
                  std::ranges::count_if(phase.taps, [&](const Tap& tap) { return meets(tap, rows, cols); });
    return 10 * useful < 9 * std::int64_t{phase.terms()} * phase.rows * phase.cols;
  }

  /// Grows the halo until every tap of every pixel reads inside it.
  void cover(const Phase& phase, Halo& halo) const {
    for (const Tap& tap : phase.taps)
      halo = Halo::cover(halo,
                         {-tap.row, -tap.col, tap.row + phase.rows - out_.h, tap.col + phase.cols - out_.w});
  }

  void plan_regions(Phase& phase) {
    const bool all = !phase.leaves_out_zeros;
    const std::vector<Zone> all_rows = all ? std::vector<Zone>{{0, phase.rows}} : row_zones(phase);
    const std::vector<Zone> all_cols = all ? std::vector<Zone>{{0, phase.cols}} : col_zones(phase);
    for (const Zone& rows : all_rows) {
      for (const Zone& cols : all_cols) {
        Region region{.first_row = phase.first_row + rows.first * spec_.stride.h,
                      .first_col = phase.first_col + cols.first * spec_.stride.w,
                      .rows = rows.count,
                      .cols = cols.count};
        for (int k = 0; k < phase.terms(); ++k) {
          const Tap& tap = phase.taps[k];
          if (!all && !meets(tap, rows, cols)) continue;
          const auto pixel = dy_pitches_.pixel(tap.oc, tap.row + rows.first, tap.col + cols.first);
          region.dy_offsets.push_back(static_cast<std::int32_t>(pixel) * kLanes);
          if (!all) region.weight_offsets.push_back(k * kOutputGroup);
        }
        phase.regions.push_back(std::move(region));
      }
    }
  }

  static int floor_mod(int a, int b) { return (a % b + b) % b; }
  static int floor_div(int a, int b) { return (a - floor_mod(a, b)) / b; }

  ConvGeometry geometry_;
  ConvSpec spec_;
  Shape in_, out_;
  Size2 before_;
  int group_inputs_, group_outputs_;
  ConvTerms terms_;
  int group_terms_;
  std::int64_t packed_group_;
  std::unique_ptr<ConvGradient> gradient_;
  ParameterId weight_;
  ConstantId packed_;
  std::vector<std::int32_t> natural_order_;
  std::vector<Phase> phases_;
  Halo dy_halo_;
  Pitches dy_pitches_;  ///< no other layer changes its halo
};

}  // namespace

std::unique_ptr<ConvAlgorithm> make_direct_conv(const ConvGeometry& geometry) {
  return std::make_unique<DirectConv>(geometry);
}

}  // namespace cnn
