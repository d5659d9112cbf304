#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "config/description.h"

namespace cnn {

/// A value of a config that differs from the one that a training began with.
struct ConfigChange {
  std::string key;       ///< as after --set: "training.epochs"
  std::string from, to;  ///< JSON on one line, shortened; "nothing" where there is no such key
  ResumeEffect effect = ResumeEffect::impossible;
};

/// What differs, in the order of the resolved configs; the rows of the tables say what it means.
std::vector<ConfigChange> changes(const Config& before, const Config& now);

}  // namespace cnn
