#include "apps/path_list.h"

#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "core/text.h"

namespace cnn {

std::vector<std::filesystem::path> read_path_list(std::istream& in) {
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const char end = text.find('\0') == std::string::npos ? '\n' : '\0';
  std::vector<std::filesystem::path> paths;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t stop = std::min(text.find(end, begin), text.size());
    if (stop > begin) paths.emplace_back(text.substr(begin, stop - begin));
    begin = stop + 1;
  }
  if (paths.empty()) fail("--images -: standard input names no file");
  return paths;
}

std::string join_paths(std::span<const std::filesystem::path> paths) {
  constexpr std::size_t kMost = 3;
  std::vector<std::string> words;
  for (const std::filesystem::path& path : paths.first(std::min(paths.size(), kMost)))
    words.push_back(printable(path.string()));
  std::string text = join(words);
  if (paths.size() > kMost)
    text += " and " + with_commas(static_cast<std::int64_t>(paths.size() - kMost)) + " more";
  return text;
}

}  // namespace cnn
