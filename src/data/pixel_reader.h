#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "data/data_spec.h"
#include "data/image.h"
#include "data/image_fitter.h"
#include "data/image_reader.h"

namespace cnn {

/// Reads and decodes an image file and gives the image to `use`, which returns "" or a fault of its own.
/// Returns "" or the fault, to say after "<path>: ". `buffer`: as in read_image_file(). The file counts as
/// being read until `use` returns. target: as in decode_image().
std::string read_image(const std::string& path, const DecodeLimits& limits, std::string& buffer,
                       const std::function<std::string(const Image&)>& use, FileStamp* stamp = nullptr,
                       const ImageSpec* target = nullptr);

/// What PixelReader writes: a byte a value, or a float at depth 16.
std::int64_t bytes_of_image(const ImageSpec& spec);

/// Makes image files into the pixels that `image` of a config asks for. One per thread.
class PixelReader {
 public:
  PixelReader(const ImageSpec& spec, const DecodeLimits& limits)
      : spec_(spec), limits_(limits), fitter_(spec) {}

  /// Writes bytes to `out`, or floats at depth 16. Returns "" or the fault.
  std::string read(const std::string& path, std::byte* out, FileStamp* stamp = nullptr,
                   FileTraits* traits = nullptr);

 private:
  ImageSpec spec_;
  DecodeLimits limits_;
  ImageFitter fitter_;
  std::string buffer_;
};

}  // namespace cnn
