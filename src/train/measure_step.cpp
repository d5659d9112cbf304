#include "train/measure_step.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/clock.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/random.h"
#include "data/batch_filler.h"
#include "data/memory_dataset.h"
#include "kernels/fma_peak.h"
#include "nn/runner.h"
#include "nn/step_forecast.h"
#include "train/optimizer.h"

namespace cnn {
namespace {

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Random images as they come out of a decoder, and random labels.
MemoryDataset random_images(const Shape& shape, int classes, std::int64_t count) {
  Random random(1, Purpose::split);
  MemoryDataset::Content content{.channels = shape.c,
                                 .height = shape.h,
                                 .width = shape.w,
                                 .pixels = {},
                                 .labels = {},
                                 .classes = {},
                                 .name = {}};
  content.pixels.resize(static_cast<std::size_t>(shape.values() * count));
  for (std::byte& b : content.pixels) b = static_cast<std::byte>(random.bits());
  for (std::int64_t i = 0; i < count; ++i)
    content.labels.push_back(static_cast<int>(random.below(static_cast<std::uint32_t>(classes))));
  return MemoryDataset(std::move(content));
}

/// Seconds that an empty loop of two workers or more costs with this pool, as if it had two: a forecast
/// scales it. A single thread cannot measure it.
double loop_seconds(ThreadPool& pool) {
  constexpr double kUsual = 1.5e-6;
  if (pool.threads() == 1) return kUsual;
  std::vector<double> rounds;
  for (int round = 0; round < 20; ++round) {
    constexpr int kLoops = 50;
    const double begin = now_seconds();
    for (int i = 0; i < kLoops; ++i) pool.parallel_for(pool.threads(), [](std::int64_t, int) {});
    rounds.push_back((now_seconds() - begin) / kLoops);
  }
  return median(std::move(rounds)) / std::log2(pool.threads());
}

/// What the steps of a profile cost. optimizer_seconds: by the clock, of all steps.
StepCosts costs_of(const Profile& profile, int times, int blocks, int steps, double optimizer_seconds,
                   ThreadPool& pool, double most_bytes_per_second) {
  StepCosts costs;
  for (int time = 0; time < times; ++time) costs.operations.push_back(profile.seconds(time) / blocks / steps);
  costs.gradients = costs.operations.back();
  costs.loop = loop_seconds(pool);
  const double loops = 3 * costs.loop * std::log2(pool.threads());
  costs.optimizer = pool.threads() * std::max(0.0, optimizer_seconds / steps - loops);
  costs.cache_bytes = private_cache_bytes();
  costs.most_bytes_per_second = most_bytes_per_second;
  return costs;
}

/// For 1, 2, 4, ..., 64 threads at this batch.
std::vector<ThreadsForecast> forecast(const StepForecast& step, std::int64_t images) {
  const auto rate = [&](int blocks, int threads) {
    return static_cast<double>(blocks) / step.step(blocks, threads).seconds;
  };
  const auto pays = [&](int batch, int threads) {
    return rate(blocks_of(batch), 2 * threads) >= 1.5 * rate(blocks_of(batch), threads);
  };
  std::vector<ThreadsForecast> rows;
  for (int threads = 1; threads <= 64; threads *= 2) {
    const StepForecast::Step here = step.step(blocks_of(images), threads);
    ThreadsForecast row{.threads = threads,
                        .images_per_second = static_cast<double>(images) / here.seconds,
                        .bytes_per_second = here.bytes / here.seconds};
    for (int batch = kLanes; batch <= kLargestForecast && row.batch_for_double == 0; batch += kLanes)
      if (pays(batch, threads)) row.batch_for_double = batch;
    rows.push_back(row);
  }
  return rows;
}

}  // namespace

StepTiming measure_step(Network& network, ThreadPool& pool, const OptimizerSpec& optimizer_spec,
                        std::int64_t images, double seconds, double most_bytes_per_second) {
  const auto& nodes = network.nodes();
  const int threads = pool.threads();
  const MemoryDataset data = random_images(network.input(), network.classes(), images);
  const auto channels = static_cast<std::size_t>(data.channels());
  const BatchFiller filler(data, {std::vector(channels, 0.5), std::vector(channels, 0.5)}, threads);
  std::vector<std::int64_t> order(static_cast<std::size_t>(images));
  std::iota(order.begin(), order.end(), 0);
  std::vector<std::int32_t> labels;
  for (const std::int64_t i : order) labels.push_back(data.label(i));
  const std::function<void(int, int, int, BlockView<float>)> fill = [&](int block, int count, int worker,
                                                                        BlockView<float> x) {
    filler.fill(
        std::span(order).subspan(static_cast<std::size_t>(block) * kLanes, static_cast<std::size_t>(count)),
        1, worker, x);
  };
  const Batch batch{.images = images, .labels = labels.data(), .fill = &fill};
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

  const int times = training.schedule().times;
  Profile profile(threads, static_cast<int>(nodes.size()), times);
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
  timing.batch = static_cast<int>(images);
  timing.forecast =
      forecast(StepForecast(network.graph(), training.schedule(), training.layout(),
                            costs_of(profile, times, blocks_of(images), static_cast<int>(step_times.size()),
                                     optimizer_seconds, pool, most_bytes_per_second)),
               images);
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
