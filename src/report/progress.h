#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace cnn {

/// Progress on stderr: on a terminal one line that is drawn over, with a bar and the time left; elsewhere a
/// plain line now and then. Nothing at all when quiet.
class ProgressLine {
 public:
  /// `what` stands in front: "epoch 3/8". total 0: the amount of work is not known.
  ProgressLine(std::string what, std::int64_t total, bool quiet);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// `detail` stands behind the bar: "loss 0.1234".
  void update(std::int64_t done, const std::string& detail);

  /// Whether an update now would be shown: saves formatting a detail that would not be seen.
  bool due(std::int64_t done) const;

  /// Removes the line, so that other output can be written; the next update draws it again.
  void clear();

 private:
  /// "120/469 loss 0.1234  ETA 4 s".
  std::string state(std::int64_t done, const std::string& detail) const;

  std::string what_;
  std::int64_t total_;
  bool quiet_, terminal_;
  double start_, last_ = 0;
  bool drawn_ = false;
};

/// Whether stderr is a terminal that wants color: NO_COLOR and TERM=dumb are honored.
bool color_on_stderr();

}  // namespace cnn
