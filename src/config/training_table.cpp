#include "config/training_table.h"

namespace cnn {
namespace {

using JsonKind = JsonValue::Kind;

template <class S>
Field<S> decay_norm_and_bias_key() {
  return optional_key("decay_norm_and_bias", &S::decay_norm_and_bias, boolean(),
                      "Whether `weight_decay` is also for biases and the parameters of batch_norm.");
}

Table<SgdSpec> sgd_table() {
  using S = SgdSpec;
  Table<S> table{
      "sgd",
      "Stochastic gradient descent, PyTorch's rule.",
      {required_key("learning_rate", &S::learning_rate, number(Interval::at_least(0)), "Size of a step."),
       optional_key("momentum", &S::momentum, number(Interval::half_open(0, 1)),
                    "Share of the last step that is kept."),
       optional_key("nesterov", &S::nesterov, boolean(), "Nesterov's momentum; needs `momentum` > 0."),
       optional_key("weight_decay", &S::weight_decay, number(Interval::at_least(0)),
                    "Times the weight, added to the gradient."),
       decay_norm_and_bias_key<S>()}};
  table.check = [](const Place& place, SgdSpec& spec) {
    if (!spec.nesterov || spec.momentum > 0) return true;
    return place.error_at_member(
        "nesterov", place.has("momentum") ? "nesterov needs a momentum > 0, and momentum is 0; 0.9 is usual"
                                          : "nesterov needs a momentum > 0, and none is given; add "
                                            "\"momentum\": 0.9");
  };
  return table;
}

Table<AdamSpec> adam_table(bool decoupled) {
  using S = AdamSpec;
  Table<S> table{
      decoupled ? "adamw" : "adam",
      decoupled ? "Adam with weight decay applied to the weights, PyTorch's rule." : "Adam, PyTorch's rule.",
      {required_key("learning_rate", &S::learning_rate, number(Interval::at_least(0)), "Size of a step."),
       optional_key("betas", &S::betas, number_pair(Interval::half_open(0, 1)),
                    "Share of the old running mean that is kept: of the gradient, of its square."),
       optional_key("eps", &S::eps, number(Interval::at_least(0)), "Added to the denominator."),
       optional_key("weight_decay", &S::weight_decay, number(Interval::at_least(0)),
                    decoupled ? "Times the learning rate, the share of a weight that a step takes away."
                              : "Times the weight, added to the gradient."),
       decay_norm_and_bias_key<S>()}};
  table.prototype.decoupled_decay = decoupled;
  if (decoupled) table.prototype.weight_decay = 0.01;
  table.owns = [=](const S& spec) { return spec.decoupled_decay == decoupled; };
  return table;
}

/// A path, or {"file", "except"}.
class InitialWeights : public Kind<InitialWeightsSpec> {
 public:
  InitialWeights()
      : object_("initial_weights",
                {"",
                 "A safetensors file and the layers to leave out.",
                 {required_key("file", &InitialWeightsSpec::file,
                               path("the path of a .safetensors file (a string)"), "The safetensors file."),
                  optional_key("except", &InitialWeightsSpec::except,
                               list(layer_name(), 0, "an array of names of layers"),
                               "Layers that stay freshly initialized.")}}) {}
  bool read(const Place& place, InitialWeightsSpec& out) const override {
    if (place.value().kind == JsonKind::string) {
      out.except.clear();
      return path("a path")->read(place, out.file);
    }
    if (place.value().kind != JsonKind::object) return place.expected(words());
    return object_.read(place, out);
  }
  JsonValue write(const InitialWeightsSpec& value) const override { return object_.write(value); }
  JsonValue schema() const override {
    return JsonValue::object().set(
        "anyOf",
        JsonValue::array({JsonValue::object().set("type", "string").set("minLength", 1), object_.schema()}));
  }
  std::string words() const override {
    return "the path of a .safetensors file (a string) or {\"file\": ..., \"except\": [...]}";
  }

 private:
  Object<InitialWeightsSpec> object_;
};

/// The kinds live forever; whoever holds such a pointer does not own them.
template <class V>
KindOf<V> borrowed(const Kind<V>& kind) {
  return KindOf<V>(&kind, [](const Kind<V>*) {});
}

}  // namespace

const Typed<OptimizerSpec, OptimizerSpec>& optimizer_kind() {
  static const Typed<OptimizerSpec, OptimizerSpec> kind = [] {
    Typed<OptimizerSpec, OptimizerSpec> optimizers(
        [](OptimizerSpec& spec) -> OptimizerSpec& { return spec; });
    optimizers.add(sgd_table()).add(adam_table(false)).add(adam_table(true));
    return optimizers;
  }();
  return kind;
}

const Typed<ScheduleSpec, ScheduleVariant>& schedule_kind() {
  static const Typed<ScheduleSpec, ScheduleVariant> kind = [] {
    using Step = StepSchedule;
    using Cycle = OneCycleSchedule;
    Typed<ScheduleSpec, ScheduleVariant> schedules(
        [](ScheduleSpec& spec) -> ScheduleVariant& { return spec.shape; },
        {optional_key("warmup_epochs", &ScheduleSpec::warmup_epochs, number(Interval::at_least(0)),
                      "Epochs, or parts of one, in which the rate first climbs to `learning_rate`.")});
    schedules.add(Table<ConstantSchedule>{"constant", "The learning rate as it is.", {}});
    schedules.add(
        Table<Step>{"step",
                    "Multiplies the rate by `gamma` every `step_epochs` epochs.",
                    {optional_key("step_epochs", &Step::step_epochs, number(Interval::above(0)),
                                  "Epochs between two steps."),
                     optional_key("gamma", &Step::gamma, number(Interval::above(0)), "Factor of a step.")}});
    schedules.add(
        Table<ExponentialSchedule>{"exponential",
                                   "Multiplies the rate by `gamma` per epoch, a little every step.",
                                   {optional_key("gamma", &ExponentialSchedule::gamma,
                                                 number(Interval::above(0)), "Factor per epoch.")}});
    schedules.add(
        Table<CosineSchedule>{"cosine",
                              "Half a cosine wave from the full rate down to `final_factor` times it.",
                              {optional_key("final_factor", &CosineSchedule::final_factor,
                                            number(Interval::closed(0, 1)), "Factor at the end.")}});
    Table<Cycle> one_cycle{
        "one_cycle",
        "PyTorch's OneCycleLR: up to `learning_rate`, then down far below the start. Momentum is not cycled.",
        {optional_key("pct_start", &Cycle::pct_start, number(Interval::closed(0, 1)),
                      "Share of training that goes up."),
         optional_key("anneal", &Cycle::anneal,
                      choice<Cycle::Anneal>({{"cos", Cycle::Anneal::cos}, {"linear", Cycle::Anneal::linear}}),
                      "Shape of the way up and down."),
         optional_key("div_factor", &Cycle::div_factor, number(Interval::above(0)),
                      "The rate starts at `learning_rate` divided by this."),
         optional_key("final_div_factor", &Cycle::final_div_factor, number(Interval::above(0)),
                      "The rate ends at the starting rate divided by this.")}};
    one_cycle.refused = {
        {"warmup_epochs",
         "one_cycle warms up by itself (pct_start is the share of training); leave warmup_epochs out"}};
    schedules.add(std::move(one_cycle), false);
    schedules.add(Table<LinearSchedule>{
        "linear",
        "Straight lines between points `[fraction of training, factor]`.",
        {required_key("points", &LinearSchedule::points, points(),
                      "At least two; fractions ascend. `[[0, 1], [1, 0]]` goes straight down to 0.")}});
    return schedules;
  }();
  return kind;
}

std::shared_ptr<const Object<TrainingSpec>> training_kind() {
  using S = TrainingSpec;
  static const auto kind = std::make_shared<const Object<S>>(
      "training",
      Table<S>{
          "",
          "How the network is trained.",
          {required_key("epochs", &S::epochs, integer(1), "Passes over the training images."),
           required_key("batch_size", &S::batch_size, integer(1), "Images per step."),
           optional_key("shuffle", &S::shuffle, boolean(), "A new order of the images every epoch."),
           optional_key("drop_last", &S::drop_last, boolean(),
                        "Leave out an epoch's last batch if it is not full."),
           optional_key("label_smoothing", &S::label_smoothing, number(Interval::half_open(0, 1)),
                        "Share of the target that is spread evenly over all classes."),
           required_key("optimizer", &S::optimizer, borrowed<OptimizerSpec>(optimizer_kind()),
                        "The rule that changes the weights."),
           optional_key("schedule", &S::schedule, borrowed<ScheduleSpec>(schedule_kind()),
                        "How the learning rate changes; it advances every step."),
           optional_key(
               "initial_weights", &S::initial_weights,
               optional(KindOf<InitialWeightsSpec>(std::make_shared<InitialWeights>())),
               "A safetensors file to start from: parameters by name, a missing or misshapen one is an "
               "error. "
               "`{\"file\": ..., \"except\": [\"dense3\"]}` leaves layers freshly initialized (fine-tuning).")
               .not_in_model(),
           optional_key(
               "checkpoint_minutes", &S::checkpoint_minutes, number(Interval::at_least(0)),
               "Minutes between two checkpoints within an epoch; 0: none by time. There is always one "
               "at the end of an epoch.")
               .not_in_model(),
           optional_key("checkpoint_steps", &S::checkpoint_steps, integer(0),
                        "Steps between two checkpoints within an epoch; 0: none by count.")
               .not_in_model()}});
  return kind;
}

}  // namespace cnn
