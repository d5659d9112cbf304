#pragma once

#include <string>

#include "core/error.h"

namespace cnn {

/// A value of the config that cannot work: `pointer` is the JSON pointer of the culprit, for example
/// "/network/3/kernel_size". The config reader adds file, line and column in front.
class SpecError : public Error {
 public:
  SpecError(std::string pointer, const std::string& message)
      : Error(ExitCode::bad_usage, message), pointer_(std::move(pointer)) {}
  const std::string& pointer() const { return pointer_; }

 private:
  std::string pointer_;
};

}  // namespace cnn
