#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "temporary_folder.h"

namespace cnn {

/// A folder of small pictures made by a test: binary PNM files, which every name may have.
struct PictureFolder : TemporaryFolder {
  /// A picture whose pixels depend on `number`: grey, or with a color of its own.
  void put(const std::string& name, int width, int height, bool color, int number = 0) const {
    std::string content = std::string(color ? "P6" : "P5") + "\n" + std::to_string(width) + " " +
                          std::to_string(height) + "\n255\n";
    std::uint32_t state = static_cast<std::uint32_t>(number) * 2654435761u + 1;
    for (int i = 0; i < width * height * (color ? 3 : 1); ++i) {
      state = state * 1103515245u + 12345u;
      content += static_cast<char>((state >> 16) % 128 + static_cast<std::uint32_t>(number % 7) * 16);
    }
    write(name, content);
  }
  void write(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories((path() / name).parent_path());
    std::ofstream(path() / name, std::ios::binary) << content;
  }
  /// `count` pictures <folder>/0.ppm, 1.ppm, ...
  void put_class(const std::string& folder, int count, int width, int height, bool color) const {
    for (int i = 0; i < count; ++i)
      put(folder + "/" + std::to_string(i) + (color ? ".ppm" : ".pgm"), width, height, color,
          i + 31 * static_cast<int>(folder.size()) + folder.back());
  }
};

}  // namespace cnn
