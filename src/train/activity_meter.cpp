#include "train/activity_meter.h"

#include <algorithm>
#include <cmath>

#include "cluster/messages.h"

namespace cnn {

namespace {

/// Of each block and row, what the process has found that saw it.
std::vector<ValueStatistics> seen_by_all(Cluster& cluster, const std::vector<ValueStatistics>& mine) {
  if (cluster.size() == 1) return mine;
  const std::vector<ValueStatistics> all = joined(cluster, std::span(mine));
  std::vector<ValueStatistics> seen = mine;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].count > 0) seen[i % seen.size()] = all[i];
  return seen;
}

}  // namespace

ActivityMeter::ActivityMeter(const Network& network, std::int64_t images)
    : network_(network),
      rows_(network.layers().size()),
      seen_(static_cast<std::size_t>(blocks_of(images)) * rows_) {
  observer_ = [this](int row, int block, int count, BlockView<const float> y) {
    const std::size_t place = first_block_ + static_cast<std::size_t>(block);
    add_statistics(y, count, seen_[place * rows_ + static_cast<std::size_t>(row)]);
  };
}

std::vector<LayerActivity> ActivityMeter::take(Cluster& cluster) {
  std::vector<LayerActivity> result;
  const std::vector<ValueStatistics> seen = seen_by_all(cluster, seen_);
  for (std::size_t row = 0; row < rows_; ++row) {
    ValueStatistics s;
    for (std::size_t i = row; i < seen.size(); i += rows_) {
      s.count += seen[i].count;
      s.active += seen[i].active;
      s.sum += seen[i].sum;
      s.sum_of_squares += seen[i].sum_of_squares;
    }
    const double mean = s.sum / s.count;
    LayerActivity activity;
    activity.layer = network_.layers()[row].name;
    activity.values = network_.layers()[row].out.values();
    activity.active_fraction = s.active / s.count;
    activity.mean = mean;
    activity.standard_deviation = std::sqrt(std::max(0.0, s.sum_of_squares / s.count - mean * mean));
    result.push_back(std::move(activity));
  }
  seen_.assign(seen_.size(), {});
  first_block_ = 0;
  return result;
}

}  // namespace cnn
