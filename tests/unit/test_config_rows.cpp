// What the rows of the config's tables must say, and what --resume and the proxy network make of it.
#include <algorithm>
#include <variant>

#include "catch.h"
#include "config/augment_table.h"
#include "config/config_changes.h"
#include "config/config_table.h"
#include "config/network_table.h"
#include "config/proxy_training.h"
#include "config/training_table.h"
#include "config_example.h"
#include "core/file.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

/// The keys below `kind` that no row gives a rule for --resume: neither their own nor one above.
void add_undecided(const Described& kind, const std::string& path, std::vector<std::string>& found) {
  for (const ObjectDescription& object : kind.descriptions()) {
    const std::string place = object.type.empty() ? path : path + "(" + object.type + ").";
    if (!object.type.empty() && !object.type_on_resume) found.push_back(place + "type");
    for (const KeyDescription& key : object.keys) {
      if (key.on_resume) continue;
      if (!key.kind || key.kind->descriptions().empty())
        found.push_back(place + key.key);
      else
        add_undecided(*key.kind, place + key.key + ".", found);
    }
  }
}
std::vector<std::string> undecided(const Described& kind) {
  std::vector<std::string> found;
  add_undecided(kind, "", found);
  return found;
}

TEST_CASE("every layer and every change of data.augment has a table", "[config]") {
  CHECK(layer_kind().descriptions().size() == std::variant_size_v<LayerVariant>);
  CHECK(augment_kind().descriptions().size() == std::variant_size_v<AugmentSpec>);
}

TEST_CASE("every key says what another value means for --resume", "[config]") {
  CHECK(undecided(*config_kind()) == std::vector<std::string>{});
}

TEST_CASE("a key that does not say it is found", "[config]") {
  using S = SgdSpec;
  Typed<ElementwiseSpec, ElementwiseSpec> optimizers(
      [](ElementwiseSpec& s) -> ElementwiseSpec& { return s; });
  optimizers.add(Table<S>{"sgd",
                          "",
                          {optional_key("momentum", &S::momentum, number(), "").on_resume(ResumeEffect::none),
                           optional_key("nesterov", &S::nesterov, boolean(), "")}});
  CHECK(undecided(optimizers) == std::vector<std::string>{"(sgd).type", "(sgd).nesterov"});
  optimizers.on_resume_of_type(ResumeEffect::none);
  CHECK(undecided(optimizers) == std::vector<std::string>{"(sgd).nesterov"});
}

TEST_CASE("every key of training says whether a proxy network inherits it", "[config]") {
  for (const Field<TrainingSpec>& field : training_kind()->fields()) {
    INFO(field.key);
    REQUIRE(field.proxy_inherits.has_value());
    CHECK((!*field.proxy_inherits || field.copy));
  }
}

TEST_CASE("a proxy network is trained like the network, for its own epochs and without an end", "[config]") {
  TrainingSpec training;
  training.epochs = 50;
  training.batch_size = 7;
  training.shuffle = false;
  training.drop_last = true;
  training.label_smoothing = 0.125;
  training.class_weights.mode = ClassWeightsSpec::Mode::balanced;
  training.optimizer = AdamSpec{.learning_rate = 0.25};
  training.schedule = {CosineSchedule{0.5}, 3};
  training.clip_gradient_norm = 2;
  training.weight_averaging.emplace();
  training.lookahead.emplace();
  training.best = BestBy::loss;
  training.early_stopping.emplace();
  training.max_minutes = 9;
  training.filter = DataFilterSpec{.proxy = {}, .epochs = 6};
  training.initial_weights.emplace();
  training.freeze.emplace();
  training.on_non_finite = OnNonFinite::rollback;
  training.checkpoint_minutes = 1;
  training.checkpoint_steps = 3;

  TrainingSpec expected;
  expected.epochs = 6;
  expected.batch_size = 7;
  expected.shuffle = false;
  expected.drop_last = true;
  expected.label_smoothing = 0.125;
  expected.optimizer = training.optimizer;
  expected.schedule = training.schedule;
  expected.clip_gradient_norm = 2;
  CHECK((proxy_training(training) == expected));
}

/// "key: effect" for what differs between kBaseConfig with the one settings and with the other.
std::vector<std::string> effects(const std::vector<std::string>& before,
                                 const std::vector<std::string>& now) {
  const TemporaryFolder folder;
  write_file_atomically(folder.path() / "a.json", kBaseConfig);
  const auto with = [&](const std::vector<std::string>& settings) {
    return read_config(folder.path() / "a.json", settings);
  };
  std::vector<std::string> found;
  for (const ConfigChange& change : changes(with(before), with(now)))
    found.push_back(change.key + (change.effect == ResumeEffect::none          ? ": none"
                                  : change.effect == ResumeEffect::from_now_on ? ": from now on"
                                                                               : ": impossible"));
  return found;
}
using Effects = std::vector<std::string>;

TEST_CASE("a change has the effect that its row says", "[config]") {
  CHECK(effects({}, {}).empty());
  CHECK(
      effects({}, {"data.test_time_augmentation=flip", "data.image.height=20", "training.epochs=9"}) ==
      Effects{"data.image.height: impossible", "data.test_time_augmentation: none", "training.epochs: none"});
  CHECK(effects({}, {"network.0.stride=2"}) == Effects{"network.0.stride: impossible"});
  CHECK(effects({}, {"data.limits.pixels=7"}) == Effects{"data.limits.pixels: none"});
  CHECK(effects({}, {R"(data.augment=[{"type": "random_flip"}])"}) == Effects{"data.augment: from now on"});
}

TEST_CASE("the effect of a change may depend on both values", "[config]") {
  const std::string momentum = "training.optimizer.momentum=";
  CHECK(effects({momentum + "0.5"}, {momentum + "0.9"}) ==
        Effects{"training.optimizer.momentum: from now on"});
  CHECK(effects({}, {momentum + "0.9"}) == Effects{"training.optimizer.momentum: impossible"});
  CHECK(effects({"data.validation=a"}, {"data.validation=b"}) == Effects{"data.validation: none"});
  CHECK(effects({}, {"data.validation=b"}) == Effects{"data.validation: impossible"});
  const std::string fraction = "data.validation.fraction=";
  CHECK(effects({fraction + "0.5"}, {fraction + "0.25"}) == Effects{"data.validation.fraction: impossible"});
}

TEST_CASE("keys that an optimizer's state depends on stay", "[config]") {
  CHECK(effects({"training.optimizer.momentum=0.9"},
                {R"(training.optimizer={"type": "adam", "learning_rate": 0.1})"}) ==
        Effects{"training.optimizer.type: impossible", "training.optimizer.momentum: impossible",
                "training.optimizer.nesterov: from now on", "training.optimizer.betas: from now on",
                "training.optimizer.eps: from now on"});
  const auto muon = [](const char* others) {
    return std::vector<std::string>{
        std::string(R"(training.optimizer={"type": "muon", "learning_rate": 0.1, "others": {"type": )") +
        others + "}}"};
  };
  CHECK(effects(muon(R"("sgd", "learning_rate": 0.1)"),
                muon(R"("sgd", "learning_rate": 0.2, "momentum": 0.9)")) ==
        Effects{"training.optimizer.others.learning_rate: from now on",
                "training.optimizer.others.momentum: impossible"});
  CHECK(effects(muon(R"("adam", "learning_rate": 0.1)"),
                muon(R"("adam", "learning_rate": 0.1, "decay_norm_and_bias": false)")) ==
        Effects{"training.optimizer.others.decay_norm_and_bias: impossible"});
  CHECK(effects({}, {R"(training.lookahead={})"}) == Effects{"training.lookahead: impossible"});
  CHECK(effects({R"(training.lookahead={})"}, {R"(training.lookahead={"power": 2})"}) ==
        Effects{"training.lookahead.power: from now on"});
  CHECK(effects({}, {R"(training.schedule={"type": "cosine"})"}) ==
        Effects{"training.schedule.type: from now on", "training.schedule.final_factor: from now on"});
}

TEST_CASE("an enumeration's words are complete, and the check of that can fail", "[config]") {
  STATIC_REQUIRE(is_named<Border, Border::reflect>());
  STATIC_REQUIRE_FALSE(is_named<Border, static_cast<Border>(2)>());
  STATIC_REQUIRE(is_named<RandomFlipSpec::Mode, RandomFlipSpec::Mode::alternate>());
  STATIC_REQUIRE_FALSE(is_named<RandomFlipSpec::Mode, static_cast<RandomFlipSpec::Mode>(2)>());
  CHECK(word_of(TestTimeAugmentation::flip_and_shift) == "flip+shift");
}

}  // namespace
}  // namespace cnn
