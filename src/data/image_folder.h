#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cluster/cluster.h"
#include "core/thread_pool.h"
#include "data/data_spec.h"
#include "data/dataset.h"
#include "data/decoded_store.h"
#include "data/fingerprint.h"
#include "data/image_files.h"
#include "data/image_traits.h"
#include "data/pixel_reader.h"

namespace cnn {

/// Called while images are decoded, always by the thread that started it: how many of how many are done. May
/// throw, which ends the loading.
using Progress = std::function<void(std::int64_t done, std::int64_t total)>;

/// How the processes of a cluster share images that do not all fit into the memory of each.
struct Sharing {
  enum class Use {
    any_image,  ///< every process may need each image: they only share the first look at the files
    own_share,  ///< share_of_blocks() of all images: a process keeps those
  };
  Cluster* cluster = nullptr;  ///< null: no others
  Use use = Use::any_image;
  bool always = false;  ///< also if all would fit
};

/// What came out of a look at image files.
struct LoadedImages {
  std::shared_ptr<const Dataset> dataset;  ///< the good ones, in order
  std::vector<std::int64_t> positions;     ///< of the good ones in the list of files
  std::vector<Fingerprint> fingerprints;   ///< of the good ones
  std::vector<BadFile> bad;                ///< the others, in order
  TraitCounts traits;                      ///< of the good ones
  std::int64_t reread = 0;                 ///< files whose pixels did not stay in memory
  std::string stored;                      ///< what was kept on disk for the next time; "": nothing new
};

/// Decodes the files [begin, end) of a list on all threads, into what `spec` asks (channels 1 or 3). Every
/// file is decoded once, to know that it is good. The first `cache_bytes` of pixels stay in memory, but never
/// more than half of what this process can get; the others are read again when they are asked for, in the
/// background if will_need said so. A file that vanished or changed meanwhile is an Error (exit 1) that names
/// it. For data of any size in bounded memory, load one part of the list after the other.
///
/// Images that `store` has are not decoded, if all fit into memory and no other process takes part; if
/// decoding took long, they are kept there.
///
/// In a cluster the call is collective, and the files must be the same: else a process throws Error. Images
/// that do not stay in memory are decoded by one process each, and all know what it found.
LoadedImages load_images(std::shared_ptr<const ImageFiles> files, std::int64_t begin, std::int64_t end,
                         const ImageSpec& spec, const DecodeLimits& limits, std::int64_t cache_bytes,
                         ThreadPool& pool, const Progress& progress = {}, const Sharing& sharing = {},
                         const StoreSpec& store = {});

}  // namespace cnn
