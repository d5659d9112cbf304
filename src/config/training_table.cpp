#include "config/training_table.h"

#include "config/fine_tuning_table.h"
#include "config/network_table.h"

namespace cnn {
namespace {

using JsonKind = JsonValue::Kind;

/// The kinds live forever; whoever holds such a pointer does not own them.
template <class V>
KindOf<V> borrowed(const Kind<V>& kind) {
  return KindOf<V>(&kind, [](const Kind<V>*) {});
}

/// A velocity neither begins nor ends in the course of a training.
ResumeEffect effect_on_velocity(const JsonValue* before, const JsonValue* now) {
  const auto is_used = [](const JsonValue* momentum) { return momentum && momentum->number != 0; };
  return is_used(before) == is_used(now) ? ResumeEffect::from_now_on : ResumeEffect::impossible;
}

/// Decides for which parameters the optimizer counts steps together.
template <class S>
Field<S> decay_norm_and_bias_key() {
  return optional_key("decay_norm_and_bias", &S::decay_norm_and_bias, boolean(),
                      "Whether `weight_decay` also applies to biases and the parameters of batch_norm.")
      .on_resume(ResumeEffect::impossible);
}

Table<SgdSpec> sgd_table() {
  using S = SgdSpec;
  Table<S> table{
      "sgd",
      "Stochastic gradient descent, PyTorch's rule.",
      {required_key("learning_rate", &S::learning_rate, number(Interval::at_least(0)), "Size of a step.")
           .on_resume(ResumeEffect::from_now_on),
       optional_key("momentum", &S::momentum, number(Interval::half_open(0, 1)),
                    "Share of the last step that is kept.")
           .on_resume(effect_on_velocity),
       optional_key("nesterov", &S::nesterov, boolean(), "Nesterov's momentum; needs `momentum` > 0.")
           .on_resume(ResumeEffect::from_now_on),
       optional_key("weight_decay", &S::weight_decay, number(Interval::at_least(0)),
                    "Adds this times the weight to the gradient.")
           .on_resume(ResumeEffect::from_now_on),
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
      {required_key("learning_rate", &S::learning_rate, number(Interval::at_least(0)), "Size of a step.")
           .on_resume(ResumeEffect::from_now_on),
       optional_key("betas", &S::betas, number_pair(Interval::half_open(0, 1)),
                    "Share of the old running mean that is kept: of the gradient, of its square.")
           .on_resume(ResumeEffect::from_now_on),
       optional_key("eps", &S::eps, number(Interval::at_least(0)), "Added to the denominator.")
           .on_resume(ResumeEffect::from_now_on),
       optional_key("weight_decay", &S::weight_decay, number(Interval::at_least(0)),
                    decoupled ? "A step reduces each weight by this share times the learning rate."
                              : "Adds this times the weight to the gradient.")
           .on_resume(ResumeEffect::from_now_on),
       decay_norm_and_bias_key<S>()}};
  table.prototype.decoupled_decay = decoupled;
  if (decoupled) table.prototype.weight_decay = 0.01;
  table.owns = [=](const S& spec) { return spec.decoupled_decay == decoupled; };
  return table;
}

Table<MuonSpec> muon_table() {
  using S = MuonSpec;
  return {
      "muon",
      "For the weights of convolutions: the Newton-Schulz iteration makes the momentum, a matrix of outputs "
      "and inputs, orthogonal (torch.optim.Muon). `others` trains all other parameters.",
      {required_key("learning_rate", &S::learning_rate, number(Interval::at_least(0)), "Size of a step.")
           .on_resume(ResumeEffect::from_now_on),
       optional_key("momentum", &S::momentum, number(Interval::half_open(0, 1)),
                    "Share of the old running mean of the gradient that is kept.")
           .on_resume(ResumeEffect::from_now_on),
       optional_key("nesterov", &S::nesterov, boolean(), "Nesterov's momentum.")
           .on_resume(ResumeEffect::from_now_on),
       optional_key("weight_decay", &S::weight_decay, number(Interval::at_least(0)),
                    "A step reduces each weight by this share times the learning rate.")
           .on_resume(ResumeEffect::from_now_on),
       optional_key("steps", &S::steps, integer(1, 20), "Steps of the iteration.")
           .on_resume(ResumeEffect::from_now_on),
       optional_key("eps", &S::eps, number(Interval::at_least(0)), "Added to the norm before the iteration.")
           .on_resume(ResumeEffect::from_now_on),
       optional_key("normalize_weights", &S::normalize_weights, boolean(),
                    "Scales every weight to the norm sqrt(out_channels) before each step.")
           .on_resume(ResumeEffect::from_now_on),
       required_key("others", &S::others, borrowed<ElementwiseSpec>(elementwise_kind()),
                    "The optimizer of all other parameters, with its own learning rate; the schedule applies "
                    "to both.")}};
}

/// "none", "balanced" or factors by class.
class ClassWeights : public Kind<ClassWeightsSpec> {
  using Mode = ClassWeightsSpec::Mode;

 public:
  bool read(const Place& place, ClassWeightsSpec& out) const override {
    const JsonValue& value = place.value();
    out = {};
    if (value.kind == JsonKind::string) {
      if (value.text == "none") return true;
      if (value.text == "balanced") return out.mode = Mode::balanced, true;
      return place.expected(words() + suggestion(value.text, std::vector<std::string>{"none", "balanced"}));
    }
    if (value.kind != JsonKind::object || value.items.empty()) return place.expected(words());
    out.mode = Mode::given;
    bool good = true;
    for (const JsonValue::Key& key : value.keys) {
      auto& [name, weight] = out.given.emplace_back(key.name, 1);
      good = factor_->read(place.member(key.name), weight) && good;
    }
    return good;
  }
  JsonValue write(const ClassWeightsSpec& value) const override {
    if (value.mode == Mode::none) return "none";
    if (value.mode == Mode::balanced) return "balanced";
    JsonValue out = JsonValue::object();
    for (const auto& [name, weight] : value.given) out.set(name, factor_->write(weight));
    return out;
  }
  JsonValue schema() const override {
    const JsonValue by_name = JsonValue::object()
                                  .set("type", "object")
                                  .set("additionalProperties", factor_->schema())
                                  .set("minProperties", 1);
    const JsonValue names =
        JsonValue::object().set("enum", JsonValue::array({JsonValue("none"), JsonValue("balanced")}));
    return JsonValue::object().set("anyOf", JsonValue::array({names, by_name}));
  }
  std::string words() const override { return "\"none\", \"balanced\" or {\"<class>\": factor, ...}"; }

 private:
  KindOf<double> factor_ = number(Interval::above(0));
};

KindOf<Loss> loss_kind() {
  const char* part = "softmax_cross_entropy is the only loss, for one class per image";
  return choice<Loss>({{"cross_entropy", fmt::format("{}; write \"softmax_cross_entropy\"", part)},
                       {"mse", part},
                       {"binary_cross_entropy", part}});
}

}  // namespace

const Typed<ElementwiseSpec, ElementwiseSpec>& elementwise_kind() {
  static const Typed<ElementwiseSpec, ElementwiseSpec> kind = [] {
    Typed<ElementwiseSpec, ElementwiseSpec> optimizers(
        [](ElementwiseSpec& spec) -> ElementwiseSpec& { return spec; });
    optimizers.add(sgd_table()).add(adam_table(false)).add(adam_table(true));
    optimizers.on_resume_of_type(ResumeEffect::impossible);
    return optimizers;
  }();
  return kind;
}

const Object<WeightAveragingSpec>& weight_averaging_kind() {
  static const Object<WeightAveragingSpec> kind(
      "weight_averaging",
      {"",
       "An exponential moving average of the weights and running statistics after each step (PyTorch's "
       "AveragedModel). The averages are the model: they are validated, tested and saved.",
       {optional_key("decay", &WeightAveragingSpec::decay, number(Interval::half_open(0, 1)),
                     "Share of the old average that a step keeps.")
            .on_resume(ResumeEffect::from_now_on)}});
  return kind;
}

const Object<LookaheadSpec>& lookahead_kind() {
  using S = LookaheadSpec;
  static const Object<S> kind(
      "lookahead",
      Table<S>{"",
               "Slow weights, running statistics included, move part of the way to the optimizer's weights "
               "every few steps. The optimizer goes on from there, and the slow weights are the final model.",
               {optional_key("steps", &S::steps, integer(1), "Steps between two moves of the slow weights.")
                    .on_resume(ResumeEffect::from_now_on),
                optional_key("alpha", &S::alpha, number(Interval::closed(0, 1)),
                             "Part of the way at the beginning.")
                    .on_resume(ResumeEffect::from_now_on),
                optional_key("final_alpha", &S::final_alpha, number(Interval::closed(0, 1)),
                             "Part of the way at the end of the training.")
                    .on_resume(ResumeEffect::from_now_on)
                    .defaults_to("`alpha`"),
                optional_key(
                    "power", &S::power, number(Interval::above(0)),
                    "The part is `alpha` + (`final_alpha` - `alpha`) * (share of the training done)^`power`.")
                    .on_resume(ResumeEffect::from_now_on)},
               {},
               {},
               [](const Place& place, S& spec) {
                 if (!place.has("final_alpha")) spec.final_alpha = spec.alpha;
                 return true;
               }});
  return kind;
}

const Object<EarlyStoppingSpec>& early_stopping_kind() {
  static const Object<EarlyStoppingSpec> kind(
      "early_stopping", {"",
                         "Ends the training when it stops getting better; `best` defines what better means.",
                         {optional_key("patience", &EarlyStoppingSpec::patience, integer(1),
                                       "Epochs to wait for a new best one.")}});
  return kind;
}

const Object<DataFilterSpec>& data_filter_kind() {
  using S = DataFilterSpec;
  static const Object<S> kind(
      "filter",
      Table<S>{
          "",
          "Data filtering: a small proxy network is trained first, and the training leaves out the images "
          "that were easy for it. A long training then sees the hard ones more often. The larger the loss of "
          "an image, averaged over the proxy's epochs, the harder it is. The choice is made once, class by "
          "class, and kept in the checkpoint. Every epoch then consists of the kept images; `batch_size`, "
          "schedule and class weights count only these. The proxy is trained on the "
          "training images (not those for validation) with the augmentation (except `mixup`), `batch_size`, "
          "`optimizer`, `schedule`, `label_smoothing` and `clip_gradient_norm` of the training. Mislabeled "
          "images are hard, too: clean the data first.",
          {required_key("proxy", &S::proxy, chain_kind(),
                        "The proxy network, for the same images and classes: an array of entries as in "
                        "`network`, with names of their own."),
           optional_key("epochs", &S::epochs, integer(1), "Number of epochs to train the proxy network."),
           optional_key("keep", &S::keep, number(Interval::open(0, 1)),
                        "Share of the images of each class that are kept, rounded half up, at least one "
                        "image.")}});
  return kind;
}

const Typed<OptimizerSpec, OptimizerSpec>& optimizer_kind() {
  static const Typed<OptimizerSpec, OptimizerSpec> kind = [] {
    Typed<OptimizerSpec, OptimizerSpec> optimizers(
        [](OptimizerSpec& spec) -> OptimizerSpec& { return spec; });
    optimizers.add(sgd_table()).add(adam_table(false)).add(adam_table(true)).add(muon_table());
    optimizers.on_resume_of_type(ResumeEffect::impossible);
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
                      "Epochs over which the rate first climbs to `learning_rate`; fractions are allowed.")});
    schedules.add(Table<ConstantSchedule>{"constant", "Leaves the learning rate unchanged.", {}});
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
                      "Share of the training in which the rate goes up."),
         optional_key("anneal", &Cycle::anneal, choice<Cycle::Anneal>(), "Shape of the way up and down."),
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
          {required_key("epochs", &S::epochs, integer(1), "Passes over the training images.")
               .on_resume(ResumeEffect::none)
               .in_proxy(false),
           required_key("batch_size", &S::batch_size, integer(1), "Images per step.")
               .on_resume(ResumeEffect::impossible)
               .in_proxy(true),
           optional_key("shuffle", &S::shuffle, boolean(), "A new order of the images every epoch.")
               .on_resume(ResumeEffect::impossible)
               .in_proxy(true),
           optional_key("drop_last", &S::drop_last, boolean(),
                        "Leaves out an epoch's last batch if it is not full.")
               .on_resume(ResumeEffect::impossible)
               .in_proxy(true),
           optional_key("loss", &S::loss, loss_kind(),
                        "What the training minimizes: the cross-entropy of the softmax.")
               .on_resume(ResumeEffect::impossible)
               .in_proxy(true),
           optional_key("label_smoothing", &S::label_smoothing, number(Interval::half_open(0, 1)),
                        "Share of the target that is spread evenly over all classes.")
               .on_resume(ResumeEffect::from_now_on)
               .in_proxy(true),
           optional_key(
               "class_weights", &S::class_weights, KindOf<ClassWeightsSpec>(std::make_shared<ClassWeights>()),
               "Factors of the classes in the training loss, as in PyTorch's CrossEntropyLoss: `balanced` is "
               "images / (classes * images of the class); by name, the others are 1.")
               .on_resume(ResumeEffect::from_now_on)
               .in_proxy(false),
           required_key("optimizer", &S::optimizer, borrowed<OptimizerSpec>(optimizer_kind()),
                        "The rule that changes the weights.")
               .in_proxy(true),
           optional_key("schedule", &S::schedule, borrowed<ScheduleSpec>(schedule_kind()),
                        "How the learning rate changes; it advances every step.")
               .on_resume(ResumeEffect::from_now_on)
               .in_proxy(true),
           optional_key("clip_gradient_norm", &S::clip_gradient_norm, optional(number(Interval::above(0))),
                        "Largest norm of all gradients together; a larger one is scaled down to it.")
               .on_resume(ResumeEffect::from_now_on)
               .in_proxy(true),
           optional_key("weight_averaging", &S::weight_averaging,
                        optional(borrowed<WeightAveragingSpec>(weight_averaging_kind())),
                        "Uses a moving average of the weights as the model.")
               .on_resume(ResumeEffect::impossible)
               .in_proxy(false),
           optional_key("lookahead", &S::lookahead, optional(borrowed<LookaheadSpec>(lookahead_kind())),
                        "Slow weights that follow the optimizer's.")
               .on_resume(ResumeEffect::impossible)
               .in_proxy(false),
           optional_key(
               "best", &S::best, choice<BestBy>(),
               "Which epoch is the best: the one with the most validation images right, or with the smallest "
               "validation loss. The other measure breaks ties, then the earlier epoch wins.")
               .on_resume(ResumeEffect::impossible)
               .in_proxy(false),
           optional_key("early_stopping", &S::early_stopping,
                        optional(borrowed<EarlyStoppingSpec>(early_stopping_kind())),
                        "Ends the training when it stops getting better.")
               .on_resume(ResumeEffect::none)
               .in_proxy(false),
           optional_key("max_minutes", &S::max_minutes, optional(number(Interval::above(0))),
                        "Time for the training, without the test at the end. If not all `epochs` fit, the "
                        "training does as many as fit and runs through the whole schedule faster. That "
                        "number depends on the machine: to get the same bits again, set `epochs` to it.")
               .on_resume(ResumeEffect::none)
               .in_proxy(false),
           optional_key("filter", &S::filter, optional(borrowed<DataFilterSpec>(data_filter_kind())),
                        "Trains only on the images that are hard for a small proxy network.")
               .on_resume(ResumeEffect::impossible)
               .in_proxy(false),
           optional_key(
               "initial_weights", &S::initial_weights, optional(initial_weights_kind()),
               "A safetensors file to start from: parameters are matched by name, and a missing or misshapen "
               "one is an error. `{\"file\": ..., \"except\": [\"dense3\"]}` leaves layers freshly "
               "initialized (fine-tuning); `\"names\": \"torchvision\"` reads files with other names.")
               .on_resume(ResumeEffect::none)
               .in_proxy(false)
               .not_in_model(),
           optional_key("freeze", &S::freeze, optional(freeze_kind()),
                        "Entries that keep what `initial_weights` gave them, running statistics included. "
                        "`\"trunk\"`: all before the last entry that has weights; `\"until <name>\"`: up to "
                        "that entry.")
               .on_resume(ResumeEffect::impossible)
               .in_proxy(false)
               .not_in_model(),
           optional_key("on_non_finite", &S::on_non_finite, choice<OnNonFinite>(),
                        "What to do when a loss, gradient or weight is not finite: `stop` keeps the last "
                        "good model and reports where it began; `rollback` also returns to the last "
                        "checkpoint and goes on with half the learning rate, at most 3 times.")
               .on_resume(ResumeEffect::none)
               .in_proxy(false)
               .not_in_model(),
           optional_key("checkpoint_minutes", &S::checkpoint_minutes, number(Interval::at_least(0)),
                        "Minutes between two checkpoints within an epoch; 0: none by time. Every epoch ends "
                        "with a checkpoint, unless it is so short that a tenth of the time would go into "
                        "saving a large state.")
               .on_resume(ResumeEffect::none)
               .in_proxy(false)
               .not_in_model(),
           optional_key("checkpoint_steps", &S::checkpoint_steps, integer(0),
                        "Steps between two checkpoints within an epoch; 0: none by count.")
               .on_resume(ResumeEffect::none)
               .in_proxy(false)
               .not_in_model(),
           optional_key(
               "tensorboard", &S::tensorboard, boolean(),
               "Also write an event file for TensorBoard into the run folder: the numbers of every epoch, "
               "and the sheet of training images. `tensorboard --logdir runs` shows them.")
               .on_resume(ResumeEffect::none)
               .in_proxy(false)
               .not_in_model()}});
  return kind;
}

}  // namespace cnn
