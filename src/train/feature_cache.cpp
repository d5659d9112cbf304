#include "train/feature_cache.h"

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>

#include "core/half.h"
#include "train/evaluation.h"

namespace cnn {
namespace {

using Precision = FreezeSpec::Precision;

/// Leaves a pass in the middle.
struct Stopped {};

void store_value(float& to, float value) { to = value; }
void store_value(std::uint16_t& to, float value) { to = half_of_float(value); }
float stored(float value) { return value; }
float stored(std::uint16_t value) { return float_of_half(value); }

}  // namespace

/// [view][image][value], in one of two forms.
struct FeatureCache::Store {
  Store(Precision precision, std::int64_t of_images, std::int64_t of_values, int of_views)
      : images(of_images), values(of_values), views(of_views) {
    const auto size = static_cast<std::size_t>(std::max(1, views) * images * values);
    precision == Precision::float32 ? floats.resize(size) : halves.resize(size);
  }

  template <class Use>
  void with_values(const Use& use) {
    floats.empty() ? use(halves.data()) : use(floats.data());
  }

  /// The lanes of a block are these images from `first` on.
  void put(int view, std::int64_t first, int count, BlockView<const float> y) {
    with_values([&](auto* all) {
      for (int lane = 0; lane < count; ++lane) {
        auto* to = all + (view * images + first + lane) * values;
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

FeatureCache::FeatureCache(Network& network, ThreadPool& pool, int front, Precision precision)
    : shape_(network.nodes()[static_cast<std::size_t>(front)].in),
      precision_(precision),
      trunk_(network, pool, false, kEvaluationBatch, false, FusionChoice::where_it_pays, alone(),
             {.end = front}) {}

std::int64_t FeatureCache::bytes_of_look() const {
  return shape_.values() * (precision_ == Precision::float32 ? 4 : 2);
}

/// False: `stop` came true within it.
bool FeatureCache::take_batch(const Request& request, std::int64_t first, std::int64_t images, int view,
                              Store& store) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(images));
  std::iota(numbers.begin(), numbers.end(), first);
  if (request.set.will_need) request.set.will_need(numbers);
  const auto epoch = static_cast<std::uint32_t>(request.views == 0 ? 0 : view + 1);
  const std::function<void(int, int, int, BlockView<float>)> fill = [&](int block, int count, int worker,
                                                                        BlockView<float> x) {
    if (request.stop) throw Stopped();
    request.set.fill(
        std::span(numbers).subspan(static_cast<std::size_t>(block) * kLanes, static_cast<std::size_t>(count)),
        epoch, worker, x);
  };
  const std::function<void(int, int, BlockView<const float>)> deliver = [&](int block, int count,
                                                                            BlockView<const float> y) {
    store.put(view, first + std::int64_t{block} * kLanes, count, y);
  };
  const bool look = request.meter && view == 0 && first < request.metered;
  if (look) request.meter->begin_pass(first / kLanes);
  try {
    trunk_.evaluate({.images = images, .fill = &fill, .deliver = &deliver},
                    look ? &request.meter->observer() : nullptr);
  } catch (const Stopped&) {
    return false;
  }
  return true;
}

std::optional<ImageSet> FeatureCache::features(const Request& request) {
  const std::int64_t images = request.set.size();
  const auto store = std::make_shared<Store>(precision_, images, shape_.values(), request.views);
  for (int view = 0; view < std::max(1, request.views); ++view)
    for (std::int64_t first = 0, count = 0; first < images; first += count) {
      // What is looked at ends with a batch.
      const std::int64_t end = first < request.metered ? std::min(images, request.metered) : images;
      count = std::min(kEvaluationBatch, end - first);
      if (!take_batch(request, first, count, view, *store)) return std::nullopt;
      if (request.progress) request.progress(view * images + first + count);
    }
  ImageSet set{.labels = request.set.labels, .fill = {}, .will_need = {}, .name = request.set.name};
  set.fill = [store](std::span<const std::int64_t> chosen, std::uint32_t epoch, int, BlockView<float> x) {
    store->fill(chosen, epoch, x);
  };
  return set;
}

}  // namespace cnn
