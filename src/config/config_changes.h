#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace cnn {

/// A value that a config has otherwise than the one that a training began with.
struct ConfigChange {
  enum class Effect {
    none,         ///< on no number that is still to come, or on what only the end needs
    from_now_on,  ///< the rest of the training is another one
    impossible,   ///< what was trained so far would have no meaning
  };
  std::string key;       ///< as after --set: "training.epochs"
  std::string from, to;  ///< JSON on one line, shortened; "nothing" where there is no such key
  Effect effect = Effect::impossible;
};

/// What differs, in the order of the resolved configs. Keys that nobody has thought about cannot be changed.
std::vector<ConfigChange> changes(const Config& before, const Config& now);

}  // namespace cnn
