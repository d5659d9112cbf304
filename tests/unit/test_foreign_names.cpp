#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>

#include "catch.h"
#include "config/config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/half.h"
#include "network_fixture.h"
#include "starter/pretrained.h"
#include "temporary_folder.h"
#include "train/foreign_names.h"
#include "train/model_file.h"

namespace cnn {
namespace {

TEST_CASE("16-bit floating-point numbers are read exactly, and rounded to the nearest", "[core]") {
  CHECK(float_of_half(0x3c00) == 1.0f);
  CHECK(float_of_half(0xc000) == -2.0f);
  CHECK(float_of_half(0x7bff) == 65504.0f);
  CHECK(float_of_half(0x0001) == 0x1p-24f);
  CHECK(std::isinf(float_of_half(0x7c00)));
  CHECK(std::isnan(float_of_half(0x7e00)));
  CHECK(float_of_bfloat16(0x3f80) == 1.0f);
  CHECK(float_of_bfloat16(0xc120) == -10.0f);
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    if (std::isnan(float_of_half(half))) continue;
    if (half_of_float(float_of_half(half)) != half) FAIL("bits " << bits);
    const float next = float_of_half(static_cast<std::uint16_t>(half + 1)), here = float_of_half(half);
    if (!std::isfinite(next) || !std::isfinite(here)) continue;
    // Between two neighbors: the nearer one, and of equal ones the even.
    const float middle = (here + next) / 2;
    if (half_of_float(middle) != (half % 2 == 0 ? half : half + 1)) FAIL("middle above bits " << bits);
    if (half_of_float(std::nextafter(middle, next)) != half + 1)
      FAIL("more than the middle above bits " << bits);
  }
  CHECK(half_of_float(65519.0f) == 0x7bff);
  CHECK(half_of_float(65520.0f) == 0x7c00);
  CHECK(half_of_float(-std::numeric_limits<float>::infinity()) == 0xfc00);
  CHECK(std::isnan(float_of_half(half_of_float(NAN))));
}

TEST_CASE("names of layers tell their order", "[train]") {
  const std::vector<std::string> resnet = {"conv1",
                                           "bn1",
                                           "layer1.0.conv1",
                                           "layer1.0.bn1",
                                           "layer1.0.conv2",
                                           "layer1.0.bn2",
                                           "layer1.1.conv1",
                                           "layer2.0.conv2",
                                           "layer2.0.bn2",
                                           "layer2.0.downsample.0",
                                           "layer2.0.downsample.1",
                                           "layer2.1.conv1",
                                           "layer10.0.conv1",
                                           "fc"};
  const std::vector<std::string> mobilenet = {
      "features.0.0",         "features.0.1",           "features.1.conv.0.0",
      "features.1.conv.0.1",  "features.1.conv.1",      "features.1.conv.2",
      "features.2.block.1.1", "features.2.block.2.fc1", "features.2.block.2.fc2",
      "features.2.block.3.0", "features.10.block.0.0",  "classifier.0",
      "classifier.3"};
  for (const auto& names : {resnet, mobilenet})
    for (std::size_t i = 0; i < names.size(); ++i)
      for (std::size_t j = 0; j < names.size(); ++j) {
        INFO(names[i] << " and " << names[j]);
        CHECK(is_earlier_layer(names[i], names[j]) == (i < j));
      }
}

ConvSpec conv(int channels, int stride = 1) {
  ConvSpec spec;
  spec.out_channels = channels, spec.kernel_size = {3, 3}, spec.padding.amount = {1, 1};
  spec.stride = {stride, stride}, spec.bias = false;
  return spec;
}

/// A small network of the form of a ResNet, and a file as torchvision would write it.
struct SmallResNet : TemporaryFolder {
  SmallResNet() {
    BatchNormSpec active;
    active.activation = ActivationFunction::relu;
    ResidualSpec same, half;
    same.layers = chain(conv(4), active, conv(4), BatchNormSpec{});
    half.layers = chain(conv(6, 2), active, conv(6), BatchNormSpec{});
    half.shortcut = ResidualSpec::Shortcut::projection;
    spec = chain(conv(4), active, same, half, GlobalAvgPoolSpec{}, FlattenSpec{}, dense(3));
    name_entries(spec);
    for (LayerSpec& entry : spec)
      if (std::holds_alternative<DenseSpec>(entry.spec)) entry.name = "head";
    spec[2].name = "same", spec[3].name = "half";
    network = std::make_unique<Network>(spec, Shape{.c = 3, .h = 8, .w = 8}, 0, 16);
    const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
      std::int64_t count = 1;
      for (const std::int64_t size : shape) count *= size;
      std::vector<float> values(static_cast<std::size_t>(count));
      for (float& v : values) v = static_cast<float>(next++);
      file.tensors.push_back({name, shape, values});
    };
    const auto norm = [&](const std::string& name, std::int64_t c) {
      for (const char* part : {".weight", ".bias", ".running_mean", ".running_var"}) add(name + part, {c});
    };
    // Sorted by name, as such files often are.
    norm("bn1", 4), add("conv1.weight", {4, 3, 3, 3}), add("fc.bias", {5}), add("fc.weight", {5, 6});
    norm("layer1.0.bn1", 4), norm("layer1.0.bn2", 4);
    add("layer1.0.conv1.weight", {4, 4, 3, 3}), add("layer1.0.conv2.weight", {4, 4, 3, 3});
    norm("layer2.0.bn1", 6), norm("layer2.0.bn2", 6);
    add("layer2.0.conv1.weight", {6, 4, 3, 3}), add("layer2.0.conv2.weight", {6, 6, 3, 3});
    add("layer2.0.downsample.0.weight", {6, 4, 1, 1}), norm("layer2.0.downsample.1", 6);
  }

  StartingWeights load(const ForeignNames& names, std::vector<std::string> except = {}) {
    write_safetensors(path() / "resnet.safetensors", file);
    return load_initial_weights(
        {.file = path() / "resnet.safetensors", .names = names, .except = std::move(except)}, *network);
  }
  void check_loaded(const std::string& ours, const std::string& theirs) {
    INFO(ours << " from " << theirs);
    CHECK(std::ranges::equal(network->find(ours)->values, file.find(theirs)->values));
  }
  std::string refused(const ForeignNames& names, std::vector<std::string> except = {}) {
    try {
      load(names, std::move(except));
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  NetworkSpec spec;
  std::unique_ptr<Network> network;
  SafeTensors file;
  int next = 1;
};

const ForeignNames kTorchvision{.torchvision = true, .by_entry = {}};

TEST_CASE("weights under torchvision's names are found by the order of the layers", "[train]") {
  SmallResNet resnet;
  const StartingWeights start = resnet.load(kTorchvision);
  CHECK(start.left_out == "head starts fresh: the file's \"fc\" has 5 outputs");
  CHECK(start.unused.empty());
  resnet.check_loaded(resnet.spec[0].name + ".weight", "conv1.weight");
  resnet.check_loaded(resnet.spec[1].name + ".running_var", "bn1.running_var");
  const auto& same = std::get<ResidualSpec>(resnet.spec[2].spec).layers;
  resnet.check_loaded(same[2].name + ".weight", "layer1.0.conv2.weight");
  const auto& half = std::get<ResidualSpec>(resnet.spec[3].spec).layers;
  resnet.check_loaded(half[3].name + ".bias", "layer2.0.bn2.bias");
  resnet.check_loaded("half.shortcut.weight", "layer2.0.downsample.0.weight");
  resnet.check_loaded("half.shortcut_norm.running_mean", "layer2.0.downsample.1.running_mean");
}

TEST_CASE("a head of the same size is taken, and `except` leaves layers out", "[train]") {
  SmallResNet resnet;
  for (SafeTensors::Tensor& tensor : resnet.file.tensors)
    if (tensor.name.starts_with("fc")) {
      tensor.values.resize(tensor.values.size() / 5 * 3);
      tensor.shape[0] = 3;
    }
  CHECK(resnet.load(kTorchvision).left_out.empty());
  resnet.check_loaded("head.weight", "fc.weight");
  resnet.network->initialize(1);
  const std::vector<float> fresh(resnet.network->find("half.shortcut.weight")->values.begin(),
                                 resnet.network->find("half.shortcut.weight")->values.end());
  resnet.load(kTorchvision, {"half"});
  CHECK(std::ranges::equal(fresh, resnet.network->find("half.shortcut.weight")->values));
  resnet.check_loaded("head.weight", "fc.weight");
}

TEST_CASE("a file that ends before the head leaves the head fresh", "[train]") {
  SmallResNet resnet;
  std::erase_if(resnet.file.tensors, [](const auto& tensor) { return tensor.name.starts_with("fc"); });
  CHECK(resnet.load(kTorchvision).left_out == "head starts fresh: the file ends before it");
}

TEST_CASE("prefixes by entry take a residual's tensors in their order", "[train]") {
  SmallResNet resnet;
  for (SafeTensors::Tensor& tensor : resnet.file.tensors)
    if (tensor.name.starts_with("fc.")) tensor.name.replace(0, 2, "head");
  const ForeignNames names{.torchvision = false,
                           .by_entry = {{resnet.spec[0].name, "conv1"},
                                        {resnet.spec[1].name, "bn1"},
                                        {"same", "layer1.0"},
                                        {"half", "layer2.0"}}};
  const StartingWeights start = resnet.load(names, {"head"});
  CHECK(start.left_out.empty());
  resnet.check_loaded("half.shortcut.weight", "layer2.0.downsample.0.weight");
  const auto& same = std::get<ResidualSpec>(resnet.spec[2].spec).layers;
  resnet.check_loaded(same[0].name + ".weight", "layer1.0.conv1.weight");
  CHECK_THAT(
      resnet.refused({.torchvision = false, .by_entry = {{"same", "layer2.0"}}}),
      ContainsSubstring("its layer \"layer2.0.conv1\" (weight [6, 4, 3, 3]) stands where the network has") &&
          ContainsSubstring("(weight [4, 4, 3, 3]): the networks differ there"));
  CHECK_THAT(resnet.refused({.torchvision = false, .by_entry = {{"same", "layer3"}}}),
             ContainsSubstring("has no layer for") && ContainsSubstring("the file's last is none"));
}

TEST_CASE("a file of another network is refused at the first layer that differs", "[train]") {
  SmallResNet resnet;
  SECTION("a shape") {
    for (SafeTensors::Tensor& tensor : resnet.file.tensors)
      if (tensor.name == "layer2.0.conv2.weight") tensor.shape = {6, 6, 9, 1};
    CHECK_THAT(
        resnet.refused(kTorchvision),
        ContainsSubstring("its layer \"layer2.0.conv2\" (weight [6, 6, 9, 1]) stands where the network has"));
  }
  SECTION("a layer too many") {
    resnet.file.tensors.push_back({"fc2.weight", {1, 5}, std::vector<float>(5)});
    CHECK_THAT(resnet.refused(kTorchvision), ContainsSubstring("\"fc2\""));
  }
  SECTION("a layer that is missing") {
    std::erase_if(resnet.file.tensors,
                  [](const auto& tensor) { return tensor.name.starts_with("layer1.0.bn2"); });
    CHECK_THAT(resnet.refused(kTorchvision),
               ContainsSubstring("\"layer2.0.conv1\" (weight [6, 4, 3, 3]) stands"));
  }
}

using Names = std::vector<std::string>;

/// `names` below `prefix`.
void add_names(Names& all, const std::string& prefix, std::initializer_list<const char*> names) {
  for (const char* name : names) all.push_back(prefix + name);
}

/// The layers of torchvision's networks, in the order of computation.
Names layers_of_resnet(const std::array<int, 4>& blocks) {
  Names all{"conv1", "bn1"};
  for (int stage = 1; stage <= 4; ++stage)
    for (int block = 0; block < blocks[static_cast<std::size_t>(stage - 1)]; ++block) {
      const std::string prefix = fmt::format("layer{}.{}.", stage, block);
      add_names(all, prefix, {"conv1", "bn1", "conv2", "bn2"});
      if (stage > 1 && block == 0) add_names(all, prefix, {"downsample.0", "downsample.1"});
    }
  all.push_back("fc");
  return all;
}
Names layers_of_mobilenet_v2() {
  Names all{"features.0.0", "features.0.1"};
  add_names(all, "features.1.conv.", {"0.0", "0.1", "1", "2"});
  for (int i = 2; i <= 17; ++i)
    add_names(all, fmt::format("features.{}.conv.", i), {"0.0", "0.1", "1.0", "1.1", "2", "3"});
  add_names(all, "", {"features.18.0", "features.18.1", "classifier.1"});
  return all;
}
Names layers_of_mobilenet_v3_small() {
  Names all{"features.0.0", "features.0.1"};
  add_names(all, "features.1.block.", {"0.0", "0.1", "1.fc1", "1.fc2", "2.0", "2.1"});
  for (const int i : {2, 3})
    add_names(all, fmt::format("features.{}.block.", i), {"0.0", "0.1", "1.0", "1.1", "2.0", "2.1"});
  for (int i = 4; i <= 11; ++i)
    add_names(all, fmt::format("features.{}.block.", i),
              {"0.0", "0.1", "1.0", "1.1", "2.fc1", "2.fc2", "3.0", "3.1"});
  add_names(all, "", {"features.12.0", "features.12.1", "classifier.0", "classifier.3"});
  return all;
}

TEST_CASE("the networks of this project take files with the names of torchvision's", "[train]") {
  const auto [config, names] =
      GENERATE(table<std::string, Names>({{"resnet18.json", layers_of_resnet({2, 2, 2, 2})},
                                          {"resnet34.json", layers_of_resnet({3, 4, 6, 3})},
                                          {"mobilenet-v2.json", layers_of_mobilenet_v2()},
                                          {"mobilenet-v3-small.json", layers_of_mobilenet_v3_small()}}));
  INFO(config);
  const NetworkSpec spec = read_config(std::filesystem::path(CNN_SOURCE_DIR) / "configs" / config).network;
  Network network(spec, {.c = 3, .h = 224, .w = 224}, 1000, 1);
  SafeTensors file;
  std::map<std::string, std::vector<float>> expected;
  std::string layer;
  std::size_t number = 0;
  float next = 1;
  for (const Tensor& tensor : network.tensors()) {
    const std::size_t dot = tensor.name.rfind('.');
    if (tensor.name.substr(0, dot) != layer) layer = tensor.name.substr(0, dot), ++number;
    REQUIRE(number <= names.size());
    std::vector<float>& values = expected[tensor.name];
    values.assign(tensor.values.size(), next++);
    file.tensors.push_back({names[number - 1] + tensor.name.substr(dot), tensor.shape, values});
  }
  CHECK(number == names.size());
  std::ranges::sort(file.tensors, {}, &SafeTensors::Tensor::name);
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "weights", file);
  const StartingWeights start =
      load_initial_weights({.file = folder.path() / "weights", .names = kTorchvision, .except = {}}, network);
  CHECK(start.left_out.empty());
  CHECK(start.unused.empty());
  for (const Tensor& tensor : network.tensors()) {
    INFO(tensor.name);
    CHECK(std::ranges::equal(tensor.values, expected[tensor.name]));
  }

  // What --init --from makes of it.
  const Pretrained known = recognize_weights(folder.path() / "weights", 7, 96);
  CHECK(known.name + ".json" == config);
  CHECK(std::get<DenseSpec>(known.network.back().spec).units == 7);
  CHECK(known.start.names == kTorchvision);
  CHECK(known.start.except == Names{known.network.back().name});
  CHECK((known.image.height == 96 && known.image.width == 96 && known.image.short_side == 110));
  CHECK(known.normalize.mean == std::vector<double>{0.485, 0.456, 0.406});
}

TEST_CASE("weights of an unknown network are refused with what stands in the way of each", "[train]") {
  SmallResNet resnet;
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "weights", resnet.file);
  CHECK_THROWS_WITH(
      recognize_weights(folder.path() / "weights", 7, 0),
      ContainsSubstring("the weights fit none of the networks that --init knows:\n  resnet18: its layer") &&
          ContainsSubstring("\n  mobilenet-v1: ") && ContainsSubstring("\n  mobilenet-v3-small: "));
  CHECK_THROWS_WITH(recognize_weights(folder.path() / "none", 7, 0), ContainsSubstring("No such file"));
}

/// A safetensors file with one tensor of two numbers, and a count of batches.
std::string bytes_with(const std::string& dtype, const std::string& numbers) {
  const std::string header =
      fmt::format(R"({{"a.weight":{{"dtype":"{}","shape":[2],"data_offsets":[0,{}]}},)"
                  R"("a.num_batches_tracked":{{"dtype":"I64","shape":[],"data_offsets":[{},{}]}}}})",
                  dtype, numbers.size(), numbers.size(), numbers.size() + 8);
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  return bytes + header + numbers + std::string(8, '\1');
}

TEST_CASE("half precision is read, and counts are passed over where the file may hold them", "[train]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "half.safetensors";
  const auto values = [&](const std::string& dtype, const std::string& numbers) {
    write_file_atomically(path, bytes_with(dtype, numbers));
    const SafeTensors file = read_safetensors(path, OtherTypes::skip);
    REQUIRE(file.tensors.size() == 1);
    return file.tensors.front().values;
  };
  CHECK(values("F16", std::string("\x00\x3c\x00\xc0", 4)) == std::vector<float>{1, -2});
  CHECK(values("BF16", std::string("\x80\x3f\x20\xc1", 4)) == std::vector<float>{1, -10});
  CHECK(values("F32", std::string("\x00\x00\x80\x3f\x00\x00\x00\xc0", 8)) == std::vector<float>{1, -2});
  CHECK_THROWS_WITH(read_safetensors(path),
                    ContainsSubstring("its dtype is \"I64\", but only F32, F16 and BF16 are read"));
  write_file_atomically(path, bytes_with("F12", std::string(4, '\0')));
  CHECK_THROWS_WITH(read_safetensors(path, OtherTypes::skip),
                    ContainsSubstring("its dtype \"F12\" is unknown"));
}

}  // namespace
}  // namespace cnn
