#include "export/explanation.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "export/exported.h"
#include "export/plan_gradient.h"
#include "report/color_ramp.h"
#include "report/picture.h"
#include "report/tile_sheet.h"

namespace cnn {
namespace {

bool has_maps(const Shape& shape) { return !shape.flat && shape.h * shape.w > 1; }

/// Bilinear, with the middles of the outermost pixels where those of the small map are.
std::vector<double> enlarged(const EvidenceMap& small, int height, int width) {
  std::vector<double> large;
  const auto place = [](int i, int to, int from) {
    return std::clamp((i + 0.5) * from / to - 0.5, 0.0, static_cast<double>(from - 1));
  };
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const double v = place(y, height, small.height), u = place(x, width, small.width);
      const int top = static_cast<int>(v), left = static_cast<int>(u);
      const int bottom = std::min(top + 1, small.height - 1), right = std::min(left + 1, small.width - 1);
      const auto at = [&](int row, int column) {
        return small.heat[static_cast<std::size_t>(row * small.width + column)];
      };
      const double upper = at(top, left) * (1 - (u - left)) + at(top, right) * (u - left);
      const double lower = at(bottom, left) * (1 - (u - left)) + at(bottom, right) * (u - left);
      large.push_back(upper * (1 - (v - top)) + lower * (v - top));
    }
  return large;
}

Color color_at(const std::vector<float>& pixels, int channels, std::size_t plane, std::size_t i) {
  const auto byte = [&](std::size_t c) {
    const float value = pixels[(channels >= 3 ? c : 0) * plane + i];
    return static_cast<std::uint8_t>(std::lround(255 * std::clamp(value, 0.0f, 1.0f)));
  };
  return {byte(0), byte(1), byte(2)};
}

/// The image in grey, and the heat over it: more of its color where there is more of it.
Color under_heat(const Color& pixel, double heat) {
  const double grey = 0.299 * pixel.r + 0.587 * pixel.g + 0.114 * pixel.b;
  const auto ramp = ramp_color(heat);
  const double share = 0.25 + 0.5 * heat;
  const auto mixed = [&](std::uint8_t color) {
    return static_cast<std::uint8_t>(std::lround(grey * (1 - share) + color * share));
  };
  return {mixed(ramp[0]), mixed(ramp[1]), mixed(ramp[2])};
}

}  // namespace

Explainer::Explainer(const Inspected& model)
    : plan_(export_plan(model, ActivationFolding::all)), run_(plan_) {
  for (const ExportStep& step : plan_.steps)
    if (has_maps(plan_.out(step))) maps_ = step.y, layer_ = step.name;
}

SeenImage Explainer::see(std::span<const std::byte> pixels) const {
  SeenImage image;
  image.pixels.resize(static_cast<std::size_t>(plan_.values.front().values()));
  if (pixels.size() == image.pixels.size() * sizeof(float))
    std::memcpy(image.pixels.data(), pixels.data(), pixels.size());
  else
    std::ranges::transform(pixels, image.pixels.begin(), [](std::byte pixel) {
      return static_cast<float>(std::to_integer<int>(pixel)) / 255.0f;
    });
  run_.run_values(image.pixels, image.values);
  return image;
}

std::vector<float> Explainer::probabilities(const SeenImage& image) const {
  std::vector<float> probabilities;
  run_.probabilities(image.values, probabilities);
  return probabilities;
}

EvidenceMap Explainer::plain_map(const PlanValues& values, int class_number) const {
  const std::vector<double> gradient = logit_gradient(plan_, values, class_number, maps_);
  const Shape& shape = plan_.values[static_cast<std::size_t>(maps_)];
  const std::vector<float>& maps = values[static_cast<std::size_t>(maps_)];
  const auto plane = static_cast<std::size_t>(shape.h * shape.w);
  EvidenceMap map{shape.h, shape.w, std::vector<double>(plane)};
  for (std::size_t c = 0; c < static_cast<std::size_t>(shape.c); ++c) {
    double weight = 0;
    for (std::size_t i = 0; i < plane; ++i) weight += gradient[c * plane + i] / static_cast<double>(plane);
    for (std::size_t i = 0; i < plane; ++i)
      if (layer_.empty())
        map.heat[i] = std::max(map.heat[i], std::abs(gradient[c * plane + i]));
      else
        map.heat[i] += weight * double{maps[c * plane + i]};
  }
  for (double& value : map.heat) value = std::max(value, 0.0);
  return map;
}

EvidenceMap Explainer::explain(const SeenImage& image, int class_number) const {
  const ImageSpec& size = plan_.image;
  EvidenceMap evidence{size.height, size.width,
                       enlarged(plain_map(image.values, class_number), size.height, size.width)};
  const double most = *std::ranges::max_element(evidence.heat);
  if (most > 0)
    for (double& value : evidence.heat) value /= most;
  return evidence;
}

std::string Explainer::png(const SeenImage& image, const EvidenceMap& evidence,
                           const std::vector<std::string>& title) const {
  const auto tile = [&](const std::string& caption) {
    return Tile{.height = evidence.height, .width = evidence.width, .pixels = {}, .caption = caption};
  };
  Tile plain = tile("as the network sees it");
  Tile hot = tile(layer_.empty() ? "size of the input's gradient" : "Grad-CAM at " + layer_);
  for (std::size_t i = 0; i < evidence.heat.size(); ++i) {
    plain.pixels.push_back(color_at(image.pixels, plan_.image.channels, evidence.heat.size(), i));
    hot.pixels.push_back(under_heat(plain.pixels.back(), evidence.heat[i]));
  }
  return draw({.title = title,
               .tiles = {std::move(plain), std::move(hot)},
               .columns = 2,
               .tile_pixels = 288,
               .legends = {{.map = ColorMap::ascending, .low = 0, .high = 1}}})
      .png();
}

std::string Explainer::address(const SeenImage& image, const EvidenceMap& evidence) const {
  Picture picture{.channels = 3, .height = evidence.height, .width = evidence.width, .pixels = {}};
  for (std::size_t i = 0; i < evidence.heat.size(); ++i) {
    const Color pixel = color_at(image.pixels, plan_.image.channels, evidence.heat.size(), i);
    const Color color = under_heat(pixel, evidence.heat[i]);
    picture.pixels.insert(picture.pixels.end(), {color.r, color.g, color.b});
  }
  constexpr int kMostPixels = 128;
  return png_address(shrunk(picture, kMostPixels));
}

}  // namespace cnn
