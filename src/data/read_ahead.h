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

/// Reads things in the background that were said to be needed soon. Whoever needs one takes it: finished, or
/// as soon as it is, or reads it himself if nobody has begun. A wrong hint costs time, never correctness.
class ReadAhead {
 public:
  /// Reads thing number `index`; any thread; may throw.
  using Read = std::function<void(std::int64_t index, std::vector<std::byte>& bytes)>;

  /// most_ready: finished things that wait to be taken. Threads start with the first hint.
  ReadAhead(std::int64_t most_ready, int threads, Read read);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// These are taken next, in this order. What was expected before the last hint and never taken is dropped.
  void expect(std::span<const std::int64_t> indices);

  /// The bytes of a thing, by hint or without. An exception of `read` arrives here.
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
