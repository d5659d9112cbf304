#include "data/finish_image.h"

#include <algorithm>
#include <array>

namespace cnn {
namespace {

template <class Value>
using Planes = std::vector<Value>;

void note_traits(Image& image) {
  FileTraits& traits = image.traits;
  traits.deep = !image.deep.empty();
  if (traits.deep) {
    const auto [least, most] = std::ranges::minmax_element(image.deep);
    traits.least = *least, traits.most = *most;
  }
  traits.transparent = std::ranges::any_of(image.alpha, [&](int alpha) { return alpha < image.white; });
}

/// Color over a background. The quotients are rounded to the nearest.
template <class Value>
void lay_under(Planes<Value>& planes, const Image& image, const std::array<std::int64_t, 3>& background) {
  const std::int64_t white = image.white;
  const std::size_t plane = image.alpha.size();
  for (std::size_t c = 0; c < static_cast<std::size_t>(image.channels); ++c)
    for (std::size_t i = 0; i < plane; ++i) {
      Value& value = planes[c * plane + i];
      const std::int64_t alpha = image.alpha[i];
      const std::int64_t front = std::int64_t{value} * (image.premultiplied ? white : alpha);
      const std::int64_t sum = front + background[c] * (white - alpha);
      value = static_cast<Value>(std::min(white, (2 * sum + white) / (2 * white)));
    }
}

/// Divides by alpha what was multiplied by it. Where alpha is 0, no color is known but what is there.
/// Quotients are rounded down, as in Pillow.
template <class Value>
void divide_by_alpha(Planes<Value>& planes, const Image& image) {
  const std::size_t plane = image.alpha.size();
  for (std::size_t i = 0; i < planes.size(); ++i)
    if (const std::int64_t alpha = image.alpha[i % plane]; alpha > 0)
      planes[i] = static_cast<Value>(
          std::min<std::int64_t>(image.white, std::int64_t{planes[i]} * image.white / alpha));
}

template <class Value>
void make_color(Planes<Value>& planes) {
  const std::size_t plane = planes.size();
  planes.resize(3 * plane);
  for (std::size_t c = 1; c < 3; ++c)
    std::copy_n(planes.begin(), plane, planes.begin() + static_cast<std::ptrdiff_t>(c * plane));
}

void compose(Image& image, const ImageSpec& target) {
  const std::array<std::uint8_t, 3>& color = *target.background;
  const bool deep = !image.deep.empty();
  if (image.channels == 1 && (color[0] != color[1] || color[1] != color[2])) {
    deep ? make_color(image.deep) : make_color(image.pixels);
    image.channels = 3;
  }
  const ValueEnds ends =
      target.depth == 16 ? value_ends(target, deep, image.white) : ValueEnds{0, image.white};
  std::array<std::int64_t, 3> background{};
  for (std::size_t c = 0; c < 3; ++c)
    background[c] = ends.low + (std::int64_t{color[c]} * (ends.high - ends.low) + 127) / 255;
  deep ? lay_under(image.deep, image, background) : lay_under(image.pixels, image, background);
}

void keep_upper_bits(Image& image) {
  if (image.pixels.empty()) {
    image.pixels.reserve(image.deep.size());
    for (const std::uint16_t value : image.deep)
      image.pixels.push_back(static_cast<std::uint8_t>(value >> 8));
  }
  image.deep = {};
  image.white = 255;
}

}  // namespace

ValueEnds value_ends(const ImageSpec& spec, bool deep, int white) {
  if (deep && spec.range.mode == PixelRange::Mode::given) return {spec.range.low, spec.range.high};
  return {0, white};
}

void finish_image(Image& image, const ImageSpec* target) {
  note_traits(image);
  if (image.traits.transparent && target && target->background)
    compose(image, *target);
  else if (image.traits.transparent && image.premultiplied)
    image.deep.empty() ? divide_by_alpha(image.pixels, image) : divide_by_alpha(image.deep, image);
  image.alpha = {};
  if (image.deep.empty()) return;
  if (!target || target->depth != 16) return keep_upper_bits(image);
  image.pixels = {};
}

}  // namespace cnn
