#include "data/normalize.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cluster/messages.h"
#include "core/error.h"
#include "core/text.h"

namespace cnn {
namespace {

/// Images that one task takes; a part of the order of summation, so never a function of the thread count.
constexpr std::int64_t kAtOnce = 256;

/// Calls visit(part, pixels of one channel of one image, channel) for the images of a share, in order within
/// a part. Parts run on all threads.
template <class Visit>
void for_each_plane(const Dataset& dataset, const Portion& share, ThreadPool& pool, const Visit& visit) {
  const std::int64_t parts = (share.size() + kAtOnce - 1) / kAtOnce;
  std::vector<std::vector<std::byte>> scratch(static_cast<std::size_t>(pool.threads()));
  std::vector<std::int64_t> order;
  const std::int64_t plane_bytes =
      std::int64_t{dataset.height()} * dataset.width() * (dataset.pixel_type() == PixelType::bytes ? 1 : 4);
  order.resize(static_cast<std::size_t>(share.size()));
  std::iota(order.begin(), order.end(), share.first);
  dataset.will_need(order);
  pool.parallel_for(parts, [&](std::int64_t part, int worker) {
    const std::int64_t end = std::min(share.end, share.first + (part + 1) * kAtOnce);
    for (std::int64_t i = share.first + part * kAtOnce; i < end; ++i) {
      const std::byte* pixels = dataset.pixels(i, scratch[static_cast<std::size_t>(worker)]);
      for (int c = 0; c < dataset.channels(); ++c) visit(part, pixels + c * plane_bytes, c, i);
    }
  });
}

// Sums of bytes and of their squares are exact in 64 bits (2^48 pixels and more), so they add up in any
// order.
Normalize byte_statistics(const Dataset& dataset, ThreadPool& pool, Cluster& cluster) {
  struct Sums {
    std::uint64_t sum = 0, squares = 0;
  };
  const Portion share = share_of(dataset.size(), cluster.rank(), cluster.size());
  const auto channels = static_cast<std::size_t>(dataset.channels());
  const std::int64_t plane = std::int64_t{dataset.height()} * dataset.width();
  const std::int64_t parts = (share.size() + kAtOnce - 1) / kAtOnce;
  std::vector<Sums> sums(static_cast<std::size_t>(parts) * channels);
  for_each_plane(dataset, share, pool, [&](std::int64_t part, const std::byte* pixels, int c, std::int64_t) {
    Sums& total = sums[static_cast<std::size_t>(part) * channels + static_cast<std::size_t>(c)];
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(pixels);
    constexpr std::int64_t kChunk = 32768;  // 32768 * 255^2 < 2^32: short sums vectorize better
    for (std::int64_t begin = 0; begin < plane; begin += kChunk) {
      std::uint32_t sum = 0, squares = 0;
      for (std::int64_t i = begin; i < std::min(plane, begin + kChunk); ++i) {
        const std::uint32_t value = bytes[i];
        sum += value, squares += value * value;
      }
      total.sum += sum, total.squares += squares;
    }
  });
  sums = joined(cluster, std::span<const Sums>(sums));
  Normalize result;
  const double n = static_cast<double>(plane) * static_cast<double>(dataset.size());
  for (std::size_t c = 0; c < channels; ++c) {
    Sums total;
    for (std::size_t part = 0; part < sums.size() / channels; ++part) {
      total.sum += sums[part * channels + c].sum;
      total.squares += sums[part * channels + c].squares;
    }
    const double mean = static_cast<double>(total.sum) / n;
    // n * squares - sum^2 without cancellation: the difference is made of integers.
    const __int128 spread =
        static_cast<__int128>(plane) * dataset.size() * static_cast<__int128>(total.squares) -
        static_cast<__int128>(total.sum) * static_cast<__int128>(total.sum);
    const double deviation = std::sqrt(static_cast<double>(spread)) / n;
    result.mean.push_back(mean / 255);
    result.std.push_back(deviation > 0 ? deviation / 255 : 1);
  }
  return result;
}

// Two passes, each summed within a part in order of the images and over the parts in order.
Normalize float_statistics(const Dataset& dataset, ThreadPool& pool) {
  const auto channels = static_cast<std::size_t>(dataset.channels());
  const std::int64_t plane = std::int64_t{dataset.height()} * dataset.width();
  const auto parts = static_cast<std::size_t>((dataset.size() + kAtOnce - 1) / kAtOnce);
  const double n = static_cast<double>(plane) * static_cast<double>(dataset.size());
  const auto mean_of = [&](const auto& value_of) {
    std::vector<double> sums(parts * channels);
    const Portion all{0, dataset.size()};
    for_each_plane(dataset, all, pool,
                   [&](std::int64_t part, const std::byte* pixels, int c, std::int64_t i) {
                     const auto* values = reinterpret_cast<const float*>(pixels);
                     double sum = 0;
                     for (std::int64_t k = 0; k < plane; ++k)
                       sum += value_of(static_cast<double>(values[k]), c);
                     if (!std::isfinite(sum))
                       fail("{}: has a pixel that is not a finite number", printable(dataset.name(i)));
                     sums[static_cast<std::size_t>(part) * channels + static_cast<std::size_t>(c)] += sum;
                   });
    std::vector<double> means(channels);
    for (std::size_t part = 0; part < parts; ++part)
      for (std::size_t c = 0; c < channels; ++c) means[c] += sums[part * channels + c];
    for (double& mean : means) mean /= n;
    return means;
  };
  Normalize result;
  result.mean = mean_of([](double value, int) { return value; });
  result.std = mean_of([&](double value, int c) {
    const double difference = value - result.mean[static_cast<std::size_t>(c)];
    return difference * difference;
  });
  for (double& std : result.std) std = std > 0 ? std::sqrt(std) : 1;
  return result;
}

}  // namespace

Normalize channel_statistics(const Dataset& dataset, ThreadPool& pool, Cluster& cluster) {
  if (dataset.size() == 0) fail("there are no images to compute mean and standard deviation from");
  return dataset.pixel_type() == PixelType::bytes ? byte_statistics(dataset, pool, cluster)
                                                  : float_statistics(dataset, pool);
}

Normalize resolve_normalize(const NormalizeSpec& spec, const Dataset& train, ThreadPool& pool,
                            Cluster& cluster) {
  const auto channels = static_cast<std::size_t>(train.channels());
  switch (spec.mode) {
    case NormalizeSpec::Mode::automatic:
      return channel_statistics(train, pool, cluster);
    case NormalizeSpec::Mode::none:
      return {std::vector<double>(channels, 0.0), std::vector<double>(channels, 1.0)};
    case NormalizeSpec::Mode::given:
      break;
  }
  if (spec.mean.size() != channels || spec.std.size() != channels)
    fail_usage("\"normalize\" has {} means and {} standard deviations, the images have {} channel{}",
               spec.mean.size(), spec.std.size(), channels, channels == 1 ? "" : "s");
  for (const double std : spec.std)
    if (!(std > 0)) fail_usage("\"normalize\" has a standard deviation of {}; it must be above 0", std);
  return {spec.mean, spec.std};
}

}  // namespace cnn
