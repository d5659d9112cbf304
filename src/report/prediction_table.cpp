#include "report/prediction_table.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// Valid JSON even if a path is not UTF-8.
std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// Empty for what is not finite, as JSON writes null.
std::string cell_of(float probability) { return std::isfinite(probability) ? exact(probability) : ""; }

}  // namespace

PredictionTable::PredictionTable(const fs::path& path, const std::vector<std::string>& classes)
    : path_(path), json_((path.extension() == ".json" || path.extension() == ".JSON")) {
  if (path.empty()) return;
  const OutputFile place = output_file(path);
  path_ = place.path;
  is_stream_ = place.is_stream;
  errno = 0;
  file_.open(written());
  if (!file_) fail("--predictions {}: cannot be written: {}", printable(path.string()), std::strerror(errno));
  if (json_) {
    file_ << "{\"classes\": " << text_of(classes) << ",\n\"predictions\": [";
    return;
  }
  file_ << "path,label,predicted,confidence";
  for (const std::string& name : classes) file_ << ',' << csv_cell("p_" + name);
  file_ << '\n';
}

PredictionTable::~PredictionTable() {
  std::error_code ignored;
  if (!path_.empty() && !is_stream_) fs::remove(written(), ignored);
}

void PredictionTable::add(const std::string& image, const std::string& label, const std::string& predicted,
                          float confidence, std::span<const float> probabilities) {
  if (path_.empty()) return;
  const bool said_something = std::isfinite(confidence);
  if (json_) {
    const Json row = {{"path", image},
                      {"label", label.empty() ? Json(nullptr) : Json(label)},
                      {"predicted", said_something ? Json(predicted) : Json(nullptr)},
                      {"confidence", confidence},
                      {"probabilities", probabilities}};
    file_ << (rows_++ == 0 ? "\n" : ",\n") << text_of(row);
    return;
  }
  file_ << csv_cell(image) << ',' << csv_cell(label) << ',' << csv_cell(said_something ? predicted : "")
        << ',' << cell_of(confidence);
  for (const float p : probabilities) file_ << ',' << cell_of(p);
  file_ << '\n';
}

void PredictionTable::finish() {
  if (path_.empty()) return;
  if (json_) file_ << "\n]}\n";
  file_.close();
  if (!file_) fail("--predictions {}: cannot be written; is the disk full?", printable(path_.string()));
  if (is_stream_) return;
  std::error_code error;
  fs::rename(written(), path_, error);
  if (error) fail("--predictions {}: cannot be written: {}", printable(path_.string()), error.message());
}

}  // namespace cnn
