#include "session/train_batch_sheet.h"

#include <algorithm>

#include "core/aligned_buffer.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "inspect/visible_image.h"
#include "nn/layers/sliding.h"
#include "train/image_order.h"

namespace cnn {
namespace {

constexpr std::size_t kMostImages = 64;

}  // namespace

Canvas train_batch_sheet(const TrainingData& data, const Shape& input, const TrainingSpec& spec,
                         std::uint64_t seed, const std::string& name) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(data.train.size()));
  order_of_epoch(seed, 1, spec.shuffle, order);
  const std::size_t batch = std::min(order.size(), static_cast<std::size_t>(spec.batch_size));
  const std::size_t shown = std::min(batch, kMostImages);

  TileSheet sheet;
  sheet.title = {fmt::format("{}: the first batch", name),
                 fmt::format("{}what the network sees, after augmentation; epoch 1, seed {}",
                             shown < batch ? fmt::format("{} of its {} images, ", shown,
                                                         with_commas(static_cast<std::int64_t>(batch)))
                                           : "",
                             seed)};
  const VisibleRange range{data.mean, data.std};
  AlignedBuffer block(input.values() * kLanes);
  const BlockView<float> x = contiguous_view(block.data(), input);
  for (std::size_t first = 0; first < shown; first += kLanes) {
    const auto images = std::span(order).subspan(first, std::min<std::size_t>(kLanes, shown - first));
    data.train.fill(images, 1, 0, x);
    for (std::size_t lane = 0; lane < images.size(); ++lane) {
      const auto label = static_cast<std::size_t>(data.train.labels[static_cast<std::size_t>(images[lane])]);
      sheet.tiles.push_back(visible_tile(x, static_cast<int>(lane), range, data.classes[label]));
    }
  }
  return draw(sheet);
}

Canvas write_sheet(const TrainingSetup& setup, const std::filesystem::path& file, spdlog::logger& log) {
  const Config& config = setup.config();
  Canvas sheet = train_batch_sheet(setup.data(), setup.input(), config.training, config.seed, config.name);
  try {
    write_file_atomically(file, sheet.png());
  } catch (const Error& error) {
    log.warn("warning: {}", error.what());
  }
  return sheet;
}

}  // namespace cnn
