#pragma once

#include <span>

#include "cluster/cluster.h"
#include "data/dataset.h"
#include "data/fingerprint.h"

namespace cnn {

/// Collective. Throws Error (exit 1) on a process whose set is not that of process 0: other classes, another
/// number of images, other names, labels or pixels. set: null for none, which process 0 must lack, too.
/// fingerprints: of its images.
void compare_with_root(Cluster& cluster, const char* which, const Dataset* set,
                       std::span<const Fingerprint> fingerprints);

}  // namespace cnn
