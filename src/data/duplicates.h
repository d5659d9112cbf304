#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/fingerprint.h"

namespace cnn {

/// A set in which copies are looked for.
struct DuplicateCandidates {
  std::string part;  ///< "training", "validation", "test"
  const Dataset* dataset = nullptr;
  const std::vector<Fingerprint>* fingerprints = nullptr;  ///< of the dataset's images
};

/// Images whose pixels are the same, as the network sees them: after conversion and resizing, before
/// augmentation. A copy may have another name, another file format or other metadata.
struct Duplicates {
  struct Image {
    int part = 0;  ///< index of the candidates
    std::int64_t image = 0;
    friend bool operator==(const Image&, const Image&) = default;
  };
  /// Two or more images that are the same, in the order of parts and images; groups ascend by their first.
  std::vector<std::vector<Image>> groups;
  /// Images of part b that part a has too: shared[a][b] for a < b; shared[a][a]: images of a that an earlier
  /// one of a equals.
  std::vector<std::vector<std::int64_t>> shared;
  std::int64_t contradicting_groups = 0;  ///< groups in which not all labels are the same
  std::int64_t contradicting_images = 0;  ///< the images in them

  bool empty() const { return groups.empty(); }
};

/// Needs 40 bytes an image while it works. Images without a label contradict nothing. Does not depend on
/// anything but the images.
Duplicates find_duplicates(const std::vector<DuplicateCandidates>& parts);

/// What to say about them: a line for each kind, then up to `most` groups, those with different labels first.
/// Empty if there are none.
std::vector<std::string> duplicate_notes(const Duplicates& duplicates,
                                         const std::vector<DuplicateCandidates>& parts, std::size_t most = 5);

/// All of them as CSV: group,part,class,path.
std::string duplicate_table(const Duplicates& duplicates, const std::vector<DuplicateCandidates>& parts);

}  // namespace cnn
