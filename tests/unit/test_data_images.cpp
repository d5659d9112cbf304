#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>

#include "catch.h"
#include "core/error.h"
#include "core/file.h"
#include "core/thread_pool.h"
#include "data/decode.h"
#include "data/image_fitter.h"
#include "data/open_dataset.h"
#include "data/orientation.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

const fs::path kImages = fs::path(CNN_SOURCE_DIR) / "tests" / "images";

std::vector<int> from_hex(const std::string& hex) {
  std::vector<int> values;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    values.push_back(std::stoi(hex.substr(i, 2), nullptr, 16));
  return values;
}

std::vector<int> ints(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

/// -1 if the sizes differ.
int largest_difference(const std::vector<int>& a, const std::vector<int>& b) {
  if (a.size() != b.size()) return -1;
  int largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

/// pattern() of make_images.py.
Image pattern(int height, int width) {
  Image image{1, height, width, {}};
  std::uint32_t state = 1;
  for (int i = 0; i < height * width; ++i) {
    state = (state * 1103515245u + 12345u) & 0x7FFFFFFF;
    image.pixels.push_back(static_cast<std::uint8_t>(state >> 16));
  }
  return image;
}

/// The image with as many channels as asked for, its size unchanged.
std::vector<int> with_channels(const Image& image, int channels) {
  std::vector<std::uint8_t> out(static_cast<std::size_t>(channels) * static_cast<std::size_t>(image.height) *
                                static_cast<std::size_t>(image.width));
  const std::string fault =
      ImageFitter({channels, image.height, image.width, Resize::none}).fit(image, out.data());
  REQUIRE(fault.empty());
  return ints(out);
}

std::string fault_of(const std::string& content, const std::string& name = "x.png") {
  return decode_image(content, name).fault;
}

std::string image_file(const std::string& name) { return read_file(kImages / name); }

TEST_CASE("the comparison of images sees a difference", "[data]") {
  CHECK(largest_difference({1, 2, 3}, {1, 2, 3}) == 0);
  CHECK(largest_difference({1, 2, 3}, {1, 9, 3}) == 7);
  CHECK(largest_difference({1, 2, 3}, {1, 2}) == -1);
}

TEST_CASE("every kind of image file is decoded like Pillow decodes it", "[data]") {
  std::ifstream list(kImages / "expected.txt");
  std::string name, hex;
  int channels, height, width, tolerance, files = 0;
  while (list >> name >> channels >> height >> width >> tolerance >> hex) {
    CAPTURE(name);
    const Decoded decoded = decode_image(image_file(name), name);
    if (decoded.fault.find("which this build cannot read") != std::string::npos) {
      WARN(name << ": skipped, its library is not here");
      continue;
    }
    ++files;
    REQUIRE(decoded.fault == "");
    CHECK(decoded.image.height == height);
    CHECK(decoded.image.width == width);
    CHECK(largest_difference(with_channels(decoded.image, channels), from_hex(hex)) <= tolerance);
    CHECK(largest_difference(with_channels(decoded.image, channels), from_hex(hex)) >= 0);
  }
  CHECK(files >= 44);
}

TEST_CASE("the content of a file decides what it is, not its name", "[data]") {
  CHECK(fault_of(image_file("color.jpg"), "x.png") == "");
  CHECK(fault_of(image_file("color.png"), "x.tga") == "");
  CHECK(fault_of(image_file("color.tga"), "X.TGA") == "");
  CHECK(fault_of(image_file("color.tga"), "x.png") != "");  // a TGA has no mark of its own
}

TEST_CASE("an image that cannot be read says why", "[data]") {
  CHECK(fault_of("") == "is empty (0 bytes)");
  CHECK_THAT(fault_of("just a note\nto myself"), ContainsSubstring("is text, not an image: \"just a note\""));
  CHECK_THAT(fault_of("<!DOCTYPE html><html>"), ContainsSubstring("web page"));
  CHECK_THAT(fault_of("RIFF1234WEBPVP8 "), ContainsSubstring("is a WebP image"));
  CHECK_THAT(fault_of(std::string("II*\0xxxx", 8)), ContainsSubstring("is a TIFF image"));
  CHECK_THAT(fault_of(std::string("\0\0\0\x18"
                                  "ftypheic",
                                  12)),
             ContainsSubstring("is a HEIC image"));
  CHECK_THAT(fault_of("version https://git-lfs.github.com/spec/v1"), ContainsSubstring("git lfs pull"));
  CHECK_THAT(fault_of("\x01\x02\x03\xFE"), ContainsSubstring("starts with 01 02 03 fe"));
  CHECK_THAT(fault_of("P6 99999 99999 255\n"), ContainsSubstring("no side may exceed"));
  CHECK_THAT(fault_of("P6 60000 60000 255\n"), ContainsSubstring("3,600,000,000 pixels"));
  CHECK_THAT(fault_of("P6 6 6 70000\n"), ContainsSubstring("largest value is 70000"));
  CHECK_THAT(fault_of("P6 6 x"), ContainsSubstring("header is not complete"));
}

TEST_CASE("a truncated file of any kind is bad, wherever it ends", "[data]") {
  for (const char* name :
       {"color.png", "color16.png", "palette.png", "color.jpg", "half_width.jpg", "progressive.jpg",
        "grey.jpg", "transparent.gif", "color.bmp", "palette.bmp", "bilevel.bmp", "alpha.bmp", "color.tga",
        "packed.tga", "grey.tga", "color.ppm", "bilevel.pbm", "wide.pgm", "plain.ppm"}) {
    const std::string whole = image_file(name);
    // The last bytes of these belong to no pixel: padding of a row, end marks.
    const std::string kind = fs::path(name).extension();
    const std::size_t spare = kind == ".gif" ? 2 : kind == ".tga" ? 26 : kind == ".bmp" ? 3 : 0;
    for (std::size_t bytes = 0; bytes + spare < whole.size(); ++bytes) {
      CAPTURE(name, bytes);
      REQUIRE(fault_of(whole.substr(0, bytes), name) != "");
    }
  }
}

TEST_CASE("a damaged file is a fault or an image, never a crash", "[data]") {
  std::uint32_t state = 1;
  const auto random = [&] { return (state = state * 1664525u + 1013904223u) >> 8; };
  std::int64_t bad = 0, good = 0;
  for (const auto& entry : fs::directory_iterator(kImages)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".txt") || name.ends_with(".py")) continue;
    const std::string whole = read_file(entry.path());
    for (int repeat = 0; repeat < 300; ++repeat) {
      std::string damaged = whole;
      for (std::uint32_t i = 0; i <= random() % 4; ++i)
        damaged[random() % std::min<std::size_t>(damaged.size(), repeat % 2 ? 60 : damaged.size())] =
            static_cast<char>(random());
      const Decoded decoded = decode_image(damaged, name);
      if (decoded.fault.empty()) {
        REQUIRE(static_cast<std::int64_t>(decoded.image.pixels.size()) ==
                decoded.image.channels * ImageView(decoded.image).plane());
        // Undefined pixels would differ between two runs.
        REQUIRE(decode_image(damaged, name).image.pixels == decoded.image.pixels);
        ++good;
      } else {
        ++bad;
      }
    }
  }
  CHECK(bad > 1000);
  CHECK(good > 1000);
}

TEST_CASE("checksums of a PNG are compared", "[data]") {
  const std::string whole = image_file("color.png");
  std::string data = whole, header = whole;
  header[20] ^= 1;
  CHECK_THAT(fault_of(header), ContainsSubstring("checksum of its IHDR chunk is wrong"));
  data[whole.find("IDAT") + 20] ^= 1;
  CHECK_THAT(fault_of(data), ContainsSubstring("checksum of its IDAT chunk is wrong"));
}

TEST_CASE("a GIF of one pixel of many megabytes is not believed", "[data]") {
  std::string bomb = image_file("transparent.gif");
  for (const std::size_t at : {6u, 7u, 8u, 9u}) bomb[at] = '\xFF';
  CHECK_THAT(fault_of(bomb), ContainsSubstring("is too large: 65535x65535"));
}

TEST_CASE("EXIF orientation is found in both byte orders and survives nonsense", "[data]") {
  const auto tiff = [](bool little, int value, int type = 3) {
    const auto number = [&](std::uint32_t n, int bytes) {
      std::string text;
      for (int i = 0; i < bytes; ++i) text += static_cast<char>(n >> 8 * (little ? i : bytes - 1 - i));
      return text;
    };
    return (little ? "II" : "MM") + number(42, 2) + number(8, 4) + number(2, 2) + number(0x010F, 2) +
           number(2, 2) + number(4, 4) + number(0, 4) + number(0x0112, 2) +
           number(static_cast<std::uint32_t>(type), 2) + number(1, 4) +
           number(static_cast<std::uint32_t>(value), type == 3 ? 2 : 4) + number(0, type == 3 ? 2 : 0);
  };
  for (int value = 1; value <= 8; ++value) {
    CHECK(exif_orientation(tiff(false, value)) == value);
    CHECK(exif_orientation(tiff(true, value)) == value);
    CHECK(exif_orientation(tiff(true, value, 4)) == value);
  }
  for (const int value : {0, 9, 65535}) CHECK(exif_orientation(tiff(true, value)) == 1);
  CHECK(exif_orientation(tiff(true, 6, 2)) == 1);
  const std::string whole = tiff(false, 6);
  for (std::size_t bytes = 0; bytes < 32; ++bytes) CHECK(exif_orientation(whole.substr(0, bytes)) == 1);
  std::uint32_t state = 7;
  for (int repeat = 0; repeat < 20000; ++repeat) {
    std::string damaged = whole;
    for (int i = 0; i < 3; ++i) {
      state = state * 1664525u + 1013904223u;
      damaged[(state >> 8) % damaged.size()] = static_cast<char>(state >> 20);
    }
    const int value = exif_orientation(damaged);
    REQUIRE((value >= 1 && value <= 8));
  }
}

TEST_CASE("resizing gives Pillow's numbers", "[data]") {
  std::ifstream list(kImages / "resized.txt");
  std::string mode, hex;
  int h, w, out_h, out_w, cases = 0;
  while (list >> mode >> h >> w >> out_h >> out_w >> hex) {
    CAPTURE(mode, h, w, out_h, out_w);
    const Resize resize = mode == "stretch" ? Resize::stretch : mode == "fit" ? Resize::fit : Resize::crop;
    const Image image = pattern(h, w);
    std::vector<std::uint8_t> out(static_cast<std::size_t>(out_h * out_w), 99);
    ImageFitter fitter({1, out_h, out_w, resize});
    REQUIRE(fitter.fit(image, out.data()) == "");
    CHECK(largest_difference(ints(out), from_hex(hex)) == 0);
    // A fitter that has seen another size does the same.
    const Image other = pattern(3, 11);
    std::vector<std::uint8_t> thrown_away(out.size()), again(out.size());
    REQUIRE(fitter.fit(other, thrown_away.data()) == "");
    REQUIRE(fitter.fit(image, again.data()) == "");
    CHECK(again == out);
    ++cases;
  }
  CHECK(cases == 30);
}

TEST_CASE("with a short side, images are scaled and cut as by torchvision's Resize and CenterCrop",
          "[data]") {
  struct Case {
    int height, width, short_side, side, scaled_height, scaled_width, top, left;
  };
  // Resize: int(short_side * long / short); CenterCrop: round((scaled - side) / 2), a half to the even
  // number.
  for (const Case& c : {Case{40, 61, 20, 16, 20, 30, 2, 7}, Case{61, 40, 20, 16, 30, 20, 7, 2},
                        Case{40, 40, 20, 17, 20, 20, 2, 2}, Case{40, 46, 20, 15, 20, 23, 2, 4},
                        Case{16, 16, 20, 16, 20, 20, 2, 2}, Case{9, 12, 20, 20, 20, 26, 0, 3}}) {
    CAPTURE(c.height, c.width, c.short_side, c.side);
    const ImageSpec spec{
        .channels = 1, .height = c.side, .width = c.side, .resize = Resize::crop, .short_side = c.short_side};
    const Image image = pattern(c.height, c.width);
    const auto side = static_cast<std::size_t>(c.side);
    std::vector<std::uint8_t> found(side * side),
        whole(static_cast<std::size_t>(c.scaled_height * c.scaled_width));
    REQUIRE(ImageFitter(spec).fit(image, found.data()) == "");
    REQUIRE(ImageFitter({1, c.scaled_height, c.scaled_width, Resize::stretch}).fit(image, whole.data()) ==
            "");
    std::vector<std::uint8_t> expected;
    for (int y = 0; y < c.side; ++y)
      for (int x = 0; x < c.side; ++x)
        expected.push_back(whole[static_cast<std::size_t>((c.top + y) * c.scaled_width + c.left + x)]);
    CHECK(found == expected);
  }
}

TEST_CASE("the shape of an image may be extreme", "[data]") {
  for (const Resize resize : {Resize::stretch, Resize::fit, Resize::crop})
    for (const auto& [h, w] : {std::pair{1, 65535}, {65535, 1}, {1, 1}, {2, 30000}}) {
      CAPTURE(h, w);
      Image image{3, h, w, {}};
      image.pixels.assign(static_cast<std::size_t>(3 * h * w), 200);
      std::vector<std::uint8_t> out(3 * 28 * 28);
      REQUIRE(ImageFitter({3, 28, 28, resize}).fit(image, out.data()) == "");
      CHECK(*std::max_element(out.begin(), out.end()) == 200);
      if (resize != Resize::fit) CHECK(*std::min_element(out.begin(), out.end()) == 200);
    }
}

TEST_CASE("without resizing the size must match", "[data]") {
  std::vector<std::uint8_t> out(6, 9);
  CHECK_THAT(ImageFitter({1, 2, 3, Resize::none}).fit(pattern(3, 2), out.data()),
             ContainsSubstring("is 3x2 (height x width), expected 2x3"));
  CHECK(out == std::vector<std::uint8_t>(6, 9));
  CHECK(ImageFitter({1, 2, 3, Resize::none}).fit(pattern(2, 3), out.data()) == "");
  CHECK(out == pattern(2, 3).pixels);
}

// --- Folders -----------------------------------------------------------------------------------------------

/// A folder with images in it, made of the checked-in files.
struct ImageTree : TemporaryFolder {
  void put(const std::string& name, const std::string& image = "grey.png") const {
    write(name, image_file(image));
  }
  void write(const std::string& name, const std::string& content) const {
    fs::create_directories((path() / name).parent_path());
    std::ofstream(path() / name, std::ios::binary) << content;
  }
};

std::vector<std::string> names_of(const Dataset& dataset, const fs::path& root) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < dataset.size(); ++i)
    names.push_back(fs::path(dataset.name(i)).lexically_relative(root).string());
  return names;
}

using Strings = std::vector<std::string>;

LoadedSet open_tree(const ImageTree& tree, LoadOptions options = {}, ImageSpec spec = {1, 4, 5}) {
  ThreadPool pool(3);
  return open_dataset(FolderLocation{tree.path()}, spec, options, pool);
}

TEST_CASE("a folder of class folders is read in natural order, nested and linked files too", "[data]") {
  const ImageTree tree;
  tree.put("10/b.png");
  tree.put("2/x10.png");
  tree.put("2/x9.PNG");
  tree.put("2/deep/er/a.jpg", "grey.jpg");
  tree.put("1/.hidden.png");
  tree.put("1/a.png");
  tree.put(".thumbs/t.png");
  tree.put("beside.png");
  tree.write("2/notes.txt", "text");
  tree.write("README", "text");
  tree.put("日本/写真 1\n.png");
  fs::create_directories(tree.path() / "empty" / "inside");
  fs::create_symlink("../10/b.png", tree.path() / "1" / "link.png");
  fs::create_directory_symlink("../10", tree.path() / "1" / "more");
  fs::create_directory_symlink("..", tree.path() / "2" / "deep" / "loop");
  const LoadedSet set = open_tree(tree);
  CHECK(set.dataset->classes() == Strings{"1", "2", "10", "日本"});
  CHECK(names_of(*set.dataset, tree.path()) == Strings{"1/a.png", "1/link.png", "1/more/b.png",
                                                       "2/deep/er/a.jpg", "2/x9.PNG", "2/x10.png", "10/b.png",
                                                       "日本/写真 1\n.png"});
  CHECK(set.dataset->label(0) == 0);
  CHECK(set.dataset->label(5) == 1);
  CHECK(set.dataset->label(7) == 3);
  const LoadReport& report = set.report;
  CHECK(report.class_counts == std::vector<std::int64_t>{3, 3, 1, 1});
  CHECK(report.bad.empty());
  CHECK(report.hidden == 2);
  CHECK(report.others == 2);
  CHECK(report.beside == 1);
  CHECK(report.repeated_folders == 1);
  CHECK(report.empty_folders == Strings{"empty"});
  CHECK(report.notes().size() == 5);
}

TEST_CASE("a link upwards gives a class no images of others", "[data]") {
  const ImageTree tree;
  tree.put("a/1.png");
  tree.put("b/2.png");
  fs::create_directory_symlink("..", tree.path() / "a" / "up");
  fs::create_directory_symlink("../..", tree.path() / "a" / "far");
  fs::create_directory_symlink("/", tree.path() / "a" / "top");
  fs::create_directory_symlink("../a", tree.path() / "b" / "other");
  const LoadedSet set = open_tree(tree);
  CHECK(names_of(*set.dataset, tree.path()) == Strings{"a/1.png", "b/2.png", "b/other/1.png"});
  CHECK(set.report.repeated_folders == 6);
}

TEST_CASE("the order on disk does not matter", "[data]") {
  Strings names{"b/1.png", "b/2.png", "b/10.png", "a/z.tga", "c/q/7.png", "c/k.png"};
  const std::array<const char*, 6> images{"grey.png", "bilevel.png", "grey16.png",
                                          "grey.tga", "grey.pgm",    "orientation6.png"};
  std::vector<std::byte> first;
  for (int order = 0; order < 3; ++order) {
    const ImageTree tree;
    std::vector<std::size_t> turn{0, 1, 2, 3, 4, 5};
    std::rotate(turn.begin(), turn.begin() + order * 2, turn.end());
    if (order == 2) std::reverse(turn.begin(), turn.end());
    for (const std::size_t i : turn) tree.write(names[i], image_file(images[i]));
    const LoadedSet set = open_tree(tree);
    std::vector<std::byte> all, scratch;
    for (std::int64_t i = 0; i < set.dataset->size(); ++i) {
      const std::byte* pixels = set.dataset->pixels(i, scratch);
      all.insert(all.end(), pixels, pixels + 20);
    }
    if (order == 0) first = all;
    CHECK(all == first);
    CHECK(names_of(*set.dataset, tree.path()) ==
          Strings{"a/z.tga", "b/1.png", "b/2.png", "b/10.png", "c/k.png", "c/q/7.png"});
  }
}

TEST_CASE("bad files are all listed, and left out if that was asked for", "[data]") {
  const ImageTree tree;
  tree.put("a/good.png");
  tree.put("b/good.png");
  tree.write("a/text.png", "hello");
  tree.write("b/zero.jpg", "");
  tree.write("b/photo.webp", "RIFF1234WEBPVP8 ");
  tree.write("b/cut.png", image_file("grey.png").substr(0, 60));
  fs::create_symlink("nowhere.png", tree.path() / "a" / "broken.png");
  fs::create_symlink("self.png", tree.path() / "a" / "self.png");
  REQUIRE(::mkfifo((tree.path() / "a" / "pipe.png").c_str(), 0600) == 0);
  fs::create_directories(tree.path() / "b" / "folder.png");
  tree.put("b/folder.png/inside.png");
  LoadOptions options;
  try {
    open_tree(tree, options);
    FAIL("bad files were accepted");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::run_failed);
    CHECK_THAT(error.what(), ContainsSubstring("7 images cannot be used") &&
                                 ContainsSubstring("a/text.png: is text, not an image: \"hello\"") &&
                                 ContainsSubstring("b/zero.jpg: is empty") &&
                                 ContainsSubstring("b/photo.webp: is a WebP image") &&
                                 ContainsSubstring("b/cut.png: is truncated") &&
                                 ContainsSubstring("a/broken.png: is a broken link") &&
                                 ContainsSubstring("a/self.png: is a link to itself") &&
                                 ContainsSubstring("a/pipe.png: is not a regular file") &&
                                 ContainsSubstring("\"skip\""));
  }
  options.bad_images = BadImages::skip;
  const LoadedSet set = open_tree(tree, options);
  CHECK(names_of(*set.dataset, tree.path()) ==
        Strings{"a/good.png", "b/folder.png/inside.png", "b/good.png"});
  CHECK(set.dataset->label(0) == 0);
  CHECK(set.dataset->label(1) == 1);
  CHECK(set.report.bad.size() == 7);
  CHECK(set.report.class_counts == std::vector<std::int64_t>{1, 2});

  const ImageTree many;
  for (int i = 0; i < 70; ++i) many.write("a/" + std::to_string(i) + ".png", "");
  CHECK_THROWS_WITH(open_tree(many), ContainsSubstring("70 images cannot be used") &&
                                         ContainsSubstring("a/0.png") && ContainsSubstring("a/69.png"));
  CHECK_THROWS_WITH(open_tree(many, options), ContainsSubstring("none of 70 images"));
  many.put("b/good.png");
  CHECK_THROWS_WITH(open_tree(many, options), ContainsSubstring("no image of class \"a\""));
}

TEST_CASE("a folder of plain images and a list of files have no labels", "[data]") {
  const ImageTree tree;
  tree.put("b.png");
  tree.put("a.png", "color.png");
  fs::create_directories(tree.path() / "empty");
  LoadOptions options;
  CHECK_THROWS_WITH(open_tree(tree, options), ContainsSubstring("no class folders"));
  options.labels_required = false;
  const LoadedSet set = open_tree(tree, options);
  CHECK(names_of(*set.dataset, tree.path()) == Strings{"a.png", "b.png"});
  CHECK(set.dataset->label(0) == -1);
  CHECK(set.dataset->classes().empty());

  ThreadPool pool(2);
  tree.put("noending");
  const std::vector<fs::path> paths{tree.path() / "noending", tree.path() / "none.png",
                                    tree.path() / "a.png"};
  const auto files = std::make_shared<const ImageFiles>(list_files(paths));
  options.bad_images = BadImages::skip;
  const LoadedSet listed = open_images(files, 0, 3, {1, 4, 5}, options, pool);
  CHECK(names_of(*listed.dataset, tree.path()) == Strings{"noending", "a.png"});
  REQUIRE(listed.report.bad.size() == 1);
  CHECK_THAT(listed.report.bad[0].reason, ContainsSubstring("No such file"));
}

TEST_CASE("a list of files can be opened part by part", "[data]") {
  const ImageTree tree;
  for (int i = 0; i < 10; ++i) tree.put("a/" + std::to_string(i) + ".png");
  tree.write("a/3.png", "");
  tree.write("a/8.png", "");
  fs::create_symlink("nowhere", tree.path() / "a" / "x.png");
  ThreadPool pool(2);
  LoadOptions options;
  options.bad_images = BadImages::skip;
  const auto files = std::make_shared<const ImageFiles>(scan_folder(tree.path()));
  REQUIRE(files->size() == 10);
  Strings names, bad;
  for (std::int64_t begin = 0; begin < 10; begin += 4) {
    const LoadedSet part =
        open_images(files, begin, std::min<std::int64_t>(10, begin + 4), {1, 4, 5}, options, pool);
    for (const std::string& name : names_of(*part.dataset, tree.path())) names.push_back(name);
    for (const BadFile& file : part.report.bad) bad.push_back(fs::path(file.path).filename().string());
  }
  CHECK(names ==
        Strings{"a/0.png", "a/1.png", "a/2.png", "a/4.png", "a/5.png", "a/6.png", "a/7.png", "a/9.png"});
  CHECK(bad == Strings{"3.png", "x.png", "8.png"});
}

TEST_CASE("folders that are not there, empty or wrong are errors", "[data]") {
  const ImageTree tree;
  ThreadPool pool(1);
  const auto open = [&](const fs::path& path, int channels = 1) {
    return open_dataset(FolderLocation{path}, {channels, 4, 5}, {}, pool);
  };
  CHECK_THROWS_WITH(open(tree.path() / "none"), ContainsSubstring("there is no such folder"));
  CHECK_THROWS_WITH(open(tree.path()), ContainsSubstring("there is no image in it"));
  tree.put("file.png");
  CHECK_THROWS_WITH(open(tree.path() / "file.png"), ContainsSubstring("is not a folder"));
  tree.put("a/x.png");
  CHECK_THROWS_WITH(open(tree.path(), 2), ContainsSubstring("1 (grey) or 3 (RGB)"));
}

TEST_CASE("classes of a second folder are matched by name before any image is read", "[data]") {
  const ImageTree tree;
  tree.put("dog/1.png");
  tree.put("eel/1.png");
  LoadOptions options;
  options.classes = {"ant", "eel", "dog"};
  const LoadedSet set = open_tree(tree, options);
  CHECK(set.dataset->classes() == options.classes);
  CHECK(set.dataset->label(0) == 2);
  CHECK(set.dataset->label(1) == 1);
  CHECK(set.report.missing_classes == Strings{"ant"});
  CHECK(set.report.class_counts == std::vector<std::int64_t>{0, 1, 1});
  tree.write("dog/bad.png", "");
  options.classes = {"ant", "eel"};
  CHECK_THROWS_WITH(open_tree(tree, options), ContainsSubstring("class \"dog\" is not among"));
}

TEST_CASE("progress is told by the calling thread, up to the end, and may stop the loading", "[data]") {
  const ImageTree tree;
  for (int i = 0; i < 40; ++i) tree.put("a/" + std::to_string(i) + ".png");
  const auto caller = std::this_thread::get_id();
  std::int64_t last = 0;
  LoadOptions options;
  options.progress = [&](std::int64_t done, std::int64_t total) {
    if (std::this_thread::get_id() != caller || total != 40 || done < last)
      throw std::logic_error("progress");
    last = done;
  };
  open_tree(tree, options);
  CHECK(last == 40);
  options.progress = [](std::int64_t, std::int64_t) { throw std::runtime_error("enough"); };
  CHECK_THROWS_WITH(open_tree(tree, options), "enough");
}

// --- Reading again -----------------------------------------------------------------------------------------

TEST_CASE("images beyond the cache are read again, with hints and without", "[data]") {
  const ImageTree tree;
  const std::array<const char*, 5> kinds{"grey.png", "bilevel.png", "color.png", "grey.tga", "palette.png"};
  for (int i = 0; i < 60; ++i)
    tree.put("c/" + std::to_string(i) + ".png", kinds[static_cast<std::size_t>(i) % 5]);
  for (int i = 0; i < 60; i += 5)
    fs::rename(tree.path() / "c" / (std::to_string(i + 3) + ".png"),
               tree.path() / "c" / (std::to_string(i + 3) + ".tga"));
  const LoadedSet whole = open_tree(tree);
  CHECK(whole.report.reread == 0);
  std::vector<std::int64_t> order(60);
  std::iota(order.begin(), order.end(), 0);
  std::reverse(order.begin(), order.end());
  for (const std::int64_t cache_bytes : {0, 19, 20, 500, 1199}) {
    LoadOptions options;
    options.cache_bytes = cache_bytes;
    const LoadedSet part = open_tree(tree, options);
    CHECK(part.report.reread == 60 - cache_bytes / 20);
    for (int round = 0; round < 4; ++round) {
      if (round % 2 == 1) part.dataset->will_need(order);
      ThreadPool pool(3);
      std::vector<std::vector<std::byte>> scratch(3);
      std::atomic<int> wrong{0};
      pool.parallel_for(60, [&](std::int64_t i, int worker) {
        const std::int64_t index = order[static_cast<std::size_t>(i)];
        std::vector<std::byte> unused;
        const std::byte* expected = whole.dataset->pixels(index, unused);
        const std::byte* found = part.dataset->pixels(index, scratch[static_cast<std::size_t>(worker)]);
        wrong += !std::equal(expected, expected + 20, found);
      });
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("a file that vanishes or changes after it was checked is named", "[data]") {
  const ImageTree tree;
  for (const char* name : {"a/1.png", "a/2.png", "a/3.png"}) tree.put(name);
  LoadOptions options;
  options.cache_bytes = 0;
  const LoadedSet set = open_tree(tree, options);
  fs::remove(tree.path() / "a" / "1.png");
  tree.put("a/2.png", "color.png");
  std::vector<std::byte> scratch;
  for (const bool hinted : {false, true}) {
    if (hinted) set.dataset->will_need(std::array<std::int64_t, 3>{0, 1, 2});
    CHECK_THROWS_WITH(set.dataset->pixels(0, scratch),
                      ContainsSubstring("a/1.png: cannot be opened: No such file"));
    CHECK_THROWS_WITH(set.dataset->pixels(1, scratch),
                      ContainsSubstring("a/2.png: has changed since it was checked"));
    CHECK(set.dataset->pixels(2, scratch) != nullptr);
  }
}

// --- Files from elsewhere ----------------------------------------------------------------------------------

/// Refused here although Pillow reads them, and why.
const std::map<std::string, std::string> kRefused{
    {"libpng/contrib/testpngs/crashers/badcrc.png", "checksum of its IDAT"},
    {"libpng/contrib/testpngs/crashers/huge_IDAT.png", "IDAT chunk claims 1,073,741,823 bytes"},
    {"stb/tests/pngsuite/corrupt/xcsn0g01.png", "checksum of its IDAT"},
};
/// Read here although Pillow refuses it: its damage is in parts that do not matter.
constexpr const char* kAccepted = "libpng/contrib/testpngs/crashers/empty_ancillary_chunks.png";

/// Scans the folder in a process with little memory and little time; what it says is left in `out`.
void scan_hostile(const fs::path& folder, const fs::path& out) {
  ThreadPool pool(2);
  LoadOptions options;
  options.bad_images = BadImages::skip;
  const LoadedSet set = open_dataset(FolderLocation{folder}, {3, 64, 64}, options, pool);
  std::ofstream file(out);
  file << set.dataset->size() << ' ' << set.report.bad.size() << '\n';
}

TEST_CASE("hostile files are scanned without harm, and the good ones decoded like Pillow does", "[data]") {
  const fs::path archive = fs::path(CNN_SOURCE_DIR) / ".." / "shared" / "data" / "hostile.tar.gz";
  if (!fs::exists(archive)) {
    WARN("skipped: there is no " << archive.string());
    return;
  }
  const TemporaryFolder folder;
  REQUIRE(std::system(("tar xzf '" + archive.string() + "' -C '" + folder.path().string() + "'").c_str()) ==
          0);
  const fs::path root = folder.path() / "hostile", out = folder.path() / "out.txt";
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    const rlimit four_gib{std::uint64_t{4} << 30, std::uint64_t{4} << 30};
    ::setrlimit(RLIMIT_AS, &four_gib);
#endif
    ::alarm(120);
    try {
      scan_hostile(root, out);
    } catch (...) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  const std::vector<std::string> formats = readable_formats();
  const auto reads = [&](const char* format) { return std::count(formats.begin(), formats.end(), format); };
  const std::int64_t good = 468 + reads("WebP") + reads("TIFF");
  CHECK(read_file(out) == std::to_string(good) + ' ' + std::to_string(528 - good) + '\n');

  std::ifstream list(kImages / "hostile.txt");
  int channels, files = 0, same = 0;
  std::int64_t height, width;
  std::uint32_t checksum;
  while (list >> channels >> height >> width >> checksum) {
    std::array<double, 3> sums{};
    for (int c = 0; c < channels; ++c) list >> sums[static_cast<std::size_t>(c)];
    std::string name;
    list.get();
    std::getline(list, name);
    CAPTURE(name);
    ++files;
    const Decoded decoded = decode_image(read_file(root / name), name);
    const auto refused = kRefused.find(name);
    if (refused != kRefused.end()) {
      CHECK_THAT(decoded.fault, ContainsSubstring(refused->second));
      continue;
    }
    if (decoded.fault.find("which this build cannot read") != std::string::npos) continue;
    CHECK((decoded.fault == "") == (channels > 0 || name == kAccepted));
    if (channels == 0 || !decoded.fault.empty()) continue;
    REQUIRE(decoded.image.height == height);
    REQUIRE(decoded.image.width == width);
    const std::vector<int> pixels = with_channels(decoded.image, channels);
    const std::vector<std::uint8_t> bytes(pixels.begin(), pixels.end());
    CHECK(crc32_z(0, bytes.data(), bytes.size()) == checksum);
    ++same;
  }
  CHECK(files == 537);
  CHECK(same == good + 1);
}

}  // namespace
}  // namespace cnn
