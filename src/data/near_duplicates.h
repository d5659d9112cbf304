#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/thread_pool.h"
#include "data/duplicates.h"

namespace cnn {

/// Images of the other sets that look nearly like a training image: the same photo in other colors, sizes or
/// qualities, or the next frame of a video.
///
/// The rule: neither picture is too simple (see picture_hash.h), the hashes differ in at most 7 bits, and the
/// thumbnails have a correlation of 0.95 or more. It was chosen on CIFAR-10 (a JPEG copy), where 48 of 10,000
/// test images are found, and the 40 pairs with the lowest correlations all show the same photo, or photos of
/// one series. On MNIST, whose pictures correlate as much without being copies, none is found, on
/// Fashion-MNIST one.
struct NearDuplicates {
  struct Pair {
    int part = 0;            ///< index of the candidates, never 0
    std::int64_t image = 0;  ///< of that part
    std::int64_t like = 0;   ///< an image of part 0
    double correlation = 0;
  };
  std::vector<Pair> pairs;  ///< at most one for each image, in the order of parts and images
  bool empty() const { return pairs.empty(); }
};

/// Compares every other part with the first one. Images that are exact copies of one of the first are left
/// out: find_duplicates() tells them. Needs 56 bytes for each training image, and reads the pixels of the few
/// that a hash proposes. The effort for an image is bounded, so with very many similar training images a pair
/// may be missed. Does not depend on the number of threads.
NearDuplicates find_near_duplicates(const std::vector<DuplicateCandidates>& parts, ThreadPool& pool);

/// What to say about them: a line for each part, with the most similar pair as an example. splits: the
/// validation images are a fraction of the training set, so groups could keep pairs together.
std::vector<std::string> near_duplicate_notes(const NearDuplicates& near,
                                              const std::vector<DuplicateCandidates>& parts, bool splits);

/// All of them as CSV: part,class,path,training class,training path,correlation.
std::string near_duplicate_table(const NearDuplicates& near, const std::vector<DuplicateCandidates>& parts);

}  // namespace cnn
