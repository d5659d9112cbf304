#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "report/layer_table.h"

namespace cnn {
namespace {

/// Where a pooling may stand before a layer: the nearest output above it that still is maps.
struct Maps {
  std::string name;
  std::int64_t channels = 0;
  int height = 1, width = 1;

  bool can_be_pooled() const { return height >= 2 && width >= 2; }
  std::int64_t values() const { return channels * height * width; }
  Maps pooled() const { return {name, channels, height / 2, width / 2}; }
};

/// Whether every output is a learned sum of all that comes in.
bool is_dense(const LayerRow& row) { return row.reads_whole_map && !row.outputs_key.empty(); }

/// None if the layer is a window over maps: it might not fit smaller ones.
Maps maps_before(std::size_t i, const std::vector<LayerRow>& rows) {
  if (!rows[i].flat && !rows[i].reads_whole_map) return {};
  while (i > 0 && rows[i - 1].flat) --i;
  if (i == 0) return {};
  const LayerRow& row = rows[i - 1];
  return {printable(row.name), row.channels, row.height, row.width};
}

double quotient(std::int64_t a, std::int64_t b) { return static_cast<double>(a) / static_cast<double>(b); }

/// What to put before a layer that falls from `before` to `after` values, with the resulting numbers.
std::string cure(const LayerRow& row, const std::string& before_name, Maps maps, std::int64_t before,
                 double fall) {
  std::vector<std::string> advice;
  std::int64_t left = before;
  const bool dense = is_dense(row);
  // A dense layer in between makes two steps of one.
  const auto steep = [&] {
    const double rest = quotient(left, row.activations);
    return (dense ? std::sqrt(rest) : rest) > fall;
  };
  if (maps.can_be_pooled() && maps.values() == before) {
    const std::string name = maps.name;
    maps = maps.pooled();
    left = maps.values();
    std::string text =
        fmt::format("a max_pool with kernel_size 2 after {} makes it {}", name, with_commas(left));
    for (int count = 2; steep() && maps.can_be_pooled(); ++count) {
      maps = maps.pooled();
      left = maps.values();
      text += fmt::format(", {} of them {}", count, with_commas(left));
    }
    advice.push_back(text);
  }
  if (dense && quotient(left, row.activations) > fall) {
    const auto units =
        std::llround(std::sqrt(static_cast<double>(left) * static_cast<double>(row.activations)));
    advice.push_back(
        fmt::format("a dense layer with {} and an activation (\"relu\", say) before {}, so that {} values "
                    "become {} in two steps, each about {:.0f} to 1",
                    counted(units, "unit"), printable(row.name), with_commas(left),
                    with_commas(row.activations), std::sqrt(quotient(left, row.activations))));
  }
  if (advice.empty())
    advice.push_back(fmt::format(
        "layers between {} and {} that fall in several steps, and then a smaller kernel_size or stride in {}",
        before_name, printable(row.name), printable(row.name)));
  return join(advice, "; then ");
}

std::string cliff_message(const LayerRow& row, const std::string& before_name, const Maps& maps,
                          std::int64_t before, double fall) {
  return fmt::format(
      "{} makes {} values out of the {} of {}: {} to 1 in one step. Nearly everything found so far is thrown "
      "away at once{}; the count should fall gently. Insert: {}.",
      printable(row.name), with_commas(row.activations), with_commas(before), before_name,
      with_commas(std::llround(quotient(before, row.activations))),
      is_dense(row) ? ", by one layer that has to learn what matters at every place by itself" : "",
      cure(row, before_name, maps, before, fall));
}

std::string growth_message(const LayerRow& row, const std::string& before_name, std::int64_t before,
                           double growth) {
  const std::int64_t map = std::int64_t{row.height} * row.width;
  const auto channels =
      static_cast<std::int64_t>(growth * static_cast<double>(before) / static_cast<double>(map));
  std::string advice = "use less padding, or a stride";
  if (channels >= 1 && !row.outputs_key.empty())
    advice =
        fmt::format("{} {} makes it {}", row.outputs_key, with_commas(channels), with_commas(channels * map));
  return fmt::format(
      "{} makes {} values out of the {} of {}: {:.1f} times as many in one step. They hold no more "
      "information than the inputs, but every one costs time and memory here and in the next layer; the "
      "count should fall gently. Instead: {}.",
      printable(row.name), with_commas(row.activations), with_commas(before), before_name,
      quotient(row.activations, before), advice);
}

/// Whether a 1x1 convolution makes more maps for the depthwise convolution behind it: an inverted residual,
/// where that is on purpose (MobileNetV2).
bool widens_for_depthwise(std::size_t i, const std::vector<LayerRow>& rows) {
  const auto next = std::find_if(rows.begin() + static_cast<std::ptrdiff_t>(i) + 1, rows.end(),
                                 [](const LayerRow& row) { return !row.kernel.empty(); });
  return rows[i].kernel == "1x1" && next != rows.end() && next->groups == rows[i].channels &&
         next->channels == rows[i].channels;
}

}  // namespace

std::vector<CliffWarning> cliff_warnings(std::int64_t input_values, const std::vector<LayerRow>& rows,
                                         double fall, double growth) {
  std::vector<CliffWarning> warnings;
  std::int64_t before = input_values;
  std::string before_name = "the input";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const LayerRow& row = rows[i];
    if (quotient(before, row.activations) > fall && !row.input_is_frozen)
      warnings.push_back({row.name, "activation_cliff", before, row.activations,
                          cliff_message(row, before_name, maps_before(i, rows), before, fall)});
    // The outputs of the network are as many as there are classes: nothing to choose.
    const bool is_output =
        std::all_of(rows.begin() + static_cast<std::ptrdiff_t>(i), rows.end(),
                    [&](const LayerRow& later) { return later.activations == row.activations; });
    if (i > 0 && !is_output && !row.input_is_frozen && !widens_for_depthwise(i, rows) &&
        quotient(row.activations, before) > growth)
      warnings.push_back({row.name, "activation_growth", before, row.activations,
                          growth_message(row, before_name, before, growth)});
    before = row.activations;
    before_name = printable(row.name);
  }
  return warnings;
}

}  // namespace cnn
