#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "export/float_run.h"
#include "export/plan.h"
#include "inspect/inspected.h"

namespace cnn {

/// Where in an image the evidence for a class is.
struct EvidenceMap {
  int height = 0, width = 0;
  std::vector<double> heat;  ///< [height][width] of the network's input, from 0 to 1; all 0: there is none
  bool is_empty() const {
    return std::ranges::all_of(heat, [](double value) { return value <= 0; });
  }
};

/// An image, and what the network makes of it.
struct SeenImage {
  std::vector<float> pixels;  ///< from 0 to 1, [c][h][w]
  PlanValues values;
};

/// Shows which parts of an image speak for a class. Grad-CAM (R. Selvaraju et al., arXiv:1610.02391,
/// equations 1 and 2): the maps before the network becomes flat, each weighted with the mean gradient of the
/// class's logit in it, added up; what is negative is 0. The sum is enlarged to the image by bilinear
/// interpolation. A network without maps of its own shows the size of the input's gradient instead, the
/// largest of a pixel's channels. Divided by its maximum.
class Explainer {
 public:
  explicit Explainer(const Inspected& model);

  /// pixels: as a data set that fits the model has them, bytes or floats. In a large network this takes a
  /// second and more, all that follows little. Any thread.
  SeenImage see(std::span<const std::byte> pixels) const;
  EvidenceMap explain(const SeenImage& image, int class_number) const;
  std::vector<float> probabilities(const SeenImage& image) const;
  /// The map itself, not enlarged and not divided.
  EvidenceMap plain_map(const PlanValues& values, int class_number) const;

  /// The entry of the config whose maps are looked at; "" for the input's gradient.
  const std::string& layer() const { return layer_; }
  const ExportPlan& plan() const { return plan_; }
  const FloatRun& run() const { return run_; }

  /// A PNG: the image, and beside it the same under the heat.
  std::string png(const SeenImage& image, const EvidenceMap& evidence,
                  const std::vector<std::string>& title) const;
  /// A small picture of the heat over the image, as an address for <img>.
  std::string address(const SeenImage& image, const EvidenceMap& evidence) const;

 private:
  const ExportPlan plan_;
  const FloatRun run_;
  int maps_ = 0;  ///< the value with the last maps
  std::string layer_;
};

}  // namespace cnn
