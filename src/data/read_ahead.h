#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <unordered_map>
#include <vector>

namespace cnn {

/// Reads items in the background that will be needed soon. take() returns a finished item at once, waits for
/// one that is being read, and reads any other itself. A wrong hint costs time, never correctness.
class ReadAhead {
 public:
  /// Reads item number `index`; on any thread; may throw.
  using Read = std::function<void(std::int64_t index, std::vector<std::byte>& bytes)>;

  /// most_ready: how many finished items may wait to be taken. Threads start with the first hint.
  ReadAhead(std::int64_t most_ready, int threads, Read read);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// A hint: these items are taken next, in this order. Items from hints before the last one are dropped.
  void expect(std::span<const std::int64_t> indices);

  /// The bytes of an item, hinted or not. Rethrows an exception of `read`.
  void take(std::int64_t index, std::vector<std::byte>& bytes);

 private:
  enum class State { waiting, reading, ready };
  struct Thing {
    State state = State::waiting;
    std::int64_t hint = 0;  // number of the hint that named it last
    std::vector<std::byte> bytes;
    std::exception_ptr error;
  };
  void work();

  const std::int64_t most_ready_;
  const int thread_count_;
  const Read read_;
  std::mutex mutex_;
  std::condition_variable wanted_, finished_;
  std::unordered_map<std::int64_t, Thing> things_;
  std::deque<std::int64_t> queue_;  // waiting ones, and some that have been taken meanwhile
  std::int64_t hints_ = 0, ready_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace cnn
