#pragma once

#include <chrono>
#include <thread>

namespace cnn {

/// The pause between two looks at something that others are to do. Answers within a millisecond are taken at
/// once, as far as the scheduler allows; later ones are waited for without using a core, because there may be
/// more processes than cores.
class Patience {
 public:
  void pause() {
    if (++looks_ < kBusyLooks) return;
    const auto waited = std::chrono::steady_clock::now() - start_;
    if (waited < std::chrono::milliseconds(1))
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(waited < std::chrono::milliseconds(200) ? std::chrono::microseconds(50)
                                                                          : std::chrono::microseconds(1000));
  }

 private:
  static constexpr int kBusyLooks = 20;
  int looks_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace cnn
