#pragma once

#include <string>

#include "config/config.h"
#include "core/error.h"

namespace cnn {

/// A config with nothing but what is required.
inline const std::string kBaseConfig = R"({
  "data": {"format": "folder", "train": "train", "image": {"channels": 1, "height": 28, "width": 28}},
  "network": [
    {"type": "conv", "out_channels": 6, "kernel_size": 5},
    {"type": "max_pool", "kernel_size": 2},
    {"type": "flatten"},
    {"type": "dense", "units": 10}
  ],
  "training": {"epochs": 8, "batch_size": 64, "optimizer": {"type": "sgd", "learning_rate": 0.1}}
}
)";

/// kBaseConfig with the first `from` replaced by `to`. Ends the test run if there is no `from`.
inline std::string edited(const std::string& from, const std::string& to) {
  const std::size_t at = kBaseConfig.find(from);
  CNN_CHECK(at != std::string::npos, "the base config holds no {}", from);
  return std::string(kBaseConfig).replace(at, from.size(), to);
}

inline Config config_of(const std::string& text) {
  return read_config(Document::parse(text, "a.json", "/home/me/configs"));
}

/// The message of the Error that reading `text` throws, or "no error". Its exit code must be `code`.
template <class Read>
std::string message_of(Read&& read, ExitCode code = ExitCode::bad_usage) {
  try {
    read();
  } catch (const Error& error) {
    return error.code() == code ? error.what() : fmt::format("wrong exit code: {}", error.what());
  }
  return "no error";
}

}  // namespace cnn
