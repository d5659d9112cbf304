#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "catch.h"
#include "core/file.h"
#include "data/decode.h"
#include "data/image_fitter.h"
#include "data/orientation.h"
#include "jpeg_file.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

std::string fault_of(const std::string& content, const std::string& name = "x.jpg") {
  return decode_image(content, name).fault;
}

/// The rows, one after the other, each pixel as 0xRRGGBB.
std::vector<int> pixels_of(const std::string& content, const std::string& name) {
  const Decoded decoded = decode_image(content, name);
  INFO(decoded.fault);
  REQUIRE(decoded.fault == "");
  const Image& image = decoded.image;
  const std::size_t plane = image.pixels.size() / static_cast<std::size_t>(image.channels);
  std::vector<int> pixels(plane);
  for (std::size_t i = 0; i < plane; ++i)
    for (std::size_t c = 0; c < 3; ++c)
      pixels[i] = pixels[i] << 8 | image.pixels[image.channels == 3 ? c * plane + i : i];
  return pixels;
}
int grey(int value) { return value * 0x010101; }

std::string little(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i);
  return text;
}

/// A file of the shared folder of faults, or "" after a warning.
std::string shared_fault(const std::string& name) {
  const fs::path file = fs::path(CNN_SOURCE_DIR) / ".." / "shared" / "data" / "faults" / name;
  if (fs::exists(file)) return read_file(file);
  WARN("skipped: there is no " << file.string());
  return "";
}

// --- JPEG --------------------------------------------------------------------------------------------------

const std::string kEnd = "\xFF\xD9";

TEST_CASE("a JPEG that is not whole is bad, whatever follows it", "[data]") {
  const std::string whole = jpeg_file(soft_image(200, 300), 95);
  REQUIRE(whole.size() > 20'000);
  REQUIRE(fault_of(whole) == "");
  const std::string start = whole.substr(0, whole.size() * 6 / 10);
  CHECK_THAT(fault_of(start + kEnd),
             ContainsSubstring("ends early: JPEG decoder says") && ContainsSubstring("premature end"));
  CHECK_THAT(fault_of(start + "<html><body>502 Bad Gateway</body></html>\n"),
             ContainsSubstring("JPEG decoder says"));
  CHECK_THAT(fault_of(start),
             ContainsSubstring("ends early: JPEG decoder says \"Premature end of JPEG file\""));
  CHECK_THAT(fault_of(whole.substr(0, whole.size() - 2)), ContainsSubstring("ends early"));
  std::string hole = whole;
  hole.erase(whole.size() / 2, 4096);
  CHECK_THAT(fault_of(hole), ContainsSubstring("JPEG decoder says \""));
  CHECK(fault_of(whole + "anything behind the end") == "");
}

TEST_CASE("what libjpeg-turbo calls corrupt in a JPEG is told", "[data]") {
  const std::string whole = jpeg_file(soft_image(64, 64));
  const std::size_t tables = whole.find("\xFF\xDB");
  std::string junk = whole;
  junk.insert(tables, "junk");
  CHECK_THAT(fault_of(junk),
             ContainsSubstring("is damaged: JPEG decoder says") && ContainsSubstring("extraneous bytes"));
  std::string marks = whole;
  marks.insert(whole.size() - 2, "\xFF\xD3");
  CHECK(fault_of(marks) == "");  // all pixels were there before
  const std::string restarts = jpeg_file(soft_image(64, 64), 90, 1);
  std::string wrong = restarts;
  wrong[restarts.find("\xFF\xD1") + 1] = '\xD4';
  REQUIRE(fault_of(restarts) == "");
  CHECK_THAT(fault_of(wrong), ContainsSubstring("is damaged"));
}

TEST_CASE("a JPEG that was cut and closed again is bad in a file from elsewhere, too", "[data]") {
  const std::string file = shared_fault("ends_early_with_end_marker.jpg");
  if (!file.empty()) CHECK_THAT(fault_of(file), ContainsSubstring("ends early"));
}

TEST_CASE("a progressive JPEG that lacks scans is bad, also if it was cut between two of them", "[data]") {
  const std::string whole = jpeg_file(soft_image(64, 96), 90, 0, true);
  REQUIRE(fault_of(whole) == "");
  std::vector<std::size_t> scans;
  for (std::size_t at = 0; (at = whole.find("\xFF\xDA", at)) != whole.npos; ++at) scans.push_back(at);
  REQUIRE(scans.size() == 10);
  for (std::size_t i = 1; i < scans.size(); ++i) {
    CAPTURE(i);
    CHECK_THAT(fault_of(whole.substr(0, scans[i]) + kEnd), ContainsSubstring("ends early"));
  }
  // Without the refinement of the brightness, and without everything after it but the last scan.
  CHECK(fault_of(whole.substr(0, scans[5]) + whole.substr(scans.back())) != "");
}

/// With the orientation in an EXIF segment.
std::string turned(const std::string& jpeg, int orientation) {
  std::string exif("Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\x03\0\0\0\1\0\0\0\0\0\0\0\0", 32);
  exif[25] = static_cast<char>(orientation);
  return jpeg.substr(0, 2) + "\xFF\xE1" + std::string("\0\x22", 2) + exif + jpeg.substr(2);
}

std::vector<std::uint8_t> fitted(const Image& image, const ImageSpec& spec) {
  std::vector<std::uint8_t> out(static_cast<std::size_t>(spec.channels * spec.height * spec.width));
  REQUIRE(ImageFitter(spec).fit(image, out.data()) == "");
  return out;
}

TEST_CASE("a large JPEG that is decoded at a part of its size looks the same, however it is turned",
          "[data]") {
  const std::string jpeg = jpeg_file(soft_image(397, 531), 95);
  for (const Resize resize : {Resize::stretch, Resize::fit, Resize::crop})
    for (const auto& [side, factor] : {std::pair{10, 8}, {22, 4}, {45, 2}})
      for (int orientation = 1; orientation <= 8; ++orientation) {
        CAPTURE(side, orientation, static_cast<int>(resize));
        const std::string file = turned(jpeg, orientation);
        const ImageSpec spec{3, side, side + 2, resize};
        const Decoded part = decode_image(file, "x.jpg", {}, &spec), whole = decode_image(file, "x.jpg");
        REQUIRE(part.fault == "");
        if (resize == Resize::stretch) REQUIRE(part.image.reduction.factor == factor);
        REQUIRE(part.image.reduction.factor > 1);
        CHECK(part.image.full_height() == whole.image.height);
        CHECK(part.image.full_width() == whole.image.width);
        const std::vector<std::uint8_t> a = fitted(part.image, spec), b = fitted(whole.image, spec);
        int largest = 0;
        for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
        CHECK(largest <= 2);
      }
}

TEST_CASE("a JPEG is decoded whole where that was asked for, or where a part would show", "[data]") {
  const std::string jpeg = jpeg_file(soft_image(400, 400));
  ImageSpec spec{3, 40, 40};
  const auto factor = [&] { return decode_image(jpeg, "x.jpg", {}, &spec).image.reduction.factor; };
  CHECK(factor() == 2);
  spec.height = 51;
  CHECK(factor() == 1);
  spec = {3, 400, 400, Resize::none};
  CHECK(factor() == 1);
  spec = {3, 40, 40};
  spec.scaled_decoding = false;
  CHECK(factor() == 1);
  CHECK(decode_image(jpeg, "x.jpg").image.reduction.factor == 1);
}

TEST_CASE("kinds of JPEG that are not read say so", "[data]") {
  std::string deep = jpeg_file(soft_image(16, 16)), many = deep;
  const std::size_t frame = deep.find("\xFF\xC0");
  deep[frame + 4] = 12;
  CHECK_THAT(fault_of(deep), ContainsSubstring("12"));
  std::string lossless = jpeg_file(soft_image(16, 16));
  lossless[frame + 1] = '\xC5';
  CHECK_THAT(fault_of(lossless), ContainsSubstring("cannot be read"));
}

// --- Orientation -------------------------------------------------------------------------------------------

TEST_CASE("an image is turned as XMP says where EXIF says nothing", "[data]") {
  const std::string attribute = R"(<rdf:Description tiff:Orientation="6"/>)";
  const std::string element = "<tiff:Orientation>8</tiff:Orientation>";
  const std::string exif("MM\0*\0\0\0\x08\0\1\x01\x12\0\x03\0\0\0\1\0\x03\0\0\0\0\0\0", 26);
  CHECK(orientation_of("", attribute) == 6);
  CHECK(orientation_of("", element) == 8);
  CHECK(orientation_of(exif, attribute) == 3);
  CHECK(orientation_of("", "") == 1);
  CHECK(orientation_of("", "tiff:Orientation=\"9\" tiff:Orientation") == 1);

  const std::string jpeg = jpeg_file(soft_image(16, 32)), mark("http://ns.adobe.com/xap/1.0/\0", 29);
  const std::size_t length = 2 + mark.size() + attribute.size();
  const std::string file = jpeg.substr(0, 2) + "\xFF\xE1" + std::string(1, '\0') + static_cast<char>(length) +
                           mark + attribute + jpeg.substr(2);
  const Decoded turned = decode_image(file, "x.jpg");
  REQUIRE(turned.fault == "");
  CHECK(turned.image.height == 32);
  CHECK(turned.image.width == 16);
}

// --- BMP ---------------------------------------------------------------------------------------------------

/// A BMP with a header of OS/2 (12 bytes) and this palette, three bytes a color.
std::string os2_bmp(int bits, int width, const std::string& palette, const std::string& row) {
  const auto offset = static_cast<std::uint32_t>(26 + palette.size());
  return "BM" + little(0, 4) + little(0, 4) + little(offset, 4) + little(12, 4) +
         little(static_cast<std::uint32_t>(width), 2) + little(1, 2) + little(1, 2) +
         little(static_cast<std::uint32_t>(bits), 2) + palette + row;
}

/// A BMP with a longer header; `between` lies between header and pixels.
std::string bmp(std::uint32_t header, int bits, std::uint32_t compression, int width,
                const std::string& between, const std::string& row) {
  std::string text = little(header, 4) + little(static_cast<std::uint32_t>(width), 4) + little(1, 4) +
                     little(1, 2) + little(static_cast<std::uint32_t>(bits), 2) + little(compression, 4);
  text.resize(header);
  return "BM" + little(0, 8) + little(static_cast<std::uint32_t>(14 + header + between.size()), 4) + text +
         between + row;
}

TEST_CASE("a bitmap of OS/2 has the colors of its palette, up to the last", "[data]") {
  std::string palette;
  for (int i = 0; i < 16; ++i) palette += std::string(3, static_cast<char>(16 * i));
  const std::string four = os2_bmp(4, 16, palette, "\x01\x23\x45\x67\x89\xAB\xCD\xEF");
  std::vector<int> ramp;
  for (int i = 0; i < 16; ++i) ramp.push_back(grey(16 * i));
  CHECK(pixels_of(four, "x.bmp") == ramp);
  CHECK(pixels_of(os2_bmp(1, 8, std::string("\0\0\0\xFF\x80\x40", 6), std::string("\x55\0\0\0", 4)),
                  "x.bmp") == std::vector<int>{0, 0x4080FF, 0, 0x4080FF, 0, 0x4080FF, 0, 0x4080FF});
  CHECK_THAT(fault_of(os2_bmp(4, 2, palette.substr(0, 9), "\x13   ")),
             ContainsSubstring("color 3 of a palette of 3"));
  for (const auto& [name, step] : {std::pair{"1bit.bmp", 0}, {"4bit.bmp", 16}, {"8bit.bmp", 0}}) {
    const std::string file = shared_fault(name);
    if (file.empty()) continue;
    CAPTURE(name);
    const std::vector<int> pixels = pixels_of(file, name);
    CHECK(pixels_of(file, name) == pixels);
    if (step == 16) CHECK(std::count(pixels.begin(), pixels.end(), grey(240)) > 0);
    if (std::string(name) == "1bit.bmp")
      CHECK(std::count(pixels.begin(), pixels.end(), 0xFFFFFF) == static_cast<std::int64_t>(pixels.size()));
  }
}

TEST_CASE("rarer bitmaps are read", "[data]") {
  const std::vector<int> red_blue{0xFF0000, 0x0000FF};
  const std::string row("\0\0\xFF\xFF\0\0\0\0", 8), colors("\0\0\xFF\0\xFF\0\0\0", 8);
  CHECK(pixels_of(bmp(40, 24, 0, 2, "a palette that nobody needs ....", row), "x.bmp") == red_blue);
  CHECK(pixels_of(bmp(40, 16, 0, 2, "", std::string("\0\x7C\x1F\0", 4)), "x.bmp") == red_blue);
  CHECK(pixels_of(bmp(40, 16, 3, 2, little(0xF800, 4) + little(0x7E0, 4) + little(0x1F, 4),
                      std::string("\0\xF8\x1F\0", 4)),
                  "x.bmp") == red_blue);
  const std::string os2v2 = bmp(64, 8, 0, 2, colors, std::string("\0\1\0\0", 4));
  CHECK(pixels_of(os2v2, "x.bmp") == red_blue);
  std::string array = "BA" + little(40, 4) + little(0, 4) + little(0, 4) + os2v2;
  array[14 + 10] = static_cast<char>(os2v2[10] + 14);
  CHECK(pixels_of(array, "x.bmp") == red_blue);
  CHECK_THAT(fault_of(bmp(40, 24, 4, 2, colors, "    ")), ContainsSubstring("rare compression"));
}

/// The same with so many rows, from the lowest upwards; negative: from the highest downwards.
std::string with_rows(std::string bmp, int rows) {
  return bmp.replace(22, 4, little(static_cast<std::uint32_t>(rows), 4));
}

TEST_CASE("the rows of a bitmap begin below, or above if their number is negative", "[data]") {
  const std::string rows("\0\0\xFF\0\xFF\0\0\0", 8);
  const std::string two = bmp(40, 24, 0, 1, "", rows);
  CHECK(pixels_of(with_rows(two, 2), "x.bmp") == std::vector<int>{0x0000FF, 0xFF0000});
  CHECK(pixels_of(with_rows(two, -2), "x.bmp") == std::vector<int>{0xFF0000, 0x0000FF});
  CHECK(fault_of(with_rows(two, -3)) != "");
  CHECK(fault_of(with_rows(two, 0)) != "");
}

TEST_CASE("bitmaps of runs are read: runs, single pixels, moves, and rows that end early", "[data]") {
  std::string colors;
  for (int i = 0; i < 16; ++i) colors += std::string(3, static_cast<char>(i)) + '\0';
  const auto image = [&](int bits, int rows, const std::string& runs) {
    return with_rows(bmp(40, bits, bits == 8 ? 1 : 2, 5, colors, runs), rows);
  };
  const auto numbers = [&](const std::string& file) {
    std::vector<int> colors_seen = pixels_of(file, "x.bmp");
    for (int& color : colors_seen) color &= 0xFF;
    return colors_seen;
  };
  const std::string row_ends("\0\0", 2), image_ends("\0\1", 2);
  // The lowest row: three of color 7, one of color 9. Above it: a move by one pixel, and 1, 2, 3 with a
  // filling byte.
  const std::string first = std::string("\x03\x07\x01\x09") + row_ends;
  const std::string second = std::string("\0\2\1\0", 4) + std::string("\0\3\1\2\3\0", 6);
  CHECK(numbers(image(8, 2, first + second + image_ends)) == std::vector<int>{0, 1, 2, 3, 0, 7, 7, 7, 9, 0});
  CHECK(numbers(image(8, 2, first + second + row_ends)) == std::vector<int>{0, 1, 2, 3, 0, 7, 7, 7, 9, 0});
  CHECK(numbers(image(8, -2, first + second + image_ends)) == std::vector<int>{7, 7, 7, 9, 0, 0, 1, 2, 3, 0});
  // Four bits: 1, 2, 1, then as they are 3, 4, 5, of which the last one is beyond the row.
  const std::string pairs = std::string("\x03\x12", 2) + std::string("\0\3\x34\x50", 4);
  CHECK(numbers(image(4, 1, pairs + image_ends)) == std::vector<int>{1, 2, 1, 3, 4});
  CHECK(numbers(image(4, 3, image_ends)) == std::vector<int>(15, 0));
  for (const std::string& cut : {first + second, first + second.substr(0, 3), first + second.substr(0, 7)})
    CHECK_THAT(fault_of(image(8, 2, cut)), ContainsSubstring("is truncated"));
  CHECK_THAT(fault_of(image(8, 30'000, image_ends)), ContainsSubstring("is truncated"));
  // Pixels, and a palette before them, beyond the end of the file.
  std::string far = image(8, 2, first + image_ends);
  CHECK_THAT(fault_of(far.replace(10, 4, little(0x10000, 4))), ContainsSubstring("is truncated"));
}

// --- TGA ---------------------------------------------------------------------------------------------------

TEST_CASE("a TGA may be stored from any corner", "[data]") {
  // 4x2, value = 60 * column + 30 * row.
  std::vector<int> right;
  for (int y = 0; y < 2; ++y)
    for (int x = 0; x < 4; ++x) right.push_back(grey(60 * x + 30 * y));
  for (const int descriptor : {0x00, 0x10, 0x20, 0x30}) {
    CAPTURE(descriptor);
    std::string file("\0\0\3\0\0\0\0\0\0\0\0\0\4\0\2\0\x08", 17);
    file.push_back(static_cast<char>(descriptor));
    for (int y = 0; y < 2; ++y)
      for (int x = 0; x < 4; ++x)
        file +=
            static_cast<char>(60 * (descriptor & 0x10 ? 3 - x : x) + 30 * (descriptor & 0x20 ? y : 1 - y));
    CHECK(pixels_of(file, "x.tga") == right);
  }
  for (const char* name : {"right_to_left_top.tga", "right_to_left_bottom.tga"})
    if (const std::string file = shared_fault(name); !file.empty()) CHECK(pixels_of(file, name) == right);
}

TEST_CASE("a palette in a TGA may begin at any number", "[data]") {
  const std::string header("\0\1\1\5\0\2\0\x18\0\0\0\0\2\0\1\0\x08\x20", 18), colors("\0\0\xFF\xFF\0\0", 6);
  CHECK(pixels_of(header + colors + "\5\6", "x.tga") == std::vector<int>{0xFF0000, 0x0000FF});
  CHECK_THAT(fault_of(header + colors + "\5\7", "x.tga"), ContainsSubstring("color 7 of a palette of 2"));
}

// --- GIF ---------------------------------------------------------------------------------------------------

/// Packs codes, the lowest bits first, and cuts them into blocks.
class GifCodes {
 public:
  GifCodes& add(std::uint32_t code, int bits) {
    for (int i = 0; i < bits; ++i, ++filled_) {
      if (filled_ % 8 == 0) bytes_ += '\0';
      bytes_.back() = static_cast<char>(bytes_.back() | (code >> i & 1) << filled_ % 8);
    }
    return *this;
  }
  std::string blocks() const {
    std::string text;
    for (std::size_t at = 0; at < bytes_.size(); at += 255) {
      const std::string block = bytes_.substr(at, 255);
      text += static_cast<char>(block.size()) + block;
    }
    return text + '\0';
  }

 private:
  std::string bytes_;
  int filled_ = 0;
};

std::string gif(int screen_width, int screen_height, int width, int height, int first_bits,
                const GifCodes& codes) {
  const auto number = [](int value) { return little(static_cast<std::uint32_t>(value), 2); };
  return "GIF89a" + number(screen_width) + number(screen_height) + std::string(3, '\0') + ',' + number(0) +
         number(0) + number(width) + number(height) + '\0' + static_cast<char>(first_bits) + codes.blocks() +
         ';';
}

TEST_CASE("a GIF without a clear code, without a palette, and with a frame that sticks out is read",
          "[data]") {
  GifCodes codes;
  codes.add(0, 3).add(1, 3).add(2, 3).add(3, 4).add(5, 4);
  const std::vector<int> four{grey(0), grey(1), grey(2), grey(3)};
  CHECK(pixels_of(gif(2, 2, 2, 2, 2, codes), "x.gif") == four);
  CHECK(pixels_of(gif(1, 1, 2, 2, 2, codes), "x.gif") == four);
  CHECK_THAT(fault_of(gif(3, 2, 3, 2, 2, codes)), ContainsSubstring("data end before the image does"));
  CHECK_THAT(fault_of(gif(2, 2, 2, 2, 2, GifCodes().add(7, 3))), ContainsSubstring("does not exist yet"));
  if (const std::string file = shared_fault("muybridge.gif"); !file.empty()) CHECK(fault_of(file) == "");
}

TEST_CASE("a GIF may go on with a full table", "[data]") {
  GifCodes codes;
  std::vector<int> pixels;
  int next = 258, bits = 9;
  for (int i = 0; i < 100 * 60; ++i) {
    const int color = i * 7 % 251;
    codes.add(static_cast<std::uint32_t>(color), bits);
    pixels.push_back(grey(color));
    if (i > 0 && next < 4096 && ++next == 1 << bits && bits < 12) ++bits;
  }
  CHECK(pixels_of(gif(100, 60, 100, 60, 8, codes), "x.gif") == pixels);
}

// --- Formats of libraries that need not be there -----------------------------------------------------------

bool is_read(const std::string& format) {
  const std::vector<std::string> formats = readable_formats();
  return std::find(formats.begin(), formats.end(), format) != formats.end();
}

TEST_CASE("a format that this build does not read names its package", "[data]") {
  for (const auto& [name, format, package] : {std::tuple{"lossy.webp", "WebP", "libwebp-dev"},
                                              {"color.tif", "TIFF", "libtiff-dev"},
                                              {"color.heic", "HEIC", "libheif-dev"},
                                              {"color.avif", "AVIF", "libheif-dev"}}) {
    CAPTURE(name);
    const std::string fault = fault_of(read_file(fs::path(CNN_SOURCE_DIR) / "tests" / "images" / name), name);
    if (is_read(format))
      CHECK(fault == "");
    else
      CHECK_THAT(fault, ContainsSubstring(package));
  }
}

TEST_CASE("a small TIFF does not get memory for a huge tile", "[data]") {
  if (!is_read("TIFF")) return;
  const std::vector<std::pair<int, std::uint32_t>> tags{{256, 1}, {257, 1}, {258, 8},     {259, 1},
                                                        {262, 1}, {277, 1}, {322, 16384}, {323, 16384},
                                                        {324, 8}, {325, 8}};
  std::string file = "II*" + little(0, 1) + little(8, 4) + little(tags.size(), 2);
  for (const auto& [tag, value] : tags)
    file += little(static_cast<std::uint64_t>(tag), 2) + little(4, 2) + little(1, 4) + little(value, 4);
  CHECK_THAT(fault_of(file + little(0, 4)),
             ContainsSubstring("tiles of 16384x16384, which are too large for it"));
}

TEST_CASE("a TIFF of 12 bits a sample spans all values from black to white", "[data]") {
  if (!is_read("TIFF")) return;
  const std::vector<std::pair<int, std::uint32_t>> tags{{256, 3}, {257, 1}, {258, 12}, {259, 1}, {262, 1},
                                                        {273, 8}, {277, 1}, {278, 1},  {279, 5}};
  std::string file = "II*" + little(0, 1) + little(16, 4) + std::string("\x80\x0F\xFF\x40\x00\0\0\0", 8) +
                     little(tags.size(), 2);
  for (const auto& [tag, value] : tags)
    file += little(static_cast<std::uint64_t>(tag), 2) + little(4, 2) + little(1, 4) + little(value, 4);
  file += little(0, 4);
  CHECK(pixels_of(file, "x.tif") == std::vector<int>{grey(0x80), grey(0xFF), grey(0x40)});
  const ImageSpec deep{.channels = 1, .height = 1, .width = 3, .depth = 16};
  CHECK(decode_image(file, "x.tif", {}, &deep).image.deep ==
        std::vector<std::uint16_t>{0x8008, 0xFFFF, 0x4004});
}

TEST_CASE("a damaged WebP, TIFF, HEIC or AVIF is bad or an image, the same each time", "[data]") {
  std::uint32_t state = 1;
  const auto random = [&] { return (state = state * 1664525u + 1013904223u) >> 8; };
  for (const char* name :
       {"lossy.webp", "lossless.webp", "animated.webp", "packed.tif", "palette.tif", "bilevel.tif",
        "grey16.tif", "planar_tiled.tif", "cmyk.tif", "color.heic", "color.avif"}) {
    const std::string whole = read_file(fs::path(CNN_SOURCE_DIR) / "tests" / "images" / name);
    CAPTURE(name);
    CHECK(fault_of(whole.substr(0, whole.size() / 2), name) != "");
    for (int repeat = 0; repeat < 60; ++repeat) {
      std::string damaged = whole;
      damaged[random() % damaged.size()] = static_cast<char>(random());
      const Decoded first = decode_image(damaged, name), second = decode_image(damaged, name);
      REQUIRE(first.fault == second.fault);
      REQUIRE(first.image.pixels == second.image.pixels);
    }
  }
}

TEST_CASE("what only looks like a video or a web page is called by its name", "[data]") {
  const auto brand = [](const std::string& name) {
    return std::string("\0\0\0\x18", 4) + "ftyp" + name + "\0\0\0\0";
  };
  for (const char* name : {"hevc", "msf1", "heic", "mif1"})
    CHECK_THAT(fault_of(brand(name)), ContainsSubstring("HEIC"));
  CHECK_THAT(fault_of(brand("avif")), ContainsSubstring("AVIF"));
  CHECK_THAT(fault_of(brand("isom")), ContainsSubstring("is a video"));
  CHECK_THAT(fault_of("<?xml version=\"1.0\"?>\n<!DOCTYPE svg>\n<svg width=\"9\"/>"),
             ContainsSubstring("SVG drawing"));
  CHECK_THAT(fault_of("<svg/>"), ContainsSubstring("SVG drawing"));
  CHECK_THAT(fault_of("<!DOCTYPE html><html>"), ContainsSubstring("web page"));
}

}  // namespace
}  // namespace cnn
