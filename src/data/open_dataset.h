#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/thread_pool.h"
#include "data/data_spec.h"
#include "data/dataset.h"
#include "data/image_files.h"
#include "data/image_folder.h"

namespace cnn {

struct LoadOptions {
  BadImages bad_images = BadImages::fail;
  DecodeLimits limits;
  std::int64_t cache_bytes = std::int64_t{4096} << 20;  ///< see DataSpec::cache_mb
  StoreSpec store = {};                                 ///< of decoded image files
  /// Not empty: the classes of a model or of the training set. Found ones are matched by name.
  std::vector<std::string> classes;
  ClassFolders class_folders = ClassFolders::top;
  Sharing sharing;              ///< of image files
  bool labels_required = true;  ///< else a folder of plain images will do, and IDX without labels
  Progress progress;
  /// Called while a folder is listed, before the first image is opened: images so far.
  std::function<void(std::int64_t images)> listed;
};

/// What a user may want to know about a data set that was opened.
struct LoadReport {
  std::vector<std::int64_t> class_counts;  ///< images per class of the data set
  std::vector<BadFile> bad;                ///< left out
  std::vector<std::string> empty_folders, missing_classes, other_accents;
  std::vector<std::string> traits;                                        ///< see trait_notes()
  std::string merged;                                                     ///< see merged_note()
  std::int64_t hidden = 0, others = 0, beside = 0, repeated_folders = 0;  ///< see ImageFiles
  std::int64_t reread = 0;  ///< images beyond the cache: read again whenever they are needed
  std::string stored;       ///< see LoadedImages

  /// One line for each thing that is worth saying; bad files first, at most 50 of them.
  std::vector<std::string> notes() const;
};

/// What the scan of a folder found besides images, before any of them is opened.
LoadReport report_of(const ImageFiles& files);

struct LoadedSet {
  std::shared_ptr<const Dataset> dataset;
  std::vector<Fingerprint> fingerprints;  ///< of its images
  LoadReport report;
};

/// Opens a set in any format. Throws Error (exit 1) for everything that is wrong with it: with
/// BadImages::fail one message lists the bad files, at most 50 of them. With BadImages::skip it is still an
/// Error if nothing is left, or nothing of a class while `classes` is not given.
LoadedSet open_dataset(const DataLocation& location, const ImageSpec& spec, const LoadOptions& options,
                       ThreadPool& pool);

/// The same for image files that were already listed (scan_folder, list_files); only [begin, end) of them.
LoadedSet open_images(std::shared_ptr<const ImageFiles> files, std::int64_t begin, std::int64_t end,
                      const ImageSpec& spec, const LoadOptions& options, ThreadPool& pool);

/// "<path>: <reason>" of each, one a line, at most `most`, and how many more there are.
std::string list_bad_files(const std::vector<BadFile>& bad, std::size_t most = 50);

}  // namespace cnn
