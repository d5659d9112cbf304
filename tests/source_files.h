#pragma once

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"

namespace cnn {

/// A C++ file below a folder.
struct SourceFile {
  std::string name;  ///< "nn/layers/conv.h"
  std::string text;
};

/// All of them, by name.
inline std::vector<SourceFile> source_files(const std::filesystem::path& folder) {
  std::vector<SourceFile> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string extension = entry.path().extension().string();
    if (entry.is_regular_file() && (extension == ".h" || extension == ".cpp"))
      files.push_back({entry.path().lexically_relative(folder).string(), read_file(entry.path())});
  }
  std::ranges::sort(files, {}, &SourceFile::name);
  return files;
}

/// The name between the quotes or brackets of an #include line, or "".
inline std::string_view included(std::string_view line) {
  const auto skip_blanks = [&] { line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size())); };
  skip_blanks();
  if (!line.starts_with('#')) return {};
  line.remove_prefix(1);
  skip_blanks();
  constexpr std::string_view kInclude = "include";
  if (!line.starts_with(kInclude)) return {};
  line.remove_prefix(kInclude.size());
  skip_blanks();
  if (line.empty() || (line[0] != '"' && line[0] != '<')) return {};
  const std::size_t end = line.find(line[0] == '"' ? '"' : '>', 1);
  return end == std::string_view::npos ? std::string_view{} : line.substr(1, end - 1);
}

/// What a text includes, in order.
inline std::vector<std::string> includes_of(const std::string& text) {
  std::vector<std::string> names;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (const std::string_view name = included(line); !name.empty()) names.emplace_back(name);
  return names;
}

}  // namespace cnn
