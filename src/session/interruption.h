#pragma once

#include <atomic>

#include "cluster/cluster.h"
#include "core/error.h"

namespace cnn {

/// While it lives, SIGINT, SIGTERM and SIGHUP set requested() instead of ending the program; a second one of
/// the same kind ends it at once. A SIGHUP that is ignored stays so (nohup). SIGUSR1 asks for a checkpoint.
/// One at a time.
class Interruption {
 public:
  /// Whether there is anything yet that a signal should wait for.
  enum class Work { begun, to_come };
  /// to_come: until begin_work(), a signal ends the program at once with exit_code().
  /// silent: without the words that nothing was lost.
  explicit Interruption(Work work = Work::begun, bool silent = false);
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  /// From now on signals wait.
  void begin_work();

  const std::atomic<bool>& requested() const;
  /// Whether SIGUSR1 came since the last call.
  bool take_save_request();
  /// Collective: what any process was asked to stop by, all were.
  void agree(Cluster& cluster);
  /// 130 after SIGINT, 143 after SIGTERM, 129 after SIGHUP.
  ExitCode exit_code() const;
};

}  // namespace cnn
