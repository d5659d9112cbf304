#include "report/canvas.h"

#include <algorithm>

#include "core/error.h"
#include "report/picture.h"

// stb's header, compiled here only. It was not written for our warnings.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include <stb_easy_font.h>
#pragma GCC diagnostic pop

namespace cnn {
namespace {

/// What the font can draw: one printable ASCII character for each character of UTF-8 text.
std::string drawable(std::string_view text) {
  std::string ascii;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) == 0x80) continue;  // inside a character
    ascii += byte >= 32 && byte < 127 ? c : '?';
  }
  return ascii;
}

}  // namespace

Canvas::Canvas(int width, int height, Color background) : width_(width), height_(height) {
  CNN_CHECK(width >= 1 && height >= 1, "a canvas of {}x{}", width, height);
  pixels_.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  fill(0, 0, width, height, background);
}

Color Canvas::at(int x, int y) const {
  CNN_CHECK(x >= 0 && x < width_ && y >= 0 && y < height_, "({}, {}) of {}x{}", x, y, width_, height_);
  const std::uint8_t* p = &pixels_[(static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
                                    static_cast<std::size_t>(x)) *
                                   3];
  return {p[0], p[1], p[2]};
}

void Canvas::set(int x, int y, Color color) { fill(x, y, 1, 1, color); }

void Canvas::fill(int x, int y, int width, int height, Color color) {
  const int right = std::min(x + width, width_), bottom = std::min(y + height, height_);
  for (int row = std::max(y, 0); row < bottom; ++row)
    for (int column = std::max(x, 0); column < right; ++column) {
      std::uint8_t* p = &pixels_[(static_cast<std::size_t>(row) * static_cast<std::size_t>(width_) +
                                  static_cast<std::size_t>(column)) *
                                 3];
      p[0] = color.r, p[1] = color.g, p[2] = color.b;
    }
}

void Canvas::frame(int x, int y, int width, int height, Color color) {
  fill(x, y, width, 1, color);
  fill(x, y + height - 1, width, 1, color);
  fill(x, y, 1, height, color);
  fill(x + width - 1, y, 1, height, color);
}

void Canvas::text(int x, int y, std::string_view text, Color color, int scale) {
  // The font is a list of rectangles: four corners of 16 bytes each, x and y first.
  for (char letter : drawable(text)) {
    char word[2] = {letter, '\0'};
    float corners[64 * 16];
    const int count = stb_easy_font_print(0, 0, word, nullptr, corners, sizeof corners);
    for (int i = 0; i < count; ++i) {
      const float* corner = corners + i * 16;
      const int left = static_cast<int>(corner[0]), top = static_cast<int>(corner[1]);
      const int right = static_cast<int>(corner[8]), bottom = static_cast<int>(corner[9]);
      fill(x + left * scale, y + top * scale, (right - left) * scale, (bottom - top) * scale, color);
    }
    x += stb_easy_font_width(word) * scale;
  }
}

int Canvas::text_width(std::string_view text, int scale) {
  std::string ascii = drawable(text);
  return stb_easy_font_width(ascii.data()) * scale;
}

std::string Canvas::shortened(std::string_view text, int width, int scale) {
  std::string ascii = drawable(text);
  if (text_width(ascii, scale) <= width) return ascii;
  while (!ascii.empty() && text_width(ascii + "..", scale) > width) ascii.pop_back();
  return ascii + "..";
}

std::string Canvas::png() const { return cnn::png(3, height_, width_, pixels_.data()); }

}  // namespace cnn
