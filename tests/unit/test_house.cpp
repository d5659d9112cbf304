#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "catch.h"
#include "core/error.h"
#include "core/file.h"
#include "source_files.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

using Prefixes = std::vector<std::string_view>;

/// What each room may include of the project: a room ("nn/"), or single headers of one.
const std::map<std::string, Prefixes, std::less<>> kMayInclude = {
    {"core", {"core/"}},
    {"cluster", {"core/", "cluster/"}},
    {"kernels", {"core/", "kernels/"}},
    {"nn", {"core/", "cluster/cluster.h", "cluster/patience.h", "kernels/", "nn/"}},
    // The specs only: it is there to check the engine.
    {"reference",
     {"core/", "reference/", "nn/network_spec.h", "nn/layers/", "nn/shape.h", "kernels/activation.h"}},
    {"data", {"core/", "cluster/", "kernels/normalize_bytes.h", "kernels/byte_rows.h", "data/"}},
    {"train", {"core/", "cluster/", "kernels/", "nn/", "data/", "train/"}},
    // The specs and what their fields are made of, never the engine that runs them.
    {"config",
     {"core/", "config/", "nn/network_spec.h", "nn/layers/", "nn/shape.h", "nn/parameter_control.h",
      "nn/spec_error.h", "data/data_spec.h", "train/training_spec.h", "train/freeze.h"}},
    {"report", {"core/", "report/", "train/step_timing.h"}},  // results, never the engine
    {"inspect",
     {"core/", "kernels/activation.h", "kernels/simd.h", "nn/", "reference/", "data/", "train/", "config/",
      "report/", "inspect/"}},
    // A network and what runs it in a browser: reads the graph and its numbers.
    {"page", {"core/", "nn/", "config/", "inspect/", "report/", "page/"}},
    {"session",
     {"core/", "cluster/", "kernels/simd.h", "nn/", "data/", "train/", "config/", "report/", "inspect/",
      "session/"}},
    // Looks at a folder and writes a config: trains nothing.
    {"starter",
     {"core/", "nn/", "data/", "train/training_spec.h", "train/model_file.h", "train/safetensors.h",
      "config/", "report/", "starter/"}},
    // What a model becomes elsewhere: reads the graph and its numbers, and asks the engine for its answers.
    {"export",
     {"core/", "nn/", "kernels/activation.h", "data/", "train/", "report/", "inspect/inspected.h",
      "session/training_data.h", "export/"}},
    // A thin roof: command lines and wiring.
    {"apps",
     {"core/", "cluster/", "kernels/simd.h", "nn/", "data/", "train/", "config/", "report/", "inspect/",
      "session/", "starter/", "export/", "page/", "apps/"}},
};

/// Libraries that are the business of few rooms, and those rooms.
struct LibraryRule {
  std::string_view header;  // a prefix
  Prefixes rooms;
};
const std::vector<LibraryRule> kLibraries = {
    {"stb_image_write.h", {"report"}},  // pictures
    {"stb_easy_font.h", {"report"}},
    // Reading is config's; the others write.
    {"nlohmann/", {"config", "train", "report", "inspect", "page", "session", "starter", "export"}},
    {"jpeglib.h", {"data"}},  // decoding happens in one place
    {"png.h", {"data"}},
    {"webp/", {"data"}},
    {"tiffio.h", {"data"}},
    {"libheif/", {"data"}},
    {"hwy/", {"kernels"}},
    {"protozero/", {"report", "export"}},
    {"mpi.h", {"cluster"}},
    {"CLI/", {"apps"}},
};

/// Lines of a file at most: what is longer holds more than one idea.
constexpr int kMostLines = 350;
/// Tables of the config may be longer: one row after the other, each read for itself.
constexpr std::string_view kTablePlace = "config/", kTableEnd = "_table.cpp";

bool starts_with_any(std::string_view text, const Prefixes& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return text.starts_with(prefix); });
}

bool may_be_long(const std::string& file) {
  return file.starts_with(kTablePlace) && file.ends_with(kTableEnd);
}

/// Adds "<file>:<line>: what is wrong" if a line of a room includes what it may not.
void check_include(std::string_view line, const std::string& room, const Prefixes& may_include,
                   const std::string& where, std::vector<std::string>& found) {
  const std::string_view name = included(line);
  const std::string_view target = name.substr(0, name.find('/'));
  if (target != name && kMayInclude.count(target) > 0 && !starts_with_any(name, may_include))
    found.push_back(fmt::format("{}: {} may not include {}", where, room, name));
  for (const LibraryRule& library : kLibraries)
    if (name.starts_with(library.header) &&
        std::find(library.rooms.begin(), library.rooms.end(), room) == library.rooms.end())
      found.push_back(fmt::format("{}: {} may not include {}", where, room, name));
}

/// What is wrong with the files under `src`, sorted: includes against the rules, files that are too long.
std::vector<std::string> violations(const fs::path& src) {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(src)) {
    const std::string extension = entry.path().extension().string();
    if (!entry.is_regular_file() || (extension != ".h" && extension != ".cpp" && extension != ".js"))
      continue;
    const fs::path relative = entry.path().lexically_relative(src);
    const std::string room = relative.begin()->string(), name = relative.generic_string();
    const auto rule = kMayInclude.find(room);
    if (rule == kMayInclude.end()) {
      found.push_back(fmt::format("{}: '{}' is not a room of the house", name, room));
      continue;
    }
    std::ifstream file(entry.path());
    std::string line;
    int lines = 0;
    while (std::getline(file, line))
      check_include(line, room, rule->second, fmt::format("{}:{}", name, ++lines), found);
    if (lines > kMostLines && !may_be_long(name))
      found.push_back(fmt::format("{}: {} lines are more than {}: split it, an idea to each file", name,
                                  lines, kMostLines));
  }
  std::sort(found.begin(), found.end());
  return found;
}

TEST_CASE("the rooms of the house include only what they may, and no file is too long", "[house]") {
  for (const std::string& violation : violations(fs::path(CNN_SOURCE_DIR) / "src")) FAIL_CHECK(violation);
}

TEST_CASE("only core/standard_streams writes to stdout and stderr", "[house]") {
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(CNN_SOURCE_DIR) / "src")) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_regular_file() || entry.path().extension() != ".cpp" || name == "standard_streams.cpp")
      continue;
    const std::string content = read_file(entry.path());
    for (const char* other : {"fmt::print(", "std::cout", "std::cerr", "std::printf(", "std::fputs("})
      if (content.find(other) != std::string::npos)
        FAIL_CHECK(name << ": " << other << " may throw where an output fails; use core/standard_streams.h");
  }
}

TEST_CASE("the check of the house finds what it should", "[house]") {
  const TemporaryFolder folder;
  const auto write = [&](const char* name, const char* content) {
    fs::create_directories((folder.path() / name).parent_path());
    write_file_atomically(folder.path() / name, content);
  };
  SECTION("nothing, where nothing is wrong") {
    write("nn/layers/conv.cpp", "#include \"kernels/pool.h\"\n#include <vector>\n#include \"nn/layer.h\"\n");
    write("config/config.h", "#include \"nn/layers/conv.h\"\n#include <nlohmann/json.hpp>\n");
    write("data/decode.cpp", "#include <jpeglib.h>\n");
    write("nn/notes.md", "#include \"apps/main.h\"\n");
    CHECK(violations(folder.path()).empty());
  }
  SECTION("against the direction, at any depth and in any spelling") {
    write("core/a.h", "// first\n#include \"nn/layer.h\"\n");
    write("data/deep/b.cpp", "  #  include <nn/shape.h>\n");
    write("kernels/c.cpp", "#include \"core/error.h\"\n#include \"nn/shape.h\"\n");
    write("nn/d.cpp", "#include \"data/dataset.h\"\n");
    write("train/e.cpp", "#include \"config/config.h\"\n");
    CHECK(violations(folder.path()) == std::vector<std::string>{
                                           "core/a.h:2: core may not include nn/layer.h",
                                           "data/deep/b.cpp:1: data may not include nn/shape.h",
                                           "kernels/c.cpp:2: kernels may not include nn/shape.h",
                                           "nn/d.cpp:1: nn may not include data/dataset.h",
                                           "train/e.cpp:1: train may not include config/config.h",
                                       });
  }
  SECTION("upwards, among the rooms under the roof") {
    write("inspect/a.cpp", "#include \"session/training_run.h\"\n");
    write("session/b.cpp", "#include \"inspect/layer_rows.h\"\n#include \"apps/modes.h\"\n");
    write("starter/c.cpp", "#include \"session/voice.h\"\n#include \"train/trainer.h\"\n");
    CHECK(violations(folder.path()) == std::vector<std::string>{
                                           "inspect/a.cpp:1: inspect may not include session/training_run.h",
                                           "session/b.cpp:2: session may not include apps/modes.h",
                                           "starter/c.cpp:1: starter may not include session/voice.h",
                                           "starter/c.cpp:2: starter may not include train/trainer.h",
                                       });
  }
  SECTION("more than a spec, or more than a result") {
    write("config/a.cpp", "#include \"nn/network.h\"\n#include \"train/trainer.h\"\n");
    write("report/b.cpp", "#include \"nn/network.h\"\n");
    CHECK(violations(folder.path()) == std::vector<std::string>{
                                           "config/a.cpp:1: config may not include nn/network.h",
                                           "config/a.cpp:2: config may not include train/trainer.h",
                                           "report/b.cpp:1: report may not include nn/network.h",
                                       });
  }
  SECTION("libraries out of their rooms") {
    write("nn/a.cpp", "#include <nlohmann/json.hpp>\n#include <CLI/CLI.hpp>\n");
    write("report/b.cpp", "#include <stb_image_write.h>\n#include <png.h>\n");
    write("train/c.cpp", "#include <hwy/highway.h>\n");
    write("session/d.cpp", "#include <CLI/CLI.hpp>\n");
    write("apps/e.cpp", "#include <CLI/CLI.hpp>\n");
    CHECK(violations(folder.path()) == std::vector<std::string>{
                                           "nn/a.cpp:1: nn may not include nlohmann/json.hpp",
                                           "nn/a.cpp:2: nn may not include CLI/CLI.hpp",
                                           "report/b.cpp:2: report may not include png.h",
                                           "session/d.cpp:1: session may not include CLI/CLI.hpp",
                                           "train/c.cpp:1: train may not include hwy/highway.h",
                                       });
  }
  SECTION("files of more than one idea") {
    const std::string most(kMostLines, '\n');
    write("core/a.cpp", most.c_str());
    write("core/b.h", (most + "\n").c_str());
    write("config/c_table.cpp", (most + "\n").c_str());
    write("data/d_table.cpp", (most + "\n").c_str());
    CHECK(violations(folder.path()) ==
          std::vector<std::string>{
              "core/b.h: 351 lines are more than 350: split it, an idea to each file",
              "data/d_table.cpp: 351 lines are more than 350: split it, an idea to each file"});
  }
  SECTION("a folder that is no room") {
    write("misc/a.h", "\n");
    CHECK(violations(folder.path()) ==
          std::vector<std::string>{"misc/a.h: 'misc' is not a room of the house"});
  }
}

}  // namespace
}  // namespace cnn
