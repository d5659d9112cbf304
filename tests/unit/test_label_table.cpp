// Tables of image files and labels (CSV): how they are read, and that the programs take them.
#include <nlohmann/json.hpp>

#include "catch.h"
#include "config_example.h"
#include "core/error.h"
#include "core/file.h"
#include "data/csv_table.h"
#include "data/label_table.h"
#include "picture_folder.h"
#include "run_program.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Rows = std::vector<std::vector<std::string>>;

Rows rows_of(const std::string& content) {
  Rows rows;
  read_csv(content, "t.csv", [&](std::vector<CsvCell>& row) {
    rows.emplace_back();
    for (const CsvCell& cell : row) rows.back().push_back(cell.text);
  });
  return rows;
}

std::string fault_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("a table is read as RFC 4180 has it", "[data]") {
  CHECK(rows_of("a,b\n1,2\n") == Rows{{"a", "b"}, {"1", "2"}});
  CHECK(rows_of("a,b\r\n1,\r\n\r\n,2") == Rows{{"a", "b"}, {"1", ""}, {"", "2"}});
  CHECK(rows_of("\"x, y\",\"say \"\"hi\"\"\"\n\"two\r\nlines\",z\n") ==
        Rows{{"x, y", "say \"hi\""}, {"two\r\nlines", "z"}});
  CHECK(rows_of("\xEF\xBB\xBFpath,label\n") == Rows{{"path", "label"}});
  CHECK(rows_of("\"\",\"\"\n") == Rows{{"", ""}});
  CHECK(rows_of("").empty());
  CHECK(rows_of("\n\n").empty());
}

TEST_CASE("what is wrong with a table is told with its place", "[data]") {
  const auto fault = [](const std::string& content) { return fault_of([&] { rows_of(content); }); };
  CHECK(fault("a,b\n1\n") == "t.csv:2:1: this row has 1 cells, but the first one has 2");
  CHECK(fault("a,b\n\"x\ny\",1\nz,2,3\n") == "t.csv:4:1: this row has 3 cells, but the first one has 2");
  CHECK(fault("a,b\n1,x\"y\n") ==
        "t.csv:2:4: a quote within a cell; put the whole cell in quotes, and double this one");
  CHECK(fault("a,\"b\"c\n") ==
        "t.csv:1:6: text behind a closing quote; expected a comma or the end of the line");
  CHECK(fault("a,b\n1,\"2\n3") == "t.csv:2:3: this quote is never closed");
}

/// Pictures of two classes in one folder, and tables of them.
struct Table : PictureFolder {
  Table() {
    for (int i = 0; i < 12; ++i) put("all/" + std::to_string(i) + ".ppm", 8, 8, true, 1 + i % 2 + 14 * i);
  }
  LabelTable table(const std::string& content) const {
    write("all.csv", content);
    LabelTable table;
    table.file = path() / "all.csv";
    return table;
  }
  /// A row for each image; of twelve, the last four belong to the test part.
  static std::string rows(const std::string& header, bool parts) {
    std::string text = header + "\n";
    for (int i = 0; i < 12; ++i)
      text += "all/" + std::to_string(i) + ".ppm," + (i % 2 ? "\"dog, small\"" : "cat") +
              (parts ? i < 8 ? ",train" : ",test" : "") + "\n";
    return text;
  }
  std::string file(const std::string& name) const { return (path() / name).string(); }
};

TEST_CASE("a table gives files, classes and labels; paths start at its folder", "[data]") {
  const Table table;
  const ImageFiles files = read_label_table(table.table(Table::rows("path,label", false)));
  CHECK(files.classes == std::vector<std::string>{"cat", "dog, small"});
  CHECK(files.size() == 12);
  CHECK(files.path(3) == table.path() / "all/3.ppm");
  CHECK(files.label(2) == 0);
  CHECK(files.label(3) == 1);
  const ImageFiles plain = read_label_table(table.table("path\n/abs/x.png\n"));
  CHECK(plain.classes.empty());
  CHECK(plain.label(0) == -1);
  CHECK(plain.path(0) == "/abs/x.png");
}

TEST_CASE("the rows of a set are taken by the column that names it", "[data]") {
  const Table table;
  LabelTable all = table.table(Table::rows("path,label,split", true));
  CHECK(read_label_table(all).size() == 12);
  all.part = DataPart::train;
  CHECK(read_label_table(all).size() == 8);
  all.part = DataPart::test;
  CHECK(read_label_table(all).path(0) == table.path() / "all/8.ppm");
  all.part = DataPart::validation;
  CHECK_THAT(
      fault_of([&] { read_label_table(all); }),
      ContainsSubstring("all.csv: no row belongs to \"validation\"; the column \"split\" has test, train"));
  all.split = "train";
  CHECK(read_label_table(all).size() == 8);
  LabelTable renamed = table.table(Table::rows("img,class,set", true));
  CHECK_THAT(fault_of([&] { read_label_table(renamed); }),
             ContainsSubstring("all.csv:1:1: the first row names no column \"path\""));
  CHECK(guess_columns(renamed.file).path_column == "img");
  CHECK(guess_columns(renamed.file).label_column == "class");
  CHECK(guess_columns(renamed.file).split_column == "set");
  CHECK_THAT(fault_of([&] { read_label_table(table.table("path,label\na.png,\n")); }),
             ContainsSubstring("all.csv:2:7: the label is empty"));
  CHECK_THAT(fault_of([&] { read_label_table(table.table("path,label\n")); }),
             ContainsSubstring("all.csv: has no row below the names of its columns"));
  CHECK_THAT(fault_of([&] { read_label_table(table.table("")); }), ContainsSubstring("all.csv: is empty"));
}

TEST_CASE("a config names a table, or a table and its columns", "[config]") {
  const auto data = [](const std::string& train) {
    return config_of(edited(R"("folder", "train": "train")", R"("csv", "train": )" + train)).data;
  };
  LabelTable meant;
  meant.file = "/home/me/configs/t.csv", meant.part = DataPart::train;
  CHECK(std::get<LabelTable>(data("\"t.csv\"").train) == meant);
  const DataSpec spec = data(R"({"file": "t.csv", "label_column": "class", "split": "a"}, "test": "t.csv")");
  meant.label_column = "class", meant.split = "a";
  CHECK(std::get<LabelTable>(spec.train) == meant);
  CHECK(std::get<LabelTable>(*spec.test).part == DataPart::test);
}

TEST_CASE("training, evaluation and --init take a table", "[cli]") {
  const Table table;
  table.table(Table::rows("file,label,split", true));
  const std::string config = table.file("c.json"), csv = table.file("all.csv");
  const ProgramResult init = run_program(program_path("cnn-train"), {"--init", csv, "--out", config});
  INFO(init.description());
  REQUIRE(init.exit_code == 0);
  CHECK_THAT(read_file(config),
             ContainsSubstring("\"format\": \"csv\"") &&
                 ContainsSubstring(R"("train": {"file": "all.csv", "path_column": "file"})") &&
                 ContainsSubstring(R"("test": {"file": "all.csv", "path_column": "file"})"));
  const ProgramResult train =
      run_program(program_path("cnn-train"),
                  {"--config", config, "--run-dir", table.file("run"), "--set", "training.epochs=2"});
  INFO(train.description());
  REQUIRE(train.exit_code == 0);
  CHECK_THAT(train.err, ContainsSubstring("2 classes (cat, dog, small)"));
  CHECK_THAT(train.out, ContainsSubstring("of 4)"));
  const std::string model = table.file("run/best.safetensors");
  const auto eval = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"--model", model, "--images", csv});
    return run_program(program_path("cnn-eval"), more);
  };
  const ProgramResult all = eval({});
  CHECK(all.exit_code == 2);
  CHECK_THAT(all.err,
             ContainsSubstring("has images of several sets in the column \"split\"; say which one with "
                               "--split: train, test"));
  const ProgramResult test = eval({"--split", "test", "--json", "-"});
  INFO(test.description());
  CHECK(test.exit_code == 0);
  CHECK(Json::parse(test.out)["images"] == 4);
  const ProgramResult unknown = eval({"--split", "tset"});
  CHECK(unknown.exit_code == 1);
  CHECK_THAT(unknown.err, ContainsSubstring("no row belongs to \"tset\""));
}

TEST_CASE("a missing image of a table is a bad image, and an unknown label an error", "[cli]") {
  const Table table;
  table.table(Table::rows("path,label", false) + "all/gone.ppm,cat\n");
  table.write("c.json", R"({"data": {"format": "csv", "train": "all.csv",
      "image": {"channels": 3, "height": 8, "width": 8}},
      "network": [{"type": "flatten"}, {"type": "dense", "units": 2}],
      "training": {"epochs": 1, "batch_size": 4, "optimizer": {"type": "sgd", "learning_rate": 0.01}}})");
  const auto train = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"--config", table.file("c.json"), "--run-dir", table.file("run")});
    return run_program(program_path("cnn-train"), more);
  };
  const ProgramResult gone = train({});
  CHECK(gone.exit_code == 1);
  CHECK_THAT(gone.err, ContainsSubstring("all/gone.ppm: cannot be opened: No such file or directory"));
  REQUIRE(train({"--set", "data.bad_images=skip"}).exit_code == 0);
  table.write("other.csv", "path,label\nall/0.ppm,cow\n");
  const ProgramResult other =
      run_program(program_path("cnn-eval"),
                  {"--model", table.file("run/best.safetensors"), "--images", table.file("other.csv")});
  CHECK(other.exit_code == 1);
  CHECK_THAT(other.err, ContainsSubstring("cow"));
}

}  // namespace
}  // namespace cnn
