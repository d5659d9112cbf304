#pragma once

#include <atomic>

#include "core/error.h"

namespace cnn {

/// While it lives, SIGINT and SIGTERM set requested() instead of ending the program; a second one of the same
/// kind ends it at once. One at a time.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  const std::atomic<bool>& requested() const;
  /// 130 after SIGINT, 143 after SIGTERM.
  ExitCode exit_code() const;
};

}  // namespace cnn
