#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "core/clock.h"

namespace cnn {

/// Where the time of a training went.
enum class Spent { features, training, validation, statistics, test, files, pages };
inline constexpr std::size_t kWaysToSpend = 7;

/// Adds up seconds. One thread books.
class TimeAccount {
 public:
  TimeAccount() : began_(now_seconds()) {}

  void book(Spent on, double seconds) { seconds_[static_cast<std::size_t>(on)] += seconds; }

  /// Calls work() and books its time, also if it throws. Returns what it returns.
  template <class Work>
  auto measure(Spent on, Work&& work) {
    struct Booking {
      TimeAccount& account;
      Spent on;
      double start = now_seconds();
      ~Booking() { account.book(on, now_seconds() - start); }
    } booking{*this, on};
    return std::forward<Work>(work)();
  }

  double seconds(Spent on) const { return seconds_[static_cast<std::size_t>(on)]; }
  /// Since the account was opened; what nobody booked is in it, too.
  double all() const { return now_seconds() - began_; }

 private:
  double began_;
  std::array<double, kWaysToSpend> seconds_{};
};

}  // namespace cnn
