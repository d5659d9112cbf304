#include "export/result.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/text.h"
#include "export/image_json.h"
#include "report/text_columns.h"

namespace cnn {
namespace {

using Json = nlohmann::ordered_json;

/// JSON has no infinity: null stands for a layer without any noise.
Json number_of(double decibels) { return std::isfinite(decibels) ? Json(decibels) : Json(); }

Json json_of(const std::vector<BadFile>& bad) {
  Json list = Json::array();
  for (const BadFile& file : bad) list.push_back({{"path", file.path}, {"reason", file.reason}});
  return list;
}

std::string percent(double share) { return fmt::format("{:.2f} %", 100 * share); }

std::string comparison_text(const ExportResult& result) {
  const ExportComparison& both = *result.comparison;
  if (both.images == 0) return "no image could be compared\n";
  std::string text;
  if (both.labeled > 0)
    text = fmt::format("accuracy on {}: engine {}, export {}\n", counted(both.labeled, "image"),
                       percent(both.share(both.engine_correct, both.labeled)),
                       percent(both.share(both.export_correct, both.labeled)));
  text += fmt::format("the same class for {} of {} ({}); probabilities differ by {:.1e} at most\n",
                      with_commas(both.agree), counted(both.images, "image"),
                      percent(both.share(both.agree, both.images)), both.largest_difference);
  if (result.format == "onnx")
    text +=
        "(This program has no ONNX runtime: it computed with the numbers of the file, in loops of its "
        "own.)\n";
  return text;
}

/// A row for each layer, so that a bad one is seen.
std::string noise_table(const ExportResult& result) {
  std::size_t width = width_of("layer");
  for (const LayerNoise& layer : result.noise) width = std::max(width, width_of(printable(layer.layer)));
  std::string text = fmt::format(
      "signal to noise in dB over {} (6 dB are one bit; \"layer\": this layer alone in int8, \"all\": "
      "everything up to it)\n  {}  layer    all\n",
      counted(result.noise_images, "image"), left("", width));
  for (const LayerNoise& layer : result.noise)
    text +=
        fmt::format("  {}  {:5.1f}  {:5.1f}\n", left(printable(layer.layer), width), layer.own, layer.total);
  return text;
}

}  // namespace

std::string result_text(const ExportResult& result) {
  const std::string files = printable(join(result.files));
  std::string text = fmt::format("{}: {}", files == "-" ? "standard output" : files, result.arithmetic);
  // The size of C is that of a text; what it costs on a device is below.
  text += result.format == "onnx" ? fmt::format(", {}\n", human_bytes(result.file_bytes)) : "\n";
  text += fmt::format("  in: {}\n", result.input);
  if (result.scratch_bytes)
    text += fmt::format("  flash: {} bytes of constants, and the code; RAM: {} bytes of scratch memory\n",
                        with_commas(*result.constant_bytes), with_commas(*result.scratch_bytes));
  text += fmt::format("  {} multiply-adds an image\n", with_commas(result.macs));
  if (result.calibration_images)
    text += fmt::format("  calibrated with {}\n", counted(*result.calibration_images, "image"));
  if (!result.noise.empty()) text += noise_table(result);
  return text + (result.comparison ? comparison_text(result) : "");
}

std::string result_json(const ExportResult& result) {
  Json json{{"format", result.format},
            {"arithmetic", result.arithmetic},
            {"files", result.files},
            {"file_bytes", result.file_bytes},
            {"input", result.input},
            {"classes", result.classes},
            {"image", image_json(result.image)},
            {"macs", result.macs}};
  if (result.scratch_bytes) json["scratch_bytes"] = *result.scratch_bytes;
  if (result.constant_bytes) json["constant_bytes"] = *result.constant_bytes;
  if (result.calibration_images) {
    json["calibration_images"] = *result.calibration_images;
    json["bad_calibration_images"] = json_of(result.bad_calibration_images);
  }
  for (const LayerNoise& layer : result.noise)
    json["layers"].push_back({{"name", layer.layer},
                              {"signal_to_noise", number_of(layer.own)},
                              {"signal_to_noise_so_far", number_of(layer.total)}});
  if (result.comparison) {
    const ExportComparison& both = *result.comparison;
    Json& out = json["comparison"];
    out = {{"images", both.images}};
    if (both.labeled > 0) {
      out["engine_accuracy"] = both.share(both.engine_correct, both.labeled);
      out["export_accuracy"] = both.share(both.export_correct, both.labeled);
    }
    if (both.images > 0) out["agreement"] = both.share(both.agree, both.images);
    out["largest_difference"] = both.largest_difference;
    out["bad_images"] = json_of(both.bad);
  }
  json["warnings"] = result.warnings;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace cnn
