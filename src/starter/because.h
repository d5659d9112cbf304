#pragma once

#include <string>

namespace cnn {

/// A decision and its reason, in words for a comment.
template <class Value>
struct Because {
  Value value;
  std::string why;
};

}  // namespace cnn
