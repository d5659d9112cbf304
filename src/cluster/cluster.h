#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/error.h"

namespace cnn {

/// Another process of the cluster cannot go on. what(): its rank, machine and message; code(): its exit code.
class ClusterError : public Error {
 public:
  using Error::Error;
};

/// The processes that work on one thing together; without MPI, a program is a cluster of one. Every process
/// makes the same collective calls in the same order. Only the thread that made a Cluster may use it.
///
/// A call that waits for others throws ClusterError as soon as one of them has reported a fault, or is gone.
class Cluster {
 public:
  virtual ~Cluster() = default;

  virtual int rank() const = 0;  ///< in [0, size())
  virtual int size() const = 0;
  /// The one that writes files, logs, and prints.
  bool is_root() const { return rank() == 0; }

  // Collective calls.

  /// data of process `root`, to all.
  virtual void broadcast(std::span<std::byte> data, int root) = 0;
  /// Process r has filled data[ends[r-1], ends[r]), from 0 on; afterwards everybody has everything.
  /// ends: [size()], ascending, in bytes.
  virtual void all_gather(std::span<std::byte> data, std::span<const std::int64_t> ends) = 0;

  // Messages that travel while the caller works. The memory must stay as it is until finished(). Messages
  // from one process to another with the same tag arrive in the order in which they were sent.

  using Ticket = int;
  virtual Ticket send(std::span<const float> data, int to, int tag) = 0;
  virtual Ticket receive(std::span<float> data, int from, int tag) = 0;
  /// Whether the message has arrived, or has left and its memory is free again. True ends the ticket. Moves
  /// messages along: to be called often while any is under way.
  virtual bool finished(Ticket ticket) = 0;

  // Faults. Not collective.

  /// This process cannot go on: wherever the others wait, now or later, they get a ClusterError. Only the
  /// first report counts, and no other call may follow.
  virtual void report_fault(ExitCode, const std::string& /*message*/) {}
  /// Throws ClusterError if another process has reported a fault. For long work between two calls.
  virtual void look_for_faults() {}

  /// Seconds in which this process only waited for others. Who waits counts them with add_waiting().
  virtual double waited() const { return waited_; }
  void add_waiting(double seconds) { waited_ += seconds; }

 private:
  double waited_ = 0;
};

/// A program by itself.
class SingleProcess final : public Cluster {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void broadcast(std::span<std::byte>, int) override {}
  void all_gather(std::span<std::byte>, std::span<const std::int64_t>) override {}
  Ticket send(std::span<const float>, int, int) override { return 0; }
  Ticket receive(std::span<float>, int, int) override { return 0; }
  bool finished(Ticket) override { return true; }
};

/// A program by itself, for whoever is given no cluster.
inline Cluster& alone() {
  static SingleProcess single;
  return single;
}

}  // namespace cnn
