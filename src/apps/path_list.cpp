#include "apps/path_list.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/error.h"
#include "core/text.h"

namespace cnn {

namespace {

/// All of it. Gives up where so many bytes hold no path, or no end of one.
std::string read_list(std::istream& in) {
  constexpr std::size_t kTooMany = 1 << 20;
  using namespace std::string_view_literals;
  std::string text;
  std::array<char, 1 << 16> chunk;
  while (in.read(chunk.data(), chunk.size()), in.gcount() > 0) {
    text.append(chunk.data(), static_cast<std::size_t>(in.gcount()));
    if (text.size() < kTooMany) continue;
    const std::string_view tail = std::string_view(text).substr(text.size() - kTooMany);
    if (tail.find_first_not_of("\0\n\r"sv) == tail.npos || tail.find_first_of("\0\n"sv) == tail.npos)
      fail("--images -: standard input is not a list of paths, one a line");
  }
  return text;
}

/// Whether Windows wrote the list. A file's name may end with a return, but not those of all of them.
bool all_lines_end_with_return(std::string_view text) {
  bool any = false;
  for (std::size_t end = text.find('\n'); end != text.npos; end = text.find('\n', end + 1)) {
    if (end == 0 || text[end - 1] != '\r') return false;
    any = true;
  }
  return any;
}

}  // namespace

std::vector<std::filesystem::path> read_path_list(std::istream& in) {
  const std::string text = read_list(in);
  const char end = text.find('\0') == std::string::npos ? '\n' : '\0';
  const bool has_returns = end == '\n' && all_lines_end_with_return(text);
  std::vector<std::filesystem::path> paths;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t stop = std::min(text.find(end, begin), text.size());
    const std::size_t name_end = has_returns && stop > begin && text[stop - 1] == '\r' ? stop - 1 : stop;
    if (name_end > begin) paths.emplace_back(text.substr(begin, name_end - begin));
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
