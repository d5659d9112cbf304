#pragma once

#include <utility>

#include "core/clock.h"

namespace cnn {

/// Keeps work that comes up again and again from taking more than about a part of all time.
class Pace {
 public:
  /// part: of the time, above 0; 1: whenever it comes up.
  explicit Pace(double part) : part_(part) {}

  /// Whether it may be done again.
  bool due() const { return now_seconds() >= next_; }

  /// Does it, and notes how long it took; also if it throws.
  template <class Work>
  void run(Work&& work) {
    struct Note {
      Pace& pace;
      double start = now_seconds();
      ~Note() {
        const double now = now_seconds();
        pace.next_ = now + (now - start) * (1 / pace.part_ - 1);
      }
    } note{*this};
    std::forward<Work>(work)();
  }

 private:
  double part_;
  double next_ = 0;
};

}  // namespace cnn
