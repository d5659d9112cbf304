#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "report/terminal.h"

namespace cnn {

/// One line of the layer table.
struct LayerRow {
  std::string name, type, input{}, output{};  ///< shapes as text: "6x28x28", "120"
  int channels = 0, height = 1, width = 1;    ///< of the output
  bool flat = false;
  bool reads_whole_map = false;  ///< every output reads every position
  bool input_is_frozen = false;  ///< what comes in is not learned here: training.freeze
  /// The config's key for the number of output channels, where they are learned: "units"; "".
  std::string outputs_key{};
  std::string kernel{}, stride{}, padding{}, dilation{};  ///< "5x5", "1", "2", "1"; empty where there is none
  int groups = 1;
  std::int64_t activations = 0, parameters = 0, macs = 0, dense_equivalent_parameters = 0;
  std::string receptive_field{};
  std::string effective_stride{};                  ///< empty for a vector and for 1x1 maps
  std::int64_t inputs = 0, inputs_per_output = 0;  ///< values of the input, and how many an output reads
  /// Memory of a batch: outputs, their gradients, parameters, their gradients, the optimizer's state; in
  /// evaluation outputs and parameters.
  std::int64_t training_bytes = 0, evaluation_bytes = 0;
};

/// What a network needs as a whole. The engine shares memory between layers, so this is less than the layers'
/// sum.
struct MemoryNeeds {
  int batch_size = 1, threads = 1;
  std::int64_t training_bytes = 0, evaluation_bytes = 0;
};

/// The layers of a network as text, columns aligned, totals at the end. Where the lines would be longer than
/// `columns`, receptive field, type and multiply-adds are left out, in this order, and then names are cut.
std::string layer_table(const std::string& input, const std::vector<LayerRow>& rows, int columns);

/// The same with everything that is known of a layer, in two tables: what comes out of it, with a bar for the
/// number of activations, and what it costs. As wide as the terminal; narrow ones lose columns, long names
/// their ends.
std::string detailed_layer_tables(const std::string& input, std::int64_t input_values,
                                  const std::vector<LayerRow>& rows, const MemoryNeeds& memory,
                                  const Terminal& terminal);

/// All columns as one Markdown table.
std::string markdown_layer_table(const std::string& input, std::int64_t input_values,
                                 const std::vector<LayerRow>& rows);

/// Text that Markdown shows as it is, on one line.
std::string markdown_text(std::string_view text);

/// For each convolution its parameters against those of a dense layer between the same maps, and how few
/// inputs an output reads: "conv1: 156 instead of 3,692,640: ...". One sentence for neighbors with the same
/// numbers: "conv2 to conv7, each: ...". kSharingHead stands above them.
inline constexpr const char* kSharingHead =
    "Parameters, instead of those of a dense layer between the same maps, and inputs one output reads:";
std::vector<std::string> sharing_sentences(const std::vector<LayerRow>& rows);

/// A layer that puts out far fewer values than it gets (more than `fall` to 1 in one step), or, after the
/// first, more than `growth` times as many. Not a layer whose input is frozen: others chose that many.
struct CliffWarning {
  std::string layer, kind;  ///< kind: activation_cliff or activation_growth
  std::int64_t before = 0, after = 0;
  std::string message;  ///< with the layer, both counts, why it hurts, and what to insert
};
std::vector<CliffWarning> cliff_warnings(std::int64_t input_values, const std::vector<LayerRow>& rows,
                                         double fall = 100, double growth = 4);

}  // namespace cnn
