#include "config/config_changes.h"

#include <algorithm>

#include "config/config_table.h"

namespace cnn {
namespace {

using Effect = ConfigChange::Effect;

/// Keys that decide what an optimizer remembers.
constexpr std::string_view kOptimizerState[] = {
    "training.optimizer.type", "training.optimizer.decay_norm_and_bias", "training.optimizer.others.type",
    "training.optimizer.others.decay_norm_and_bias", "training.optimizer.others.momentum"};

/// Keys, with everything below them (with a point at the end: only that), that a resumed training may have
/// otherwise.
struct Rule {
  std::string_view key;
  Effect effect;
};
constexpr Rule kRules[] = {
    {"name", Effect::none},
    {"data.train", Effect::none},  // moved, perhaps: whether the images are the same is found out elsewhere
    {"data.validation.fraction", Effect::impossible},
    {"data.validation", Effect::none},
    {"data.test", Effect::none},
    {"data.bad_images", Effect::none},
    {"data.cache_mb", Effect::none},
    {"data.limits", Effect::none},
    {"data.duplicates", Effect::none},
    {"data.augment", Effect::from_now_on},
    {"training.epochs", Effect::none},
    {"training.label_smoothing", Effect::from_now_on},
    {"training.class_weights", Effect::from_now_on},
    {"training.clip_gradient_norm", Effect::from_now_on},
    {"training.early_stopping", Effect::none},
    {"training.max_minutes", Effect::none},
    {"training.lookahead.", Effect::from_now_on},
    {"training.weight_averaging.", Effect::from_now_on},
    {"training.optimizer", Effect::from_now_on},
    {"training.schedule", Effect::from_now_on},
    {"training.initial_weights", Effect::none},
    {"training.on_non_finite", Effect::none},
    {"training.checkpoint_minutes", Effect::none},
    {"training.checkpoint_steps", Effect::none},
};

Effect effect_of(const std::string& key) {
  for (const std::string_view state : kOptimizerState)
    if (key == state) return Effect::impossible;
  for (const Rule& rule : kRules) {
    const std::string below = rule.key.ends_with('.') ? std::string(rule.key) : std::string(rule.key) + ".";
    if (key == rule.key || key.starts_with(below)) return rule.effect;
  }
  return Effect::impossible;
}

std::string shortened(const JsonValue* value) {
  if (!value) return "nothing";
  const std::string line = to_line(*value);
  return line.size() <= 60 ? line : line.substr(0, 57) + "...";
}

void compare(const std::string& key, const JsonValue* before, const JsonValue* now,
             std::vector<ConfigChange>& found) {
  const auto below = [&](const std::string& step) { return key.empty() ? step : key + "." + step; };
  const auto both = [&](JsonValue::Kind kind) {
    return before && now && before->kind == kind && now->kind == kind;
  };
  if (both(JsonValue::Kind::object)) {
    std::vector<std::string> keys;
    for (const JsonValue::Key& k : before->keys) keys.push_back(k.name);
    for (const JsonValue::Key& k : now->keys)
      if (!before->find(k.name)) keys.push_back(k.name);
    for (const std::string& k : keys) compare(below(k), before->find(k), now->find(k), found);
  } else if (both(JsonValue::Kind::array) && before->items.size() == now->items.size()) {
    for (std::size_t i = 0; i < now->items.size(); ++i)
      compare(below(std::to_string(i)), &before->items[i], &now->items[i], found);
  } else if (!before || !now || to_line(*before) != to_line(*now)) {
    found.push_back({key, shortened(before), shortened(now), effect_of(key)});
  }
}

/// Whether the validation images are another kind of thing: none, split off, or a set of their own.
bool has_other_validation(const Config& before, const Config& now) {
  return before.data.validation.index() != now.data.validation.index();
}

double momentum_of(const Config& config) {
  const auto* sgd = std::get_if<SgdSpec>(&config.training.optimizer);
  return sgd ? sgd->momentum : 0;
}

}  // namespace

std::vector<ConfigChange> changes(const Config& before, const Config& now) {
  const JsonValue a = config_kind()->write(before, Purpose::run), b = config_kind()->write(now, Purpose::run);
  std::vector<ConfigChange> found;
  compare("", &a, &b, found);
  for (ConfigChange& change : found) {
    // There is no velocity to go on with, or nothing to do with it.
    if (change.key == "training.optimizer.momentum" && (momentum_of(before) == 0) != (momentum_of(now) == 0))
      change.effect = Effect::impossible;
    if (change.key.starts_with("data.validation") && has_other_validation(before, now))
      change.effect = Effect::impossible;
  }
  return found;
}

}  // namespace cnn
