#include "data/read_ahead.h"

#include <utility>

namespace cnn {

ReadAhead::ReadAhead(std::int64_t most_ready, int threads, Read read)
    : most_ready_(most_ready), thread_count_(threads), read_(std::move(read)) {}

ReadAhead::~ReadAhead() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wanted_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ReadAhead::expect(std::span<const std::int64_t> indices) {
  {
    const std::lock_guard lock(mutex_);
    ++hints_;
    // The hint before this one may still be in use: callers hint at the next batch while working on the last.
    for (auto thing = things_.begin(); thing != things_.end();) {
      const bool stale = thing->second.hint < hints_ - 1 && thing->second.state != State::reading;
      if (stale && thing->second.state == State::ready) --ready_;
      thing = stale ? things_.erase(thing) : std::next(thing);
    }
    for (const std::int64_t index : indices) {
      const auto [thing, added] = things_.try_emplace(index);
      thing->second.hint = hints_;
      if (added) queue_.push_back(index);
    }
    while (static_cast<int>(threads_.size()) < thread_count_) threads_.emplace_back([this] { work(); });
  }
  wanted_.notify_all();
}

void ReadAhead::take(std::int64_t index, std::vector<std::byte>& bytes) {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto thing = things_.find(index);
    if (thing == things_.end()) break;
    if (thing->second.state == State::waiting) {
      things_.erase(thing);
      break;
    }
    if (thing->second.state == State::ready) {
      const std::exception_ptr error = thing->second.error;
      bytes.swap(thing->second.bytes);
      things_.erase(thing);
      --ready_;
      lock.unlock();
      wanted_.notify_one();
      if (error) std::rethrow_exception(error);
      return;
    }
    finished_.wait(lock);
  }
  lock.unlock();
  read_(index, bytes);
}

void ReadAhead::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wanted_.wait(lock, [&] { return stop_ || (!queue_.empty() && ready_ < most_ready_); });
    if (stop_) return;
    const std::int64_t index = queue_.front();
    queue_.pop_front();
    auto thing = things_.find(index);
    if (thing == things_.end() || thing->second.state != State::waiting) continue;
    thing->second.state = State::reading;
    lock.unlock();
    std::vector<std::byte> bytes;
    std::exception_ptr error;
    try {
      read_(index, bytes);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    thing = things_.find(index);  // nobody takes or drops what is being read
    thing->second.state = State::ready;
    thing->second.bytes = std::move(bytes);
    thing->second.error = error;
    ++ready_;
    finished_.notify_all();
  }
}

}  // namespace cnn
