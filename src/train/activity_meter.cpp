#include "train/activity_meter.h"

#include <algorithm>
#include <cmath>

namespace cnn {

ActivityMeter::ActivityMeter(const Network& network, std::int64_t largest_batch)
    : network_(network),
      blocks_(static_cast<std::size_t>(blocks_of(largest_batch)),
              std::vector<ValueStatistics>(network.layers().size())),
      totals_(network.layers().size()) {
  observer_ = [this](int row, int block, int images, BlockView<const float> y) {
    add_statistics(y, images, blocks_[static_cast<std::size_t>(block)][static_cast<std::size_t>(row)]);
  };
}

void ActivityMeter::end_pass() {
  for (auto& block : blocks_)
    for (std::size_t row = 0; row < block.size(); ++row) {
      totals_[row].count += block[row].count;
      totals_[row].active += block[row].active;
      totals_[row].sum += block[row].sum;
      totals_[row].sum_of_squares += block[row].sum_of_squares;
      block[row] = {};
    }
}

std::vector<LayerActivity> ActivityMeter::take() {
  std::vector<LayerActivity> result;
  for (std::size_t row = 0; row < totals_.size(); ++row) {
    const ValueStatistics& s = totals_[row];
    const double mean = s.sum / s.count;
    LayerActivity activity;
    activity.layer = network_.layers()[row].name;
    activity.values = network_.layers()[row].out.values();
    activity.active_fraction = s.active / s.count;
    activity.mean = mean;
    activity.standard_deviation = std::sqrt(std::max(0.0, s.sum_of_squares / s.count - mean * mean));
    result.push_back(std::move(activity));
  }
  totals_.assign(totals_.size(), {});
  return result;
}

}  // namespace cnn
