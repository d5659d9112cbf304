#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/data_spec.h"
#include "data/image.h"

namespace cnn {

/// How many images of a set have something that the network does not see, unless the config asks for it.
struct TraitCounts {
  std::int64_t images = 0, deep = 0, transparent = 0;
  int least = 65535, most = 0;  ///< of the values of the deep ones

  void add(const FileTraits& traits);
  void add(const TraitCounts& other);
};

/// What a user should know of them, a line each: the depth and the range that the values use, and hidden
/// colors; with the key that helps, where it is not set.
std::vector<std::string> trait_notes(const TraitCounts& counts, const ImageSpec& spec);

/// The same for images that a model is given: what it was trained with cannot be changed any more.
std::vector<std::string> model_notes(const TraitCounts& counts, const ImageSpec& spec);

}  // namespace cnn
