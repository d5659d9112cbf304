#include <filesystem>
#include <fstream>
#include <vector>

#include "catch.h"
#include "config/config.h"
#include "config/config_table.h"
#include "config/network_table.h"
#include "config_example.h"
#include "core/file.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

/// Every key of every object, none at its default.
const std::string kFullConfig = R"({
  "$schema": "schema.json",
  "name": "full",
  "seed": 18446744073709551615,
  "data": {
    "format": "idx",
    "train": {"images": "../i.gz", "labels": "/abs/./l.gz"},
    "validation": {"images": "vi", "labels": "vl"},
    "test": {"images": "ti", "labels": "tl"},
    "image": {"channels": 3, "height": 32, "width": 48, "resize": "crop"},
    "normalize": {"mean": [0.1, 0, -0.5], "std": [0.25, 1, 2e-3]},
    "augment": [
      {"type": "random_translate", "pixels": 3, "border": "reflect"},
      {"type": "random_flip", "p": 0.25}
    ],
    "bad_images": "skip",
    "cache_mb": 0
  },
  "network": [
    {"type": "conv", "name": "stem", "out_channels": 8, "kernel_size": [3, 5], "stride": 2, "padding": [1, 2],
     "dilation": [1, 2], "groups": 2, "bias": false, "activation": "gelu", "weight_init": "dirac", "trainable": false,
     "learning_rate_scale": 0.5, "weight_decay_scale": {"weight": 2}},
    {"type": "conv", "out_channels": 8, "kernel_size": 3, "padding": "same", "bias_init": "zeros",
     "trainable": {"weight": {"from_epoch": 2, "until_epoch": 7}, "bias": false},
     "learning_rate_scale": {"weight": 3, "bias": 64}},
    {"type": "conv", "out_channels": 8, "kernel_size": 3, "padding": "valid"},
    {"type": "batch_norm", "eps": 1e-3, "momentum": 0.5, "affine": "bias", "activation": "silu",
     "trainable": {"bias": {"until_epoch": 3}}},
    {"type": "max_pool", "kernel_size": [2, 3], "stride": [1, 2], "padding": [1, 0]},
    {"type": "avg_pool", "kernel_size": 3, "stride": 1, "padding": 1, "count_include_pad": false},
    {"type": "scale", "factor": -0.5},
    {"type": "residual", "shortcut": "projection", "activation": "relu", "weight_decay_scale": 0, "layers": [
      {"type": "conv", "out_channels": 8, "kernel_size": 1},
      {"type": "residual", "layers": [
        {"type": "conv", "out_channels": 8, "kernel_size": 1},
        {"type": "squeeze_excite", "squeeze_channels": 2, "inner_activation": "silu", "gate": "hard_sigmoid",
         "trainable": {"bias": false}}]}
    ]},
    {"type": "activation", "function": "leaky_relu", "negative_slope": 0.2},
    {"type": "activation", "function": "elu"},
    {"type": "global_avg_pool"},
    {"type": "flatten"},
    {"type": "dropout", "p": 0.1},
    {"type": "dense", "units": 7, "bias": false, "activation": "tanh", "weight_init": "xavier_uniform"},
    {"type": "dense", "units": 10, "activation": "sigmoid"}
  ],
  "training": {
    "epochs": 3,
    "batch_size": 7,
    "shuffle": false,
    "drop_last": true,
    "label_smoothing": 0.1,
    "optimizer": {"type": "sgd", "learning_rate": 0.1, "momentum": 0.9, "nesterov": true, "weight_decay": 1e-4,
                  "decay_norm_and_bias": false},
    "schedule": {"type": "linear", "points": [[0, 0], [0.5, 1], [1, 0.1]], "warmup_epochs": 1.5},
    "initial_weights": {"file": "w.safetensors", "names": {"stem": "conv1"}, "except": ["dense2", "stem"]},
    "freeze": {"layers": "until stem", "unfreeze": {"after_epochs": 3, "learning_rate_scale": 0.2},
               "cached_views": 4, "cache_mb": 512, "precision": "float16"}
  }
})";

template <class Spec>
Spec only_layer(const std::string& entry) {
  return std::get<Spec>(config_of(edited("{\"type\": \"flatten\"}", entry)).network[2].spec);
}

OptimizerSpec optimizer(const std::string& text) {
  return config_of(edited("{\"type\": \"sgd\", \"learning_rate\": 0.1}", text)).training.optimizer;
}

ScheduleSpec schedule(const std::string& text) {
  return config_of(edited("\"epochs\": 8", "\"epochs\": 8, \"schedule\": " + text)).training.schedule;
}

Config read_again(const std::string& text) {
  return read_config(Document::parse(text, "again.json", "/elsewhere"));
}

TEST_CASE("a config with only what is required has the contract's defaults", "[config]") {
  const Config config = config_of(kBaseConfig);
  CHECK(config.name == "a");
  CHECK(config.seed == 1);
  CHECK(config.data.format == DataFormat::folder);
  CHECK(std::get<FolderLocation>(config.data.train).folder == "/home/me/configs/train");
  CHECK(std::holds_alternative<std::monostate>(config.data.validation));
  CHECK_FALSE(config.data.test);
  CHECK(config.data.image == ImageSpec{1, 28, 28, Resize::stretch});
  CHECK(config.data.normalize == NormalizeSpec{NormalizeSpec::Mode::automatic, {}, {}});
  CHECK(config.data.augment.empty());
  CHECK(config.data.bad_images == BadImages::fail);
  CHECK(config.data.cache_mb == 4096);
  CHECK(config.training.epochs == 8);
  CHECK(config.training.batch_size == 64);
  CHECK(config.training.shuffle);
  CHECK_FALSE(config.training.drop_last);
  CHECK(config.training.label_smoothing == 0);
  CHECK(std::get<SgdSpec>(config.training.optimizer) == SgdSpec{0.1, 0, false, 0, true});
  CHECK(std::holds_alternative<ConstantSchedule>(config.training.schedule.shape));
  CHECK(config.training.schedule.warmup_epochs == 0);
  CHECK_FALSE(config.training.initial_weights);
}

TEST_CASE("a convolution's padding may be given for each side, and by TensorFlow's rule", "[config]") {
  const auto padding = [](const std::string& text) {
    return only_layer<ConvSpec>(R"({"type": "conv", "out_channels": 4, "kernel_size": 3, "padding": )" +
                                text + "}")
        .padding;
  };
  using Mode = ConvPadding::Mode;
  CHECK(padding(R"({"top": 1, "left": 2, "bottom": 3, "right": 4})") ==
        ConvPadding{Mode::sides, {0, 0}, {1, 2, 3, 4}});
  CHECK(padding(R"({"bottom": 1, "right": 1})") == ConvPadding{Mode::sides, {0, 0}, {0, 0, 1, 1}});
  CHECK(padding(R"("same_tensorflow")") == ConvPadding{Mode::same_tensorflow, {0, 0}, {}});
  for (const std::string text : {R"({"top": 1, "left": 2, "bottom": 3, "right": 4})", R"("same_tensorflow")"})
    CHECK(to_line(conv_padding()->write(padding(text))) == text);
}

TEST_CASE("entries of the network have PyTorch's defaults", "[config]") {
  using A = ActivationFunction;
  CHECK(only_layer<ConvSpec>(R"({"type": "conv", "out_channels": 4, "kernel_size": 3})") ==
        ConvSpec{4,
                 {3, 3},
                 {1, 1},
                 {ConvPadding::Mode::amount, {0, 0}, {}},
                 {1, 1},
                 1,
                 true,
                 A::none,
                 WeightInit::kaiming_uniform,
                 BiasInit::uniform,
                 {}});
  CHECK(only_layer<MaxPoolSpec>(R"({"type": "max_pool", "kernel_size": [2, 3]})") ==
        MaxPoolSpec{{2, 3}, Size2{2, 3}, {0, 0}});
  CHECK(only_layer<AvgPoolSpec>(R"({"type": "avg_pool", "kernel_size": 2})") ==
        AvgPoolSpec{{2, 2}, Size2{2, 2}, {0, 0}, true});
  CHECK(only_layer<GlobalAvgPoolSpec>(R"({"type": "global_avg_pool"})") == GlobalAvgPoolSpec{});
  CHECK(only_layer<FlattenSpec>(R"({"type": "flatten"})") == FlattenSpec{});
  CHECK(only_layer<DenseSpec>(R"({"type": "dense", "units": 3})") ==
        DenseSpec{3, true, A::none, WeightInit::kaiming_uniform, BiasInit::uniform, {}});
  CHECK(only_layer<BatchNormSpec>(R"({"type": "batch_norm"})") ==
        BatchNormSpec{1e-5, 0.1, BatchNormSpec::Affine::scale_and_bias, A::none, {}});
  CHECK(only_layer<DropoutSpec>(R"({"type": "dropout"})") == DropoutSpec{0.5});
  CHECK(only_layer<ActivationSpec>(R"({"type": "activation", "function": "leaky_relu"})") ==
        ActivationSpec{A::leaky_relu, 0.01});
  const auto residual = only_layer<ResidualSpec>(R"({"type": "residual", "layers": [{"type": "flatten"}]})");
  CHECK(residual.shortcut == ResidualSpec::Shortcut::identity);
  CHECK(residual.activation == A::none);
}

TEST_CASE("every activation function has its name", "[config]") {
  using A = ActivationFunction;
  const std::vector<std::pair<std::string, A>> names{
      {"none", A::none}, {"relu", A::relu}, {"leaky_relu", A::leaky_relu}, {"elu", A::elu},
      {"gelu", A::gelu}, {"silu", A::silu}, {"sigmoid", A::sigmoid},       {"tanh", A::tanh}};
  for (const auto& [name, function] : names) {
    CHECK(
        only_layer<DenseSpec>(R"({"type": "dense", "units": 3, "activation": ")" + name + "\"}").activation ==
        function);
    if (function == A::none) continue;  // an error there, see the table of mistakes
    CHECK(only_layer<ActivationSpec>(R"({"type": "activation", "function": ")" + name + "\"}").function ==
          function);
  }
}

TEST_CASE("optimizers and schedules have their defaults", "[config]") {
  CHECK(std::get<AdamSpec>(optimizer(R"({"type": "adam", "learning_rate": 1})")) ==
        AdamSpec{false, 1, {0.9, 0.999}, 1e-8, 0, true});
  CHECK(std::get<AdamSpec>(optimizer(R"({"type": "adamw", "learning_rate": 1})")) ==
        AdamSpec{true, 1, {0.9, 0.999}, 1e-8, 0.01, true});
  CHECK(std::get<AdamSpec>(optimizer(
            R"({"type": "adamw", "learning_rate": 0, "betas": [0, 0.5], "eps": 0, "weight_decay": 0})")) ==
        AdamSpec{true, 0, {0, 0.5}, 0, 0, true});
  using Cycle = OneCycleSchedule;
  CHECK(schedule(R"({"type": "constant"})") == ScheduleSpec{ConstantSchedule{}, 0});
  CHECK(schedule(R"({"type": "step", "step_epochs": 2.5})") == ScheduleSpec{StepSchedule{2.5, 0.1}, 0});
  CHECK(schedule(R"({"type": "exponential", "gamma": 0.9, "warmup_epochs": 1})") ==
        ScheduleSpec{ExponentialSchedule{0.9}, 1});
  CHECK(schedule(R"({"type": "cosine"})") == ScheduleSpec{CosineSchedule{0}, 0});
  CHECK(schedule(R"({"type": "one_cycle"})") == ScheduleSpec{Cycle{0.3, Cycle::Anneal::cos, 25, 1e4}, 0});
  CHECK(schedule(R"({"type": "one_cycle", "anneal": "linear"})") ==
        ScheduleSpec{Cycle{0.3, Cycle::Anneal::linear, 25, 1e4}, 0});
  CHECK(schedule(R"({"type": "linear", "points": [[0, 1], [1, 0]]})") ==
        ScheduleSpec{LinearSchedule{{{0, 1}, {1, 0}}}, 0});
}

TEST_CASE("every key of a full config arrives", "[config]") {
  const Config config = config_of(kFullConfig);
  using A = ActivationFunction;
  CHECK(config.name == "full");
  CHECK(config.seed == 18446744073709551615u);
  CHECK(std::get<IdxLocation>(config.data.train) == IdxLocation{"/home/me/i.gz", "/abs/l.gz"});
  CHECK(std::get<DataLocation>(config.data.validation) ==
        DataLocation(IdxLocation{"/home/me/configs/vi", "/home/me/configs/vl"}));
  CHECK(*config.data.test == DataLocation(IdxLocation{"/home/me/configs/ti", "/home/me/configs/tl"}));
  CHECK(config.data.image == ImageSpec{3, 32, 48, Resize::crop});
  CHECK(config.data.normalize == NormalizeSpec{NormalizeSpec::Mode::given, {0.1, 0, -0.5}, {0.25, 1, 2e-3}});
  REQUIRE(config.data.augment.size() == 2);
  CHECK(std::get<RandomTranslateSpec>(config.data.augment[0]) == RandomTranslateSpec{3, Border::reflect});
  CHECK(std::get<RandomFlipSpec>(config.data.augment[1]) == RandomFlipSpec{0.25});
  CHECK(config.data.bad_images == BadImages::skip);
  CHECK(config.data.cache_mb == 0);

  const auto& network = config.network;
  REQUIRE(network.size() == 15);
  CHECK(std::get<ConvSpec>(network[0].spec) ==
        ConvSpec{8,
                 {3, 5},
                 {2, 2},
                 {ConvPadding::Mode::amount, {1, 2}, {}},
                 {1, 2},
                 2,
                 false,
                 A::gelu,
                 WeightInit::dirac,
                 BiasInit::uniform,
                 {{LearningEpochs::never(), LearningEpochs::never()}, {0.5, 0.5}, {2, 1}}});
  const auto& same = std::get<ConvSpec>(network[1].spec);
  CHECK(same.padding.mode == ConvPadding::Mode::same);
  CHECK(same.bias_init == BiasInit::zeros);
  CHECK(same.control == LayerControl{{{2, 7}, LearningEpochs::never()}, {3, 64}, {1, 1}});
  CHECK(std::get<ConvSpec>(network[2].spec).padding.mode == ConvPadding::Mode::valid);
  CHECK(std::get<BatchNormSpec>(network[3].spec) ==
        BatchNormSpec{1e-3, 0.5, BatchNormSpec::Affine::bias, A::silu, {{{}, {1, 3}}}});
  CHECK(std::get<MaxPoolSpec>(network[4].spec) == MaxPoolSpec{{2, 3}, Size2{1, 2}, {1, 0}});
  CHECK(std::get<AvgPoolSpec>(network[5].spec) == AvgPoolSpec{{3, 3}, Size2{1, 1}, {1, 1}, false});
  const auto& residual = std::get<ResidualSpec>(network[7].spec);
  CHECK(residual.shortcut == ResidualSpec::Shortcut::projection);
  CHECK(residual.activation == A::relu);
  CHECK(residual.layers.size() == 2);
  CHECK(std::get<SqueezeExciteSpec>(std::get<ResidualSpec>(residual.layers[1].spec).layers[1].spec) ==
        SqueezeExciteSpec{2, A::silu, A::hard_sigmoid, {{{}, LearningEpochs::never()}}});
  CHECK(residual.control == LayerControl{{}, {1, 1}, {0, 0}});
  CHECK(std::get<ScaleSpec>(network[6].spec) == ScaleSpec{-0.5});
  CHECK(std::get<ActivationSpec>(network[8].spec) == ActivationSpec{A::leaky_relu, 0.2});
  CHECK(std::get<DropoutSpec>(network[12].spec) == DropoutSpec{0.1});
  CHECK(std::get<DenseSpec>(network[13].spec) ==
        DenseSpec{7, false, A::tanh, WeightInit::xavier_uniform, BiasInit::uniform, {}});

  CHECK(config.training.epochs == 3);
  CHECK(config.training.batch_size == 7);
  CHECK_FALSE(config.training.shuffle);
  CHECK(config.training.drop_last);
  CHECK(config.training.label_smoothing == 0.1);
  CHECK(std::get<SgdSpec>(config.training.optimizer) == SgdSpec{0.1, 0.9, true, 1e-4, false});
  CHECK(config.training.schedule == ScheduleSpec{LinearSchedule{{{0, 0}, {0.5, 1}, {1, 0.1}}}, 1.5});
  CHECK(*config.training.initial_weights == InitialWeightsSpec{"/home/me/configs/w.safetensors",
                                                               {false, {{"stem", "conv1"}}},
                                                               {"dense2", "stem"}});
  CHECK(*config.training.freeze ==
        FreezeSpec{"stem", UnfreezeSpec{3, 0.2}, 4, 512, FreezeSpec::Precision::float16});
}

TEST_CASE("entries are named by type and number, counted depth first, and know their place", "[config]") {
  const Config config = config_of(kFullConfig);
  std::vector<std::string> names, paths;
  const auto collect = [&](const auto& self, const NetworkSpec& chain) -> void {
    for (const LayerSpec& layer : chain) {
      names.push_back(layer.name);
      paths.push_back(layer.path);
      if (const auto* residual = std::get_if<ResidualSpec>(&layer.spec)) self(self, residual->layers);
    }
  };
  collect(collect, config.network);
  CHECK(names == std::vector<std::string>{"stem", "conv2", "conv3", "batch_norm1", "max_pool1", "avg_pool1",
                                          "scale1", "residual1", "conv4", "residual2", "conv5",
                                          "squeeze_excite1", "activation1", "activation2", "global_avg_pool1",
                                          "flatten1", "dropout1", "dense1", "dense2"});
  CHECK(paths[0] == "/network/0");
  CHECK(paths[8] == "/network/7/layers/0");
  CHECK(paths[10] == "/network/7/layers/1/layers/0");
}

TEST_CASE("a given name inside a residual may not be an automatic one outside", "[config]") {
  const std::string entry =
      R"({"type": "residual", "layers": [{"type": "conv", "out_channels": 6, "kernel_size": 1, "name": "dense1"}]})";
  CHECK(message_of([&] { config_of(edited("{\"type\": \"flatten\"}", entry)); }) ==
        "a.json:6:99: /network/2/layers/0/name: \"dense1\" is also the automatic name of /network/3; choose "
        "another one, or give that entry a name too");
}

TEST_CASE("an integer may be written with a point if it is one", "[config]") {
  CHECK(config_of(edited("\"epochs\": 8", "\"epochs\": 3.0")).training.epochs == 3);
  CHECK(config_of(edited("\"epochs\": 8", "\"epochs\": 1e2")).training.epochs == 100);
  CHECK(config_of(edited("\"data\"", "\"seed\": 1e3, \"data\"")).seed == 1000);
  CHECK(config_of(edited("\"units\": 10", "\"units\": 1048576")).network.size() == 4);
}

TEST_CASE("each format has its forms of locations", "[config]") {
  const auto data = [](const std::string& to) {
    return config_of(edited("\"folder\", \"train\": \"train\"", to)).data;
  };
  CHECK(std::get<FolderLocation>(data(R"("folder", "train": "a/b/")").train).folder ==
        "/home/me/configs/a/b");
  CHECK(std::get<FolderLocation>(data(R"("folder", "train": "..")").train).folder == "/home/me");
  CHECK(std::get<FolderLocation>(data(R"("folder", "train": "/")").train).folder == "/");
  CHECK(std::get<CifarLocation>(data(R"("cifar10", "train": "a.bin")").train).files ==
        std::vector<std::filesystem::path>{"/home/me/configs/a.bin"});
  const DataSpec cifar =
      data(R"("cifar10", "train": ["a.bin", "b.bin"], "validation": "v.bin", "test": ["t.bin"])");
  CHECK(std::get<CifarLocation>(cifar.train).files.size() == 2);
  CHECK(std::get<CifarLocation>(std::get<DataLocation>(cifar.validation)).files.size() == 1);
  CHECK(std::get<CifarLocation>(*cifar.test).files[0] == "/home/me/configs/t.bin");
  const DataSpec folder = data(R"("folder", "train": "a", "validation": "v")");
  CHECK(std::get<FolderLocation>(std::get<DataLocation>(folder.validation)).folder == "/home/me/configs/v");
  CHECK(std::get<ValidationFraction>(
            data(R"("idx", "train": {"images": "i", "labels": "l"}, "validation": {"fraction": 0.5})")
                .validation)
            .fraction == 0.5);
}

TEST_CASE("the order of keys does not matter", "[config]") {
  CHECK(config_of(edited(R"("format": "folder", "train": "train")",
                         R"("train": "train", "format": "folder")")) == config_of(kBaseConfig));
}

TEST_CASE("paths start at the folder of the config, not at the current one", "[config]") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "configs");
  std::ofstream(folder.path() / "configs" / "x.y.json")
      << edited("\"train\": \"train\"", "\"train\": \"../train\"");
  const Config config = read_config(folder.path() / "configs" / "x.y.json");
  CHECK(std::get<FolderLocation>(config.data.train).folder == folder.path() / "train");
  CHECK(config.name == "x.y");
}

TEST_CASE("a resolved config reads as the same config, and resolves to the same text", "[config]") {
  std::vector<std::string> texts{kBaseConfig, kFullConfig};
  for (const char* text :
       {R"({"type": "adam", "learning_rate": 1e-3})", R"({"type": "adamw", "learning_rate": 0.3})"})
    texts.push_back(edited("{\"type\": \"sgd\", \"learning_rate\": 0.1}", text));
  for (const char* text : {R"({"type": "step"})", R"({"type": "exponential"})", R"({"type": "cosine"})",
                           R"({"type": "one_cycle"})"})
    texts.push_back(edited("\"epochs\": 8", "\"epochs\": 8, \"schedule\": " + std::string(text)));
  texts.push_back(
      edited("\"folder\", \"train\": \"train\"", R"("cifar10", "train": ["a", "b"], "validation": "c")"));
  texts.push_back(
      edited("\"train\": \"train\"", R"("train": "t\u00e4\"\\", "validation": {"fraction": 0.1})"));
  texts.push_back(edited("\"epochs\": 8", R"("epochs": 8, "initial_weights": "w")"));
  texts.push_back(edited("\"train\": \"train\"", R"("train": "train", "normalize": "none")"));
  for (const std::string& text : texts) {
    const Config config = config_of(text);
    const std::string resolved = resolved_json(config);
    INFO(resolved);
    const Config again = read_again(resolved);
    CHECK(again == config);
    CHECK(resolved_json(again) == resolved);
  }
}

TEST_CASE("two configs that differ are not equal", "[config]") {
  const Config config = config_of(kFullConfig);
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"tanh\"", "\"relu\""},
           {"0.25, 1", "0.26, 1"},
           {"\"pixels\": 3", "\"pixels\": 4"},
           {"1.5", "1.25"},
           {"\"gate\": \"hard_sigmoid\"", "\"gate\": \"sigmoid\""},
           {"\"vi\"", "\"vj\""}}) {
    std::string text = kFullConfig;
    text.replace(text.find(from), from.size(), to);
    CHECK_FALSE(config_of(text) == config);
  }
}

TEST_CASE("the resolved config writes every default out", "[config]") {
  CHECK(resolved_json(config_of(kBaseConfig)) == R"({
  "name": "a",
  "seed": 1,
  "data": {
    "format": "folder",
    "train": "/home/me/configs/train",
    "validation": null,
    "test": null,
    "classes": "auto",
    "image": {"channels": 1, "height": 28, "width": 28, "resize": "stretch", "short_side": 0, "scaled_decoding": true, "depth": 8, "range": null, "background": null},
    "normalize": "auto",
    "augment": [],
    "test_time_augmentation": "none",
    "bad_images": "fail",
    "limits": {"pixels": 100000000, "file_mb": 512, "seconds": 30},
    "duplicates": "warn",
    "cache_mb": 4096,
    "disk_cache_mb": 2048
  },
  "network": [
    {"type": "conv", "name": "conv1", "out_channels": 6, "kernel_size": 5, "stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": true, "activation": "none", "weight_init": "kaiming_uniform", "bias_init": "uniform", "trainable": true, "learning_rate_scale": 1, "weight_decay_scale": 1},
    {"type": "max_pool", "name": "max_pool1", "kernel_size": 2, "stride": 2, "padding": 0},
    {"type": "flatten", "name": "flatten1"},
    {"type": "dense", "name": "dense1", "units": 10, "bias": true, "activation": "none", "weight_init": "kaiming_uniform", "bias_init": "uniform", "trainable": true, "learning_rate_scale": 1, "weight_decay_scale": 1}
  ],
  "training": {
    "epochs": 8,
    "batch_size": 64,
    "shuffle": true,
    "drop_last": false,
    "loss": "softmax_cross_entropy",
    "label_smoothing": 0,
    "class_weights": "none",
    "optimizer": {"type": "sgd", "learning_rate": 0.1, "momentum": 0, "nesterov": false, "weight_decay": 0, "decay_norm_and_bias": true},
    "schedule": {"type": "constant", "warmup_epochs": 0},
    "clip_gradient_norm": null,
    "weight_averaging": null,
    "lookahead": null,
    "best": "accuracy",
    "early_stopping": null,
    "max_minutes": null,
    "filter": null,
    "initial_weights": null,
    "freeze": null,
    "on_non_finite": "stop",
    "checkpoint_minutes": 5,
    "checkpoint_steps": 0,
    "tensorboard": false
  }
}
)");
}

TEST_CASE("classes are chosen among folders only, and a model knows of leaves", "[config]") {
  const auto with = [](const std::string& word) {
    return config_of(
        edited("\"format\": \"folder\"", "\"format\": \"folder\", \"classes\": \"" + word + "\""));
  };
  CHECK(config_of(kBaseConfig).data.class_folders == ClassFolders::automatic);
  CHECK(with("top").data.class_folders == ClassFolders::top);
  CHECK(with("leaf").data.class_folders == ClassFolders::leaf);
  CHECK(model_config_json(with("top")) == model_config_json(config_of(kBaseConfig)));
  const std::string model = model_config_json(with("leaf"));
  CHECK(read_model_config(model, "m").data.class_folders == ClassFolders::leaf);
}

TEST_CASE("the config in a model names no paths and reads back", "[config]") {
  Config config = config_of(kFullConfig);
  const std::string text = model_config_json(config);
  INFO(text);
  CHECK(text.find("/home") == std::string::npos);
  CHECK(text.find("/abs") == std::string::npos);
  CHECK(text.find("initial_weights") == std::string::npos);
  const Config again = read_model_config(text, "best.safetensors: config");
  CHECK(model_config_json(again) == text);
  // Equal but for what is left out.
  config.data.train = DataLocation();
  config.data.validation = std::monostate();
  config.data.test.reset();
  config.training.initial_weights.reset();
  config.training.freeze.reset();
  CHECK(again == config);

  // A split says how much, not where: it stays.
  const Config split =
      config_of(edited("\"train\": \"train\"", R"("train": "train", "validation": {"fraction": 0.2})"));
  CHECK(std::get<ValidationFraction>(read_model_config(model_config_json(split), "m").data.validation)
            .fraction == 0.2);
}

TEST_CASE("depth, range and background are read, and a model holds them only where they are set",
          "[config]") {
  const auto image = [](const std::string& keys) {
    return config_of(edited("\"width\": 28", "\"width\": 28, " + keys));
  };
  const ImageSpec spec = image(R"("depth": 16, "range": [10, 4095], "background": [1, 2, 3])").data.image;
  CHECK(spec.depth == 16);
  CHECK(spec.range == PixelRange{PixelRange::Mode::given, 10, 4095});
  CHECK(spec.background == std::array<std::uint8_t, 3>{1, 2, 3});
  CHECK(image(R"("depth": 16, "range": "auto")").data.image.range.mode == PixelRange::Mode::automatic);
  CHECK(image(R"("background": "white")").data.image.background ==
        std::array<std::uint8_t, 3>{255, 255, 255});
  for (const char* keys : {R"("depth": 16, "range": [10, 4095], "background": [1, 2, 3])",
                           R"("background": "black")", R"("depth": 16)"}) {
    const Config config = image(keys);
    CHECK(read_model_config(model_config_json(config), "m").data.image == config.data.image);
    CHECK(config_of(resolved_json(config)).data.image == config.data.image);
  }
  CHECK(model_config_json(image(R"("depth": 8, "range": null, "background": null)")) ==
        model_config_json(config_of(kBaseConfig)));
}

TEST_CASE("a model from before scaled decoding decodes whole images", "[config]") {
  const std::string now = model_config_json(config_of(kBaseConfig)), key = ", \"scaled_decoding\": true";
  CHECK(read_model_config(now, "m").data.image.scaled_decoding);
  std::string before = now;
  REQUIRE(before.find(key) != std::string::npos);
  before.erase(before.find(key), key.size());
  CHECK_FALSE(read_model_config(before, "m").data.image.scaled_decoding);
  CHECK(config_of(kBaseConfig).data.image.scaled_decoding);
}

TEST_CASE("a damaged config in a model is told with the model's name", "[config]") {
  // The model is at fault, not what the user wrote: exit code 1.
  const auto message = [](const std::string& text) {
    return message_of([&] { read_model_config(text, "best.safetensors: config"); }, ExitCode::run_failed);
  };
  const std::string good = model_config_json(config_of(kBaseConfig));
  CHECK(message("").starts_with(
      "the config inside the model is damaged:\nbest.safetensors: config:1:1: the file is empty"));
  std::string bad = good;
  bad.replace(bad.find("\"epochs\": 8"), 11, "\"epochs\": 0");
  CHECK(message(bad) ==
        "the config inside the model is damaged:\nbest.safetensors: config:21:15: /training/epochs: found 0, "
        "expected an integer >= 1");
  bad = good;
  bad.insert(bad.find("\"image\""), "\"train\": \"x\", ");
  CHECK(message(bad) ==
        "the config inside the model is damaged:\nbest.safetensors: config:6:5: /data/train: unknown key: it "
        "belongs in data; data takes \"format\", \"validation\", \"classes\", \"image\", \"normalize\", "
        "\"augment\", \"test_time_augmentation\", \"bad_images\", \"limits\", \"cache_mb\"");
}

TEST_CASE("the configs that come with the program are good, and name files beside them", "[config]") {
  const std::filesystem::path folder = std::filesystem::path(CNN_SOURCE_DIR) / "configs";
  int configs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json" || entry.path().filename() == "schema.json") continue;
    INFO(entry.path());
    const Config config = read_config(entry.path());
    CHECK(config.name == entry.path().stem().string());
    CHECK(read_again(resolved_json(config)) == config);
    ++configs;
  }
  CHECK(configs >= 2);

  const Config mnist = read_config(folder / "mnist-lenet5.json");
  CHECK(std::get<IdxLocation>(mnist.data.train).images ==
        std::filesystem::path(CNN_SOURCE_DIR) / "data/mnist/train-images-idx3-ubyte.gz");
  const Config digits = read_config(folder / "digits-lenet5.json");
  CHECK(std::get<FolderLocation>(digits.data.train).folder ==
        std::filesystem::path(CNN_SOURCE_DIR) / "data/digits/train");
}

TEST_CASE("configs/schema.json is what the program makes", "[config]") {
  const std::string checked_in = read_file(std::filesystem::path(CNN_SOURCE_DIR) / "configs/schema.json");
  // Not a comparison in CHECK: its message would be both texts. The new one is one command away.
  const bool current = checked_in == json_schema();
  if (!current) std::ofstream("schema.json") << json_schema();
  INFO("the current schema is now in " << std::filesystem::current_path() / "schema.json");
  CHECK(current);
}

TEST_CASE("the schema is JSON and knows the keys, their defaults and their words", "[config]") {
  const Document document = Document::parse(json_schema(), "schema.json");
  const JsonValue& root = document.root();
  CHECK(root.find("$schema")->text == "https://json-schema.org/draft/2020-12/schema");
  CHECK(root.find("properties")->find("$schema") != nullptr);
  CHECK(to_line(*root.find("required")) == R"(["data", "network", "training"])");
  CHECK(root.find("additionalProperties")->boolean == false);
  const JsonValue& conv = *root.find("$defs")->find("conv");
  CHECK(to_line(*conv.find("required")) == R"(["type", "out_channels", "kernel_size"])");
  CHECK(conv.find("properties")->find("groups")->find("default")->number == 1);
  CHECK(to_line(*conv.find("properties")->find("activation")->find("enum")) ==
        R"(["none", "relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "hard_swish", "sigmoid", )"
        R"("hard_sigmoid", "tanh"])");
  CHECK(root.find("$defs")->find("layer")->find("oneOf")->items.size() == 12);
  const JsonValue& p = *root.find("$defs")->find("dropout")->find("properties")->find("p");
  CHECK(to_line(*p.find("exclusiveMaximum")) == "1");
}

/// The keys below `kind`, however deep, that have no row in `reference`; "type (key)".
void add_missing_rows(const Described& kind, const std::string& reference,
                      std::vector<std::string>& missing) {
  for (const ObjectDescription& object : kind.descriptions())
    for (const KeyDescription& key : object.keys) {
      // Part of the row that only this key of this object has.
      if (reference.find(fmt::format("| `{}` | ", key.key)) == std::string::npos ||
          reference.find(key.doc) == std::string::npos)
        missing.push_back(fmt::format("{} ({})", key.key, object.type));
      if (key.kind) add_missing_rows(*key.kind, reference, missing);
    }
}

TEST_CASE("the reference has a row for every key", "[config]") {
  std::string reference = markdown_reference();
  std::vector<std::string> missing;
  add_missing_rows(*config_kind(), reference, missing);
  for (const ObjectDescription& layer : layer_kind().descriptions())
    for (const KeyDescription& key : layer.keys)
      if (key.key != "name" && reference.find(key.doc) == std::string::npos) missing.push_back(key.key);
  CHECK(missing == std::vector<std::string>{});

  // The walk finds what is missing.
  const std::size_t row = reference.find("| `power` | ");
  REQUIRE(row != std::string::npos);
  reference.erase(row, reference.find('\n', row) - row);
  add_missing_rows(*config_kind(), reference, missing);
  CHECK(missing == std::vector<std::string>{"power ()"});
}

TEST_CASE("a row of the reference says what is allowed, the default and the meaning", "[config]") {
  const std::string reference = markdown_reference();
  for (const char* row :
       {"| `stride` | an integer >= 1 or [height, width] | `1` | Step from one window to the next. |",
        "| `stride` | an integer >= 1 or [height, width] | `kernel_size` | Step from one window to the next; "
        "windows may overlap. |",
        "| `p` | a number >= 0 and < 1 | `0.5` | Probability that a value becomes 0. |", "| `cache_mb` |",
        "| `initial_weights` |", "#### `residual`", "#### `one_cycle`", "#### `random_flip`",
        "| `weight_decay` | a number >= 0 | `0.01` |", "| `test` | as `train` | none |"})
    CHECK_THAT(reference, ContainsSubstring(row));
  CHECK(reference.ends_with("|\n"));
}

TEST_CASE("names of other tools are understood as questions", "[config]") {
  const auto message = [](const std::string& from, const std::string& to) {
    return message_of([&] { config_of(edited(from, to)); });
  };
  CHECK_THAT(message("\"max_pool\"", "\"MaxPooling2D\""), ContainsSubstring("(did you mean \"max_pool\"?)"));
  CHECK_THAT(message("\"dense\"", "\"Linear\""), ContainsSubstring("(did you mean \"dense\"?)"));
  CHECK_THAT(message("\"flatten\"", "\"BatchNorm2d\""), ContainsSubstring("(did you mean \"batch_norm\"?)"));
  CHECK_THAT(message("\"sgd\"", "\"SGD\""), ContainsSubstring("(did you mean \"sgd\"?)"));
  CHECK_THAT(message("\"units\"", "\"out_features\""), ContainsSubstring("(did you mean \"units\"?)"));
  CHECK_THAT(message("\"batch_size\"", "\"batchSize\""), ContainsSubstring("(did you mean \"batch_size\"?)"));
  CHECK_THAT(message("\"units\": 10", "\"units\": 10, \"" + std::string(100'000, 'x') + "\": 1"),
             ContainsSubstring("unknown key; dense takes"));
}

}  // namespace
}  // namespace cnn
