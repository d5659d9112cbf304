#include "train/measure_step.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/aligned_buffer.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/random.h"
#include "data/batch_filler.h"
#include "data/memory_dataset.h"
#include "kernels/yardsticks.h"
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

/// What the machine reaches beside the steps, on all threads at once. Each loop by its own clock: a thread
/// that has to wait for a core would make the machine look slow.
class Yardsticks {
 public:
  explicit Yardsticks(ThreadPool& pool)
      : pool_(pool),
        copied_(copied(pool.threads())),
        buffers_(2 * copied_ * pool.threads()),
        seconds_(static_cast<std::size_t>(pool.threads())) {
    std::ranges::fill(buffers_.span(), 1.0f);  // the pages exist before anybody measures
  }

  /// Chooses how long the loops are and how often they run, and forgets what it measured: multiply-adds after
  /// every step, a twentieth of it and at least 50 microseconds; copies, which displace what the step has in
  /// the caches, for a tenth of the time, and after every third step at most.
  void begin(double step_seconds) {
    run_multiply_adds(), run_copies();
    multiply_adds_ =
        static_cast<std::int64_t>(0.5 * median(fma_rates_) * std::max(50e-6, 0.05 * step_seconds));
    const double copy = copied_bytes() / median(copy_rates_);
    steps_for_copies_ = std::max(3, static_cast<int>(std::ceil(copy / (0.1 * step_seconds))));
    fma_rates_.clear(), copy_rates_.clear();
    steps_ = 0;
  }
  void after_step() {
    run_multiply_adds();
    if (steps_++ % steps_for_copies_ == 0) run_copies();
  }

  double flops_per_second() const { return pool_.threads() * median(fma_rates_); }
  double copied_bytes_per_second() const { return pool_.threads() * median(copy_rates_); }

 private:
  /// Floats that each thread copies: more than a core's own caches hold, but no gigabytes for many threads.
  static std::int64_t copied(int threads) {
    constexpr std::int64_t kEach = (16 << 20) / sizeof(float), kAll = (256 << 20) / sizeof(float);
    return std::min(kEach, kAll / threads / kLanes * kLanes);
  }

  void run_multiply_adds() {
    run([&](std::int64_t) { return fma_seconds(multiply_adds_); }, 2.0 * static_cast<double>(multiply_adds_),
        fma_rates_);
  }
  void run_copies() {
    run(
        [&](std::int64_t loop) {
          float* const mine = buffers_.data() + 2 * copied_ * loop;
          return copy_seconds(mine, copied_, mine + copied_);
        },
        copied_bytes(), copy_rates_);
  }
  template <class Loop>
  void run(const Loop& loop, double amount, std::vector<double>& rates) {
    pool_.parallel_for(pool_.threads(), [&](std::int64_t number, int) {
      seconds_[static_cast<std::size_t>(number)] = loop(number);
    });
    for (const double one : seconds_) rates.push_back(amount / one);
  }

  /// Read and written.
  double copied_bytes() const { return 2.0 * sizeof(float) * static_cast<double>(copied_); }

  ThreadPool& pool_;
  const std::int64_t copied_;
  AlignedBuffer buffers_;
  std::vector<double> seconds_, fma_rates_, copy_rates_;
  std::int64_t multiply_adds_ = 1 << 22;
  int steps_for_copies_ = 3, steps_ = 0;
};

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

  Yardsticks yardsticks(pool);
  std::vector<double> step_times;
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
  network.pack(pool);
  for (int i = 0; i < 3; ++i) step(), yardsticks.after_step();  // caches, clocks, and how long a step takes
  yardsticks.begin(median(step_times));
  step_times.clear();
  optimizer_seconds = 0;

  const int times = training.schedule().times;
  Profile profile(threads, static_cast<int>(nodes.size()), times);
  training.set_profile(&profile);
  double in_steps = 0;
  for (const double start = now_seconds(); now_seconds() - start < seconds || step_times.size() < 3;) {
    step(), yardsticks.after_step();
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
  for_each_operation(training.schedule(), [&](const Operation& operation, int) {
    if (operation.node < 0) return;
    const int entry = nodes[static_cast<std::size_t>(operation.node)].entry;
    timing.layers[static_cast<std::size_t>(entry)].bytes +=
        moved_bytes(training.schedule(), operation) / kLanes;
  });
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
  timing.peak_gflops = 1e-9 * yardsticks.flops_per_second();
  timing.copy_bytes_per_second = yardsticks.copied_bytes_per_second();

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
