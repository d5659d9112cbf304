#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/random.h"
#include "nn/network.h"
#include "nn/runner.h"

namespace cnn {

/// A network with its memory and a random batch, for tests.
struct NetworkFixture {
  ThreadPool pool;
  Network network;
  Runner training, evaluation;
  std::vector<float> images;  ///< [image][value]
  std::vector<std::int32_t> labels;
  std::function<void(int, int, int, BlockView<float>)> fill;
  Batch batch;

  NetworkFixture(const NetworkSpec& spec, const Shape& input, int count, int threads = 2,
                 std::uint64_t seed = 1)
      : pool(threads),
        network(spec, input, 0, count),
        training(network, pool, true, count),
        evaluation(network, pool, false, count) {
    network.initialize(seed);
    network.pack(pool);
    Random random(seed, Purpose::split);
    for (std::int64_t i = 0; i < count * input.values(); ++i) images.push_back(random.uniform(-1, 1));
    for (int i = 0; i < count; ++i)
      labels.push_back(static_cast<std::int32_t>(random.below(network.classes())));
    fill = [this](int block, int in_block, int, BlockView<float> x) {
      const std::int64_t values = network.input().values();
      for (int c = 0, at = 0; c < x.c; ++c)
        for (int h = 0; h < x.h; ++h)
          for (int w = 0; w < x.w; ++w, ++at)
            for (int lane = 0; lane < kLanes; ++lane)
              x.at(c, h, w)[lane] = lane < in_block ? images[(block * kLanes + lane) * values + at] : 0.0f;
    };
    batch.images = count;
    batch.labels = labels.data();
    batch.fill = &fill;
  }
};

/// Names the entries of a spec as the config reader does.
inline void name_entries(NetworkSpec& spec, const std::string& path = "/network", int* number = nullptr) {
  int own = 0;
  if (!number) number = &own;
  for (std::size_t i = 0; i < spec.size(); ++i) {
    spec[i].path = path + "/" + std::to_string(i);
    if (auto* residual = std::get_if<ResidualSpec>(&spec[i].spec))
      name_entries(residual->layers, spec[i].path + "/layers", number);
    if (spec[i].name.empty()) spec[i].name = "layer" + std::to_string((*number)++);
  }
}

inline DenseSpec dense(int units, ActivationFunction activation = ActivationFunction::none) {
  DenseSpec spec;
  spec.units = units;
  spec.activation = activation;
  return spec;
}

template <class... Specs>
NetworkSpec chain(Specs... specs) {
  NetworkSpec network;
  (network.push_back({.name = "", .path = "", .spec = std::move(specs)}), ...);
  return network;
}

}  // namespace cnn
