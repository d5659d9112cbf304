#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/block.h"
#include "kernels/activation.h"
#include "kernels/batch_norm.h"
#include "nn/initialization.h"
#include "nn/parameter_control.h"
#include "nn/pass.h"
#include "nn/shape.h"
#include "nn/spec_error.h"

namespace cnn {

/// Rows and columns of zeros around a map.
struct Halo {
  int top = 0, left = 0, bottom = 0, right = 0;
  bool none() const { return top == 0 && left == 0 && bottom == 0 && right == 0; }
  /// The smallest halo that serves both.
  static Halo cover(const Halo& a, const Halo& b) {
    return {std::max(a.top, b.top), std::max(a.left, b.left), std::max(a.bottom, b.bottom),
            std::max(a.right, b.right)};
  }
};

/// Pixels from one row of maps, and from one map, to the next.
struct Pitches {
  int row = 0;
  std::int64_t plane = 0;
  std::int64_t pixel(int c, int h, int w) const { return c * plane + std::int64_t{h} * row + w; }

  static Pitches of(const Shape& maps, const Halo& halo) {
    const int row = halo.left + maps.w + halo.right;
    const std::int64_t pixels = std::int64_t{halo.top + maps.h + halo.bottom} * row;
    // A pixel is a cache line. Many sums read the same pixel of all maps: with a power of two between them,
    // these would share a few sets of the first-level cache and displace each other.
    constexpr int kLarge = 16;
    return {row, pixels >= kLarge && pixels % 4 == 0 ? pixels + 1 : pixels};
  }
};

/// A trainable tensor, as its layer asks for it.
struct ParameterRequest {
  std::string name;                 ///< "weight", "bias"; ".weight" of a shortcut is "shortcut.weight"
  std::vector<std::int64_t> shape;  ///< PyTorch's
  Initialization initialization;
  ParameterControl control;
  /// Whether blocks add to a gradient of their leaf; else the layer writes the whole gradient batch-wide.
  bool gradient_per_leaf = false;
  /// 0: a leaf's gradient has the parameter's form, and the runner adds the leaves up. Else: the floats of a
  /// gradient in the layer's own form, which Work::weight_gradient converts.
  std::int64_t leaf_floats = 0;
};

/// Work on a whole batch, in tasks that may run at the same time.
enum class Work {
  pack,             ///< after parameters or running statistics changed: constants that passes read
  reduce_forward,   ///< between the two phases of forward
  reduce_backward,  ///< between the two phases of backward
  forward,          ///< Needs::batch_wide_passes: y of all blocks
  backward,         ///< Needs::batch_wide_passes: dx of all blocks
  weight_gradient,  ///< after the last block: gradients that are summed over images or leaves
};

/// What a layer needs from the planner, and the handles it gets back. Filled once, by Layer::plan().
class Planner {
 public:
  virtual ~Planner() = default;
  virtual ParameterId parameter(ParameterRequest request) = 0;
  /// A tensor that is saved with the model but not trained.
  virtual StateId state(const std::string& name, std::vector<std::int64_t> shape, float initial) = 0;
  /// Floats that all blocks read: packed weights, constants of a step.
  virtual ConstantId constant(std::int64_t floats) = 0;
  /// Floats for each block that live from forward to backward (training only).
  virtual BufferId saved(std::int64_t floats) = 0;
  /// Doubles for each block that a reduction reads: for phase 0 of forward or of backward.
  virtual StatisticId statistic(std::int64_t doubles) = 0;
  /// Floats for each worker, free to use within one call: in every pass, or in training only.
  virtual void scratch(std::int64_t floats) = 0;
  virtual void training_scratch(std::int64_t floats) = 0;
  /// Most blocks in a batch.
  virtual int blocks() const = 0;
};

/// Work that two neighboring layers can share to save passes over memory. The second must be the only reader
/// of the first. The first offers a fusion in Needs::leads, the second in Needs::follows. Where both do,
/// nn/fusions.cpp rewrites the schedule, and the views of the affected calls name the fusion. The bits are
/// the same either way.
enum class Fusion : unsigned {
  /// backward() of the first begins with dy *= (y > 0). Instead, forward() of the second drops the winners
  /// that the ReLU stopped: one comparison per window, not one per pixel.
  relu_gradient = 1,
  /// The second is a 2x2 max pooling. forward() of the first holds all four values of a window in registers
  /// and writes the second's y and winners. The first's own y is never stored.
  max_pool_2x2 = 2,
  /// Evaluation: the second is a batch normalization, whose constants are known before. forward() of the
  /// first does the second's work, too, before it stores anything. Its own y is never stored.
  normalize = 4,
  /// The second is a 2x2 max pooling. backward() of the first finds its dy in the second's dy and winners.
  max_pool_gradient = 8,
};

/// A set of them.
class Fusions {
 public:
  void add(Fusion fusion) { bits_ |= static_cast<unsigned>(fusion); }
  void add(Fusions others) { bits_ |= others.bits_; }
  bool has(Fusion fusion) const { return (bits_ & static_cast<unsigned>(fusion)) != 0; }
  friend bool operator==(Fusions, Fusions) = default;

 private:
  unsigned bits_ = 0;
};

/// What the passes of a layer read, and what they can do together with those of a neighbor.
struct Needs {
  Halo x_halo;                       ///< around x, read by forward (and by the weight gradient)
  Halo dy_halo;                      ///< around dy, read by backward
  bool backward_reads_x = false;     ///< x must live until backward
  bool backward_reads_y = false;     ///< y must live until backward; not where relu_gradient is fused
  bool batch_wide_gradient = false;  ///< Work::weight_gradient reads x and dy of all blocks
  bool two_phases = false;  ///< training: a reduction between phase 0 and phase 1, in both directions
  /// backward() has a phase 1, for dx alone: what stands before it in phase 0 is shared out differently.
  bool dx_in_phase1 = false;
  bool phase1_reads_x = false;  ///< backward() does, in phase 1
  /// y and dx are computed for all blocks at once, in Work::forward and Work::backward: for weights that are
  /// too large to be read again for every block. forward() then only finishes y (phase 1), backward() only
  /// prepares dy (phase 0). x and y must be flat.
  bool batch_wide_passes = false;
  Fusions leads, follows;
  /// Of what it leads, the fusions that are slower than two calls on the instruction set in use.
  Fusions leads_at_a_loss;
  BufferId winners;  ///< of a max pooling: where it keeps the places of its winners
};

/// How workers can share one call on one block, when there are fewer blocks than workers. By the channels of
/// what the call writes, or by its rows (Share); the bits are the same.
struct CallSharing {
  int channels = 0;           ///< that any share can have a range of; 0: none can
  int least_channels = 1;     ///< ranges begin at multiples of this, a power of two
  bool own_channels = false;  ///< a share reads only the same channels of everything; else all of x in
                              ///< forward() and phase 0 of backward(), all of dy in phase 1
  int rows = 0;               ///< likewise, in multiples of row_unit; a share of rows reads everything
  int row_unit = 1;
  /// Counted work on one block, in products or sums of 16 lanes; `repeated` is what every share of the
  /// channels does again.
  double work = 0, repeated = 0;
  /// What costs the same in several shares as in one, for pixels that are read or written and little else.
  static CallSharing by_pixels(const Shape& in, const Shape& out) {
    constexpr double kWorkOfPixel = 3;  // they come from the second-level cache
    return {.channels = out.c,
            .own_channels = true,
            .work = kWorkOfPixel * static_cast<double>(in.values() + out.values())};
  }
};

template <class T>
void take_channels(BlockView<T>& view, const Extent& range) {
  if (!view.empty()) view = view.channels(range.first, range.end);
}

/// What a batch normalization does in evaluation.
struct Normalization {
  ChannelAffine affine;
  Activation activation;  ///< behind it
};

struct ForwardViews {
  BlockView<const float> x;
  BlockView<const float> shortcut;  ///< the second input of a sum or product, else empty
  BlockView<float> y;
  std::int32_t* winners = nullptr;  ///< max_pool_2x2: of the pooling; null: not needed
  Normalization normalization{};    ///< normalize: of the layer behind
  Fusions fused;                    ///< with the layer before or behind

  /// Some channels of all views.
  ForwardViews channels(const Extent& range) const {
    ForwardViews some = *this;
    take_channels(some.x, range), take_channels(some.shortcut, range), take_channels(some.y, range);
    return some;
  }
};

struct BackwardViews {
  BlockView<const float> x;  ///< empty unless backward_reads_x
  BlockView<const float> y;  ///< empty unless backward_reads_y
  BlockView<float> dy;       ///< backward may change it in place
  BlockView<float> dx;       ///< empty: not needed, skip the work
  BlockView<float> dshortcut;
  const std::int32_t* winners = nullptr;  ///< max_pool_gradient: the pooling's, as dy is then
  Fusions fused;                          ///< with the layer behind

  BackwardViews channels(const Extent& range) const {
    BackwardViews some = *this;
    take_channels(some.x, range), take_channels(some.y, range), take_channels(some.dy, range);
    take_channels(some.dx, range), take_channels(some.dshortcut, range);
    return some;
  }
};

/// A layer's own value cannot work: `key` is its config key. Graph adds the place.
class LayerError : public std::runtime_error {
 public:
  LayerError(std::string key, const std::string& message)
      : std::runtime_error(message), key_(std::move(key)) {}
  const std::string& key() const { return key_; }

 private:
  std::string key_;
};

/// What a layer does to the grid of positions: which inputs an output reads.
struct Window {
  Size2 kernel{1, 1}, stride{1, 1}, dilation{1, 1};
  Size2 padding{0, 0};        ///< above and at the left
  Size2 padding_after{0, 0};  ///< below and at the right
  bool slides = false;        ///< over the map: only then do stride and padding say something
  bool whole_map = false;     ///< every output reads every position
  int groups = 0;  ///< an output reads the channels of its group, one of this many; 0: only its own channel
};

/// One layer of a network. After plan() it is const: everything that changes lives in arenas that the planner
/// laid out, so any number of workers may pass blocks through it at the same time.
class Layer {
 public:
  virtual ~Layer() = default;

  /// The config's name of its type.
  virtual std::string_view type() const = 0;

  /// Pure. Throws LayerError with what to change.
  virtual Shape output_shape(const Shape& in) const = 0;

  /// Asks for what it needs. Called once, with a shape that output_shape() accepted.
  virtual Needs plan(const Shape& in, Planner& planner) = 0;

  /// y from x, for one block. Overwrites the interior of y in its last phase; the halo of y is zero already.
  /// In evaluation only the last phase runs.
  virtual void forward(const Pass& pass, int phase, const ForwardViews& views) const = 0;

  /// dx from dy, for one block: overwrites the interior of dx, adds to (or, for the first block of a leaf,
  /// overwrites) the leaf's gradients. dy is zero in lanes without an image, and dx must be.
  virtual void backward(const Pass& pass, int phase, const BackwardViews& views) const = 0;

  /// Of a layer that follows in `normalize`: its work in evaluation.
  virtual Normalization normalization(const Pass&) const { return {}; }

  /// How a phase of forward() can be shared, with these fusions. Only what pass.share says is to be done
  /// then.
  virtual CallSharing forward_sharing(int /*phase*/, Fusions) const { return {}; }
  /// Likewise of backward().
  virtual CallSharing backward_sharing(int /*phase*/, Fusions) const { return {}; }

  virtual int tasks(Work) const { return 0; }
  virtual void run(const Pass&, Work, int /*task*/) const {}

  /// Multiply-accumulates for one image, biases not counted.
  virtual std::int64_t macs(const Shape& /*in*/) const { return 0; }
  virtual Window window(const Shape& /*in*/) const { return {}; }
  /// The config's key for the number of output channels, where they are learned and the user chooses it; "".
  virtual std::string_view outputs_key() const { return {}; }
  /// Whether training takes a mean and a variance over the images of a batch.
  virtual bool normalizes_over_batch() const { return false; }
  /// Whether forward() computes something else in training than in evaluation.
  virtual bool differs_in_training() const { return false; }
  /// Parameters of a dense layer with the same input and output, for layers that share theirs; 0 for others.
  virtual std::int64_t dense_equivalent_parameters(const Shape& /*in*/) const { return 0; }
};

}  // namespace cnn
