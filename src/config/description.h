#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/json_value.h"

namespace cnn {

/// What another value of a key means for a training that goes on with --resume.
enum class ResumeEffect {
  none,         ///< no number that is still to come changes, or only what the end needs
  from_now_on,  ///< the rest of the training is another one
  impossible,   ///< what was trained so far would have no meaning
};

/// The effect, which may depend on the two values; nullptr where there is no such key.
using ResumeRule = std::function<ResumeEffect(const JsonValue* before, const JsonValue* now)>;
inline ResumeRule always(ResumeEffect effect) {
  return [=](const JsonValue*, const JsonValue*) { return effect; };
}

class Described;

/// What schema, reference and --resume know about one key.
struct KeyDescription {
  std::string key;
  bool required = false;
  std::string words;                       ///< what is allowed
  std::optional<JsonValue> default_value;  ///< as it would be written
  std::string default_words;               ///< for a default that depends on other keys
  std::string doc;
  JsonValue schema;
  ResumeRule on_resume;                   ///< empty: the rule of the key above, or each key below has its own
  std::shared_ptr<const Described> kind;  ///< of the value; null: it has no keys that anybody describes
};

/// One kind of JSON object.
struct ObjectDescription {
  std::string type;  ///< value of its `type`, "" if it has none
  std::string doc;
  std::vector<KeyDescription> keys;
  ResumeRule type_on_resume = {};  ///< as KeyDescription::on_resume, for the key `type`
};

/// A kind of value, for those who do not know its C++ type.
class Described {
 public:
  virtual ~Described() = default;
  /// The objects that such a value, or each of its elements, may be; none if they have no keys of their own.
  virtual std::vector<ObjectDescription> descriptions() const { return {}; }
};

}  // namespace cnn
