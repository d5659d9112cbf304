#pragma once

#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

namespace cnn {

/// A table of predictions, image by image, as CSV or, if the file's name ends with .json, as JSON:
///   path,label,predicted,confidence,p_<class>...
///   {"classes": [...], "predictions": [{"path", "label", "predicted", "confidence", "probabilities":
///   [...]}]}
/// It appears under its name only when it is whole; streams (see core/file.h) are written to as it grows.
class PredictionTable {
 public:
  /// An empty path: no table is written. Throws Error (exit 1) if the file cannot be written.
  PredictionTable(const std::filesystem::path& path, const std::vector<std::string>& classes);
  ~PredictionTable();
  PredictionTable(const PredictionTable&) = delete;
  PredictionTable& operator=(const PredictionTable&) = delete;

  /// label: empty if the image has none.
  void add(const std::string& image, const std::string& label, const std::string& predicted, float confidence,
           std::span<const float> probabilities);

  /// Throws Error (exit 1) if anything was not written.
  void finish();

 private:
  std::filesystem::path written() const { return path_.string() + (is_stream_ ? "" : ".tmp"); }

  std::filesystem::path path_;
  bool is_stream_ = false;
  bool json_;
  std::int64_t rows_ = 0;
  std::ofstream file_;
};

}  // namespace cnn
