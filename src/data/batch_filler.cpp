#include "data/batch_filler.h"

#include <algorithm>

#include "core/error.h"
#include "kernels/normalize_bytes.h"

namespace cnn {

struct BatchFiller::Worker {
  std::array<std::vector<std::byte>, kLanes> scratch;  // for images that are not in memory
  std::array<Augmentation::Moves, kLanes> moves;
  std::array<std::vector<float>, kLanes> changed;  // for changes that are more than moves
  Augmentation::Scratch augmentation;
};

void BatchFiller::FreeWorkers::operator()(std::vector<Worker>* workers) const { delete workers; }

BatchFiller::BatchFiller(const Dataset& dataset, const Normalize& normalize, int workers,
                         Augmentation augmentation)
    : dataset_(dataset),
      augmentation_(std::move(augmentation)),
      mean_(normalize.mean.begin(), normalize.mean.end()),
      std_(normalize.std.begin(), normalize.std.end()),
      workers_(new std::vector<Worker>(static_cast<std::size_t>(workers))) {
  const auto channels = static_cast<std::size_t>(dataset.channels());
  CNN_CHECK(mean_.size() == channels && std_.size() == channels, "{} means, {} deviations, {} channels",
            mean_.size(), std_.size(), channels);
  tables_.resize(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t v = 0; v < 256; ++v)
      tables_[c][v] = (static_cast<float>(v) / 255.0f - mean_[c]) / std_[c];
    without_table_.push_back(dataset.width() >= kNormalizedAtOnce &&
                             normalizes_bytes_exactly(mean_[c], std_[c]));
  }
}

void BatchFiller::fill(std::span<const std::int64_t> indices, std::uint32_t epoch, int worker,
                       BlockView<float> block) const {
  CNN_CHECK(indices.size() <= kLanes, "{} images for {} lanes", indices.size(), kLanes);
  CNN_CHECK(block.c == dataset_.channels() && block.h == dataset_.height() && block.w == dataset_.width(),
            "block of {}x{}x{}, images of {}x{}x{}", block.c, block.h, block.w, dataset_.channels(),
            dataset_.height(), dataset_.width());
  Worker& own = workers_->at(static_cast<std::size_t>(worker));
  if (dataset_.pixel_type() == PixelType::bytes) {
    fill_lanes<std::uint8_t>(indices, epoch, own, block);
  } else {
    fill_lanes<float>(indices, epoch, own, block);
  }
}

template <class Value>
void BatchFiller::fill_lanes(std::span<const std::int64_t> indices, std::uint32_t epoch, Worker& worker,
                             BlockView<float> block) const {
  const int count = static_cast<int>(indices.size());
  std::array<const Value*, kLanes> images{};
  std::array<const float*, kLanes> changed_images{};
  for (std::size_t l = 0; l < indices.size(); ++l) {
    images[l] = reinterpret_cast<const Value*>(dataset_.pixels(indices[l], worker.scratch[l]));
    if (!augmentation_.only_moves())
      changed_images[l] = changed(images[l], indices[l], epoch, worker, l);
    else if (!augmentation_.empty())
      augmentation_.draw(epoch, indices[l], block.h, block.w, worker.moves[l]);
  }
  if (!augmentation_.only_moves())
    write_lanes<float>(changed_images, count, nullptr, block);
  else
    write_lanes<Value>(images, count, augmentation_.empty() ? nullptr : worker.moves.data(), block);
}

template <class Value>
const float* BatchFiller::changed(const Value* image, std::int64_t index, std::uint32_t epoch, Worker& worker,
                                  std::size_t lane) const {
  constexpr bool kBytes = sizeof(Value) == 1;
  std::vector<float>& values = worker.changed[lane];
  values.resize(static_cast<std::size_t>(dataset_.values_per_image()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = kBytes ? static_cast<float>(image[i]) / 255.0f : static_cast<float>(image[i]);
  const FloatImageView view{.values = values.data(),
                            .channels = dataset_.channels(),
                            .height = dataset_.height(),
                            .width = dataset_.width()};
  augmentation_.change(epoch, index, view, kBytes, mean_, worker.augmentation);
  return values.data();
}

template <class Value>
void BatchFiller::write_lanes(const std::array<const Value*, kLanes>& images, int count,
                              const Augmentation::Moves* moves_of_lanes, BlockView<float> block) const {
  // A row of one lane after the other: the 16 rows of a block row stay in the first-level cache meanwhile.
  for (int c = 0; c < block.c; ++c) {
    const float* table = tables_[static_cast<std::size_t>(c)].data();
    const float mean = mean_[static_cast<std::size_t>(c)], std = std_[static_cast<std::size_t>(c)];
    const auto normalized = [&](Value value) {
      if constexpr (sizeof(Value) == 1) {
        return table[value];
      } else {
        return (value - mean) / std;
      }
    };
    const float border = normalized(Value{0});
    for (int y = 0; y < block.h; ++y) {
      if constexpr (sizeof(Value) == 1) {
        if (count > 0 && moves_of_lanes == nullptr && without_table_[static_cast<std::size_t>(c)]) {
          const std::int64_t at = (std::int64_t{c} * block.h + y) * block.w;
          const std::uint8_t* rows[kLanes] = {};
          for (int lane = 0; lane < count; ++lane) rows[lane] = images[static_cast<std::size_t>(lane)] + at;
          normalize_bytes(rows, count, block.w, mean, std, block.at(c, y, 0));
          continue;
        }
      }
      for (int lane = 0; lane < kLanes; ++lane) {
        float* out = block.at(c, y, 0) + lane;
        if (lane >= count) {
          for (int x = 0; x < block.w; ++x) out[x * kLanes] = 0.0f;
          continue;
        }
        const Value* plane = images[static_cast<std::size_t>(lane)] + std::int64_t{c} * block.h * block.w;
        if (moves_of_lanes == nullptr) {
          const Value* row = plane + std::int64_t{y} * block.w;
          for (int x = 0; x < block.w; ++x) out[x * kLanes] = normalized(row[x]);
          continue;
        }
        const Augmentation::Moves& moves = moves_of_lanes[lane];
        const int from_y = moves.y[static_cast<std::size_t>(y)];
        if (from_y < 0) {
          for (int x = 0; x < block.w; ++x) out[x * kLanes] = border;
          continue;
        }
        const Value* row = plane + std::int64_t{from_y} * block.w;
        int x = 0, end = block.w;
        for (; x < end && moves.x[static_cast<std::size_t>(x)] < 0; ++x) out[x * kLanes] = border;
        for (; end > x && moves.x[static_cast<std::size_t>(end) - 1] < 0; --end)
          out[(end - 1) * kLanes] = border;
        for (; x < end; ++x) {  // nothing may remain inside: a mirrored border of a shifted image
          const int from_x = moves.x[static_cast<std::size_t>(x)];
          const Value value = row[std::max(from_x, 0)];
          out[x * kLanes] = from_x < 0 ? border : normalized(value);
        }
      }
    }
  }
}

}  // namespace cnn
