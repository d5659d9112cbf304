#include "data/cpu_deadline.h"

#include <time.h>

#include "core/error.h"
#include "core/text.h"

namespace cnn {
namespace {

double thread_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

}  // namespace

CpuDeadline::CpuDeadline(double seconds) : seconds_(seconds), end_(thread_seconds() + seconds) {}

bool CpuDeadline::passed() const { return thread_seconds() > end_; }

std::string CpuDeadline::fault() const {
  return fmt::format("takes too long to decode: more than {} s (data.limits.seconds)", exact(seconds_));
}

}  // namespace cnn
