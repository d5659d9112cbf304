#include "train/image_order.h"

#include <numeric>
#include <utility>

#include "core/random.h"

namespace cnn {

void order_of_epoch(std::uint64_t seed, int epoch, bool shuffle, std::span<std::int64_t> order) {
  std::iota(order.begin(), order.end(), std::int64_t{0});
  if (!shuffle) return;
  Random random(seed, Purpose::shuffle, static_cast<std::uint32_t>(epoch));
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[random.below(static_cast<std::uint32_t>(i))]);
}

}  // namespace cnn
