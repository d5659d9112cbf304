#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "catch.h"
#include "core/error.h"
#include "core/file.h"
#include "temporary_folder.h"

#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#include <stb_image.h>

namespace cnn {
namespace {

namespace fs = std::filesystem;

const fs::path kCheckedIn = fs::path(CNN_SOURCE_DIR) / "data" / "digits";

struct Grey {
  int width = 0, height = 0, channels = 0;
  std::vector<unsigned char> pixels;
};

Grey decode(const fs::path& path) {
  const std::string bytes = read_file(path);
  Grey grey;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(bytes.data()), static_cast<int>(bytes.size()),
                            &grey.width, &grey.height, &grey.channels, 1),
      stbi_image_free);
  REQUIRE(pixels);
  grey.pixels.assign(pixels.get(), pixels.get() + grey.width * grey.height);
  return grey;
}

/// Pixels that differ. The generator's sines may round differently on another machine, which can move a pixel
/// across the edge of a grey level: a handful may differ, a changed drawing differs in hundreds.
int differing_pixels(const Grey& a, const Grey& b) {
  REQUIRE(a.pixels.size() == b.pixels.size());
  int count = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) count += a.pixels[i] != b.pixels[i];
  return count;
}

void generate(const fs::path& out, const std::string& options) {
  const std::string command = std::string(CNN_PROGRAM_DIR "/generate-digits ") + options + " " + out.string();
  INFO(command);
  REQUIRE(std::system(command.c_str()) == 0);
}

int files_in(const fs::path& folder) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    CHECK(entry.path().extension() == ".png");
    ++count;
  }
  return count;
}

TEST_CASE("the digits that come with the project are what the generator draws", "[data]") {
  const TemporaryFolder folder;
  generate(folder.path(), "--train 3 --test 2");
  for (int digit = 0; digit < 10; ++digit)
    for (const char* image : {"train/{}/0000.png", "train/{}/0002.png", "test/{}/0001.png"}) {
      const std::string relative = fmt::format(fmt::runtime(image), digit);
      INFO(relative);
      const Grey drawn = decode(folder.path() / relative);
      CHECK(drawn.width == 28);
      CHECK(drawn.height == 28);
      CHECK(drawn.channels == 1);
      CHECK(differing_pixels(drawn, decode(kCheckedIn / relative)) <= 4);
    }
}

TEST_CASE("the folders of digits are complete", "[data]") {
  for (int digit = 0; digit < 10; ++digit) {
    CHECK(files_in(kCheckedIn / "train" / std::to_string(digit)) == 300);
    CHECK(files_in(kCheckedIn / "test" / std::to_string(digit)) == 100);
  }
}

TEST_CASE("the generator repeats its bytes, and another seed, part or index draws another digit", "[data]") {
  const TemporaryFolder first, second, other;
  generate(first.path(), "--train 2 --test 1");
  generate(second.path(), "--train 1 --test 1");
  generate(other.path(), "--train 1 --test 0 --seed 2");
  for (int digit = 0; digit < 10; ++digit) {
    const std::string train = "train/" + std::to_string(digit), test = "test/" + std::to_string(digit);
    CHECK(read_file(first.path() / train / "0000.png") == read_file(second.path() / train / "0000.png"));
    CHECK(read_file(first.path() / test / "0000.png") == read_file(second.path() / test / "0000.png"));
    const Grey image = decode(first.path() / train / "0000.png");
    CHECK(differing_pixels(image, decode(other.path() / train / "0000.png")) > 4);
    CHECK(differing_pixels(image, decode(first.path() / test / "0000.png")) > 4);
    CHECK(differing_pixels(image, decode(first.path() / train / "0001.png")) > 4);
  }
}

}  // namespace
}  // namespace cnn
