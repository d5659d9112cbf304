#pragma once

#include "config/table.h"
#include "nn/parameter_control.h"

namespace cnn {

/// true, false, {"from_epoch", "until_epoch"}, or {"weight": ..., "bias": ...} of these.
KindOf<WeightAndBias<LearningEpochs>> trainable_kind();
/// A factor >= 0, or {"weight": ..., "bias": ...} of these.
KindOf<WeightAndBias<double>> factor_kind();

/// A key whose value is a member of S::control.
template <class S, class V>
Field<S> control_key(std::string key, V LayerControl::*member, KindOf<V> kind, std::string doc) {
  Field<S> field;
  field.key = std::move(key);
  field.doc = std::move(doc);
  field.read = [=](const Place& place, S& out) { return kind->read(place, out.control.*member); };
  field.write = [=](const S& value, ConfigUse) { return std::optional(kind->write(value.control.*member)); };
  field.schema = [=] { return kind->schema(); };
  field.words = [=] { return kind->words(); };
  return field;
}

/// Adds the keys that say how the optimizer treats the parameters of an entry: trainable,
/// learning_rate_scale, weight_decay_scale.
template <class S>
void add_control_keys(Table<S>& table) {
  table.fields.push_back(control_key<S>(
      "trainable", &LayerControl::trainable, trainable_kind(),
      "Whether the optimizer changes the parameters: `true`, `false`, or `{\"from_epoch\": 3, "
      "\"until_epoch\": 5}` with one or both ends, epochs counted from 1. `{\"weight\": ..., \"bias\": ...}` "
      "treats them separately."));
  table.fields.push_back(
      control_key<S>("learning_rate_scale", &LayerControl::learning_rate_scale, factor_kind(),
                     "Factor on the learning rate, or `{\"weight\": ..., \"bias\": ...}`."));
  table.fields.push_back(control_key<S>("weight_decay_scale", &LayerControl::weight_decay_scale,
                                        factor_kind(),
                                        "Factor on `weight_decay`, or `{\"weight\": ..., \"bias\": ...}`."));
}

/// For entries with running statistics; written only if it is true.
template <class S>
Field<S> frozen_statistics_key() {
  Field<S> field =
      control_key<S>("frozen_statistics", &LayerControl::frozen_statistics, boolean(),
                     "Batch normalization uses its running statistics in training, too, and does not change "
                     "them, as PyTorch does after `eval()`.");
  field.default_words = "`false`";
  field.write = [](const S& spec, ConfigUse) {
    return spec.control.frozen_statistics ? std::optional<JsonValue>(true) : std::nullopt;
  };
  return field;
}

/// Reports a control key that speaks of a weight or bias which the entry does not have.
bool check_control_keys(const Place& entry, bool has_weight, bool has_bias);

}  // namespace cnn
