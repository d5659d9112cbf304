#pragma once

// One name for both generations of Catch2.
#ifdef CNN_CATCH2_V2
#include <catch2/catch.hpp>
namespace Catch::Matchers {
inline auto ContainsSubstring(const std::string& text) { return Catch::Contains(text); }
}  // namespace Catch::Matchers
#else
#include <catch2/catch_all.hpp>
using Catch::Approx;
#endif
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
