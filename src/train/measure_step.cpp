#include "train/measure_step.h"

#include <algorithm>

#include "core/clock.h"
#include "core/error.h"
#include "core/random.h"
#include "kernels/fma_peak.h"
#include "nn/runner.h"
#include "train/optimizer.h"

namespace cnn {
namespace {

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Random images as they come out of a decoder, and their labels.
struct RandomImages {
  RandomImages(const Shape& shape, int classes, std::int64_t count)
      : values(shape.values()), bytes(static_cast<std::size_t>(values * count)) {
    Random random(1, Purpose::split);
    for (auto& b : bytes) b = static_cast<std::uint8_t>(random.bits());
    for (std::int64_t i = 0; i < count; ++i)
      labels.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(classes))));
  }
  void fill(int block, int images, BlockView<float> x) const {
    for (int c = 0; c < x.c; ++c)
      for (int h = 0; h < x.h; ++h)
        for (int lane = 0; lane < kLanes; ++lane) {
          float* out = x.at(c, h, 0) + lane;
          const std::uint8_t* in =
              bytes.data() + (block * kLanes + lane) * values + (std::int64_t{c} * x.h + h) * x.w;
          for (int w = 0; w < x.w; ++w)
            out[w * kLanes] = lane < images ? static_cast<float>(in[w]) * (1.0f / 128) - 1.0f : 0.0f;
        }
  }
  std::int64_t values;
  std::vector<std::uint8_t> bytes;
  std::vector<std::int32_t> labels;
};

}  // namespace

StepTiming measure_step(Network& network, ThreadPool& pool, const OptimizerSpec& optimizer_spec,
                        std::int64_t images, double seconds) {
  const auto& nodes = network.nodes();
  const int threads = pool.threads();
  const RandomImages data(network.input(), network.classes(), images);
  const std::function<void(int, int, int, BlockView<float>)> fill =
      [&](int block, int count, int, BlockView<float> x) { data.fill(block, count, x); };
  const Batch batch{.images = images, .labels = data.labels.data(), .fill = &fill};
  Runner training(network, pool, true, images), evaluation(network, pool, false, images);
  Optimizer optimizer(optimizer_spec, network);

  // The FMA loop takes about a twentieth of a step, at least 50 microseconds.
  std::int64_t peak_adds = 1 << 22;
  std::vector<double> step_times, peak_rates;
  double optimizer_seconds = 0;
  const auto step = [&] {
    const double begin = now_seconds();
    if (!training.train(batch)) fail("the loss is not finite on random images; there is nothing to measure");
    const double trained = now_seconds();
    optimizer.step(1, 1, training.gradients(), network.parameters(), pool);
    network.pack(pool);
    optimizer_seconds += now_seconds() - trained;
    step_times.push_back(now_seconds() - begin);
  };
  // Each loop by its own clock: a thread that has to wait for a core would make the machine look slow.
  std::vector<double> loop_seconds(static_cast<std::size_t>(threads));
  const auto peak = [&] {
    pool.parallel_for(threads, [&](std::int64_t loop, int) {
      loop_seconds[static_cast<std::size_t>(loop)] = fma_seconds(peak_adds);
    });
    for (const double one : loop_seconds) peak_rates.push_back(2e-9 * static_cast<double>(peak_adds) / one);
  };
  network.pack(pool);
  for (int i = 0; i < 3; ++i) step(), peak();  // caches, clocks, and how long a step takes
  const double rate = median(peak_rates);
  peak_adds = static_cast<std::int64_t>(0.5e9 * rate * std::max(50e-6, 0.05 * median(step_times)));
  step_times.clear();
  peak_rates.clear();
  optimizer_seconds = 0;

  Profile profile(threads, static_cast<int>(nodes.size()));
  training.set_profile(&profile);
  double in_steps = 0;
  for (const double start = now_seconds(); now_seconds() - start < seconds || step_times.size() < 3;) {
    step(), peak();
    in_steps += step_times.back();
  }

  StepTiming timing;
  timing.threads = threads;
  const double count = static_cast<double>(images) * static_cast<double>(step_times.size());
  for (const LayerSummary& layer : network.layers())
    timing.layers.push_back({.name = layer.name, .type = layer.type});
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const Node& node = nodes[n];
    const auto of = [&](TimePart part) { return profile.seconds(static_cast<int>(n), part) / count; };
    LayerTiming& layer = timing.layers[static_cast<std::size_t>(node.entry)];
    layer.forward += of(TimePart::forward);
    layer.backward_data += of(TimePart::backward_data);
    layer.backward_weights += of(TimePart::backward_weights);
    const double flops = 2.0 * static_cast<double>(node.layer->macs(node.in));
    layer.forward_flops += flops;
    layer.backward_weights_flops += flops;
    if (training.has_input_gradient(static_cast<int>(n))) layer.backward_data_flops += flops;
  }
  timing.data = profile.fill_seconds() / count;
  timing.loss = profile.loss_seconds() / count;
  timing.summing = profile.sum_seconds() / count;
  timing.optimizer = optimizer_seconds * threads / count;
  timing.waiting = in_steps * threads / count - timing.data - timing.loss - timing.summing -
                   timing.optimizer - timing.forward() - timing.backward_data() - timing.backward_weights();
  timing.images_per_second = static_cast<double>(images) / median(step_times);
  timing.peak_gflops = threads * median(peak_rates);

  std::vector<double> evaluation_times;
  for (const double start = now_seconds();
       now_seconds() - start < seconds / 3 || evaluation_times.size() < 3;) {
    const double begin = now_seconds();
    evaluation.evaluate(batch);
    evaluation_times.push_back(now_seconds() - begin);
  }
  timing.evaluation_images_per_second = static_cast<double>(images) / median(evaluation_times);
  return timing;
}

}  // namespace cnn
