#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/data_spec.h"
#include "data/image.h"

namespace cnn {

/// Grey of a color, 0.299 R + 0.587 G + 0.114 B in 16-bit fixed point, rounded to nearest.
constexpr std::uint8_t grey_of(int r, int g, int b) {
  return static_cast<std::uint8_t>((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16);
}

/// The size to which fit() brings a whole image, and the row and the column of it where the target begins:
/// below 0 with black before the image. The image's shape decides with `fit` and `crop`; with `short_side`
/// the numbers are those of torchvision's Resize and CenterCrop: the longer side is cut down to a whole
/// number, and half a pixel at the center goes to the even one.
struct FittedExtent {
  std::int64_t height = 0, width = 0;
  std::int64_t top = 0, left = 0;
};
FittedExtent fitted_extent(const ImageSpec& spec, std::int64_t height, std::int64_t width);

/// Makes images of any size and color into what the config asks for. One preprocessing path: training,
/// evaluation and every file format come through here. Integer arithmetic after the table of weights, and
/// that is made of IEEE basic operations only: the same bytes on every machine. Not shared by threads: it
/// keeps tables and scratch between images.
class ImageFitter {
 public:
  /// spec: channels 1 or 3 (or what the images have), height and width >= 1.
  explicit ImageFitter(const ImageSpec& spec);

  /// Writes C*H*W bytes [C][H][W] to `out`, which does not overlap the image. Returns "" or the reason why
  /// it cannot (`out` is then untouched). First color (1 -> 3 channels repeats grey, 3 -> 1 is grey_of), then
  /// size:
  ///   stretch  to exactly the target, whatever the shape;
  ///   fit      the largest size of the same shape that fits (other side rounded half up, at least 1), the
  ///            rest black, an odd remainder at the right and below;
  ///   crop     the smallest size of the same shape that covers the target, cut out of the middle (an odd
  ///            remainder is cut off at the right and below);
  ///   none     the size must match.
  /// An image that was decoded at a part of its size comes out as the whole one would, nearly.
  std::string fit(const ImageView& image, std::uint8_t* out);

  /// The same at depth 16, as numbers from 0 to 1: the stored values are cut to the range, resized in
  /// integers with 8 bits behind the point, and divided once. What keeps its size and color is exactly
  /// (value - low) / (high - low), rounded to a float.
  std::string fit(const ImageView& image, float* out);

 private:
  /// How output positions of one axis are made of input positions: position i is the sum of
  /// weights[i * taps ...] * input[first[i] ...], count[i] of them (see kernels/byte_rows.h).
  struct Side {
    std::int64_t input = 0, output = 0, begin = 0, length = 0;  // what the table was made for
    double extent = 0, offset = 0;                              // of the whole image within the input
    std::size_t taps = 0;
    std::vector<int> first, count;
    std::vector<std::int32_t> weights;

    void prepare(std::int64_t input_size, double input_extent, double input_offset, std::int64_t output_size,
                 std::int64_t first_position, std::int64_t positions);
    bool identity() const { return input == output && extent == static_cast<double>(input); }
  };

  /// Working memory for pixels of one type.
  template <class Value>
  struct Passes {
    std::vector<Value> color;  // the image after conversion of color
    std::vector<Value> rows;   // after the horizontal pass
    std::vector<Value> line;   // a row before or after a pass
  };

  std::string shape_fault(const ImageView& image) const;
  template <class Value>
  void fit_planes(const ImageView& image, const Value* source, Value* out, Passes<Value>& passes);
  template <class Value>
  void resample(const Value* plane, int width, Value* out, int out_pitch, Passes<Value>& passes);

  ImageSpec spec_;
  Side x_, y_;
  Passes<std::uint8_t> bytes_;
  Passes<std::int32_t> fixed_;  // 8 bits behind the point
  std::vector<std::int32_t> stored_, fitted_;
};

}  // namespace cnn
