// Images per second of a training step (forward, backward, SGD with momentum) and of evaluation, images
// already in memory, for the networks of the benchmark table. One JSON line per measurement, like
// pytorch_bench.py beside it.
//   cnn-bench [--network lenet|mnistex|vgg|air] [--threads N] [--seconds S] [--batch N]
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>

#include "core/random.h"
#include "kernels/simd.h"
#include "nn/network.h"
#include "nn/runner.h"
#include "train/optimizer.h"

namespace cnn {
namespace {

struct Workload {
  Shape input;
  int batch = 0;
  NetworkSpec network;
};

void add(NetworkSpec& network, auto spec) {
  network.push_back({.name = "layer" + std::to_string(network.size()), .path = "", .spec = std::move(spec)});
}

void add_conv(NetworkSpec& network, int channels, int kernel, int padding, bool bias,
              ActivationFunction activation) {
  ConvSpec conv;
  conv.out_channels = channels;
  conv.kernel_size = {kernel, kernel};
  conv.padding.amount = {padding, padding};
  conv.bias = bias;
  conv.activation = activation;
  add(network, conv);
}

void add_norm(NetworkSpec& network, ActivationFunction activation) {
  BatchNormSpec norm;
  norm.activation = activation;
  add(network, norm);
}

void add_pool(NetworkSpec& network, int kernel) {
  MaxPoolSpec pool;
  pool.kernel_size = {kernel, kernel};
  add(network, pool);
}

void add_dense(NetworkSpec& network, int units, ActivationFunction activation) {
  DenseSpec dense;
  dense.units = units;
  dense.activation = activation;
  add(network, dense);
}

Workload workload(const std::string& name) {
  constexpr auto kNone = ActivationFunction::none, kRelu = ActivationFunction::relu,
                 kGelu = ActivationFunction::gelu;
  Workload w;
  NetworkSpec& n = w.network;
  if (name == "lenet") {
    w.input = {.c = 1, .h = 28, .w = 28};
    w.batch = 64;
    add_conv(n, 6, 5, 2, true, kRelu), add_pool(n, 2), add_conv(n, 16, 5, 0, true, kRelu), add_pool(n, 2);
    add(n, FlattenSpec{}), add_dense(n, 120, kRelu), add_dense(n, 84, kRelu), add_dense(n, 10, kNone);
  } else if (name == "mnistex") {
    w.input = {.c = 1, .h = 28, .w = 28};
    w.batch = 128;
    add_conv(n, 32, 3, 0, true, kRelu), add_conv(n, 64, 3, 0, true, kRelu), add_pool(n, 2);
    add(n, FlattenSpec{}), add_dense(n, 128, kRelu), add_dense(n, 10, kNone);
  } else if (name == "vgg") {
    w.input = {.c = 3, .h = 32, .w = 32};
    w.batch = 128;
    for (const int channels : {32, 64, 128}) {
      for (int i = 0; i < 2; ++i) add_conv(n, channels, 3, 1, false, kNone), add_norm(n, kRelu);
      add_pool(n, 2);
    }
    add(n, FlattenSpec{}), add_dense(n, 10, kNone);
  } else {
    w.input = {.c = 3, .h = 32, .w = 32};
    w.batch = 128;
    add_conv(n, 24, 2, 0, true, kGelu);
    for (const int channels : {64, 256, 256}) {
      add_conv(n, channels, 3, 1, false, kNone), add_pool(n, 2), add_norm(n, kGelu);
      add_conv(n, channels, 3, 1, false, kNone), add_norm(n, kGelu);
    }
    add_pool(n, 3), add(n, FlattenSpec{}), add_dense(n, 10, kNone);
  }
  return w;
}

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Median over repeats of `step` within the time.
double median_seconds(double seconds, const std::function<void()>& step) {
  for (int i = 0; i < 3; ++i) step();
  std::vector<double> times;
  for (const double start = now_seconds(); now_seconds() - start < seconds;) {
    const double begin = now_seconds();
    step();
    times.push_back(now_seconds() - begin);
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

void measure(const std::string& name, int threads, double seconds, int batch_override) {
  Workload w = workload(name);
  if (batch_override > 0) w.batch = batch_override;
  ThreadPool pool(threads);
  Network network(w.network, w.input, 10, w.batch);
  network.initialize(1);
  network.pack(pool);
  Runner training(network, pool, true, w.batch), evaluation(network, pool, false, w.batch);
  Optimizer optimizer(SgdSpec{.learning_rate = 1e-3, .momentum = 0.9, .nesterov = true},
                      network.parameter_floats());
  // Images as they come out of a decoder: bytes.
  Random random(1, Purpose::split);
  const std::int64_t values = w.input.values();
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(values * w.batch));
  for (auto& b : bytes) b = static_cast<std::uint8_t>(random.bits());
  std::vector<std::int32_t> labels(static_cast<std::size_t>(w.batch));
  for (auto& label : labels) label = static_cast<std::int32_t>(random.below(10));
  const std::function<void(int, int, int, BlockView<float>)> fill = [&](int block, int images, int,
                                                                        BlockView<float> x) {
    for (int lane = 0; lane < images; ++lane) {
      const std::uint8_t* image = bytes.data() + (block * kLanes + lane) * values;
      for (int c = 0; c < x.c; ++c)
        for (int h = 0; h < x.h; ++h)
          for (int i = 0; i < x.w; ++i)
            x.at(c, h, i)[lane] = static_cast<float>(*image++) * (1.0f / 128) - 1.0f;
    }
  };
  const Batch batch{.images = w.batch, .labels = labels.data(), .fill = &fill};
  const auto report = [&](const char* mode, double step_seconds) {
    std::printf(
        "{\"network\":\"%s\",\"mode\":\"%s\",\"threads\":%d,\"batch\":%d,\"simd\":\"%s\",\"images_per_"
        "second\":%.0f}\n",
        name.c_str(), mode, threads, w.batch, instruction_set().c_str(), w.batch / step_seconds);
    std::fflush(stdout);
  };
  report("train", median_seconds(seconds, [&] {
           if (!training.train(batch)) std::abort();
           optimizer.step(1, training.gradients(), network.parameters(), pool);
           network.pack(pool);
         }));
  report("eval", median_seconds(seconds, [&] { evaluation.evaluate(batch); }));
}

}  // namespace
}  // namespace cnn

int main(int argc, char** argv) {
  CLI::App app("Images per second of training and evaluation");
  std::vector<std::string> networks{"lenet", "mnistex", "vgg", "air"};
  int threads = cnn::usable_processors(), batch = 0;
  double seconds = 2;
  app.add_option("--network", networks)->check(CLI::IsMember({"lenet", "mnistex", "vgg", "air"}));
  app.add_option("--threads", threads);
  app.add_option("--seconds", seconds);
  app.add_option("--batch", batch, "instead of the table's");
  CLI11_PARSE(app, argc, argv);
  cnn::use_instruction_set_from_environment();
  for (const std::string& name : networks) cnn::measure(name, threads, seconds, batch);
}
