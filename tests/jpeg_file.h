#pragma once

// jpeglib.h needs FILE and size_t.
// clang-format off
#include <cstddef>
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <cstdlib>
#include <string>
#include <vector>

#include "data/image.h"

namespace cnn {

/// A JPEG of a grey or color image, with half the resolution of color and a restart marker every
/// `restart_rows` rows of blocks (0: none). progressive: in ten scans for color.
inline std::string jpeg_file(const Image& image, int quality = 90, unsigned restart_rows = 0,
                             bool progressive = false) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &bytes, &size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = image.channels;
  info.in_color_space = image.channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  if (progressive) jpeg_simple_progression(&info);
  info.restart_in_rows = static_cast<int>(restart_rows);
  jpeg_start_compress(&info, TRUE);
  const auto plane = static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width);
  std::vector<JSAMPLE> row(static_cast<std::size_t>(image.width * image.channels));
  for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::size_t channels = static_cast<std::size_t>(image.channels);
      row[i] = image.pixels[i % channels * plane + y * static_cast<std::size_t>(image.width) + i / channels];
    }
    JSAMPROW start = row.data();
    jpeg_write_scanlines(&info, &start, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string file(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);
  return file;
}

/// A color image of soft shapes and a little noise, as a photo has them.
inline Image soft_image(int height, int width) {
  Image image{3, height, width, {}};
  std::uint32_t state = 1;
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        state = state * 1664525u + 1013904223u;
        const int wave = (x * (c + 2) * 255 / width + y * (4 - c) * 255 / height) % 510;
        image.pixels.push_back(static_cast<std::uint8_t>((wave < 255 ? wave : 509 - wave) * 15 / 16 +
                                                         static_cast<int>(state >> 28)));
      }
  return image;
}

}  // namespace cnn
