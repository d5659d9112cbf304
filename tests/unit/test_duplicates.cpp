#include <algorithm>
#include <fstream>
#include <set>

#include "catch.h"
#include "core/error.h"
#include "core/file.h"
#include "data/class_notes.h"
#include "data/duplicates.h"
#include "data/fingerprint.h"
#include "data/memory_dataset.h"
#include "data/open_dataset.h"
#include "data/subset.h"
#include "picture_folder.h"
#include "run_program.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

/// Images of one pixel: `values` are the pixels, one character each; `labels` '0', '1', ...; '-' is none.
std::shared_ptr<const Dataset> pixels(const std::string& values, const std::string& labels,
                                      std::vector<std::string> classes = {"cat", "dog", "eel"},
                                      const std::string& stem = "x") {
  MemoryDataset::Content content;
  content.channels = content.height = content.width = 1;
  for (const char value : values) content.pixels.push_back(static_cast<std::byte>(value));
  for (const char label : labels) content.labels.push_back(label == '-' ? -1 : label - '0');
  content.classes = std::move(classes);
  content.name = [stem](std::int64_t image) { return fmt::format("{}{}.png", stem, image); };
  return std::make_shared<MemoryDataset>(std::move(content));
}

/// A data set with its fingerprints, as a part to look for copies in.
struct Part {
  Part(std::string name, std::shared_ptr<const Dataset> set)
      : part(std::move(name)), dataset(std::move(set)), prints([&] {
          ThreadPool pool(2);
          return fingerprints_of(*dataset, pool);
        }()) {}
  operator DuplicateCandidates() const { return {part, dataset.get(), &prints}; }
  std::string part;
  std::shared_ptr<const Dataset> dataset;
  std::vector<Fingerprint> prints;
};

TEST_CASE("fingerprints differ where any byte does, its place or the length too", "[data]") {
  std::set<Fingerprint> seen;
  std::size_t images = 0;
  const auto add = [&](const std::vector<std::byte>& bytes) {
    seen.insert(fingerprint(bytes));
    ++images;
  };
  for (std::size_t length = 0; length < 40; ++length) add(std::vector<std::byte>(length));
  for (std::size_t at = 0; at < 37; ++at)
    for (int value = 1; value < 256; ++value) {
      std::vector<std::byte> bytes(37);
      bytes[at] = static_cast<std::byte>(value);
      add(bytes);
    }
  for (std::size_t at = 0; at < 29; ++at) {  // the same change in two words
    std::vector<std::byte> bytes(37);
    bytes[at] = bytes[at + 8] = std::byte{0x80};
    add(bytes);
  }
  CHECK(seen.size() == images);
  const std::vector<std::byte> one(37, std::byte{7}), same = one;
  CHECK(fingerprint(one) == fingerprint(same));
}

TEST_CASE("half of a fingerprint's bits depend on each bit of an image", "[data]") {
  std::vector<std::byte> bytes(64);
  const Fingerprint before = fingerprint(bytes);
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    CAPTURE(bit);
    bytes[bit / 8] ^= std::byte(1 << bit % 8);
    const Fingerprint after = fingerprint(bytes);
    bytes[bit / 8] ^= std::byte(1 << bit % 8);
    CHECK(__builtin_popcountll(before.high ^ after.high) >= 10);
    CHECK(__builtin_popcountll(before.low ^ after.low) >= 10);
  }
}

TEST_CASE("copies are found within and across the sets, and those that contradict each other", "[data]") {
  const Part train("training", pixels("abcab", "01201", {"cat", "dog", "eel"}, "t"));
  const Part validation("validation", pixels("bzz", "122", {"cat", "dog", "eel"}, "v"));
  const Part test("test", pixels("zcq", "210", {"cat", "dog", "eel"}, "e"));
  const std::vector<DuplicateCandidates> parts{train, validation, test};
  const Duplicates found = find_duplicates(parts);
  using Image = Duplicates::Image;
  CHECK(found.groups ==
        std::vector<std::vector<Image>>{
            {{0, 0}, {0, 3}}, {{0, 1}, {0, 4}, {1, 0}}, {{0, 2}, {2, 1}}, {{1, 1}, {1, 2}, {2, 0}}});
  CHECK(found.shared == std::vector<std::vector<std::int64_t>>{{2, 1, 1}, {0, 1, 1}, {0, 0, 0}});
  CHECK(found.contradicting_groups == 1);  // c is an eel and a dog
  CHECK(found.contradicting_images == 2);

  const std::vector<std::string> notes = duplicate_notes(found, parts, 2);
  REQUIRE(notes.size() == 9);
  CHECK(notes[0] == "warning: 2 images have a copy in another class, in 1 group: one of the labels is wrong");
  CHECK_THAT(notes[1],
             ContainsSubstring("warning: 1 of 3 validation images is a copy of one of the training images"));
  CHECK_THAT(notes[2], ContainsSubstring("warning: 1 of 3 test images is a copy of one of the training"));
  CHECK(notes[3] == "warning: 1 of 3 test images is a copy of one of the validation images, pixel by pixel");
  CHECK(notes[4] == "2 of 5 training images are copies of other images, pixel by pixel");
  CHECK(notes[6] == "  t2.png (training, eel) = e1.png (test, dog)");
  CHECK(notes[7] == "  t1.png (training, dog) = t4.png (training, dog) = v0.png (validation, dog)");
  CHECK(notes[8] == "  and 2 more groups");

  CHECK(duplicate_table(found, parts) ==
        "group,part,class,path\n1,training,cat,t0.png\n1,training,cat,t3.png\n2,training,dog,t1.png\n"
        "2,training,dog,t4.png\n2,validation,dog,v0.png\n3,training,eel,t2.png\n3,test,dog,e1.png\n"
        "4,validation,eel,v1.png\n4,validation,eel,v2.png\n4,test,eel,e0.png\n");
}

TEST_CASE("images without copies give no groups and nothing to say", "[data]") {
  const Part train("training", pixels("abc", "012")), other("test", pixels("de", "--"));
  const std::vector<DuplicateCandidates> parts{train, other};
  CHECK(find_duplicates(parts).empty());
  CHECK(duplicate_notes(find_duplicates(parts), parts).empty());
  const Part unlabeled("test", pixels("aa", "--"));
  CHECK(find_duplicates({train, unlabeled}).contradicting_images == 0);
}

TEST_CASE("what is odd about the classes is said", "[data]") {
  const auto train = pixels(std::string(34, 'a'), "000" + std::string(31, '1'));
  const auto validation = pixels("a", "1");
  const std::vector<std::string> notes = class_notes(*train, validation.get(), train.get());
  REQUIRE(notes.size() == 4);
  CHECK(notes[0] == "warning: no training image of class \"eel\": the network cannot learn it");
  CHECK_THAT(notes[1], ContainsSubstring("no validation image of classes \"cat\", \"eel\""));
  CHECK_THAT(notes[2], ContainsSubstring("no test image of class \"eel\""));
  CHECK_THAT(notes[3], ContainsSubstring("31 training images of \"dog\", 3 of \"cat\""));
  CHECK(class_notes(*pixels(std::string(30, 'a'), "000" + std::string(27, '1'), {"a", "b"}), nullptr, nullptr)
            .empty());

  const auto alike = pixels("abcde", "01234", {"Cat", "big dog", "big_Dog ", "cat", "catt"});
  const std::vector<std::string> names = class_notes(*alike, nullptr, nullptr);
  REQUIRE(names.size() == 2);
  const auto accents = pixels("ab", "01", {"Mu\u0308ller", "M\u00FCller"});
  CHECK_THAT(class_notes(*accents, nullptr, nullptr).back(),
             ContainsSubstring("the form of their accents only"));
  CHECK_THAT(names[0], ContainsSubstring("\"big dog\", \"big_Dog \" differ in case"));
  CHECK_THAT(names[1], ContainsSubstring("\"Cat\", \"cat\" differ in case"));
}

TEST_CASE("a copy in another file format is found, also beyond the cache and beside bad files", "[data]") {
  const fs::path images = fs::path(CNN_SOURCE_DIR) / "tests" / "images";
  const TemporaryFolder folder;
  for (const char* name : {"a", "b"}) fs::create_directories(folder.path() / name);
  fs::copy(images / "grey.png", folder.path() / "a" / "1.png");
  fs::copy(images / "color.png", folder.path() / "a" / "3.png");
  fs::copy(images / "grey.pgm", folder.path() / "b" / "1.pgm");
  std::ofstream(folder.path() / "a" / "2.png") << "no image";
  ThreadPool pool(2);
  for (const std::int64_t cache_bytes : {1 << 20, 20, 0}) {
    LoadOptions options;
    options.bad_images = BadImages::skip;
    options.cache_bytes = cache_bytes;
    const LoadedSet set = open_dataset(FolderLocation{folder.path()}, {1, 4, 5}, options, pool);
    REQUIRE(set.dataset->size() == 3);
    const std::vector<DuplicateCandidates> parts{{"training", set.dataset.get(), &set.fingerprints}};
    const Duplicates found = find_duplicates(parts);
    REQUIRE(found.groups.size() == 1);
    CHECK(found.groups[0] == std::vector<Duplicates::Image>{{0, 0}, {0, 2}});
    CHECK(found.contradicting_images == 2);
    CHECK(set.fingerprints == fingerprints_of(*set.dataset, pool));
  }
}

/// A config for the folders train and test of a temporary folder.
fs::path config_of(const fs::path& folder) {
  std::ofstream(folder / "config.json") << R"({
    "data": {"format": "folder", "train": "train", "validation": "check", "test": "test",
             "image": {"channels": 1, "height": 6, "width": 6}},
    "network": [{"type": "flatten"}, {"type": "dense", "units": 3}],
    "training": {"epochs": 1, "batch_size": 8, "optimizer": {"type": "sgd", "learning_rate": 0.01}}})";
  return folder / "config.json";
}

TEST_CASE("cnn-train says before training what lies in its data, and lists it in duplicates.csv", "[cli]") {
  const PictureFolder folder;
  for (int i = 0; i < 30; ++i) folder.put("train/cat/" + std::to_string(i) + ".pgm", 6, 6, false, i);
  for (int i = 0; i < 2; ++i) folder.put("train/dog/" + std::to_string(i) + ".pgm", 6, 6, false, 100 + i);
  folder.put("train/Dog/wrong, too.pgm", 6, 6, false, 5);  // cat/5.pgm
  folder.put("check/cat/1.pgm", 6, 6, false, 7);           // learned
  folder.put("test/dog/1.pgm", 6, 6, false, 200);
  const fs::path config = config_of(folder.path()), run = folder.path() / "run";
  const ProgramResult result =
      run_program(program_path("cnn-train"), {"--config", config.string(), "--run-dir", run.string()});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  for (const char* said :
       {"warning: 2 images have a copy in another class, in 1 group",
        "warning: 1 of 1 validation images is a copy of one of the training images",
        "warning: no validation image of classes \"Dog\", \"dog\"",
        "warning: no test image of classes \"Dog\", \"cat\"", "30 training images of \"cat\", 1 of \"Dog\"",
        "warning: the classes \"Dog\", \"dog\" differ in case", "duplicates.csv"}) {
    CHECK_THAT(result.err, ContainsSubstring(said));
    CHECK_THAT(read_file(run / "train.log"), ContainsSubstring(said));
  }
  const std::string root = (folder.path() / "train/").string();
  CHECK(read_file(run / "duplicates.csv") ==
        "group,part,class,path\n1,training,Dog,\"" + root + "Dog/wrong, too.pgm\"\n1,training,cat," + root +
            "cat/5.pgm\n2,training,cat," + root + "cat/7.pgm\n2,validation,cat," +
            (folder.path() / "check/cat/1.pgm").string() + "\n");

  const ProgramResult refused = run_program(
      program_path("cnn-train"), {"--config", config.string(), "--run-dir",
                                  (folder.path() / "other").string(), "--set", "data.duplicates=fail"});
  INFO(refused.description());
  CHECK(refused.exit_code == 1);
  CHECK_THAT(refused.err, ContainsSubstring("\"duplicates\" is \"fail\"") && ContainsSubstring("cat/5.pgm"));
  CHECK_FALSE(fs::exists(folder.path() / "other"));
}

TEST_CASE("a class whose name no model could keep is refused before training", "[cli]") {
  const PictureFolder folder;
  for (const char* part : {"train", "check", "test"}) {
    folder.put(std::string(part) + "/caf\xE9/1.pgm", 6, 6, false, 1);
    folder.put(std::string(part) + "/dog/1.pgm", 6, 6, false, 2);
  }
  const ProgramResult result = run_program(
      program_path("cnn-train"),
      {"--config", config_of(folder.path()).string(), "--run-dir", (folder.path() / "run").string()});
  INFO(result.description());
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, ContainsSubstring("caf\\xE9") && ContainsSubstring("rename it"));
}

}  // namespace
}  // namespace cnn
