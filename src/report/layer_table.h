#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cnn {

/// One line of the layer table.
struct LayerRow {
  std::string name, type, output;
  std::int64_t activations = 0, parameters = 0, macs = 0, dense_equivalent_parameters = 0;
  std::string receptive_field;
};

/// The layers of a network as text, columns aligned, totals at the end; fits 100 columns for ordinary names.
std::string layer_table(const std::string& input, const std::vector<LayerRow>& rows);

/// A layer that puts out far fewer values than it gets (more than `fall` to 1 in one step), or, after the
/// first, more than `growth` times as many.
struct CliffWarning {
  std::string layer, kind, message;
};
std::vector<CliffWarning> cliff_warnings(std::int64_t input_values, const std::vector<LayerRow>& rows,
                                         double fall = 100, double growth = 4);

}  // namespace cnn
