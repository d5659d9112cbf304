#include "train/data_filter.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "train/post_mortem.h"

namespace cnn {

std::optional<ProxyResult> train_proxy(Network& proxy, ThreadPool& pool, const TrainingSpec& spec,
                                       std::uint64_t seed, ImageSet train,
                                       const std::function<void(const StepProgress&)>& on_step,
                                       const std::atomic<bool>& stop, Cluster& cluster) {
  train.mixup_alpha = 0;  // the loss of a mixture is that of two images
  Trainer trainer(proxy, pool, spec, seed, train, nullptr, {}, cluster);
  ProxyResult result;
  result.losses.resize(train.labels.size());
  std::vector<int> seen(train.labels.size());
  TrainingEvents events;
  events.on_step = on_step;
  events.on_losses = [&](std::span<const std::int64_t> images, std::span<const float> losses) {
    for (std::size_t i = 0; i < images.size(); ++i) {
      const auto image = static_cast<std::size_t>(images[i]);
      result.losses[image] += static_cast<double>(losses[i]);
      ++seen[image];
    }
  };
  try {
    if (trainer.run(events, stop) == Trainer::Outcome::interrupted) return std::nullopt;
  } catch (const NonFiniteError& error) {
    fail("the proxy network of training.filter: {}", error.what());
  }
  for (std::size_t i = 0; i < seen.size(); ++i)
    result.losses[i] = seen[i] > 0 ? result.losses[i] / seen[i] : std::numeric_limits<double>::infinity();
  result.accuracy = trainer.history().back().train_accuracy;
  return result;
}

std::vector<std::int64_t> hardest_images(std::span<const std::int32_t> labels, std::span<const double> losses,
                                         double keep) {
  const std::int32_t classes = labels.empty() ? 0 : std::ranges::max(labels) + 1;
  std::vector<std::vector<std::int64_t>> members(static_cast<std::size_t>(classes));
  for (std::size_t i = 0; i < labels.size(); ++i)
    members[static_cast<std::size_t>(labels[i])].push_back(static_cast<std::int64_t>(i));
  std::vector<std::int64_t> kept;
  for (std::vector<std::int64_t>& images : members) {
    if (images.empty()) continue;
    std::ranges::stable_sort(images, std::greater(),
                             [&](std::int64_t image) { return losses[static_cast<std::size_t>(image)]; });
    const auto share = std::floor(static_cast<double>(images.size()) * keep + 0.5);
    const auto count = std::max<std::ptrdiff_t>(1, static_cast<std::ptrdiff_t>(share));
    kept.insert(kept.end(), images.begin(), images.begin() + count);
  }
  std::ranges::sort(kept);
  return kept;
}

std::string to_text(std::span<const std::int64_t> kept, std::int64_t count) {
  std::string text(static_cast<std::size_t>(count), '0');
  for (const std::int64_t image : kept) text[static_cast<std::size_t>(image)] = '1';
  return text;
}

std::vector<std::int64_t> to_kept_images(const std::string& text, std::int64_t count,
                                         const std::string& where) {
  if (static_cast<std::int64_t>(text.size()) != count || text.find_first_not_of("01") != std::string::npos ||
      text.find('1') == std::string::npos)
    fail("{}: its list of the images that the filter keeps is damaged", where);
  std::vector<std::int64_t> kept;
  for (std::int64_t image = 0; image < count; ++image)
    if (text[static_cast<std::size_t>(image)] == '1') kept.push_back(image);
  return kept;
}

}  // namespace cnn
