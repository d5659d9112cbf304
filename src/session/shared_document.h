#pragma once

#include <functional>

#include "cluster/cluster.h"
#include "config/document.h"

namespace cnn {

/// What process 0 reads, on all processes: the others need no file. Collective. Throws what `read` throws;
/// the others get a ClusterError when process 0 reports that.
Document shared_document(Cluster& cluster, const std::function<Document()>& read);

}  // namespace cnn
