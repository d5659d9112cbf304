#pragma once

#include "cluster/cluster.h"
#include "core/thread_pool.h"
#include "data/image_folder.h"

namespace cnn {

/// The least and the greatest value of all files of a list that have 16 bits, for PixelRange::automatic. Bad
/// files are left out: they are reported when the images are loaded. Throws Error if no file has 16 bits, or
/// all values are the same. In a cluster the call is collective: each process looks at a share.
PixelRange used_range(const ImageFiles& files, const DecodeLimits& limits, ThreadPool& pool,
                      const Progress& progress = {}, Cluster& cluster = alone());

}  // namespace cnn
