#include "config/control_keys.h"

namespace cnn {
namespace {

using JsonKind = JsonValue::Kind;

/// true, false or {"from_epoch", "until_epoch"}.
class Epochs : public Kind<LearningEpochs> {
 public:
  bool read(const Place& place, LearningEpochs& out) const override {
    const JsonValue& value = place.value();
    if (value.kind == JsonKind::boolean)
      return out = value.boolean ? LearningEpochs{} : LearningEpochs::never(), true;
    if (value.kind != JsonKind::object) return place.expected(words());
    bool good = check_keys(place, "trainable", {"from_epoch", "until_epoch"}, {}, {});
    if (value.items.empty()) return place.expected(words());
    out = {};
    if (place.has("from_epoch")) good = epoch_->read(place.member("from_epoch"), out.first) && good;
    if (place.has("until_epoch")) good = epoch_->read(place.member("until_epoch"), out.last) && good;
    if (good && out.empty())
      return place.error_at_member(
          "until_epoch", fmt::format("{} is before from_epoch {}; for a parameter that never learns write "
                                     "\"trainable\": false",
                                     out.last, out.first));
    return good;
  }
  JsonValue write(const LearningEpochs& epochs) const override {
    if (epochs.empty()) return false;
    if (epochs == LearningEpochs{}) return true;
    JsonValue out = JsonValue::object();
    if (epochs.first > 1) out.set("from_epoch", epochs.first);
    if (epochs.last < LearningEpochs::kForever) out.set("until_epoch", epochs.last);
    return out;
  }
  JsonValue schema() const override {
    const JsonValue properties =
        JsonValue::object().set("from_epoch", epoch_->schema()).set("until_epoch", epoch_->schema());
    return JsonValue::object().set("anyOf", JsonValue::array({JsonValue::object().set("type", "boolean"),
                                                              JsonValue::object()
                                                                  .set("type", "object")
                                                                  .set("properties", properties)
                                                                  .set("minProperties", 1)
                                                                  .set("additionalProperties", false)}));
  }
  std::string words() const override {
    return "true, false or {\"from_epoch\": ..., \"until_epoch\": ...} with one or both";
  }

 private:
  KindOf<int> epoch_ = integer(1);
};

/// One value for both tensors, or {"weight": ..., "bias": ...}.
template <class T>
class PerTensor : public Kind<WeightAndBias<T>> {
 public:
  /// is_object: whether a T itself may be an object.
  PerTensor(KindOf<T> kind, T otherwise, bool is_object)
      : kind_(std::move(kind)), otherwise_(otherwise), is_object_(is_object) {}

  bool read(const Place& place, WeightAndBias<T>& out) const override {
    if (!place.has("weight") && !place.has("bias")) {
      if (place.value().kind == JsonKind::object && !is_object_) return place.expected(words());
      if (!kind_->read(place, out.weight)) return false;
      out.bias = out.weight;
      return true;
    }
    bool good = check_keys(place, "this object", {"weight", "bias"}, {}, {});
    out = {otherwise_, otherwise_};
    if (place.has("weight")) good = kind_->read(place.member("weight"), out.weight) && good;
    if (place.has("bias")) good = kind_->read(place.member("bias"), out.bias) && good;
    return good;
  }
  JsonValue write(const WeightAndBias<T>& value) const override {
    if (value.weight == value.bias) return kind_->write(value.weight);
    // An entry may have only one of the two: the other has its default, and is not told.
    JsonValue out = JsonValue::object();
    if (value.weight != otherwise_) out.set("weight", kind_->write(value.weight));
    if (value.bias != otherwise_) out.set("bias", kind_->write(value.bias));
    return out;
  }
  JsonValue schema() const override {
    const JsonValue one = kind_->schema();
    const JsonValue parts = JsonValue::object()
                                .set("type", "object")
                                .set("properties", JsonValue::object().set("weight", one).set("bias", one))
                                .set("minProperties", 1)
                                .set("additionalProperties", false);
    return JsonValue::object().set("anyOf", JsonValue::array({one, parts}));
  }
  std::string words() const override { return kind_->words() + ", or {\"weight\": ..., \"bias\": ...}"; }

 private:
  KindOf<T> kind_;
  T otherwise_;  ///< for a part that is not told
  bool is_object_;
};

}  // namespace

KindOf<WeightAndBias<LearningEpochs>> trainable_kind() {
  static const auto kind =
      std::make_shared<PerTensor<LearningEpochs>>(std::make_shared<Epochs>(), LearningEpochs{}, true);
  return kind;
}

KindOf<WeightAndBias<double>> factor_kind() {
  static const auto kind = std::make_shared<PerTensor<double>>(number(Interval::at_least(0)), 1.0, false);
  return kind;
}

bool check_control_keys(const Place& entry, bool has_weight, bool has_bias) {
  bool good = true;
  for (const char* key : {"trainable", "learning_rate_scale", "weight_decay_scale"}) {
    if (!entry.has(key)) continue;
    const Place value = entry.member(key);
    const auto missing = [&](const char* part, bool has) {
      if (has || !value.has(part)) return;
      good = value.error_at_key(part, fmt::format("this entry has no {}; leave it out", part));
    };
    missing("weight", has_weight);
    missing("bias", has_bias);
  }
  return good;
}

}  // namespace cnn
