#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/thread_pool.h"
#include "data/image_files.h"
#include "data/image_folder.h"
#include "data/image_traits.h"

namespace cnn {

/// How many images a survey decodes: whichever limit is reached first, but always `at_least`.
struct SurveyLimits {
  std::int64_t images = 5000, bytes = std::int64_t{256} << 20, at_least = 200;
};

/// What a look at some images of a folder tells about all of them. Sizes are those of upright images.
struct FolderSurvey {
  struct Range {
    int least = 0, median = 0, most = 0;
  };
  std::int64_t looked_at = 0;  ///< images that were decoded, or could not be
  std::int64_t grey = 0;       ///< good ones whose three channels are the same everywhere, or that have one
  std::int64_t good = 0;
  std::vector<std::string> useless_classes;  ///< every image of them was opened, and none is good
  std::vector<BadFile> bad;  ///< those that cannot be opened at all, then those that cannot be decoded
  TraitCounts traits;        ///< of the good ones
  Range width, height;
  /// Width over height: the 5th percentile, the median and the 95th.
  double aspect_low = 1, aspect = 1, aspect_high = 1;

  bool one_size() const { return width.least == width.most && height.least == height.most; }
  bool all_grey() const { return grey == good; }
};

/// Decodes images of a list that are spread evenly over it. The same for any number of threads.
FolderSurvey survey_images(const ImageFiles& files, const SurveyLimits& limits, ThreadPool& pool,
                           const Progress& progress = {});

}  // namespace cnn
