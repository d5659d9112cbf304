#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/data_spec.h"

namespace cnn {

/// A file that was meant to be an image and is of no use.
struct BadFile {
  std::string path;
  std::string reason;  ///< reads well behind "<path>: "
};

/// What lies in a folder, before any image is opened. Holds about 50 bytes a file.
class ImageFiles {
 public:
  std::int64_t size() const { return static_cast<std::int64_t>(labels_.size()); }
  std::filesystem::path path(std::int64_t index) const;
  /// The path relative to `root`.
  std::string_view name(std::int64_t index) const;
  /// Index into `classes`, or -1.
  int label(std::int64_t index) const { return labels_[static_cast<std::size_t>(index)]; }
  /// path: relative to `root`, or absolute if root is empty.
  void add(std::string_view path, int label);
  /// Makes each folder that holds images itself a class, named by its path.
  void take_leaf_classes();

  std::string where;  ///< what was searched, for messages
  std::filesystem::path root;
  /// Natural order of the folders' names; those with at least one image file. Empty: images without labels.
  std::vector<std::string> classes;
  /// Images that cannot be: broken links, folders that cannot be opened, devices.
  std::vector<BadFile> bad;
  std::vector<std::string> empty_folders;  ///< class folders without any image file, relative to root
  /// Class folders that hold nothing but bad files, or that cannot be read: no classes either.
  std::vector<std::string> bad_folders;
  std::int64_t hidden = 0;            ///< names that begin with a dot, not looked into
  std::int64_t others = 0;            ///< files whose ending is no image's
  std::int64_t beside = 0;            ///< images beside the class folders, in none of them
  std::int64_t repeated_folders = 0;  ///< reached again through a link, a loop perhaps

 private:
  std::string names_;  // one after the other
  std::vector<std::size_t> ends_;
  std::vector<int> labels_;
};

/// True for the endings of images that can be read, and of those that people take for readable (.webp, .tif,
/// .heic ...): they are listed as bad files rather than left out without a word.
bool has_image_ending(std::string_view name);

/// Lists <folder>/<class>/**, or <folder>/* without labels if no folder in it holds images. Links are
/// followed, but not upwards to the folder itself or around it; within a class every folder is visited once.
/// The order is that of names, never that of the disk. Throws Error if there is no such folder or no image in
/// it. class_folders: the classes; automatic is top. found: called now and then with the number of images so
/// far.
ImageFiles scan_folder(const std::filesystem::path& folder,
                       const std::function<void(std::int64_t images)>& found = {},
                       ClassFolders class_folders = ClassFolders::top);

/// Single files, in the order given, whatever they are called; without labels.
ImageFiles list_files(std::span<const std::filesystem::path> files);

}  // namespace cnn
