#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>

#include "catch.h"
#include "core/error.h"
#include "core/file.h"
#include "data/cifar10.h"
#include "data/idx.h"
#include "data/normalize.h"
#include "data/subset.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

std::string idx(int type, const std::vector<std::uint32_t>& sizes, const std::string& values) {
  std::string file{'\0', '\0', static_cast<char>(type), static_cast<char>(sizes.size())};
  for (const std::uint32_t size : sizes) file += big_endian(size);
  return file + values;
}

std::string gzip(const std::string& content) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, content.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string counting(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(i * 7 + 3);
  return text;
}

std::vector<int> pixels_of(const Dataset& dataset, std::int64_t index) {
  std::vector<std::byte> scratch;
  const std::byte* pixels = dataset.pixels(index, scratch);
  std::vector<int> values;
  for (std::int64_t i = 0; i < dataset.values_per_image(); ++i)
    values.push_back(std::to_integer<int>(pixels[i]));
  return values;
}

/// A pair of IDX files in a temporary folder.
struct IdxPair {
  TemporaryFolder folder;
  IdxLocation location{folder.path() / "images", folder.path() / "labels"};
  IdxPair(const std::string& images, const std::string& labels) {
    write_file_atomically(location.images, images);
    write_file_atomically(location.labels, labels);
  }
};

TEST_CASE("IDX bytes are read plain and packed, with two or three sizes an image", "[data]") {
  ThreadPool pool(2);
  const std::string values = counting(3 * 2 * 4);
  for (const bool packed : {false, true}) {
    for (const bool planes : {false, true}) {
      const std::string images = idx(
          8, planes ? std::vector<std::uint32_t>{3, 1, 2, 4} : std::vector<std::uint32_t>{3, 2, 4}, values);
      const std::string labels = idx(8, {3}, std::string("\x02\x00\x05", 3));
      const IdxPair files(packed ? gzip(images) : images, packed ? gzip(labels) : labels);
      const auto data = load_idx(files.location, {1, 2, 4}, pool);
      REQUIRE(data->size() == 3);
      CHECK(data->channels() == 1);
      CHECK(data->height() == 2);
      CHECK(data->width() == 4);
      CHECK(data->pixel_type() == PixelType::bytes);
      CHECK(data->classes() == std::vector<std::string>{"0", "1", "2", "3", "4", "5"});
      CHECK(data->label(0) == 2);
      CHECK(data->label(2) == 5);
      CHECK(data->name(1) == "images#1");
      CHECK(pixels_of(*data, 2)[3] == static_cast<unsigned char>(values[2 * 8 + 3]));
    }
  }
}

TEST_CASE("IDX images without labels have none", "[data]") {
  ThreadPool pool(1);
  const IdxPair files(idx(8, {2, 1, 1}, "ab"), "");
  const auto data = load_idx({files.location.images, {}}, {1, 1, 1}, pool);
  CHECK(data->label(1) == -1);
  CHECK(data->classes().empty());
}

TEST_CASE("IDX floats are read as they are and must match", "[data]") {
  ThreadPool pool(1);
  std::string values;
  for (const float value : {0.5f, -2.0f, 1e-3f, 7.0f}) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, 4);
    values += big_endian(bits);
  }
  const IdxPair files(idx(0x0D, {2, 1, 2}, values), idx(8, {2}, std::string(2, '\0')));
  const auto data = load_idx(files.location, {1, 1, 2}, pool);
  CHECK(data->pixel_type() == PixelType::floats);
  std::vector<std::byte> scratch;
  float image[2];
  std::memcpy(image, data->pixels(0, scratch), sizeof image);
  CHECK(image[0] == 0.5f);
  CHECK(image[1] == -2.0f);
  CHECK_THROWS_WITH(load_idx(files.location, {1, 2, 2}, pool), ContainsSubstring("float32 images of 1x1x2"));
}

TEST_CASE("every fault of an IDX file is named", "[data]") {
  ThreadPool pool(1);
  const std::string good_images = idx(8, {2, 2, 2}, "12345678"), good_labels = idx(8, {2}, "\1\2");
  const auto loads = [&](const std::string& images, const std::string& labels) {
    const IdxPair files(images, labels);
    return load_idx(files.location, {1, 2, 2}, pool);
  };
  CHECK(loads(good_images, good_labels)->size() == 2);
  CHECK_THROWS_WITH(loads("", good_labels), ContainsSubstring("images: is not an IDX file"));
  CHECK_THROWS_WITH(loads("\x89PNG....", good_labels), ContainsSubstring("is not an IDX file"));
  CHECK_THROWS_WITH(loads(idx(0x0C, {2, 2, 2}, std::string(32, 'x')), good_labels),
                    ContainsSubstring("32-bit integers"));
  CHECK_THROWS_WITH(loads(good_labels, good_labels), ContainsSubstring("label file?"));
  CHECK_THROWS_WITH(loads(good_images, good_images), ContainsSubstring("image file?"));
  CHECK_THROWS_WITH(loads(good_images.substr(0, 9), good_labels), ContainsSubstring("within the header"));
  CHECK_THROWS_WITH(loads(good_images.substr(0, 23), good_labels), ContainsSubstring("truncated"));
  CHECK_THROWS_WITH(loads(gzip(good_images.substr(0, 23)), good_labels), ContainsSubstring("truncated"));
  CHECK_THROWS_WITH(loads(good_images + "x", good_labels), ContainsSubstring("trailing bytes"));
  CHECK_THROWS_WITH(loads(gzip(good_images + "x"), good_labels), ContainsSubstring("trailing bytes"));
  CHECK_THROWS_WITH(loads(idx(8, {0, 2, 2}, ""), good_labels), ContainsSubstring("it is empty"));
  CHECK_THROWS_WITH(loads(good_images, idx(8, {3}, "123")), ContainsSubstring("holds 3 labels"));
  CHECK_THROWS_WITH(loads(good_images, good_labels.substr(0, 9)), ContainsSubstring("labels: truncated"));
  const std::string packed = gzip(good_images);
  CHECK_THROWS_WITH(loads(packed.substr(0, packed.size() - 6), good_labels),
                    ContainsSubstring("archive is truncated"));
  std::string damaged = packed;
  damaged[packed.size() - 6] ^= 1;  // within the check sum
  CHECK_THROWS_WITH(loads(damaged, good_labels), ContainsSubstring("archive is damaged"));
  const IdxPair files(good_images, good_labels);
  CHECK_THROWS_WITH(load_idx({files.folder.path(), files.location.labels}, {1, 2, 2}, pool),
                    ContainsSubstring("is a folder"));
  CHECK_THROWS_WITH(load_idx({files.folder.path() / "none", files.location.labels}, {1, 2, 2}, pool),
                    ContainsSubstring("No such file"));
  CHECK_THROWS_WITH(load_idx(files.location, {2, 2, 2}, pool),
                    ContainsSubstring("has 1 channels, expected 2"));
}

TEST_CASE("an IDX header that promises the moon allocates nothing", "[data]") {
  ThreadPool pool(1);
  const std::string labels = idx(8, {2}, "\1\2");
  for (const std::string& images :
       {idx(8, {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, "x"), idx(8, {0xFFFFFFFF, 28, 28}, "x"),
        idx(0x0D, {1u << 31, 1u << 31, 2}, "x"), idx(8, {1u << 16, 1u << 16, 1u << 16, 1u << 16}, "x")}) {
    const IdxPair plain(images, labels), packed(gzip(images), labels);
    CHECK_THROWS_WITH(load_idx(plain.location, {1, 28, 28}, pool), ContainsSubstring("truncated"));
    CHECK_THROWS_WITH(load_idx(packed.location, {1, 28, 28}, pool), ContainsSubstring("truncated"));
  }
}

TEST_CASE("IDX bytes are made into the size and color that the config asks for", "[data]") {
  ThreadPool pool(3);
  const IdxPair files(idx(8, {200, 3, 2, 2}, counting(2400)), idx(8, {200}, std::string(200, '\0')));
  const auto grey = load_idx(files.location, {1, 2, 2}, pool);
  const auto color = load_idx(files.location, {3, 2, 2}, pool);
  for (const std::int64_t i : {0, 77, 199}) {
    const std::vector<int> rgb = pixels_of(*color, i);
    CHECK(pixels_of(*grey, i)[1] == (rgb[1] * 19595 + rgb[5] * 38470 + rgb[9] * 7471 + 32768) / 65536);
  }
  const auto large = load_idx(files.location, {3, 4, 6}, pool);
  CHECK(large->height() == 4);
  CHECK(pixels_of(*large, 5)[0] == pixels_of(*color, 5)[0]);  // a corner keeps its value when enlarged
  CHECK_THROWS_WITH(load_idx(files.location, {3, 4, 6, Resize::none}, pool),
                    ContainsSubstring("is 2x2 (height x width), expected 4x6"));
}

TEST_CASE("CIFAR-10 batches follow one another", "[data]") {
  ThreadPool pool(2);
  const TemporaryFolder folder;
  const auto record = [](char label, char first) { return std::string(1, label) + first + counting(3071); };
  const fs::path a = folder.path() / "a.bin", b = folder.path() / "b.bin", bad = folder.path() / "bad.bin";
  write_file_atomically(a, record(3, 10) + record(9, 20));
  write_file_atomically(b, gzip(record(0, 30)));
  const auto data = load_cifar10({{a, b}}, {3, 32, 32}, pool);
  REQUIRE(data->size() == 3);
  CHECK(data->classes().size() == 10);
  CHECK(data->classes()[9] == "truck");
  CHECK(data->label(1) == 9);
  CHECK(data->name(1) == "a.bin#1");
  CHECK(data->name(2) == "b.bin#0");
  CHECK(pixels_of(*data, 2)[0] == 30);
  CHECK(pixels_of(*data, 2)[1] == 3);
  CHECK(load_cifar10({{a}}, {1, 16, 16}, pool)->values_per_image() == 256);

  write_file_atomically(bad, record(10, 0));
  CHECK_THROWS_WITH(load_cifar10({{a, bad}}, {3, 32, 32}, pool), ContainsSubstring("image 0 has label 10"));
  write_file_atomically(bad, record(1, 0).substr(1));
  CHECK_THROWS_WITH(load_cifar10({{bad}}, {3, 32, 32}, pool), ContainsSubstring("not a CIFAR-10 batch"));
  write_file_atomically(bad, record(1, 0) + "x");
  CHECK_THROWS_WITH(load_cifar10({{bad}}, {3, 32, 32}, pool), ContainsSubstring("CIFAR-100"));
  write_file_atomically(bad, "");
  CHECK_THROWS_WITH(load_cifar10({{bad}}, {3, 32, 32}, pool), ContainsSubstring("is empty"));
}

/// One-pixel images with the given labels.
std::shared_ptr<const Dataset> labeled(const std::string& labels, ThreadPool& pool) {
  const auto n = static_cast<std::uint32_t>(labels.size());
  const IdxPair files(idx(8, {n, 1, 1}, counting(n)), idx(8, {n}, labels));
  return load_idx(files.location, {1, 1, 1}, pool);
}

TEST_CASE("a split takes the rounded fraction of every class, at least one, never all", "[data]") {
  ThreadPool pool(1);
  // 25 of class 0, 2 of class 1, 1 of class 2, none of class 3, 14 of class 4
  const std::string labels = std::string(25, '\0') + std::string(2, '\1') + "\2" + std::string(14, '\4');
  const auto data = labeled(labels, pool);
  const auto count = [&](const std::vector<std::int64_t>& part) { return count_classes(Subset(data, part)); };
  const Split split = stratified_split(*data, 0.1, 1);
  CHECK(count(split.validation) == std::vector<std::int64_t>{3, 1, 0, 0, 1});  // 2.5 is rounded up
  CHECK(count(split.train) == std::vector<std::int64_t>{22, 1, 1, 0, 13});
  CHECK(std::is_sorted(split.train.begin(), split.train.end()));
  std::vector<std::int64_t> all = split.train;
  all.insert(all.end(), split.validation.begin(), split.validation.end());
  std::sort(all.begin(), all.end());
  for (std::size_t i = 0; i < all.size(); ++i) REQUIRE(all[i] == static_cast<std::int64_t>(i));
  CHECK(all.size() == labels.size());

  CHECK(count(stratified_split(*data, 0.99, 1).train) == std::vector<std::int64_t>{1, 1, 1, 0, 1});
  CHECK(stratified_split(*data, 0.1, 1).validation == split.validation);
  CHECK(stratified_split(*data, 0.1, 2).validation != split.validation);
  CHECK_THROWS_AS(stratified_split(*data, 1, 1), Error);
  CHECK_THROWS_WITH(stratified_split(*labeled("\1", pool), 0.5, 1), ContainsSubstring("no class has two"));
}

TEST_CASE("classes are matched by name", "[data]") {
  const std::vector<std::string> known{"cat", "dog", "eel"};
  CHECK(match_classes({"dog", "eel"}, known, "val") == std::vector<int>{1, 2});
  CHECK(missing_classes({"dog", "eel"}, known) == std::vector<std::string>{"cat"});
  CHECK_THROWS_WITH(match_classes({"cat", "emu"}, known, "val"),
                    ContainsSubstring("val: class \"emu\" is not among") &&
                        ContainsSubstring("found: \"cat\", \"emu\"") &&
                        ContainsSubstring("known: \"cat\", \"dog\", \"eel\""));
  // "Müller" composed, and as macOS writes it; "M\xFCller" is not UTF-8.
  const std::string one = "M\u00FCller", other = "Mu\u0308ller";
  CHECK(match_classes({other, "cat"}, {"cat", one}, "val") == std::vector<int>{1, 0});
  CHECK(match_classes({one, other}, {other, one}, "val") == std::vector<int>{1, 0});
  CHECK(missing_classes({other}, {one}).empty());
  CHECK(other_accents({other, "cat", one}, {"cat", one}) == std::vector<std::string>{other});
  CHECK_THROWS_AS(match_classes({"M\xFCller"}, {one}, "val"), Error);
  ThreadPool pool(1);
  const Relabeled data(labeled(std::string("\0\1\1", 3), pool), {"x", "1", "0"}, {2, 1});
  CHECK(data.label(0) == 2);
  CHECK(data.label(1) == 1);
  CHECK(data.classes()[1] == "1");
}

TEST_CASE("statistics of bytes are exact and those of floats independent of the threads", "[data]") {
  ThreadPool one(1), three(3);
  const IdxPair bytes(idx(8, {2, 2, 1, 2}, std::string("\x00\xff\x07\x07\x00\xff\x07\x07", 8)),
                      idx(8, {2}, std::string(2, '\0')));
  const Normalize n = channel_statistics(*load_idx(bytes.location, {2, 1, 2}, one), three);
  CHECK(n.mean[0] == 0.5);
  CHECK(n.std[0] == 0.5);
  CHECK(n.mean[1] == 7 / 255.0);
  CHECK(n.std[1] == 1);  // zero counts as one

  std::string values;
  for (int i = 0; i < 1500; ++i) {
    const float value = std::sin(static_cast<float>(i)) * 3 + 1;
    std::uint32_t bits;
    std::memcpy(&bits, &value, 4);
    values += big_endian(bits);
  }
  const IdxPair floats(idx(0x0D, {750, 1, 2}, values), idx(8, {750}, std::string(750, '\0')));
  const auto data = load_idx(floats.location, {1, 1, 2}, one);
  const Normalize a = channel_statistics(*data, one), b = channel_statistics(*data, three);
  CHECK(a.mean == b.mean);
  CHECK(a.std == b.std);
  CHECK(a.mean[0] == Approx(1).margin(0.01));
  CHECK(a.std[0] == Approx(3 * std::sqrt(0.5)).epsilon(0.01));

  const std::string nan = big_endian(0x7FC00000) + big_endian(0);
  const IdxPair poisoned(idx(0x0D, {1, 1, 2}, nan), idx(8, {1}, std::string(1, '\0')));
  CHECK_THROWS_WITH(channel_statistics(*load_idx(poisoned.location, {1, 1, 2}, one), one),
                    ContainsSubstring("images#0: has a pixel that is not a finite number"));
}

TEST_CASE("normalize is automatic, none or given", "[data]") {
  ThreadPool pool(1);
  const IdxPair files(idx(8, {1, 1, 2}, std::string("\x00\xff", 2)), idx(8, {1}, std::string(1, '\0')));
  const auto data = load_idx(files.location, {1, 1, 2}, pool);
  using Mode = NormalizeSpec::Mode;
  CHECK(resolve_normalize({Mode::automatic, {}, {}}, *data, pool).mean[0] == 0.5);
  CHECK(resolve_normalize({Mode::none, {}, {}}, *data, pool).mean[0] == 0);
  CHECK(resolve_normalize({Mode::none, {}, {}}, *data, pool).std[0] == 1);
  CHECK(resolve_normalize({Mode::given, {0.25}, {2}}, *data, pool).std[0] == 2);
  CHECK_THROWS_WITH(resolve_normalize({Mode::given, {0, 0, 0}, {1, 1, 1}}, *data, pool),
                    ContainsSubstring("3 means"));
  CHECK_THROWS_WITH(resolve_normalize({Mode::given, {0}, {0}}, *data, pool), ContainsSubstring("above 0"));
}

TEST_CASE("MNIST has the mean and deviation that everybody knows", "[data]") {
  const fs::path folder = fs::path(CNN_SOURCE_DIR) / ".." / "shared" / "data" / "mnist";
  if (!fs::exists(folder)) {
    WARN("skipped: no MNIST in " << folder.string());
    return;
  }
  ThreadPool pool(2);
  const auto data = load_idx({folder / "train-images-idx3-ubyte.gz", folder / "train-labels-idx1-ubyte.gz"},
                             {1, 28, 28}, pool);
  CHECK(data->size() == 60000);
  CHECK(data->label(0) == 5);
  const Normalize n = channel_statistics(*data, pool);
  CHECK(n.mean[0] == Approx(0.1307).margin(5e-5));
  CHECK(n.std[0] == Approx(0.3081).margin(5e-5));
}

}  // namespace
}  // namespace cnn
