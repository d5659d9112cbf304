#pragma once

// What the explanations of the single layer types share. Only for files of this folder.

#include <complex>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "inspect/notebook.h"
#include "inspect/step_trace.h"
#include "nn/network_spec.h"
#include "reference/reference_network.h"

namespace cnn {

/// One layer in one training step.
struct Scene {
  const StepTrace& trace;
  const LayerSpec& entry;
  int node;  ///< of the network: the entry's own
  ThreadPool& pool;
  Notebook& book;

  const Node& of() const { return trace.network().nodes()[static_cast<std::size_t>(node)]; }
  const Shape& in() const { return of().in; }
  const Shape& out() const { return of().out; }
  std::span<const float> x() const { return trace.input(node); }
  std::span<const float> y() const { return trace.output(node); }
  std::span<const float> dy() const { return trace.output_gradient(node); }
  std::span<const float> dx() const { return trace.input_gradient(node); }
  /// A tensor of the layer, or null: "weight", "bias", "running_mean".
  const Tensor* tensor(const std::string& name) const;
};

/// Position in an array of maps.
inline std::size_t at(const Shape& shape, int image, int c, int h, int w) {
  return ((static_cast<std::size_t>(image) * static_cast<std::size_t>(shape.c) +
           static_cast<std::size_t>(c)) *
              static_cast<std::size_t>(shape.h) +
          static_cast<std::size_t>(h)) *
             static_cast<std::size_t>(shape.w) +
         static_cast<std::size_t>(w);
}

/// The place of a number in an image's maps: "(3,4,7)", map, row and column, or "value 12" of a flat one.
std::string place_text(const Shape& shape, std::size_t place);

/// f(z) and f'(z) of an activation function.
struct Slope {
  double value = 0, derivative = 0;
};
Slope slope_at(ActivationFunction function, double negative_slope, double z);

/// A layer alone, taken through the engine with values and gradients of our choice.
class LayerAlone {
 public:
  /// The layer of `scene` with another spec (padding left out, say), on `images` images of this shape;
  /// parameters are copied. x: [image][value]; dy: [image][value of the output].
  LayerAlone(const Scene& scene, LayerSpec entry, const Shape& in, int images, std::vector<float> x,
             std::span<const float> dy);
  ~LayerAlone();

  const Shape& out() const;
  std::span<const float> y() const;
  std::span<const float> dx() const;
  std::span<const float> gradient(const std::string& tensor) const;
  /// As the step left it.
  std::span<const float> tensor(const std::string& name) const;

 private:
  const Tensor& own(const std::string& name) const;
  std::unique_ptr<Network> network_;
  std::unique_ptr<ImageBatch> batch_;
  std::unique_ptr<StepTrace> trace_;
};

/// How a window slides along one side of a map.
struct WindowSide {
  int size = 1, outputs = 1, kernel = 1, stride = 1, dilation = 1, before = 0, after = 0;
  int input(int output, int tap) const { return output * stride + tap * dilation - before; }
  bool inside(int position) const { return position >= 0 && position < size; }
  /// "floor((28 - 5 + 2*2)/1) + 1 = 28".
  std::string formula() const;
  bool padded() const { return before + after > 0; }
  /// The output at the end of the side where its window reaches into the padding; the first if none does.
  int border_output() const;
  /// What an output reads: "rows 3 to 7", "row 3", "rows 3 to 11 in steps of 2". `line`: "row" or "column".
  std::string reach(int output, std::string_view line) const;
};

/// The neighboring outputs that an explanation shows: at most two by two whose windows lie inside the map. If
/// there are none, all of them.
struct PatchChoice {
  bool whole = false;               ///< all of them
  int rows = 0, columns = 0;        ///< how many are shown
  int first_row = 0, last_row = 0;  ///< where the upper left one may lie
  int first_column = 0, last_column = 0;
};
PatchChoice choose_patch(const WindowSide& rows, const WindowSide& columns);

/// Where there are more than `shown` terms, adds the others up and says so: "0.12 (the other 13)".
void join_others(std::vector<double>& terms, std::vector<std::string>& written, std::size_t shown);

/// "a patch of 6x6 inputs that makes 2x2 outputs".
std::string patch_text(int height, int width, int output_rows, int output_columns);
/// "Its window covers rows -1 to 1 and columns -1 to 1: 5 of its 9 positions lie in the padding."
std::string border_text(const WindowSide& rows, const WindowSide& columns, int output_row, int output_column);
/// How often the window fits, along both sides.
void explain_size(Notebook& book, const WindowSide& rows, const WindowSide& columns);

// One for each layer that has words of its own; explain_layer() finds the one for a spec.
void explain(const Scene& scene, const ConvSpec& spec);
void explain(const Scene& scene, const MaxPoolSpec& spec);
void explain(const Scene& scene, const AvgPoolSpec& spec);
void explain(const Scene& scene, const GlobalAvgPoolSpec&);
void explain(const Scene& scene, const FlattenSpec&);
void explain(const Scene& scene, const DenseSpec& spec);
void explain(const Scene& scene, const BatchNormSpec& spec);
void explain(const Scene& scene, const DropoutSpec& spec);
void explain(const Scene& scene, const ScaleSpec& spec);
void explain(const Scene& scene, const ActivationSpec& spec);
void explain(const Scene& scene, const ResidualSpec& spec);
/// For a layer that has none: the engine beside the plain loops of the reference.
void explain_any_layer(const Scene& scene);

}  // namespace cnn
