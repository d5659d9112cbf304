// Decoded images on disk: what is used again, and what is not.
#include <chrono>
#include <cstdlib>
#include <fstream>

#include "catch.h"
#include "core/file.h"
#include "data/decoded_store.h"
#include "data/image_folder.h"
#include "picture_folder.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

/// Two classes of pictures, and a store.
struct StoredFolder : PictureFolder {
  StoredFolder() {
    put_class("all/a", 5, 12, 10, true);
    put_class("all/b", 4, 12, 10, true);
  }

  LoadedImages load(const ImageSpec& spec = {.channels = 3, .height = 8, .width = 8}) const {
    ThreadPool pool(3);
    return load_images(std::make_shared<const ImageFiles>(scan_folder(path() / "all")), 0, 9, spec, {},
                       std::int64_t{1} << 30, pool, {}, {}, store);
  }

  /// Other pixels in a file, of which nothing tells but the pixels.
  void change_in_secret(const std::string& name) const {
    const auto time = fs::last_write_time(path() / name);
    std::string content = read_file(path() / name);
    for (std::size_t i = content.size() - 300; i < content.size(); ++i) content[i] = '\x55';
    std::ofstream(path() / name, std::ios::binary) << content;
    fs::last_write_time(path() / name, time);
  }

  std::vector<fs::path> stored() const {
    std::vector<fs::path> files;
    if (fs::exists(store.folder))
      for (const auto& entry : fs::directory_iterator(store.folder)) files.push_back(entry.path());
    return files;
  }

  StoreSpec store{.folder = path() / "cache/cnn-train", .bytes = 1 << 20, .worth_seconds = 0};
};

TEST_CASE("decoded images are used again, with all that is known of them", "[data]") {
  const StoredFolder folder;
  const LoadedImages first = folder.load();
  REQUIRE(folder.stored().size() == 1);
  CHECK_THAT(first.stored, ContainsSubstring("kept decoded for the next start"));
  CHECK(fs::status(folder.store.folder).permissions() == fs::perms::owner_all);  // images may be private
  folder.change_in_secret("all/a/2.ppm");
  const LoadedImages second = folder.load();
  CHECK(second.fingerprints == first.fingerprints);  // also of the one that is not decoded again
  CHECK(second.traits.images == first.traits.images);
  std::vector<std::byte> scratch;
  for (std::int64_t i = 0; i < 9; ++i)
    CHECK(fingerprint(PictureView{second.dataset->pixels(i, scratch), PixelType::bytes, 3, 8, 8}) ==
          first.fingerprints[static_cast<std::size_t>(i)]);
}

TEST_CASE("a file that changed is decoded anew, and only that one", "[data]") {
  const StoredFolder folder;
  const LoadedImages first = folder.load();
  folder.change_in_secret("all/a/2.ppm");
  fs::last_write_time(folder.path() / "all/a/2.ppm",
                      fs::file_time_type::clock::now() + std::chrono::hours(1));
  folder.change_in_secret("all/a/3.ppm");
  const LoadedImages second = folder.load();
  for (std::size_t i = 0; i < 9; ++i) CHECK((second.fingerprints[i] == first.fingerprints[i]) == (i != 2));
}

TEST_CASE("another size, other limits, and a damaged file are not used", "[data]") {
  const StoredFolder folder;
  const LoadedImages first = folder.load();
  folder.load({.channels = 1, .height = 8, .width = 8});
  CHECK(folder.stored().size() == 2);
  fs::remove_all(folder.store.folder);
  folder.load();
  const fs::path file = folder.stored().front();
  const std::string whole = read_file(file);
  for (const std::size_t at :
       {std::size_t{3}, std::size_t{20}, std::size_t{60}, std::size_t{100}, whole.size() - 1}) {
    CAPTURE(at);
    std::string damaged = whole;
    damaged[at] ^= 4;
    std::ofstream(file, std::ios::binary) << damaged;
    CHECK(folder.load().fingerprints == first.fingerprints);
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, std::size_t{70}, whole.size() - 1}) {
    CAPTURE(size);
    std::ofstream(file, std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    CHECK(folder.load().fingerprints == first.fingerprints);
  }
}

TEST_CASE("the store keeps what was used last, and no more than its bytes", "[data]") {
  StoredFolder folder;
  folder.load();
  const auto bytes = static_cast<std::int64_t>(fs::file_size(folder.stored().front()));
  const fs::path first = folder.stored().front();
  fs::last_write_time(first, fs::file_time_type::clock::now() - std::chrono::hours(1));
  folder.store.bytes = bytes + bytes / 2;
  folder.load({.channels = 3, .height = 7, .width = 8});
  REQUIRE(folder.stored().size() == 1);
  CHECK(folder.stored().front() != first);
  folder.store.bytes = bytes / 4;
  CHECK(folder.load({.channels = 3, .height = 8, .width = 8}).stored.empty());  // alone it is too large
}

TEST_CASE("what decodes quickly is not kept, and a folder that cannot be does no harm", "[data]") {
  StoredFolder folder;
  folder.store.worth_seconds = 100;
  CHECK(folder.load().stored.empty());
  CHECK(folder.stored().empty());
  folder.store.worth_seconds = 0;
  folder.write("cache", "a file");
  CHECK(folder.load().stored.empty());
  CHECK(read_file(folder.path() / "cache") == "a file");
}

TEST_CASE("a bad image is not kept, and is bad again", "[data]") {
  const StoredFolder folder;
  folder.write("all/b/1.ppm", "P6 8 8 255\n");
  for (int i = 0; i < 2; ++i) {
    const LoadedImages loaded = folder.load();
    REQUIRE(loaded.bad.size() == 1);
    CHECK_THAT(loaded.bad.front().path, ContainsSubstring("b/1.ppm"));
    CHECK(loaded.fingerprints.size() == 8);
  }
}

TEST_CASE("the user's folder for decoded images is that of the XDG specification", "[data]") {
  /// Puts a variable back at the end.
  struct Variable {
    explicit Variable(const char* name_)
        : name(name_), before(std::getenv(name_) ? std::getenv(name_) : "") {}
    ~Variable() { ::setenv(name, before.c_str(), 1); }
    void operator=(const char* value) const { ::setenv(name, value, 1); }
    const char* name;
    const std::string before;
  };
  const Variable cache("XDG_CACHE_HOME"), home("HOME");
  cache = "/somewhere", home = "/home/me";
  CHECK(user_store() == "/somewhere/cnn-train");
  cache = "relative";
  CHECK(user_store() == "/home/me/.cache/cnn-train");
  cache = "", home = "";
  CHECK(user_store().empty());
}

}  // namespace
}  // namespace cnn
