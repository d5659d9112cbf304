#include <filesystem>
#include <vector>

#include "catch.h"
#include "core/file.h"
#include "fuzz/targets.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

TEST_CASE("every input that the fuzzers keep is answered with a result or an Error", "[data]") {
  const fs::path root = CNN_SOURCE_DIR;
  std::vector<fuzz::Target> targets(fuzz::data_targets().begin(), fuzz::data_targets().end());
  targets.insert(targets.end(), fuzz::model_targets().begin(), fuzz::model_targets().end());
  for (const fuzz::Target& target : targets) {
    std::vector<fs::path> folders;
    if (const fs::path own = root / "tests/fuzz/corpus" / target.name; fs::exists(own))
      folders.push_back(own);
    if (target.name == "config") folders.push_back(root / "configs");
    // The decoders of one format read the others' files as well, as damaged ones of their own.
    if (target.name == "image" || folders.empty()) folders.push_back(root / "tests/images");
    int inputs = 0;
    for (const fs::path& folder : folders)
      for (const auto& file : fs::directory_iterator(folder)) {
        CAPTURE(file.path());
        const std::string input = read_file(file.path());
        REQUIRE_NOTHROW(target.run(input));
        REQUIRE_NOTHROW(target.run(input.substr(0, input.size() / 2)));
        ++inputs;
      }
    CAPTURE(target.name);
    CHECK(inputs >= 3);
  }
}

}  // namespace
}  // namespace cnn
