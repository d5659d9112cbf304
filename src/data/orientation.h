#pragma once

#include <cstdint>
#include <string_view>

namespace cnn {

/// How an image was turned, from what a file holds of EXIF (below) and of XMP; either may be empty. EXIF
/// comes first. 1, upright, if neither says anything. Source: Adobe, "XMP Specification, part 1",
/// tiff:Orientation.
int orientation_of(std::string_view exif, std::string_view xmp);

/// How a camera was held, 1 .. 8, out of the TIFF structure that EXIF consists of (behind "Exif\0\0" in a
/// JPEG, the eXIf chunk of a PNG). 1, upright, for anything that is not a well-formed orientation: the bytes
/// come from anywhere.
/// Source: CIPA DC-008 (Exif 2.32), 4.6.2 and 4.6.4 A, tag 0x0112.
int exif_orientation(std::string_view tiff);

/// Where the pixels of a stored image belong in the upright one: (x, y) at origin + x * step_x + y * step_y.
struct Upright {
  int height, width;  ///< of the upright image
  std::int64_t origin, step_x, step_y;

  Upright(int orientation, int stored_height, int stored_width);
};

}  // namespace cnn
