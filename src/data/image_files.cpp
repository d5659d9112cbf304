#include "data/image_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/decode.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

bool is_hidden(std::string_view name) { return name.starts_with('.'); }

struct Entry {
  std::string name;
  bool folder = false;
  std::string fault;  ///< of something that is called like an image or a folder
};

/// One folder's entries, sorted by name; hidden ones are counted, non-images too.
class Lister {
 public:
  Lister(ImageFiles& files, const std::function<void(std::int64_t images)>& found)
      : files_(files), found_(found) {}

  std::vector<Entry> list(const fs::path& folder) {
    std::vector<Entry> entries;
    std::error_code error;
    fs::directory_iterator iterator(folder, error);
    for (; !error && iterator != fs::directory_iterator(); iterator.increment(error)) {
      Entry entry{iterator->path().filename().string(), false, ""};
      if (is_hidden(entry.name)) {
        ++files_.hidden;
        continue;
      }
      std::error_code unknown, is_link;
      const fs::file_status status = iterator->status(unknown);  // of what a link points to
      entry.folder = fs::is_directory(status);
      const bool image = has_image_ending(entry.name);
      if (status.type() == fs::file_type::not_found || status.type() == fs::file_type::none) {
        const bool loop = unknown == std::errc::too_many_symbolic_link_levels;
        if (image || entry.name.find('.') == std::string::npos)
          entry.fault = loop                            ? "is a link to itself"
                        : iterator->is_symlink(is_link) ? "is a broken link"
                                                        : "cannot be examined: " + unknown.message();
      } else if (!entry.folder && image && !fs::is_regular_file(status)) {
        entry.fault = "is not a regular file";
      }
      if (!entry.folder && !image && entry.fault.empty()) {
        ++files_.others;
        continue;
      }
      entries.push_back(std::move(entry));
      // A folder may hold millions of files: count them while reading, not while sorting.
      if (found_ && entries.size() % 1024 == 0)
        found_(files_.size() + static_cast<std::int64_t>(entries.size()));
    }
    if (error) add_bad(folder, fmt::format("the folder cannot be read: {}", error.message()));
    std::sort(entries.begin(), entries.end(),
              [](const Entry& a, const Entry& b) { return natural_less(a.name, b.name); });
    return entries;
  }

  void add_bad(const fs::path& path, std::string reason) {
    files_.bad.push_back({path.string(), std::move(reason)});
  }

  /// Adds the images in root / folder and below.
  void add_tree(const std::string& folder, int label) {
    struct stat status {};
    const fs::path path = files_.root / folder;
    if (::stat(path.c_str(), &status) != 0) {
      add_bad(path, fmt::format("the folder cannot be read: {}", std::strerror(errno)));
      return;
    }
    if (!visited_.emplace(status.st_dev, status.st_ino).second) {
      ++files_.repeated_folders;
      return;
    }
    for (const Entry& entry : list(path)) {
      const std::string name = folder + '/' + entry.name;
      if (!entry.fault.empty())
        add_bad(files_.root / name, entry.fault);
      else if (entry.folder)
        add_tree(name, label);
      else
        files_.add(name, label);
    }
  }

  /// A link in a class to the folder that is searched, or to one around it, leads to other classes' images:
  /// such folders count as visited from the start.
  void remember_ancestors(fs::path folder) {
    struct stat status {};
    while (::stat(folder.c_str(), &status) == 0 &&
           ancestors_.emplace(status.st_dev, status.st_ino).second)  // the root is its own parent
      folder /= "..";
  }

  /// Two classes may link to the same folder; one may not hold it twice.
  void begin_class() { visited_ = ancestors_; }

 private:
  using FolderIds = std::set<std::pair<dev_t, ino_t>>;
  ImageFiles& files_;
  const std::function<void(std::int64_t images)>& found_;
  FolderIds ancestors_, visited_;
};

}  // namespace

bool has_image_ending(std::string_view name) {
  static constexpr std::array<std::string_view, 22> kEndings{
      "png", "jpg", "jpeg", "jpe", "jfif", "bmp",  "dib",  "gif",  "pnm", "pgm", "ppm",
      "pbm", "tga", "webp", "tif", "tiff", "heic", "heif", "avif", "jp2", "j2k", "jxl"};
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return false;
  std::string ending(name.substr(dot + 1));
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

std::string_view ImageFiles::name(std::int64_t index) const {
  const auto i = static_cast<std::size_t>(index);
  const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
  return std::string_view(names_).substr(begin, ends_[i] - begin);
}

fs::path ImageFiles::path(std::int64_t index) const { return root / name(index); }

void ImageFiles::add(std::string_view path, int label) {
  names_ += path;
  ends_.push_back(names_.size());
  labels_.push_back(label);
}

void ImageFiles::take_leaf_classes() {
  const auto folder_of = [&](std::int64_t i) { return name(i).substr(0, name(i).rfind('/')); };
  std::set<std::string, decltype([](const auto& a, const auto& b) { return natural_less(a, b); })> folders;
  for (std::int64_t i = 0; i < size(); ++i)
    if (i == 0 || folder_of(i) != folder_of(i - 1)) folders.emplace(folder_of(i));
  classes.assign(folders.begin(), folders.end());
  std::unordered_map<std::string_view, int> number;
  for (const std::string& folder : classes) number.emplace(folder, static_cast<int>(number.size()));
  for (std::int64_t i = 0; i < size(); ++i) labels_[static_cast<std::size_t>(i)] = number.at(folder_of(i));
}

ImageFiles scan_folder(const fs::path& folder, const std::function<void(std::int64_t images)>& found,
                       ClassFolders class_folders) {
  ImageFiles files;
  files.root = folder;
  files.where = printable(folder.string());
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (status.type() == fs::file_type::not_found) fail("{}: there is no such folder", files.where);
  if (error) fail("{}: cannot be examined: {}", files.where, error.message());
  if (!fs::is_directory(status)) fail("{}: is not a folder", files.where);

  Lister lister(files, found);
  lister.remember_ancestors(folder);
  const std::vector<Entry> entries = lister.list(folder);
  if (!files.bad.empty()) fail("{}: {}", files.where, files.bad.front().reason);  // the folder itself
  for (const Entry& entry : entries) {
    if (!entry.fault.empty()) {
      lister.add_bad(folder / entry.name, entry.fault);
    } else if (entry.folder) {
      lister.begin_class();
      const std::int64_t before = files.size();
      const std::size_t bad_before = files.bad.size();
      lister.add_tree(entry.name, static_cast<int>(files.classes.size()));
      if (files.size() > before)
        files.classes.push_back(entry.name);
      else
        (files.bad.size() > bad_before ? files.bad_folders : files.empty_folders).push_back(entry.name);
    }
  }
  const bool plain = files.classes.empty();
  if (class_folders == ClassFolders::leaf) files.take_leaf_classes();
  for (const Entry& entry : entries) {
    if (entry.folder || !entry.fault.empty()) continue;
    if (plain)
      files.add(entry.name, -1);
    else
      ++files.beside;
  }
  if (files.size() == 0)
    fail("{}: there is no image in it ({}); {} other file{}, {} hidden, {} bad{}", files.where,
         join(readable_formats()), files.others, files.others == 1 ? "" : "s", files.hidden, files.bad.size(),
         files.bad.empty()
             ? ""
             : fmt::format(" ({}: {})", printable(files.bad.front().path), files.bad.front().reason));
  return files;
}

ImageFiles list_files(std::span<const fs::path> files) {
  ImageFiles list;
  list.where = files.size() == 1 ? printable(files.front().string()) : fmt::format("{} files", files.size());
  for (const fs::path& path : files) list.add(path.string(), -1);
  return list;
}

}  // namespace cnn
