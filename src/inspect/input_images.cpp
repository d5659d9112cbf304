#include "inspect/input_images.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/random.h"
#include "core/text.h"
#include "data/image_folder.h"
#include "data/pixel_reader.h"

namespace cnn {
namespace {

/// Values from 0 to 1 become what the network reads.
void normalize(InputImages& images, const Inspected& inspected) {
  const auto channels = static_cast<std::size_t>(inspected.input.c);
  const auto map = static_cast<std::size_t>(inspected.input.h * inspected.input.w);
  const auto each = [&](std::size_t channel, const auto& body) {
    for (std::size_t i = channel * map; i < images.values.size(); i += channels * map)
      for (std::size_t k = 0; k < map; ++k) body(images.values[i + k]);
  };
  images.range = {inspected.mean, inspected.std};
  images.normalization =
      inspected.trained ? "normalized as in the training" : "normalized as the config says";
  if (inspected.mean.empty()) {
    images.normalization =
        "normalized by their own mean and deviation (\"auto\" would take the training images', which are not "
        "opened)";
    const double count = static_cast<double>(map) * images.count();
    for (std::size_t c = 0; c < channels; ++c) {
      double sum = 0, squares = 0;
      each(c, [&](float v) { sum += v; });
      const double mean = sum / count;
      each(c, [&](float v) { squares += (v - mean) * (v - mean); });
      const double deviation = std::sqrt(squares / count);
      images.range.mean.push_back(mean);
      images.range.std.push_back(deviation > 0 ? deviation : 1);
    }
  }
  for (std::size_t c = 0; c < channels; ++c)
    each(c, [&](float& v) {
      v = (v - static_cast<float>(images.range.mean[c])) / static_cast<float>(images.range.std[c]);
    });
}

/// What a reader has written, as values from 0 to 1.
void append_values(const std::vector<std::byte>& bytes, const ImageSpec& spec, std::vector<float>& values) {
  if (spec.depth == 16) {
    const std::size_t size = values.size();
    values.resize(size + bytes.size() / sizeof(float));
    std::memcpy(&values[size], bytes.data(), bytes.size());
    return;
  }
  for (const std::byte b : bytes) values.push_back(static_cast<float>(std::to_integer<int>(b)) / 255.0f);
}

/// How dark a soft line is at this distance from its middle.
double ink(double distance, double width) { return std::exp(-distance * distance / (width * width)); }

}  // namespace

std::span<const float> InputImages::image(int number) const {
  const std::size_t size = values.size() / names.size();
  return std::span(values).subspan(static_cast<std::size_t>(number) * size, size);
}

InputImages read_images(const Inspected& inspected, const std::vector<std::filesystem::path>& files) {
  InputImages images;
  PixelReader reader(inspected.config.data.image, inspected.config.data.limits);
  const ImageSpec& spec = inspected.config.data.image;
  std::vector<std::byte> bytes(static_cast<std::size_t>(bytes_of_image(spec)));
  for (const std::filesystem::path& file : files) {
    const std::string fault = reader.read(file.string(), bytes.data());
    if (!fault.empty()) fail("{}: {}", printable(file.string()), fault);
    append_values(bytes, spec, images.values);
    images.names.push_back(file.string());
    const std::string folder = file.has_parent_path() ? file.parent_path().filename().string() : "";
    const auto label = std::find(inspected.classes.begin(), inspected.classes.end(), folder);
    images.labels.push_back(
        label == inspected.classes.end() ? -1 : static_cast<int>(label - inspected.classes.begin()));
  }
  normalize(images, inspected);
  return images;
}

InputImages generated_images(const Inspected& inspected, int count) {
  const Shape& shape = inspected.input;
  InputImages images;
  for (int n = 0; n < count; ++n) {
    Random random(1, Purpose::digits, static_cast<std::uint32_t>(n));
    const double size = std::min(shape.h, shape.w);
    const double row = shape.h * random.uniform(0.35f, 0.65f),
                 column = shape.w * random.uniform(0.35f, 0.65f), radius = size * random.uniform(0.2f, 0.32f),
                 width = std::max(size / 14, 0.7), angle = random.uniform(0, 3.14f);
    for (int c = 0; c < shape.c; ++c) {
      const double ring = random.uniform(0.5f, 1), stroke = random.uniform(0.3f, 0.9f),
                   ground = random.uniform(0, 0.2f);
      for (int h = 0; h < shape.h; ++h)
        for (int w = 0; w < shape.w; ++w) {
          const double y = h - row, x = w - column;
          const double v = ground + ring * ink(std::hypot(x, y) - radius, width) +
                           stroke * ink(x * std::sin(angle) - y * std::cos(angle), width) +
                           random.uniform(0, 0.04f);
          images.values.push_back(static_cast<float>(std::clamp(v, 0.0, 1.0)));
        }
    }
    images.names.push_back("a generated image");
    images.labels.push_back(-1);
  }
  normalize(images, inspected);
  return images;
}

}  // namespace cnn
