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

/// What decode_image() promises of everything that it can read. False: it cannot.
bool decode_as(std::string_view input, std::string_view name) {
  DecodeLimits limits;
  limits.pixels = 1 << 20;  // more would only be slower
  const Decoded decoded = decode_image(input, name, limits);
  if (!decoded.fault.empty()) return false;
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
  return true;
}

void image(std::string_view input) {
  if (!decode_as(input, "x.png")) decode_as(input, "x.tga");  // which only a name can tell
}

/// One decoder at a time: whatever else the input holds, it begins like a file of that format.
template <std::size_t at, char... bytes>
void image_with(std::string_view input) {
  constexpr std::array<char, sizeof...(bytes)> kStart{bytes...};
  if (input.size() < at + kStart.size()) return;
  std::string file(input);
  std::copy(kStart.begin(), kStart.end(), file.begin() + at);
  decode_as(file, "x");
}

void tiff(std::string_view input) {
  if (input.starts_with('M'))
    image_with<0, 'M', 'M', 0, '*'>(input);
  else
    image_with<0, 'I', 'I', '*', 0>(input);
}

constexpr std::array<Target, 10> kTargets{{
    {"image", expect_error<image>},
    {"png", expect_error<image_with<0, '\x89', 'P', 'N', 'G', '\r', '\n', '\x1A', '\n'>>},
    {"jpeg", expect_error<image_with<0, '\xFF', '\xD8'>>},
    {"gif", expect_error<image_with<0, 'G', 'I', 'F', '8', '9', 'a'>>},
    {"webp", expect_error<image_with<8, 'W', 'E', 'B', 'P'>>},
    {"tiff", expect_error<tiff>},
    {"heic", expect_error<image_with<4, 'f', 't', 'y', 'p', 'h', 'e', 'i', 'c'>>},
    {"avif", expect_error<image_with<4, 'f', 't', 'y', 'p', 'a', 'v', 'i', 'f'>>},
    {"idx", expect_error<idx>},
    {"cifar10", expect_error<cifar10>},
}};

}  // namespace

std::span<const Target> data_targets() { return kTargets; }

}  // namespace cnn::fuzz
