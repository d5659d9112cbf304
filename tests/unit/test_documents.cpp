// The pages that are read on paper or in a browser: what they point at must be there.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "catch.h"
#include "core/file.h"
#include "run_program.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kPages = {"README.md",     "configs/README.md",  "data/README.md",
                                         "src/README.md", "src/apps/README.md", "tests/README.md"};

/// The text without blocks of code.
std::string prose(const std::string& page) {
  std::string out;
  bool code = false;
  for (std::size_t begin = 0; begin < page.size();) {
    const std::size_t end = std::min(page.find('\n', begin), page.size());
    const std::string line = page.substr(begin, end - begin);
    if (line.starts_with("```"))
      code = !code;
    else if (!code)
      out += line + "\n";
    begin = end + 1;
  }
  return out;
}

/// The anchors of a page's headings, as GitHub makes them.
std::set<std::string> anchors(const std::string& page) {
  std::set<std::string> all;
  const std::string text = prose(page);
  static const std::regex heading("(?:^|\n)#+ ([^\n]*)");
  for (std::sregex_iterator i(text.begin(), text.end(), heading), end; i != end; ++i) {
    std::string anchor;
    for (const char c : (*i)[1].str()) {
      const auto byte = static_cast<unsigned char>(c);
      if (std::isalnum(byte) || c == '-' || c == '_') anchor += static_cast<char>(std::tolower(byte));
      if (c == ' ') anchor += '-';
    }
    all.insert(anchor);
  }
  return all;
}

/// What `page`, a file below `root`, points at and is not there: links and, between backticks, words that
/// look like files of the project.
std::vector<std::string> missing(const fs::path& root, const std::string& page) {
  std::vector<std::string> found;
  const std::string text = prose(read_file(root / page));
  static const std::regex link(R"(\]\(([^)\s]*)\))"),
      file(R"(`((?:src|tests|configs|data|\.ci)/[\w./+-]*)[ `])");
  for (std::sregex_iterator i(text.begin(), text.end(), link), end; i != end; ++i) {
    const std::string target = (*i)[1];
    if (target.starts_with("http")) continue;
    const std::size_t hash = target.find('#');
    const fs::path path = hash == 0 ? root / page : (root / page).parent_path() / target.substr(0, hash);
    if (!fs::exists(path))
      found.push_back(page + ": there is no " + target);
    else if (hash != std::string::npos && !anchors(read_file(path)).contains(target.substr(hash + 1)))
      found.push_back(page + ": no heading makes " + target);
  }
  for (std::sregex_iterator i(text.begin(), text.end(), file), end; i != end; ++i)
    if (!fs::exists(root / (*i)[1].str())) found.push_back(page + ": there is no " + (*i)[1].str());
  return found;
}

TEST_CASE("links and files in the documentation are there", "[house]") {
  for (const std::string& page : kPages)
    for (const std::string& fault : missing(CNN_SOURCE_DIR, page)) FAIL_CHECK(fault);
}

TEST_CASE("the check of the documentation finds what it should", "[house]") {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "src");
  write_file_atomically(folder.path() / "src/a.cpp", "");
  write_file_atomically(
      folder.path() / "src/README.md",
      "# A `code.word`: here\n[one](a.cpp) [two](#a-codeword-here) [three](../page.md#part)\n"
      "`src/a.cpp`, `src/a.cpp --option`, `src/*.cpp`, `a/b`, [far](https://far.example/x)\n"
      "```sh\nsrc/nothing `src/nothing`\n```\n"
      "[four](b.cpp) [five](#no) [six](../page.md#no) `src/b.cpp` and `tests/c.cpp --option`\n");
  write_file_atomically(folder.path() / "page.md", "## Part\n");
  CHECK(missing(folder.path(), "src/README.md") ==
        std::vector<std::string>{"src/README.md: there is no b.cpp", "src/README.md: no heading makes #no",
                                 "src/README.md: no heading makes ../page.md#no",
                                 "src/README.md: there is no src/b.cpp",
                                 "src/README.md: there is no tests/c.cpp"});
}

TEST_CASE("the first page is short, and every config is in the list of configs", "[house]") {
  const std::string first = read_file(fs::path(CNN_SOURCE_DIR) / "README.md");
  CHECK(std::count(first.begin(), first.end(), '\n') <= 200);
  const std::string configs = read_file(fs::path(CNN_SOURCE_DIR) / "configs/README.md");
  for (const auto& entry : fs::directory_iterator(fs::path(CNN_SOURCE_DIR) / "configs"))
    if (entry.path().extension() == ".json")
      CHECK_THAT(configs, ContainsSubstring("`" + entry.path().filename().string() + "`"));
}

TEST_CASE("the reference in configs/README.md is what cnn-inspect prints", "[cli]") {
  const std::string page = read_file(fs::path(CNN_SOURCE_DIR) / "configs/README.md");
  const std::string marker = "<!-- reference -->\n";
  REQUIRE(page.find(marker) != std::string::npos);
  const ProgramResult reference = run_program(program_path("cnn-inspect"), {"--reference"});
  // Not a comparison in CHECK: its message would be both texts.
  const bool current = page.substr(page.find(marker) + marker.size()) == reference.out;
  INFO("src/README.md tells how to write it anew");
  CHECK(current);
}

}  // namespace
}  // namespace cnn
