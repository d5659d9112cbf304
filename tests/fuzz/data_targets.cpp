#include <algorithm>
#include <array>
#include <string>

#include "core/thread_pool.h"
#include "data/cifar10.h"
#include "data/decode.h"
#include "data/idx.h"
#include "data/image_fitter.h"
#include "fuzz/input_file.h"
#include "fuzz/targets.h"

namespace cnn::fuzz {
namespace {

ThreadPool& one_thread() {
  static ThreadPool pool(1);
  return pool;
}

/// The first byte says how many bytes of labels there are at the end.
void idx(std::string_view input) {
  if (input.empty()) return;
  const std::size_t labels = std::min<std::size_t>(static_cast<unsigned char>(input[0]), input.size() - 1);
  input.remove_prefix(1);
  IdxLocation location{input_file("images", input.substr(0, input.size() - labels)), {}};
  if (labels > 0) location.labels = input_file("labels", input.substr(input.size() - labels));
  const auto set = load_idx(location, {1, 4, 4}, one_thread());
  CNN_CHECK(set->size() > 0 && set->values_per_image() == 16, "{} images", set->size());
}

void cifar10(std::string_view input) {
  const auto set = load_cifar10({{input_file("batch.bin", input)}}, {3, 8, 8}, one_thread());
  for (std::int64_t i = 0; i < set->size(); ++i)
    CNN_CHECK(set->label(i) >= 0 && set->label(i) < 10, "label {}", set->label(i));
}

void image(std::string_view input) {
  DecodeLimits limits;
  limits.pixels = 1 << 20;  // more would only be slower
  for (const char* name : {"x.png", "x.tga"}) {
    const Decoded decoded = decode_image(input, name, limits);
    if (!decoded.fault.empty()) continue;
    const Image& image = decoded.image;
    CNN_CHECK((image.channels == 1 || image.channels == 3) && image.height > 0 && image.width > 0 &&
                  static_cast<std::int64_t>(image.pixels.size()) == image.channels * ImageView(image).plane(),
              "{}x{}x{} pixels in {} bytes", image.channels, image.height, image.width, image.pixels.size());
    CNN_CHECK(decode_image(input, name, limits).image.pixels == image.pixels, "another image each time");
    const ImageSpec target{3, 8, 8, Resize::fit};
    std::array<std::uint8_t, 3 * 8 * 8> fitted{};
    CNN_CHECK(ImageFitter(target).fit(image, fitted.data()).empty(), "cannot be fitted");
    const Decoded reduced = decode_image(input, name, limits, &target);  // a JPEG at a part of its size
    CNN_CHECK(reduced.fault.empty() && ImageFitter(target).fit(reduced.image, fitted.data()).empty(),
              "cannot be decoded for its target: {}", reduced.fault);
    return;
  }
}

constexpr std::array<Target, 3> kTargets{
    {{"image", expect_error<image>}, {"idx", expect_error<idx>}, {"cifar10", expect_error<cifar10>}}};

}  // namespace

std::span<const Target> data_targets() { return kTargets; }

}  // namespace cnn::fuzz
