#include <sys/resource.h>

#include <cmath>

#include "catch.h"
#include "core/error.h"
#include "data/decode.h"
#include "report/picture.h"
#include "report/tile_sheet.h"

namespace cnn {
namespace {

/// The picture as a reader of its PNG sees it.
Image decoded(const Canvas& canvas) {
  const Decoded result = decode_image(canvas.png(), "canvas.png");
  CHECK(result.fault.empty());
  return result.image;
}

int count_of(const Canvas& canvas, Color color) {
  int count = 0;
  for (int y = 0; y < canvas.height(); ++y)
    for (int x = 0; x < canvas.width(); ++x) count += canvas.at(x, y) == color;
  return count;
}

TEST_CASE("a canvas writes a PNG that holds its pixels", "[report]") {
  Canvas canvas(7, 5, {10, 20, 30});
  canvas.fill(1, 2, 3, 2, {200, 100, 50});
  canvas.set(6, 4, {1, 2, 3});
  const Image image = decoded(canvas);
  REQUIRE((image.channels == 3 && image.height == 5 && image.width == 7));
  for (int y = 0; y < 5; ++y)
    for (int x = 0; x < 7; ++x) {
      const auto i = static_cast<std::size_t>(y * 7 + x);
      CHECK((Color{image.pixels[i], image.pixels[35 + i], image.pixels[70 + i]} == canvas.at(x, y)));
    }
  CHECK((canvas.at(3, 3) == Color{200, 100, 50}));
  CHECK((canvas.at(4, 3) == Color{10, 20, 30}));
  CHECK((canvas.at(6, 4) == Color{1, 2, 3}));
}

#ifdef CNN_FAULTS  // sanitizers end a program that has no memory left
TEST_CASE("a picture for which there is no memory is an error like others", "[report]") {
  const Picture large{
      .channels = 3, .height = 4000, .width = 4000, .pixels = std::vector<std::uint8_t>(48'000'000)};
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_DATA, &before) == 0);
  const rlimit none{1, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_DATA, &none) == 0);
  std::string message;
  try {
    png(large);
  } catch (const Error& error) {
    message = error.what();
  }
  REQUIRE(::setrlimit(RLIMIT_DATA, &before) == 0);
  CHECK_THAT(message, ContainsSubstring("4000x4000 pixels cannot be encoded: out of memory"));
}
#endif

TEST_CASE("a canvas cuts off what sticks out", "[report]") {
  Canvas canvas(4, 4);
  canvas.fill(-2, -2, 3, 3, kInk);
  canvas.fill(3, 3, 100, 100, kInk);
  canvas.fill(50, 50, 2, 2, kInk);
  canvas.frame(-5, -5, 100, 100, kInk);
  canvas.text(-20, -3, "outside", kInk, 3);
  canvas.text(3, 3, "outside", kInk);
  CHECK(canvas.at(0, 0) == kInk);
  CHECK(canvas.at(3, 3) == kInk);
}

TEST_CASE("text of any bytes can be drawn", "[report]") {
  Canvas canvas(400, 20);
  canvas.text(2, 2, "\x01\n\xff\xfe caf\xc3\xa9 \xe7\x8c\xab {}|~", kInk);
  CHECK(count_of(canvas, kInk) > 30);
  // One letter for one character of UTF-8.
  CHECK(Canvas::text_width("\xe7\x8c\xab") == Canvas::text_width("?"));
  CHECK(Canvas::text_width("ab", 2) == 2 * Canvas::text_width("ab"));
  CHECK(Canvas::text_width("") == 0);
}

TEST_CASE("a text that does not fit is shortened", "[report]") {
  CHECK(Canvas::shortened("cat", 100) == "cat");
  const std::string name = Canvas::shortened("a rather long name of a class", 60);
  CHECK(Canvas::text_width(name) <= 60);
  CHECK_THAT(name, StartsWith("a rat") && ContainsSubstring(".."));
  CHECK(Canvas::shortened("cat", 0) == "..");
}

TEST_CASE("color scales: around zero with a sign, from zero without", "[report]") {
  const std::vector<float> positive{0, 1, 4}, mixed{-1, 3}, constant{0, 0}, odd{NAN, INFINITY, -INFINITY, 2};
  CHECK(scale_for(positive).map == ColorMap::ascending);
  CHECK(scale_for(positive).high == 4);
  CHECK(scale_for(mixed).map == ColorMap::diverging);
  CHECK(scale_for(mixed).low == -3);
  CHECK(scale_for(odd).high == 2);
  const ColorScale scale = scale_for(mixed);
  CHECK(scale(-3).b > scale(-3).r);
  CHECK(scale(3).r > scale(3).b);
  CHECK((scale(0) == Color{247, 247, 247}));
  CHECK(scale(99) == scale(3));
  CHECK((scale(NAN) == Color{255, 0, 255}));
  CHECK(scale_for(constant)(0) == color_of(ColorMap::ascending, 0.5));
  CHECK((color_of(ColorMap::grey, 0.2) == Color{51, 51, 51}));
}

TEST_CASE("a sheet shows every tile, magnified by whole steps", "[report]") {
  const Color red{250, 0, 0}, green{0, 250, 0};
  TileSheet sheet;
  sheet.title = {"Title", "and more"};
  sheet.columns = 2;
  sheet.tile_pixels = 20;
  const Tile tile{
      .height = 1, .width = 2, .pixels = {red, green}, .caption = "a caption wider than its tile"};
  sheet.tiles = {tile, tile, tile};
  const Canvas canvas = draw(sheet);
  // 2 pixels to 20: ten times; three tiles.
  CHECK(count_of(canvas, red) == 300);
  CHECK(count_of(canvas, green) == 300);

  sheet.tiles = {{.height = 90, .width = 30, .pixels = std::vector<Color>(2700, red), .caption = ""}};
  const Canvas smaller = draw(sheet);  // 90 pixels to at most 40: every third
  CHECK(count_of(smaller, red) == 300);

  sheet.legends = {{ColorMap::diverging, -1, 1}};
  CHECK(draw(sheet).height() > smaller.height());
}

}  // namespace
}  // namespace cnn
