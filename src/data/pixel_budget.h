#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace cnn {

/// Pixels that are being decoded at the same time, by all threads: as many small images as there are
/// threads, but only one very large one, whose decoder needs up to 20 bytes a pixel.
class PixelBudget {
 public:
  explicit PixelBudget(std::int64_t pixels) : pixels_(pixels) {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [&] { return in_use_ == 0 || in_use_ + pixels_ <= kAtOnce; });
    in_use_ += pixels_;
  }
  ~PixelBudget() {
    const std::lock_guard lock(mutex_);
    in_use_ -= pixels_;
    freed_.notify_all();
  }
  PixelBudget(const PixelBudget&) = delete;
  PixelBudget& operator=(const PixelBudget&) = delete;

 private:
  static constexpr std::int64_t kAtOnce = 64'000'000;
  static inline std::mutex mutex_;
  static inline std::condition_variable freed_;
  static inline std::int64_t in_use_ = 0;
  std::int64_t pixels_;
};

}  // namespace cnn
