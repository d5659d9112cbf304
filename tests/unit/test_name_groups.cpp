// `validation.group_by`: images whose names have the same match stay in one part.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "catch.h"
#include "config_example.h"
#include "core/file.h"
#include "data/memory_dataset.h"
#include "data/name_groups.h"
#include "picture_folder.h"
#include "run_program.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using Numbers = std::vector<std::int64_t>;

TEST_CASE("a name is what lies below the folder of the class, or what a table says", "[data]") {
  const DataLocation folder = FolderLocation{"/photos/train"};
  CHECK(name_in_class("/photos/train/cat/a.jpg", folder, ClassFolders::top) == "a.jpg");
  CHECK(name_in_class("/photos/train/cat/scene 3/a.jpg", folder, ClassFolders::automatic) == "scene 3/a.jpg");
  CHECK(name_in_class("/photos/train/cat/scene 3/a.jpg", folder, ClassFolders::leaf) == "a.jpg");
  CHECK(name_in_class("/cat/a.jpg", FolderLocation{"/"}, ClassFolders::top) == "a.jpg");
  LabelTable table;
  table.file = "/photos/all.csv";
  CHECK(name_in_class("/photos/x/a.jpg", table, ClassFolders::automatic) == "x/a.jpg");
  CHECK(name_in_class("/elsewhere/a.jpg", table, ClassFolders::automatic) == "/elsewhere/a.jpg");
}

TEST_CASE("images with the same match are a group, others are on their own", "[data]") {
  const std::vector<std::string> names{"s1_1.jpg", "s2_1.jpg", "odd.jpg", "s1_2.jpg", "odd too.jpg"};
  const NameGroups whole = group_by_name(names, "^s[0-9]+");
  CHECK(whole.group == Numbers{0, 1, 2, 0, 3});
  CHECK(whole.groups == 4);
  CHECK(whole.matched == 3);
  CHECK(group_by_name(names, "(.)\\.jpg").group == Numbers{0, 0, 1, 2, 3});
  CHECK(group_by_name(names, "_(.)").group == Numbers{0, 0, 1, 2, 3});
  // A first part that takes no part: the whole match.
  CHECK(group_by_name(names, "^s(1)?.").group == Numbers{0, 1, 2, 0, 3});
  CHECK(group_by_name(names, "x").matched == 0);
  CHECK_THROWS_WITH(group_by_name(names, "("), ContainsSubstring("/data/validation/group_by"));
}

/// Images of one pixel with these labels, '0' ...
std::shared_ptr<const Dataset> labeled(const std::string& labels) {
  MemoryDataset::Content content;
  content.channels = content.height = content.width = 1;
  content.pixels.resize(labels.size());
  for (const char label : labels) content.labels.push_back(label - '0');
  content.classes = {"cat", "dog", "eel"};
  content.name = [](std::int64_t image) { return std::to_string(image); };
  return std::make_shared<MemoryDataset>(std::move(content));
}

/// 300 images of 3 classes; the group of image i is number(i).
template <class Number>
std::pair<std::shared_ptr<const Dataset>, NameGroups> grouped(const Number& number) {
  std::string labels;
  std::vector<std::string> names;
  for (int i = 0; i < 300; ++i) {
    labels += static_cast<char>('0' + i % 3);
    names.push_back("g" + std::to_string(number(i)) + "_");
  }
  return {labeled(labels), group_by_name(names, "^(.*)_")};
}

/// Fails if a group is in both parts, or an image is missing.
void check_whole(const NameGroups& groups, const Split& split) {
  std::map<std::int64_t, std::set<bool>> parts;
  for (const std::int64_t i : split.train) parts[groups.group[static_cast<std::size_t>(i)]].insert(false);
  for (const std::int64_t i : split.validation) parts[groups.group[static_cast<std::size_t>(i)]].insert(true);
  for (const auto& [group, in] : parts) REQUIRE(in.size() == 1);
  REQUIRE(split.train.size() + split.validation.size() == groups.group.size());
  REQUIRE(std::is_sorted(split.train.begin(), split.train.end()));
  REQUIRE(std::is_sorted(split.validation.begin(), split.validation.end()));
}

Numbers held_back(const Dataset& dataset, const Split& split) {
  Numbers counts(dataset.classes().size());
  for (const std::int64_t i : split.validation) ++counts[static_cast<std::size_t>(dataset.label(i))];
  return counts;
}

TEST_CASE("groups stay whole, and the fraction of every class is kept as groups allow", "[data]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    // Groups of one class with 5 images, of all classes with 2 of each, and every image on its own.
    const auto [by_class, fives] = grouped([](int i) { return i / 15 * 3 + i % 3; });
    Split split = grouped_split(*by_class, fives, 0.2, seed);
    check_whole(fives, split);
    CHECK(held_back(*by_class, split) == Numbers{20, 20, 20});
    const auto [across, sixes] = grouped([](int i) { return i / 6; });
    split = grouped_split(*across, sixes, 0.2, seed);
    check_whole(sixes, split);
    CHECK(held_back(*across, split) == Numbers{20, 20, 20});
    const auto [alone, ones] = grouped([](int i) { return i; });
    split = grouped_split(*alone, ones, 0.33, seed);
    check_whole(ones, split);
    CHECK(held_back(*alone, split) == Numbers{33, 33, 33});
    // Groups of very different sizes: 1, 2, 3 ... images of all classes.
    const auto [uneven, growing] =
        grouped([](int i) { return static_cast<int>(std::sqrt(static_cast<double>(i))); });
    split = grouped_split(*uneven, growing, 0.2, seed);
    check_whole(growing, split);
    for (const std::int64_t count : held_back(*uneven, split)) CHECK(count == Approx(20).margin(8));
  }
}

TEST_CASE("a split by groups depends on the seed, and takes other groups for another", "[data]") {
  const auto [dataset, groups] = grouped([](int i) { return i / 6; });
  const Split split = grouped_split(*dataset, groups, 0.2, 7);
  CHECK(grouped_split(*dataset, groups, 0.2, 7).validation == split.validation);
  CHECK(grouped_split(*dataset, groups, 0.2, 8).validation != split.validation);
}

TEST_CASE("every class keeps images, and has some held back if it has two groups", "[data]") {
  // Class 0: two groups of 50; class 1: one group; class 2: a group of 90 and one of 10.
  std::string labels;
  std::vector<std::string> names;
  const auto add = [&](char label, int count, const char* name) {
    labels.append(static_cast<std::size_t>(count), label);
    names.insert(names.end(), static_cast<std::size_t>(count), name);
  };
  add('0', 50, "a"), add('0', 50, "b"), add('1', 100, "c"), add('2', 90, "d"), add('2', 10, "e");
  const auto dataset = labeled(labels);
  const NameGroups groups = group_by_name(names, ".*");
  for (std::uint64_t seed = 1; seed <= 10; ++seed)
    CHECK(held_back(*dataset, grouped_split(*dataset, groups, 0.2, seed)) == Numbers{50, 0, 10});

  const NameGroups one = group_by_name(names, "()");
  CHECK_THROWS_WITH(grouped_split(*dataset, one, 0.2, 1),
                    ContainsSubstring("/data/validation/group_by: all images are 1 group"));
}

TEST_CASE("what groups came to is said", "[data]") {
  const auto [dataset, groups] = grouped([](int i) { return i / 6; });
  const Split split = grouped_split(*dataset, groups, 0.2, 7);
  CHECK(group_notes(groups, split, "^(.*)_", "g0_") ==
        std::vector<std::string>{
            "\"group_by\" makes 50 groups of 300 training images; 10 groups with 60 images "
            "(20.0 %) are held back"});
  const NameGroups none = group_by_name(std::vector<std::string>(300, "g"), "x+");
  CHECK(group_notes(none, split, "x+", "g") ==
        std::vector<std::string>{
            "warning: \"group_by\" (x+) matches no name, so every image is on its own; it is "
            "tried on names like g"});
}

TEST_CASE("group_by is read, kept, and refused where it cannot work", "[config]") {
  const auto config = [](const std::string& validation) {
    return edited(R"("train": "train")", R"("train": "train", "validation": )" + validation);
  };
  const Config read = config_of(config(R"({"fraction": 0.2, "group_by": "^(.*)_[0-9]+\\."})"));
  CHECK(read.data.validation == decltype(read.data.validation)(ValidationFraction{0.2, "^(.*)_[0-9]+\\."}));
  CHECK(config_of(resolved_json(read)).data.validation == read.data.validation);
  CHECK(read_model_config(model_config_json(read), "m").data.validation == read.data.validation);
  CHECK(resolved_json(config_of(config(R"({"fraction": 0.2})"))).find("group_by") == std::string::npos);

  const auto message = [&](const std::string& text) { return message_of([&] { config_of(text); }); };
  CHECK_THAT(message(config(R"({"fraction": 0.2, "group_by": "a(b"})")),
             StartsWith("a.json:2:94: /data/validation/group_by: found \"a(b\", expected a "
                        "regular expression (a string): "));
  CHECK(message(config(R"({"group_by": "a"})")) ==
        "a.json:2:64: /data/validation/fraction: missing; expected a number > 0 and < 1");
  CHECK(message(config(R"({"fraction": 0.2, "group_by": ""})")) ==
        "a.json:2:94: /data/validation/group_by: found the string \"\", expected a regular expression (a "
        "string)");
  const std::string deep(100'000, '(');
  CHECK_THAT(message(config(R"({"fraction": 0.2, "group_by": ")" + deep + "\"}")),
             ContainsSubstring("expected a regular expression"));
  CHECK_THAT(
      message(edited(R"("folder", "train": "train")",
                     R"("cifar10", "train": "a.bin", "validation": {"fraction": 0.2, "group_by": "a"})")),
      ContainsSubstring("/data/validation/group_by: goes by the names of image files (format "
                        "\"folder\" or \"csv\"); remove it"));
}

/// A config for `train` (a folder, or a table) beside it.
fs::path config_beside(const fs::path& folder, const std::string& format, const std::string& train) {
  write_file_atomically(folder / "config.json", R"({
    "data": {"format": ")" + format + R"(", "train": ")" +
                                                    train + R"(",
             "validation": {"fraction": 0.3, "group_by": "^(?:.*/)?(p[0-9]+)_"},
             "image": {"channels": 1, "height": 6, "width": 6}},
    "network": [{"type": "flatten"}, {"type": "dense", "units": 2}],
    "training": {"epochs": 1, "batch_size": 8, "optimizer": {"type": "sgd", "learning_rate": 0.01}}})");
  return folder / "config.json";
}

TEST_CASE("cnn-train splits folders and tables by groups, and says so", "[cli]") {
  const PictureFolder folder;
  std::string table = "path,label\n";
  for (int i = 0; i < 40; ++i) {
    const std::string name =
        std::string(i % 2 ? "cat" : "dog") + "/p" + std::to_string(i / 4) + "_" + std::to_string(i) + ".pgm";
    folder.put("train/" + name, 6, 6, false, i);
    table += "train/" + name + "," + (i % 2 ? "cat" : "dog") + "\n";
  }
  write_file_atomically(folder.path() / "all.csv", table);
  for (const auto& [format, train] : {std::pair{"folder", "train"}, {"csv", "all.csv"}}) {
    const fs::path run = folder.path() / format;
    const ProgramResult result = run_program(
        program_path("cnn-train"),
        {"--config", config_beside(folder.path(), format, train).string(), "--run-dir", run.string()});
    INFO(result.description());
    REQUIRE(result.exit_code == 0);
    CHECK_THAT(
        result.err,
        ContainsSubstring("\"group_by\" makes 10 groups of 40 training images; 3 groups with 12 images (30.0 "
                          "%) are held back"));
  }
}

}  // namespace
}  // namespace cnn
