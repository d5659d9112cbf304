// Pictures that look nearly like a training image: what is found, and what is not.
#include <algorithm>
#include <cmath>
#include <functional>

#include "catch.h"
#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "core/text.h"
#include "data/fingerprint.h"
#include "data/memory_dataset.h"
#include "data/near_duplicates.h"
#include "data/picture_hash.h"
#include "picture_folder.h"
#include "run_program.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

constexpr int kSide = 48;
using Bytes = std::vector<std::uint8_t>;

/// A picture that is different everywhere: random spots of 6 pixels, blended into one another.
Bytes scene(std::uint32_t number, int channels = 3, double shift = 0) {
  constexpr int kSpots = 12;
  Random random(1, Purpose::split, number);
  Bytes picture;
  for (int c = 0; c < channels; ++c) {
    std::vector<double> spots;
    for (int i = 0; i < kSpots * kSpots; ++i) spots.push_back(static_cast<double>(random.uniform(20, 235)));
    for (int y = 0; y < kSide; ++y)
      for (int x = 0; x < kSide; ++x) {
        const double v = y / 6.0, u = (x + shift) / 6.0;
        const auto at = [&](int row, int column) {
          return spots[static_cast<std::size_t>(row * kSpots + column)];
        };
        const int row = static_cast<int>(v), column = static_cast<int>(u);
        const double down = v - row, right = u - column;
        const double above = at(row, column) * (1 - right) + at(row, column + 1) * right;
        const double below = at(row + 1, column) * (1 - right) + at(row + 1, column + 1) * right;
        picture.push_back(static_cast<std::uint8_t>(above * (1 - down) + below * down));
      }
  }
  return picture;
}

Bytes with(Bytes picture, const std::function<double(double, std::size_t)>& change) {
  for (std::size_t i = 0; i < picture.size(); ++i)
    picture[i] = static_cast<std::uint8_t>(std::clamp(change(picture[i], i), 0.0, 255.0));
  return picture;
}

/// A data set of pictures as a part to look in.
struct Part {
  Part(std::string name, const std::vector<Bytes>& pictures, int channels = 3) : part(std::move(name)) {
    MemoryDataset::Content content;
    content.channels = channels, content.height = content.width = kSide;
    for (const Bytes& picture : pictures) {
      for (const std::uint8_t byte : picture) content.pixels.push_back(static_cast<std::byte>(byte));
      content.labels.push_back(0);
    }
    content.classes = {"cat"};
    content.name = [stem = part.substr(0, 2)](std::int64_t i) { return fmt::format("{}{}.png", stem, i); };
    dataset = std::make_shared<MemoryDataset>(std::move(content));
    ThreadPool pool(2);
    prints = fingerprints_of(*dataset, pool);
  }
  operator DuplicateCandidates() const { return {part, dataset.get(), &prints}; }
  std::string part;
  std::shared_ptr<const Dataset> dataset;
  std::vector<Fingerprint> prints;
};

NearDuplicates near(const std::vector<DuplicateCandidates>& parts, int threads = 2) {
  ThreadPool pool(threads);
  return find_near_duplicates(parts, pool);
}

TEST_CASE("the same scene in other light, quality or place is found, another one is not", "[data]") {
  std::vector<Bytes> scenes;
  for (std::uint32_t i = 0; i < 200; ++i) scenes.push_back(scene(i));
  std::vector<Bytes> others{scene(1000)};
  others.push_back(with(scenes[3], [](double v, std::size_t) { return v * 0.7 + 20; }));
  others.push_back(with(scenes[150], [](double v, std::size_t i) { return v + (i * 7919 % 17) - 8.0; }));
  others.push_back(scene(77, 3, 0.8));  // the next frame
  others.push_back(scenes[5]);          // exactly the same: told elsewhere
  others.push_back(scene(77, 3, 20));   // somewhere else
  for (std::uint32_t i = 0; i < 200; ++i) others.push_back(scene(2000 + i));
  const Part train("training", scenes), test("test", others);
  const NearDuplicates found = near({train, test});
  REQUIRE(found.pairs.size() == 3);
  const std::vector<std::pair<std::int64_t, std::int64_t>> expected{{1, 3}, {2, 150}, {3, 77}};
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(found.pairs[i].part == 1);
    CHECK(found.pairs[i].image == expected[i].first);
    CHECK(found.pairs[i].like == expected[i].second);
    CHECK(found.pairs[i].correlation >= 0.95);
  }
  CHECK(near({train}).empty());
  CHECK(near({test, train}).pairs.size() == 3);
}

TEST_CASE("near duplicates do not depend on the number of threads", "[data]") {
  std::vector<Bytes> scenes, others;
  for (std::uint32_t i = 0; i < 60; ++i) {
    scenes.push_back(scene(i));
    others.push_back(scene(i, 3, i % 2 ? 0.5 : 30));
  }
  const Part train("training", scenes), test("test", others);
  const std::string one = near_duplicate_table(near({train, test}, 1), {train, test});
  CHECK(near_duplicate_table(near({train, test}, 3), {train, test}) == one);
  CHECK(std::count(one.begin(), one.end(), '\n') == 31);
}

TEST_CASE("simple pictures look alike without being copies, and have no hash", "[data]") {
  const auto hash = [](const Bytes& picture, int channels, int side) {
    return picture_hash(thumbnail(
        {reinterpret_cast<const std::byte*>(picture.data()), PixelType::bytes, channels, side, side}));
  };
  Bytes bar(kSide * kSide);
  for (int y = 8; y < 40; ++y)
    for (int x = 20; x < 28; ++x) bar[static_cast<std::size_t>(y * kSide + x)] = 200;
  CHECK(hash(bar, 1, kSide) == 0);
  CHECK(hash(Bytes(kSide * kSide, 90), 1, kSide) == 0);
  CHECK(hash(Bytes(15 * 15, 90), 1, 15) == 0);
  Bytes tiny(15 * 15), small(16 * 16);
  for (std::size_t i = 0; i < tiny.size(); ++i) tiny[i] = static_cast<std::uint8_t>(i);
  for (std::size_t i = 0; i < small.size(); ++i) small[i] = static_cast<std::uint8_t>(i * 37);
  CHECK(hash(tiny, 1, 15) == 0);
  CHECK(hash(small, 1, 16) != 0);
  CHECK(hash(scene(1), 3, kSide) != 0);
  const Part digits("training", {bar}, 1);
  const Part more("test", {with(bar, [](double v, std::size_t) { return v * 0.9; })}, 1);
  CHECK(near({digits, more}).empty());
}

TEST_CASE("a hash holds one bit for each step to the right", "[data]") {
  // 9 columns of 5 pixels and 8 rows of 6: boxes without overlap.
  Thumbnail picture;
  picture.height = 32, picture.width = 27;
  for (int y = 0; y < 32; ++y)
    for (int x = 0; x < 27; ++x)
      picture.values[static_cast<std::size_t>(y * 27 + x)] =
          static_cast<float>((y / 4 == 2 ? 8 - x / 3 : x / 3) * 27 + x % 3 + (y * 5 + x * 3) % 17);
  CHECK(picture_hash(picture) == 0xffff00ffffffffffu);
  CHECK(distance(0xffff00ffffffffffu, 0xffffffffffffffffu) == 8);
}

TEST_CASE("a thumbnail is the mean of boxes, in grey", "[data]") {
  Bytes picture;
  for (int c = 0; c < 3; ++c)
    for (int i = 0; i < 64 * 64; ++i) picture.push_back(static_cast<std::uint8_t>((c + 1) * (i % 64 / 2)));
  const Thumbnail small =
      thumbnail({reinterpret_cast<const std::byte*>(picture.data()), PixelType::bytes, 3, 64, 64});
  REQUIRE(small.height == 32);
  for (int x = 0; x < 32; ++x) CHECK(small.at(7, x) == Approx(x * (0.299 + 2 * 0.587 + 3 * 0.114)));
  const std::vector<float> floats{0.25f, 0.5f, 0.75f, 1, 0, 0.125f};
  const Thumbnail own =
      thumbnail({reinterpret_cast<const std::byte*>(floats.data()), PixelType::floats, 1, 2, 3});
  CHECK(own.height == 2);
  CHECK(own.at(1, 0) == 1);
  CHECK(correlation(own, own) == Approx(1));
  CHECK(correlation(own, small) == 0);
}

TEST_CASE("near duplicates are told with one example, and group_by where it helps", "[data]") {
  const Part train("training", {scene(1), scene(2)}), validation("validation", {scene(2, 3, 0.5)}),
      test("test", {scene(9), scene(1, 3, 0.3), scene(2, 3, 0.9)});
  const std::vector<DuplicateCandidates> parts{train, validation, test};
  const NearDuplicates found = near(parts);
  const std::vector<std::string> notes = near_duplicate_notes(found, parts, true);
  REQUIRE(notes.size() == 5);
  CHECK_THAT(notes[0],
             ContainsSubstring("warning: 1 of 1 validation images looks nearly like a training image"));
  CHECK(notes[1] == "  va0.png (validation, cat) ~ tr1.png (training, cat)");
  CHECK_THAT(notes[2], ContainsSubstring("\"group_by\""));
  CHECK_THAT(notes[3], ContainsSubstring("warning: 2 of 3 test images look nearly like"));
  CHECK(notes[4] == "  te1.png (test, cat) ~ tr0.png (training, cat)");
  CHECK(near_duplicate_notes(found, parts, false).size() == 4);
  CHECK_THAT(near_duplicate_table(found, parts),
             ContainsSubstring("part,class,path,training_class,training_path,correlation\n"
                               "validation,cat,va0.png,cat,tr1.png,0.9"));
}

TEST_CASE("cnn-train tells near duplicates and lists them", "[cli]") {
  const PictureFolder folder;
  const auto put = [&](const std::string& name, const Bytes& picture) {
    folder.write(name,
                 fmt::format("P5\n{0} {0}\n255\n", kSide) + std::string(picture.begin(), picture.end()));
  };
  for (std::uint32_t i = 0; i < 20; ++i)
    for (int frame = 0; frame < 2; ++frame)
      put(fmt::format("train/{}/s{}_{}.pgm", i % 2 ? "cat" : "dog", i, frame), scene(i, 1, frame * 0.6));
  write_file_atomically(folder.path() / "config.json", R"({
    "data": {"format": "folder", "train": "train", "validation": {"fraction": 0.3},
             "image": {"channels": 1, "height": 48, "width": 48}},
    "network": [{"type": "flatten"}, {"type": "dense", "units": 2}],
    "training": {"epochs": 1, "batch_size": 8, "optimizer": {"type": "sgd", "learning_rate": 0.01}}})");
  const auto train = [&](const std::string& name, const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"--config", (folder.path() / "config.json").string(), "--run-dir",
                                       (folder.path() / name).string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(program_path("cnn-train"), arguments);
  };
  const ProgramResult plain = train("plain", {});
  INFO(plain.description());
  REQUIRE(plain.exit_code == 0);
  CHECK_THAT(plain.err, ContainsSubstring("validation images look nearly like a training image"));
  CHECK_THAT(plain.err, ContainsSubstring("\"group_by\" in \"validation\" keeps it in one part"));
  CHECK_THAT(read_file(folder.path() / "plain" / "near_duplicates.csv"), ContainsSubstring("validation,"));

  const ProgramResult grouped = train("grouped", {"--set", "data.validation.group_by=^(.*)_"});
  INFO(grouped.description());
  REQUIRE(grouped.exit_code == 0);
  CHECK_FALSE(fs::exists(folder.path() / "grouped" / "near_duplicates.csv"));
  CHECK_THAT(grouped.err, ContainsSubstring("makes 20 groups of 40 training images"));
}

}  // namespace
}  // namespace cnn
