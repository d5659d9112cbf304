#pragma once

#include <span>
#include <string>
#include <string_view>

namespace cnn {

/// The candidate that `word` means, or "".
std::string suggested(std::string_view word, std::span<const std::string> candidates);

/// ` (did you mean "units"?)`, or "": a candidate that is spelled nearly like `word`, or what other tools'
/// name for the thing is called here ("lr", "Conv2d", "filters").
std::string suggestion(std::string_view word, std::span<const std::string> candidates);

}  // namespace cnn
