#pragma once

#include <optional>
#include <vector>

#include "core/random.h"
#include "data/data_spec.h"
#include "data/pixel_changes.h"

namespace cnn {

/// Uniform in the range.
double drawn(const Range& range, Random& random);

/// The box of a random resized crop, as torchvision draws it: up to ten tries to fit one of the drawn shapes
/// into the image, else the largest box in its middle whose width / height is in the range.
PixelBox draw_crop(const RandomResizedCropSpec& crop, int height, int width, Random& random);

/// The box of a random erasing, as torchvision draws it: lower and narrower than the image; nothing after ten
/// tries that would not fit. The probability is not drawn here.
std::optional<PixelBox> draw_erased(const RandomErasingSpec& erasing, int height, int width, Random& random);

/// Brings a box of an image to the size of the image, by bilinear interpolation between the centers of
/// pixels; what is outside of the box is not seen. Keeps its memory; not shared by threads.
class BoxEnlarger {
 public:
  /// From `from`, as large as the image, into the image. No overlap.
  void apply(const PixelBox& box, const float* from, const FloatImageView& image);

 private:
  /// Where a position lies between two rows, or two columns.
  struct Neighbors {
    int first = 0, second = 0;
    float share = 0;  ///< of the second
  };
  static void place(int begin, int from, int to, std::vector<Neighbors>& neighbors);
  std::vector<Neighbors> rows_, columns_;
};

}  // namespace cnn
