#pragma once

namespace cnn {

/// Seconds of a clock that never goes back, not even where the system's monotonic clock does (some virtual
/// machines): then it stands still. Only differences mean anything.
double now_seconds();

}  // namespace cnn
