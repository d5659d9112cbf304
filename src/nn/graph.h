#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nn/layer.h"
#include "nn/layers/excitation.h"
#include "nn/layers/sum.h"
#include "nn/network_spec.h"

namespace cnn {

/// What a node was made from: the spec of its entry, or of what the entry consists of.
using NodeSpec = AnyLayerSpec<ExcitationSpec, SumSpec>;

/// One layer in the order of computation. The entries of a residual come before the residual's own node, its
/// sum; the mean and the two convolutions of a squeeze_excite before its own, the product.
struct Node {
  std::unique_ptr<Layer> layer;
  NodeSpec spec;  ///< its control is that of all the residuals around it, too
  /// Of the entry; "<residual>.shortcut" and "<residual>.shortcut_norm" for a projection, "<entry>.squeeze",
  /// "<entry>.fc1" and "<entry>.fc2" for the way to the factors of a squeeze_excite.
  std::string name;
  std::string path;  ///< JSON pointer of its entry
  /// Which row of a layer table it belongs to; a projection's conv and norm belong to the residual, those of
  /// a squeeze_excite to it.
  int entry = -1;
  bool is_row = true;  ///< whether its output is the entry's output
  Shape in, out;
  /// Values (edges of the graph) that it reads and writes; value 0 is the input, -1 none.
  int x = 0, shortcut = -1, y = 0;

  // Filled in by plan_parameters():
  Needs needs;
  std::vector<BufferId> saved;
  /// Of two phases: what forward's, then what backward's reduction reads.
  std::vector<StatisticId> statistics;
  std::int64_t parameters_begin = 0, parameters_end = 0;  ///< their place among all parameters
  std::int64_t parameters = 0;                            ///< how many numbers are trainable
  bool learns = false;                                    ///< has parameters that are ever trained
};

/// The layers of a network and what flows between them: every entry of the spec made into nodes, with names
/// and checked shapes.
class Graph {
 public:
  /// `classes`: what the last entry must put out; 0: not known. Throws SpecError with the chain of shapes up
  /// to the entry that cannot work.
  Graph(const NetworkSpec& spec, const Shape& input, int classes);

  const Shape& input() const { return values_.front(); }
  const std::vector<Node>& nodes() const { return nodes_; }
  std::vector<Node>& nodes() { return nodes_; }
  /// The shape of every value; value 0 is the input.
  const std::vector<Shape>& values() const { return values_; }
  int output() const { return nodes_.back().y; }
  int classes() const { return nodes_.back().out.c; }
  /// Rows of a layer table: entries of the spec, those of residuals before the residual.
  int entries() const { return entries_; }

  /// The weight of the first convolution, if it is to be made from images (train/whitening.h), and the
  /// distance of the pixels in its window.
  struct Whitening {
    std::string tensor;
    Size2 dilation;
  };
  const std::optional<Whitening>& whitening() const { return whitening_; }

  /// "  shapes so far: input 1x28x28 -> conv1 6x28x28", for messages.
  std::string chain() const;

 private:
  int add_entries(const NetworkSpec& spec, const LayerControl& outer, int value);
  int add_entry(const LayerSpec& entry, const LayerControl& outer, int value);
  int add_residual(const LayerSpec& entry, const ResidualSpec& spec, const LayerControl& outer, int value);
  int add_squeeze_excite(const LayerSpec& entry, const SqueezeExciteSpec& spec, const LayerControl& outer,
                         int value);
  int add_projection(const LayerSpec& entry, const LayerControl& control, int value, const Shape& out);
  int add_node(Node node);
  void note_whitening(const LayerSpec& entry, const ConvSpec& conv, int value);
  void check_output(int classes) const;

  std::vector<Node> nodes_;
  std::vector<Shape> values_;
  int entries_ = 0;
  std::optional<Whitening> whitening_;
};

}  // namespace cnn
