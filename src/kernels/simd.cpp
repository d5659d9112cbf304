// Before any header of Highway: it says which instruction sets exist.
// clang-format off
#include "kernels/targets.h"
// clang-format on

#include "kernels/simd.h"

#include <hwy/highway.h>
#include <hwy/targets.h>

#include <cstdlib>
#include <utility>

#include "core/error.h"
#include "core/text.h"

namespace cnn {
namespace {

std::string name_of(std::int64_t target) {
#if HWY_ARCH_X86
  if (target == HWY_AVX3) return "avx512";
  if (target == HWY_AVX2) return "avx2";
  if (target == HWY_SSE4) return "sse4";
#elif HWY_ARCH_ARM
  if (target == HWY_NEON) return "neon";
#ifdef HWY_NEON_WITHOUT_AES
  if (target == HWY_NEON_WITHOUT_AES) return "neon";  // newer versions build both; nothing here uses AES
#endif
#endif
  return hwy::TargetName(target);
}

/// All that this machine supports; asked before any choice restricts the answer.
const std::vector<std::int64_t>& machine_targets() {
  static const std::vector<std::int64_t> targets = hwy::SupportedAndGeneratedTargets();
  return targets;
}

}  // namespace

std::vector<std::string> supported_instruction_sets() {
  std::vector<std::string> names;
  for (const std::int64_t target : machine_targets())
    if (std::string name = name_of(target); names.empty() || names.back() != name)
      names.push_back(std::move(name));
  return names;
}

std::string instruction_set() {
  machine_targets();
  return name_of(hwy::SupportedAndGeneratedTargets().front());
}

void use_instruction_set(const std::string& name) {
  for (const std::int64_t target : machine_targets()) {
    if (name_of(target) != name) continue;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(target);
    return;
  }
  const std::vector<std::string> names = supported_instruction_sets();
  fail_usage("CNN_SIMD: \"{}\" is not an instruction set of this program on this machine; use one of {}{}",
             name, join(names), did_you_mean(name, names));
}

void use_instruction_set_from_environment() {
  const char* name = std::getenv("CNN_SIMD");
  if (name && *name) use_instruction_set(name);
}

}  // namespace cnn
