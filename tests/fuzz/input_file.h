#pragma once

#include <filesystem>
#include <fstream>
#include <string_view>

#include "core/error.h"
#include "temporary_folder.h"

namespace cnn::fuzz {

/// A file with the input in it, for readers that take a path.
inline std::filesystem::path input_file(const char* name, std::string_view content) {
  static const TemporaryFolder folder;
  std::filesystem::path path = folder.path() / name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

/// An Error is a good answer.
template <void (*kRun)(std::string_view)>
void expect_error(std::string_view input) {
  try {
    kRun(input);
  } catch (const Error& error) {
    CNN_CHECK(error.what() != std::string_view(), "an Error without words");
  }
}

}  // namespace cnn::fuzz
