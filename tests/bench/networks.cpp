#include "networks.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "core/error.h"

namespace cnn {
namespace {

constexpr auto kNone = ActivationFunction::none, kRelu = ActivationFunction::relu,
               kGelu = ActivationFunction::gelu;

/// Named as a config's layers are that have no name: conv1, max_pool1, conv2.
void add(NetworkSpec& network, const std::string& type, auto spec) {
  const auto before = std::ranges::count_if(
      network, [&](const LayerSpec& layer) { return layer.name.substr(0, type.size()) == type; });
  network.push_back({.name = type + std::to_string(before + 1), .path = "", .spec = std::move(spec)});
}

ConvSpec conv(int channels, int kernel, int padding, int stride = 1) {
  ConvSpec conv;
  conv.out_channels = channels;
  conv.kernel_size = {kernel, kernel};
  conv.padding.amount = {padding, padding};
  conv.stride = {stride, stride};
  conv.bias = false;
  return conv;
}

void add_conv(NetworkSpec& network, int channels, int kernel, int padding, ActivationFunction activation) {
  ConvSpec spec = conv(channels, kernel, padding);
  spec.bias = true;
  spec.activation = activation;
  add(network, "conv", spec);
}

void add_norm(NetworkSpec& network, ActivationFunction activation) {
  BatchNormSpec norm;
  norm.activation = activation;
  add(network, "batch_norm", norm);
}

/// A convolution without bias, normalized.
void add_normed(NetworkSpec& network, const ConvSpec& spec, ActivationFunction activation) {
  add(network, "conv", spec);
  add_norm(network, activation);
}

void add_pool(NetworkSpec& network, int kernel) {
  MaxPoolSpec pool;
  pool.kernel_size = {kernel, kernel};
  add(network, "max_pool", pool);
}

void add_dense(NetworkSpec& network, int units, ActivationFunction activation) {
  DenseSpec dense;
  dense.units = units;
  dense.activation = activation;
  add(network, "dense", dense);
}

void add_head(NetworkSpec& network) {
  add(network, "flatten", FlattenSpec{});
  add_dense(network, 10, kNone);
}

/// LeNet-5 with ReLU and max pooling.
Workload lenet() {
  Workload w{.input = {.c = 1, .h = 28, .w = 28}, .batch = 64, .network = {}};
  NetworkSpec& n = w.network;
  add_conv(n, 6, 5, 2, kRelu), add_pool(n, 2), add_conv(n, 16, 5, 0, kRelu), add_pool(n, 2);
  add(n, "flatten", FlattenSpec{}), add_dense(n, 120, kRelu), add_dense(n, 84, kRelu);
  add_dense(n, 10, kNone);
  return w;
}

/// The network of many MNIST examples: two convolutions, a large dense layer.
Workload mnistex() {
  Workload w{.input = {.c = 1, .h = 28, .w = 28}, .batch = 128, .network = {}};
  NetworkSpec& n = w.network;
  add_conv(n, 32, 3, 0, kRelu), add_conv(n, 64, 3, 0, kRelu), add_pool(n, 2);
  add(n, "flatten", FlattenSpec{}), add_dense(n, 128, kRelu), add_dense(n, 10, kNone);
  return w;
}

/// Three pairs of 3x3 convolutions with batch normalization.
Workload vgg() {
  Workload w{.input = {.c = 3, .h = 32, .w = 32}, .batch = 128, .network = {}};
  for (const int channels : {32, 64, 128}) {
    for (int i = 0; i < 2; ++i) add_normed(w.network, conv(channels, 3, 1), kRelu);
    add_pool(w.network, 2);
  }
  add_head(w.network);
  return w;
}

/// The shape of the fast CIFAR-10 networks: wide 3x3 convolutions, GELU.
Workload air() {
  Workload w{.input = {.c = 3, .h = 32, .w = 32}, .batch = 128, .network = {}};
  NetworkSpec& n = w.network;
  add_conv(n, 24, 2, 0, kGelu);
  for (const int channels : {64, 256, 256}) {
    add(n, "conv", conv(channels, 3, 1)), add_pool(n, 2), add_norm(n, kGelu);
    add_normed(n, conv(channels, 3, 1), kGelu);
  }
  add_pool(n, 3), add_head(n);
  return w;
}

/// K. He et al., arXiv:1512.03385, section 4.2, n = 3, with projections (option B).
Workload resnet20() {
  Workload w{.input = {.c = 3, .h = 32, .w = 32}, .batch = 128, .network = {}};
  NetworkSpec& n = w.network;
  add_normed(n, conv(16, 3, 1), kRelu);
  int before = 16;
  for (const int channels : {16, 32, 64})
    for (int block = 0; block < 3; ++block, before = channels) {
      ResidualSpec residual;
      residual.activation = kRelu;
      if (before != channels) residual.shortcut = ResidualSpec::Shortcut::projection;
      add_normed(residual.layers, conv(channels, 3, 1, before == channels ? 1 : 2), kRelu);
      add_normed(residual.layers, conv(channels, 3, 1), kNone);
      add(n, "residual", residual);
    }
  add(n, "global_avg_pool", GlobalAvgPoolSpec{}), add_head(n);
  return w;
}

/// Depthwise 3x3 and 1x1 convolutions in turns, as in A. Howard et al., arXiv:1704.04861.
Workload mob() {
  Workload w{.input = {.c = 3, .h = 64, .w = 64}, .batch = 64, .network = {}};
  NetworkSpec& n = w.network;
  add_normed(n, conv(16, 3, 1, 2), kRelu);
  int before = 16;
  for (const auto& [channels, stride] :
       {std::pair(32, 1), std::pair(64, 2), std::pair(64, 1), std::pair(128, 2), std::pair(128, 1)}) {
    ConvSpec depthwise = conv(before, 3, 1, stride);
    depthwise.groups = before;
    add_normed(n, depthwise, kRelu);
    add_normed(n, conv(channels, 1, 0), kRelu);
    before = channels;
  }
  add(n, "global_avg_pool", GlobalAvgPoolSpec{}), add_head(n);
  return w;
}

/// What people train on photos: 3x3 convolutions, batch normalization and pooling, twice as wide each time.
Workload photos(int size, const std::vector<int>& stages, int batch) {
  Workload w{.input = {.c = 3, .h = size, .w = size}, .batch = batch, .network = {}};
  for (const int channels : stages)
    add_normed(w.network, conv(channels, 3, 1), kRelu), add_pool(w.network, 2);
  add(w.network, "global_avg_pool", GlobalAvgPoolSpec{}), add_head(w.network);
  return w;
}

const std::vector<std::pair<std::string, std::function<Workload()>>> kWorkloads{
    {"lenet", lenet},
    {"mnistex", mnistex},
    {"vgg", vgg},
    {"air", air},
    {"resnet20", resnet20},
    {"mob", mob},
    {"photo128",
     [] {
       return photos(128, {16, 32, 64, 128}, 32);
     }},
    {"photo224", [] {
       return photos(224, {16, 32, 64, 128, 256}, 16);
     }}};

}  // namespace

const std::vector<std::string>& workload_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& [name, make] : kWorkloads) all.push_back(name);
    return all;
  }();
  return names;
}

Workload workload(const std::string& name) {
  const auto found = std::ranges::find(kWorkloads, name, [](const auto& entry) { return entry.first; });
  CNN_CHECK(found != kWorkloads.end(), "no network {}", name);
  return found->second();
}

}  // namespace cnn
