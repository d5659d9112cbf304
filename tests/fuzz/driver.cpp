// libFuzzer's entry. Which target it feeds is decided at compile time: CNN_FUZZ_TARGET,
// one of CNN_FUZZ_TARGETS.
#include <cstddef>
#include <cstdint>

#include "core/error.h"
#include "fuzz/targets.h"
#include "known_leaks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const cnn::fuzz::Target& target : cnn::fuzz::CNN_FUZZ_TARGETS())
    if (target.name == CNN_FUZZ_TARGET) {
      target.run({reinterpret_cast<const char*>(data), size});
      return 0;
    }
  CNN_CHECK(false, "there is no target {}", CNN_FUZZ_TARGET);
  return 1;
}
