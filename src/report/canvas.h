#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cnn {

struct Color {
  std::uint8_t r = 0, g = 0, b = 0;
  friend bool operator==(const Color&, const Color&) = default;
};

/// Ink and paper of all pictures.
inline constexpr Color kWhite{255, 255, 255}, kInk{32, 32, 36}, kSoftInk{110, 110, 118}, kRule{206, 206, 212};

/// A picture in the making: RGB pixels, (0, 0) at the top left. What sticks out of it is cut off.
class Canvas {
 public:
  /// width, height >= 1.
  Canvas(int width, int height, Color background = kWhite);

  int width() const { return width_; }
  int height() const { return height_; }
  /// The pixel must exist.
  Color at(int x, int y) const;

  void set(int x, int y, Color color);
  void fill(int x, int y, int width, int height, Color color);
  /// The border of a rectangle, one pixel wide, inside it.
  void frame(int x, int y, int width, int height, Color color);

  /// One line of text, its top left corner at (x, y), every pixel of a letter `scale` pixels wide. Printable
  /// ASCII; any other character becomes a '?'.
  void text(int x, int y, std::string_view text, Color color, int scale = 1);

  /// Pixels of a line, from the top of a capital to below the descenders.
  static constexpr int kTextHeight = 10;
  static int text_width(std::string_view text, int scale = 1);
  /// The text, or as much of it as is `width` pixels wide with ".." at the end.
  static std::string shortened(std::string_view text, int width, int scale = 1);

  /// The picture as a PNG file.
  std::string png() const;

 private:
  int width_, height_;
  std::vector<std::uint8_t> pixels_;  // [height][width][3]
};

}  // namespace cnn
