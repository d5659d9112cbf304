#include "train/feature_cache.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/aligned_buffer.h"
#include "core/clock.h"
#include "core/half.h"
#include "kernels/simd.h"
#include "train/evaluation.h"
#include "train/front_identity.h"

namespace cnn {
namespace {

using Precision = FreezeSpec::Precision;

/// Leaves a pass in the middle.
struct Stopped {};

void store_value(float& to, float value) { to = value; }
void store_value(std::uint16_t& to, float value) { to = half_of_float(value); }
float stored(float value) { return value; }
float stored(std::uint16_t value) { return float_of_half(value); }

std::span<const std::int64_t> images_of_block(std::span<const std::int64_t> images, std::int64_t block) {
  const auto begin = static_cast<std::size_t>(block) * kLanes;
  return images.subspan(begin, std::min<std::size_t>(kLanes, images.size() - begin));
}

std::uint32_t epoch_of(const FeatureCache::Request& request, int view) {
  return static_cast<std::uint32_t>(request.views == 0 ? 0 : view + 1);
}

/// What is kept of a LayerActivity.
struct ActivityNumbers {
  double active_fraction = 0, mean = 0, standard_deviation = 0;
};

/// Up to the last layer that was seen.
std::vector<ActivityNumbers> numbers_of(const std::vector<LayerActivity>& layers) {
  std::vector<ActivityNumbers> numbers;
  for (const LayerActivity& layer : layers)
    numbers.push_back({layer.active_fraction, layer.mean, layer.standard_deviation});
  while (!numbers.empty() && std::isnan(numbers.back().mean)) numbers.pop_back();
  return numbers;
}

/// Of all layers of a network; those without numbers have not been seen.
std::vector<LayerActivity> to_activity(const std::vector<ActivityNumbers>& numbers, const Network& network) {
  constexpr double kNotSeen = std::numeric_limits<double>::quiet_NaN();
  std::vector<LayerActivity> layers;
  for (std::size_t row = 0; row < network.layers().size(); ++row) {
    const ActivityNumbers one =
        row < numbers.size() ? numbers[row] : ActivityNumbers{kNotSeen, kNotSeen, kNotSeen};
    layers.push_back({.layer = network.layers()[row].name,
                      .values = network.layers()[row].out.values(),
                      .active_fraction = one.active_fraction,
                      .mean = one.mean,
                      .standard_deviation = one.standard_deviation});
  }
  return layers;
}

}  // namespace

/// [view][image][value], in one of two forms.
struct FeatureCache::LooksInMemory {
  LooksInMemory(Precision precision, std::int64_t of_images, std::int64_t of_values, int of_views)
      : images(of_images), values(of_values), views(of_views) {
    const auto size = static_cast<std::size_t>(std::max(1, views) * images * values);
    precision == Precision::float32 ? floats.resize(size) : halves.resize(size);
  }

  template <class Use>
  auto with_values(const Use& use) {
    return floats.empty() ? use(halves.data()) : use(floats.data());
  }

  std::span<std::byte> bytes_of(int view, std::int64_t image) {
    return with_values([&](auto* all) {
      return std::as_writable_bytes(
          std::span(all + (view * images + image) * values, static_cast<std::size_t>(values)));
    });
  }

  /// The lanes of a block are these images.
  void put(int view, std::span<const std::int64_t> numbers, BlockView<const float> y) {
    with_values([&](auto* all) {
      for (std::size_t lane = 0; lane < numbers.size(); ++lane) {
        auto* to = all + (view * images + numbers[lane]) * values;
        for (int c = 0; c < y.c; ++c)
          for (int h = 0; h < y.h; ++h)
            for (int w = 0; w < y.w; ++w) store_value(*to++, y.at(c, h, w)[lane]);
      }
    });
  }

  void fill(std::span<const std::int64_t> chosen, std::uint32_t epoch, BlockView<float> x) {
    const std::int64_t view = views == 0 ? 0 : (epoch - 1) % static_cast<std::uint32_t>(views);
    with_values([&](const auto* all) {
      std::array<decltype(all), kLanes> from{};
      for (std::size_t lane = 0; lane < chosen.size(); ++lane)
        from[lane] = all + (view * images + chosen[lane]) * values;
      for (int c = 0; c < x.c; ++c)
        for (int h = 0; h < x.h; ++h)
          for (int w = 0; w < x.w; ++w) {
            float* const pixel = x.at(c, h, w);
            std::fill_n(pixel, kLanes, 0.0f);
            for (std::size_t lane = 0; lane < chosen.size(); ++lane) pixel[lane] = stored(*from[lane]++);
          }
    });
  }

  std::int64_t images, values;
  int views;
  std::vector<float> floats;
  std::vector<std::uint16_t> halves;
};

/// The fingerprints of what a set shows to the network, and which looks an earlier command has kept.
class FeatureCache::Recognition {
 public:
  Recognition(const Request& request)
      : request_(request),
        images_(request.set.size()),
        prints_(static_cast<std::size_t>(std::max(1, request.views) * images_)),
        is_known_(prints_.size()) {}

  const Fingerprint& print_of(int view, std::int64_t image) const { return prints_[place(view, image)]; }
  bool is_known(int view, std::int64_t image) const { return is_known_[place(view, image)] != 0; }

  /// Of the first images, as one.
  Fingerprint print_of_first(std::int64_t images) const {
    return fingerprint(std::as_bytes(std::span(prints_).first(static_cast<std::size_t>(images))));
  }

  /// x: what the set shows of these images. Any thread.
  void note(int view, std::span<const std::int64_t> some, BlockView<const float> x) {
    const auto prints = fingerprints_of_lanes(x);
    for (std::size_t lane = 0; lane < some.size(); ++lane) prints_[place(view, some[lane])] = prints[lane];
  }

  /// Takes what is kept into memory. Returns how many looks that are. Throws Stopped.
  std::int64_t recognize(const FeatureCache& cache, LooksInMemory& memory) {
    std::vector<AlignedBuffer> workers;
    for (int worker = 0; worker < cache.pool_.threads(); ++worker)
      workers.emplace_back(cache.network_.input().values() * kLanes);
    std::int64_t found = 0;
    for (int view = 0; view < std::max(1, request_.views); ++view)
      for (std::int64_t first = 0; first < images_; first += kEvaluationBatch) {
        if (request_.stop) throw Stopped();
        const std::int64_t end = std::min(images_, first + kEvaluationBatch);
        recognize(cache, view, first, end, memory, workers);
        for (std::int64_t image = first; image < end; ++image) found += is_known(view, image);
        if (request_.progress) request_.progress(found);
      }
    return found;
  }

 private:
  void recognize(const FeatureCache& cache, int view, std::int64_t first, std::int64_t end,
                 LooksInMemory& memory, std::vector<AlignedBuffer>& workers) {
    std::vector<std::int64_t> batch(static_cast<std::size_t>(end - first));
    std::iota(batch.begin(), batch.end(), first);
    if (request_.set.will_need) request_.set.will_need(batch);
    cache.pool_.parallel_for(blocks_of(end - first), [&](std::int64_t block, int worker) {
      const std::span<const std::int64_t> some = images_of_block(batch, block);
      const Shape& in = cache.network_.input();
      const BlockView<float> x{workers[static_cast<std::size_t>(worker)].data(),
                               in.c,
                               in.h,
                               in.w,
                               in.w,
                               std::int64_t{in.h} * in.w};
      request_.set.fill(some, epoch_of(request_, view), worker, x);
      note(view, some, x);
      for (const std::int64_t image : some)
        is_known_[place(view, image)] =
            cache.records_.take(print_of(view, image), memory.bytes_of(view, image));
    });
  }

  std::size_t place(int view, std::int64_t image) const {
    return static_cast<std::size_t>(view * images_ + image);
  }

  const Request& request_;
  std::int64_t images_;
  std::vector<Fingerprint> prints_;
  std::vector<char> is_known_;  // not bool: several threads write
};

FeatureCache::FeatureCache(Network& network, ThreadPool& pool, int front, Precision precision,
                           const FeatureStoreSpec& kept)
    : network_(network),
      pool_(pool),
      shape_(network.nodes()[static_cast<std::size_t>(front)].in),
      precision_(precision),
      front_(front),
      records_(kept.store, kept.store.folder.empty()
                               ? ""
                               : fmt::format("{} {} {}", front_identity(network, front, kept.front_text),
                                             precision == Precision::float32 ? "float32" : "float16",
                                             instruction_set())) {}

std::int64_t FeatureCache::bytes_of_look() const {
  return shape_.values() * (precision_ == Precision::float32 ? 4 : 2);
}

/// Throws Stopped.
void FeatureCache::compute(const Request& request, const Part& part, Recognition& recognition,
                           LooksInMemory& memory) {
  if (request.set.will_need) request.set.will_need(part.images);
  const std::function<void(int, int, int, BlockView<float>)> fill = [&](int block, int, int worker,
                                                                        BlockView<float> x) {
    if (request.stop) throw Stopped();
    const std::span<const std::int64_t> some = images_of_block(part.images, block);
    request.set.fill(some, epoch_of(request, part.view), worker, x);
    if (records_.is_used() && records_.is_empty()) recognition.note(part.view, some, x);
  };
  const std::function<void(int, int, BlockView<const float>)> deliver = [&](int block, int,
                                                                            BlockView<const float> y) {
    memory.put(part.view, images_of_block(part.images, block), y);
  };
  if (!trunk_)
    trunk_.emplace(network_, pool_, false, kEvaluationBatch, false, FusionChoice::where_it_pays, alone(),
                   Route{.end = front_});
  if (part.meter) part.meter->begin_pass(part.images.front() / kLanes);
  const double start = now_seconds();
  trunk_->evaluate({.images = std::ssize(part.images), .fill = &fill, .deliver = &deliver},
                   part.meter ? &part.meter->observer() : nullptr);
  computing_ += now_seconds() - start;
}

std::optional<FeatureCache::Features> FeatureCache::features(const Request& request) try {
  const std::int64_t images = request.set.size();
  const auto memory = std::make_shared<LooksInMemory>(precision_, images, shape_.values(), request.views);
  Recognition recognition(request);
  std::int64_t done = records_.is_empty() ? 0 : recognition.recognize(*this, *memory);
  owners_.push_back(memory);
  Features result;
  if (request.metered > 0) result.activity = kept_activity(recognition.print_of_first(request.metered));
  const bool measures = request.metered > 0 && result.activity.empty();
  std::int64_t computed = 0;
  std::optional<ActivityMeter> meter;
  if (measures) meter.emplace(network_, request.metered);

  const auto compute_part = [&](Part& part) {
    if (part.images.empty()) return;
    part.meter = measures && part.images.front() < request.metered ? &*meter : nullptr;
    compute(request, part, recognition, *memory);
    computed += std::ssize(part.images);
    for (const std::int64_t image : part.images) {
      if (recognition.is_known(part.view, image)) continue;
      ++done;
      if (records_.is_used())
        fresh_.push_back({recognition.print_of(part.view, image), memory->bytes_of(part.view, image)});
    }
    part.images.clear();
    if (request.progress) request.progress(done);
  };
  for (int view = 0; view < std::max(1, request.views); ++view) {
    Part part{.images = {}, .view = view};
    for (std::int64_t image = 0; image < images; ++image) {
      if (measures && image == request.metered) compute_part(part);  // what is measured ends with a batch
      if (recognition.is_known(view, image) && !(measures && image < request.metered)) continue;
      part.images.push_back(image);
      if (std::ssize(part.images) == kEvaluationBatch) compute_part(part);
    }
    compute_part(part);
  }
  found_ += std::max(1, request.views) * images - computed;
  if (measures) {
    result.activity = meter->take(alone());
    keep_activity(recognition.print_of_first(request.metered), result.activity);
  }
  result.set = {.labels = request.set.labels, .fill = {}, .will_need = {}, .name = request.set.name};
  result.set.fill = [memory](std::span<const std::int64_t> chosen, std::uint32_t epoch, int,
                             BlockView<float> x) { memory->fill(chosen, epoch, x); };
  return result;
} catch (const Stopped&) {
  return std::nullopt;
}

void FeatureCache::keep_activity(const Fingerprint& print, const std::vector<LayerActivity>& layers) {
  if (!records_.is_used()) return;
  const auto numbers = std::make_shared<const std::vector<ActivityNumbers>>(numbers_of(layers));
  fresh_.push_back({print, std::as_bytes(std::span(*numbers))});
  owners_.push_back(numbers);
}

/// Empty if there are none.
std::vector<LayerActivity> FeatureCache::kept_activity(const Fingerprint& print) const {
  const auto most = static_cast<std::int64_t>(network_.layers().size() * sizeof(ActivityNumbers));
  const std::int64_t bytes = records_.size_of(print).value_or(0);
  if (bytes > most) return {};
  std::vector<ActivityNumbers> numbers(static_cast<std::size_t>(bytes) / sizeof(ActivityNumbers));
  if (numbers.empty() || !records_.take(print, std::as_writable_bytes(std::span(numbers)))) return {};
  return to_activity(numbers, network_);
}

bool FeatureCache::keep() {
  if (!records_.is_used()) return false;
  const bool pays = computing_ >= records_.spec().worth_seconds && !fresh_.empty();
  if (!pays) records_.mark_used();
  const bool kept = pays && records_.keep(fresh_);
  fresh_.clear(), owners_.clear(), computing_ = 0;
  return kept;
}

}  // namespace cnn
