#include "core/clock.h"

#include <atomic>
#include <chrono>

namespace cnn {

double now_seconds() {
  static std::atomic<double> latest{0};
  const double now =
      std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  double before = latest.load(std::memory_order_relaxed);
  while (before < now && !latest.compare_exchange_weak(before, now, std::memory_order_relaxed)) {
  }
  return before < now ? now : before;
}

}  // namespace cnn
