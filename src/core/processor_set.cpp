#include "core/processor_set.h"

#if defined(__linux__)
#include <sched.h>
#endif

#include <bit>
#include <cstddef>
#include <cstring>

namespace cnn {

ProcessorSet ProcessorSet::all() {
  ProcessorSet set;
  set.bits.fill(~std::uint64_t{0});
  return set;
}

#if defined(__linux__)

ProcessorSet ProcessorSet::of_this_process() {
  ProcessorSet set;
  cpu_set_t mask;
  static_assert(sizeof(mask) == sizeof(set.bits));
  if (::sched_getaffinity(0, sizeof(mask), &mask) != 0) return all();  // more processors than a mask has bits
  std::memcpy(set.bits.data(), &mask, sizeof(mask));
  return set;
}

void ProcessorSet::apply_to_this_process() const {
  cpu_set_t mask;
  std::memcpy(&mask, bits.data(), sizeof(mask));
  ::sched_setaffinity(0, sizeof(mask), &mask);
}

#else

ProcessorSet ProcessorSet::of_this_process() { return all(); }
void ProcessorSet::apply_to_this_process() const {}

#endif

int ProcessorSet::count() const {
  int count = 0;
  for (const std::uint64_t word : bits) count += std::popcount(word);
  return count;
}

bool ProcessorSet::meets(const ProcessorSet& other) const {
  for (std::size_t i = 0; i < bits.size(); ++i)
    if (bits[i] & other.bits[i]) return true;
  return false;
}

}  // namespace cnn
