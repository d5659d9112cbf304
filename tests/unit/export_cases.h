#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/document.h"
#include "core/random.h"
#include "data/image_folder.h"
#include "data/memory_dataset.h"
#include "export/float_run.h"
#include "nn/network.h"
#include "session/training_data.h"
#include "train/evaluation.h"
#include "train/model_file.h"

namespace cnn {

/// A small network that is exported and compared with the engine.
struct ExportCase {
  const char* name;
  int channels, height, width;
  const char* layers;  ///< the config's "network"
};

/// Every layer, every activation function, every way to pad, and what folding must not break.
inline const std::vector<ExportCase> kExportCases = {
    {"lenet", 1, 14, 14,
     R"([{"type": "conv", "out_channels": 4, "kernel_size": 5, "padding": 2, "activation": "relu"},
         {"type": "max_pool", "kernel_size": 2}, {"type": "flatten"},
         {"type": "dense", "units": 12, "activation": "relu"}, {"type": "dropout", "p": 0.5},
         {"type": "dense", "units": 5}])"},
    {"same-even", 3, 9, 11,
     R"([{"type": "conv", "out_channels": 4, "kernel_size": [2, 4], "padding": "same", "activation": "gelu"},
         {"type": "conv", "out_channels": 3, "kernel_size": [4, 3], "padding": "same", "dilation": [1, 2],
          "activation": "silu"}, {"type": "flatten"}, {"type": "dense", "units": 5}])"},
    {"strided-groups", 3, 13, 10,
     R"([{"type": "conv", "out_channels": 6, "kernel_size": 3, "stride": [2, 1], "padding": [1, 2],
          "activation": "leaky_relu"},
         {"type": "conv", "out_channels": 12, "kernel_size": 3, "groups": 6, "dilation": 2, "padding": 2,
          "activation": "elu"},
         {"type": "conv", "out_channels": 8, "kernel_size": [1, 3], "groups": 2, "bias": false,
          "padding": "valid", "activation": "tanh"},
         {"type": "global_avg_pool"}, {"type": "dense", "units": 5}])"},
    {"sides", 3, 11, 14,
     R"([{"type": "conv", "out_channels": 6, "kernel_size": 3, "stride": 2,
          "padding": {"top": 0, "left": 0, "bottom": 1, "right": 1}},
         {"type": "conv", "out_channels": 6, "kernel_size": 3, "padding": {"top": 2, "right": 1}},
         {"type": "conv", "out_channels": 8, "kernel_size": [3, 5], "stride": [2, 3], "groups": 2,
          "padding": "same_tensorflow", "activation": "relu"},
         {"type": "conv", "out_channels": 4, "kernel_size": 3, "dilation": 2, "padding": "same_tensorflow"},
         {"type": "max_pool", "kernel_size": 3, "stride": 2, "padding": 1},
         {"type": "flatten"}, {"type": "dense", "units": 5}])"},
    {"large-stride", 1, 11, 12,
     R"([{"type": "conv", "out_channels": 4, "kernel_size": 2, "stride": 3, "padding": 3, "dilation": 2},
         {"type": "flatten"}, {"type": "dense", "units": 5}])"},
    {"pools", 3, 12, 11,
     R"([{"type": "max_pool", "kernel_size": 3, "stride": 2, "padding": 1},
         {"type": "avg_pool", "kernel_size": [3, 2], "stride": 1, "padding": [1, 1]},
         {"type": "avg_pool", "kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": false},
         {"type": "max_pool", "kernel_size": 2, "stride": 1},
         {"type": "flatten"}, {"type": "dense", "units": 5}])"},
    {"norms", 3, 8, 9,
     R"([{"type": "batch_norm"},
         {"type": "conv", "out_channels": 4, "kernel_size": 3, "bias": false},
         {"type": "batch_norm", "activation": "relu"},
         {"type": "max_pool", "kernel_size": 2}, {"type": "batch_norm", "affine": false},
         {"type": "conv", "out_channels": 4, "kernel_size": 2, "activation": "relu"},
         {"type": "batch_norm", "activation": "sigmoid"}, {"type": "flatten"}, {"type": "batch_norm"},
         {"type": "dense", "units": 6}, {"type": "dropout", "p": 0.3}, {"type": "batch_norm", "activation": "relu"},
         {"type": "scale", "factor": 1.5}, {"type": "dense", "units": 5}, {"type": "scale", "factor": 0.5}])"},
    {"activations", 1, 10, 10,
     R"([{"type": "conv", "out_channels": 8, "kernel_size": 3},
         {"type": "activation", "function": "leaky_relu", "negative_slope": 0.2},
         {"type": "activation", "function": "gelu"},
         {"type": "scale", "factor": 3}, {"type": "activation", "function": "tanh"},
         {"type": "max_pool", "kernel_size": 2}, {"type": "activation", "function": "relu"},
         {"type": "flatten"}, {"type": "activation", "function": "silu"},
         {"type": "dense", "units": 7, "activation": "elu"},
         {"type": "dense", "units": 5, "activation": "sigmoid"}])"},
    {"mobile", 3, 12, 12,
     R"([{"type": "conv", "out_channels": 8, "kernel_size": 3, "padding": 1, "bias": false},
         {"type": "batch_norm", "activation": "relu6"}, {"type": "scale", "factor": 8},
         {"type": "conv", "out_channels": 8, "kernel_size": 3, "groups": 8, "activation": "relu6"},
         {"type": "conv", "out_channels": 8, "kernel_size": 1, "bias": false},
         {"type": "batch_norm", "activation": "hard_swish"}, {"type": "max_pool", "kernel_size": 2},
         {"type": "activation", "function": "hard_sigmoid"},
         {"type": "flatten"}, {"type": "dense", "units": 7, "activation": "hard_swish"},
         {"type": "dense", "units": 5}])"},
    {"residuals", 3, 12, 12,
     R"([{"type": "conv", "out_channels": 6, "kernel_size": 3, "padding": 1, "bias": false},
         {"type": "batch_norm", "activation": "relu"},
         {"type": "residual", "activation": "relu", "shortcut": "projection", "layers": [
            {"type": "conv", "out_channels": 8, "kernel_size": 3, "padding": 1, "stride": 2, "bias": false},
            {"type": "batch_norm", "activation": "relu"},
            {"type": "residual", "layers": [
               {"type": "batch_norm", "activation": "relu"},
               {"type": "conv", "out_channels": 8, "kernel_size": 3, "padding": 1}]},
            {"type": "batch_norm"}]},
         {"type": "residual", "activation": "gelu", "shortcut": "identity", "layers": [
            {"type": "activation", "function": "relu"},
            {"type": "conv", "out_channels": 8, "kernel_size": 1, "groups": 8}]},
         {"type": "residual", "shortcut": "identity", "layers": [{"type": "dropout", "p": 0.5}]},
         {"type": "global_avg_pool"}, {"type": "dense", "units": 5}])"},
    {"depthwise-1x1-end", 3, 10, 10,
     R"([{"type": "conv", "out_channels": 6, "kernel_size": 3, "padding": 1, "groups": 3, "activation": "relu"},
         {"type": "conv", "out_channels": 6, "kernel_size": 3, "stride": 2, "groups": 6},
         {"type": "conv", "out_channels": 5, "kernel_size": 1, "name": "logits"},
         {"type": "global_avg_pool", "name": "image"}])"},
    {"squeeze", 3, 10, 9,
     R"([{"type": "conv", "out_channels": 8, "kernel_size": 3, "stride": 2, "padding": 1, "activation": "relu"},
         {"type": "squeeze_excite", "squeeze_channels": 3},
         {"type": "residual", "layers": [
            {"type": "conv", "out_channels": 8, "kernel_size": 3, "padding": 1, "groups": 8},
            {"type": "batch_norm", "activation": "hard_swish"},
            {"type": "squeeze_excite", "squeeze_channels": 2, "inner_activation": "silu",
             "gate": "hard_sigmoid"}]},
         {"type": "squeeze_excite", "squeeze_channels": 1, "gate": "tanh"},
         {"type": "global_avg_pool"}, {"type": "dense", "units": 5}])"},
    {"dense-residual", 1, 6, 6,
     R"([{"type": "flatten"}, {"type": "dense", "units": 9, "activation": "tanh"},
         {"type": "residual", "shortcut": "identity", "activation": "relu",
          "layers": [{"type": "dense", "units": 9}]},
         {"type": "dense", "units": 5}, {"type": "batch_norm"}])"},
    {"conv-end", 3, 5, 7,
     R"([{"type": "conv", "out_channels": 5, "kernel_size": [5, 7], "name": "a */ b \" ?\\ c"}])"},
};
inline constexpr int kExportClasses = 5, kExportImages = 20;

/// A model of a case with random weights and statistics, some images, and what the engine says of them.
class ExportedCase {
 public:
  explicit ExportedCase(const ExportCase& which, std::uint64_t seed = 7)
      : config(read_config(Document::parse(
            std::string(R"({"name": ")") + which.name +
                R"(", "data": {"format": "folder", "train": "t", "image": {"channels": )" +
                std::to_string(which.channels) + R"(, "height": )" + std::to_string(which.height) +
                R"(, "width": )" + std::to_string(which.width) + R"(}}, "network": )" + which.layers +
                R"(, "training": {"epochs": 1, "batch_size": 4,
                    "optimizer": {"type": "sgd", "learning_rate": 0.1}}})",
            which.name))),
        pool(2),
        network(config.network, {.c = which.channels, .h = which.height, .w = which.width}, kExportClasses,
                kExportImages) {
    randomize(seed);
    for (int c = 0; c < which.channels; ++c) {
      description.mean.push_back(0.4 + 0.1 * c);
      description.std.push_back(0.25 + 0.05 * c);
    }
    for (int k = 0; k < kExportClasses; ++k) description.classes.push_back("class " + std::to_string(k));
    description.classes[1] = "\"quoted\" \\ ?\?/";
    description.config = model_config_json(config);
    make_images(seed);
    ask_the_engine();
  }

  void save(const std::filesystem::path& path) const { save_model(path, network, description); }
  std::span<const float> engine(int image) const {
    return std::span(probabilities).subspan(static_cast<std::size_t>(image) * kExportClasses, kExportClasses);
  }

  Config config;
  ThreadPool pool;
  Network network;
  ModelDescription description;
  std::vector<std::vector<std::uint8_t>> images;  ///< interleaved
  std::vector<float> probabilities;               ///< of the engine, [image][class]

 private:
  void randomize(std::uint64_t seed) {
    network.initialize(seed);
    Random random(seed, Purpose::split);
    for (const Tensor& tensor : network.tensors()) {
      const bool norm_weight = tensor.shape.size() == 1 && tensor.name.ends_with(".weight");
      for (float& value : tensor.values)
        if (norm_weight || tensor.name.ends_with("running_var"))
          value = random.uniform(0.5f, 1.5f);
        else if (tensor.shape.size() == 1)
          value = random.uniform(-0.5f, 0.5f);
        else
          value *= 1.5f;
    }
    network.pack(pool);
  }

  /// White, noise, and a digit of each class.
  void make_images(std::uint64_t seed) {
    const Shape& in = network.input();
    Random random(seed, Purpose::initialization, 99);
    for (int n = 0; n < kExportImages - 10; ++n) {
      auto& image = images.emplace_back(static_cast<std::size_t>(in.values()));
      for (std::uint8_t& pixel : image) pixel = static_cast<std::uint8_t>(random.below(256));
      if (n == 0) std::ranges::fill(image, std::uint8_t{255});
    }
    std::vector<std::filesystem::path> digits;
    for (int k = 0; k < 10; ++k)
      digits.push_back(std::filesystem::path(CNN_SOURCE_DIR) / "data/digits/test" / std::to_string(k) /
                       "0000.png");
    const LoadedImages loaded = load_images(std::make_shared<const ImageFiles>(list_files(digits)), 0, 10,
                                            config.data.image, {}, std::int64_t{1} << 20, pool);
    std::vector<std::byte> scratch;
    for (std::int64_t k = 0; k < loaded.dataset->size(); ++k)
      interleave(loaded.dataset->pixels(k, scratch), config.data.image, images.emplace_back());
  }

  void ask_the_engine() {
    const Shape& in = network.input();
    MemoryDataset::Content content{.channels = in.c,
                                   .height = in.h,
                                   .width = in.w,
                                   .pixels = {},
                                   .labels = {},
                                   .classes = description.classes,
                                   .name = {}};
    const std::size_t map = static_cast<std::size_t>(in.h) * static_cast<std::size_t>(in.w);
    const auto channels = static_cast<std::size_t>(in.c);
    for (const auto& image : images)
      for (std::size_t c = 0; c < channels; ++c)
        for (std::size_t i = 0; i < map; ++i) content.pixels.push_back(std::byte{image[i * channels + c]});
    content.labels.assign(images.size(), 0);
    const auto dataset = std::make_shared<const MemoryDataset>(std::move(content));
    Runner runner(network, pool, false, kExportImages);
    evaluate(runner, image_set(dataset, {description.mean, description.std}, pool.threads()),
             [&](std::int64_t, int, std::span<const float> all, float) {
               probabilities.insert(probabilities.end(), all.begin(), all.end());
             });
  }
};

}  // namespace cnn
