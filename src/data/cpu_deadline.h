#pragma once

#include <string>

namespace cnn {

/// An amount of processor time that the calling thread may use from now on. Waiting costs nothing: a busy
/// machine does not make a good image a bad one.
class CpuDeadline {
 public:
  explicit CpuDeadline(double seconds);

  /// To be asked by the thread that made it.
  bool passed() const;
  /// What to say behind "<path>: ".
  std::string fault() const;

 private:
  double seconds_, end_;
};

}  // namespace cnn
