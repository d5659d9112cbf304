#include "data/pixel_reader.h"

#include <new>

#include "data/decode.h"

namespace cnn {

std::string read_image(const std::string& path, const DecodeLimits& limits, std::string& buffer,
                       const std::function<std::string(const Image&)>& use, FileStamp* stamp,
                       const ImageSpec* target) try {
  const ImageFile file = read_image_file(path, limits, buffer);
  if (stamp) *stamp = file.stamp;
  if (!file.fault.empty()) return file.fault;
  const Decoded decoded = decode_image(file.content, path, limits, target);
  return decoded.fault.empty() ? use(decoded.image) : decoded.fault;
} catch (const std::bad_alloc&) {  // the other images can still be read
  return "needs more memory to decode than there is";
}

std::int64_t bytes_of_image(const ImageSpec& spec) {
  const std::int64_t value_bytes = spec.depth == 16 ? sizeof(float) : 1;
  return std::int64_t{spec.channels} * spec.height * spec.width * value_bytes;
}

std::string PixelReader::read(const std::string& path, std::byte* out, FileStamp* stamp, FileTraits* traits) {
  const auto fit = [&](const Image& image) {
    if (traits) *traits = image.traits;
    if (spec_.depth == 16) return fitter_.fit(image, reinterpret_cast<float*>(out));
    return fitter_.fit(image, reinterpret_cast<std::uint8_t*>(out));
  };
  return read_image(path, limits_, buffer_, fit, stamp, &spec_);
}

}  // namespace cnn
