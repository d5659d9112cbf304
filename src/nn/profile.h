#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace cnn {

/// What a layer's time is spent on.
enum class TimePart { forward, backward_data, backward_weights };
inline constexpr int kTimeParts = 3;

/// One worker's clock: every lap books the time since the last one. Costs two or three calls of the clock for
/// a block and layer, so a profiled pass is as fast as any other.
class Stopwatch {
 public:
  Stopwatch(int nodes, int operations)
      : sums_(static_cast<std::size_t>((nodes + 1) * kTimeParts)),
        of_operations_(static_cast<std::size_t>(operations)) {}

  void start() { last_ = now(); }
  /// Books for this node and this operation (Operation::time) from now on; node -1 is what belongs to no
  /// layer.
  void set_place(int node, int operation) { node_ = node, operation_ = operation; }
  void lap(TimePart part) {
    const std::int64_t time = now();
    sums_[static_cast<std::size_t>((node_ + 1) * kTimeParts + static_cast<int>(part))] += time - last_;
    of_operations_[static_cast<std::size_t>(operation_)] += time - last_;
    last_ = time;
  }
  std::int64_t nanoseconds(int operation) const {
    return of_operations_[static_cast<std::size_t>(operation)];
  }
  std::int64_t nanoseconds(int node, TimePart part) const {
    return sums_[static_cast<std::size_t>((node + 1) * kTimeParts + static_cast<int>(part))];
  }

 private:
  static std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }

  std::vector<std::int64_t> sums_, of_operations_;
  std::int64_t last_ = 0;
  int node_ = -1, operation_ = 0;
};

/// Where the time of a Runner's passes goes. Sums over all workers; not to be read during a pass.
class Profile {
 public:
  Profile(int workers, int nodes, int operations)
      : watches_(static_cast<std::size_t>(workers), Stopwatch(nodes, operations)) {}

  Stopwatch& watch(int worker) { return watches_[static_cast<std::size_t>(worker)]; }

  /// Of one node of the network, in all workers together.
  double seconds(int node, TimePart part) const {
    std::int64_t sum = 0;
    for (const Stopwatch& watch : watches_) sum += watch.nanoseconds(node, part);
    return 1e-9 * static_cast<double>(sum);
  }
  /// Of one operation, by Operation::time.
  double seconds(int operation) const {
    std::int64_t sum = 0;
    for (const Stopwatch& watch : watches_) sum += watch.nanoseconds(operation);
    return 1e-9 * static_cast<double>(sum);
  }
  /// Filling blocks with images; the loss; adding up the gradients of the leaves.
  double fill_seconds() const { return seconds(-1, TimePart::forward); }
  double loss_seconds() const { return seconds(-1, TimePart::backward_data); }
  double sum_seconds() const { return seconds(-1, TimePart::backward_weights); }

 private:
  std::vector<Stopwatch> watches_;
};

}  // namespace cnn
