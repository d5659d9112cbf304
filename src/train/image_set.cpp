#include "train/image_set.h"

#include <array>
#include <memory>
#include <utility>

namespace cnn {

ImageSet some_images(const ImageSet& set, std::vector<std::int64_t> images) {
  const auto chosen = std::make_shared<const std::vector<std::int64_t>>(std::move(images));
  const auto in_set = [chosen](std::int64_t image) { return (*chosen)[static_cast<std::size_t>(image)]; };
  ImageSet some;
  for (const std::int64_t image : *chosen) some.labels.push_back(set.labels[static_cast<std::size_t>(image)]);
  some.fill = [in_set, fill = set.fill](std::span<const std::int64_t> wanted, std::uint32_t epoch, int worker,
                                        BlockView<float> x) {
    std::array<std::int64_t, kLanes> lanes{};
    for (std::size_t lane = 0; lane < wanted.size(); ++lane) lanes[lane] = in_set(wanted[lane]);
    fill(std::span(lanes).first(wanted.size()), epoch, worker, x);
  };
  if (set.will_need)
    some.will_need = [in_set, will_need = set.will_need](std::span<const std::int64_t> wanted) {
      std::vector<std::int64_t> all;
      all.reserve(wanted.size());
      for (const std::int64_t image : wanted) all.push_back(in_set(image));
      will_need(all);
    };
  if (set.name) some.name = [in_set, name = set.name](std::int64_t image) { return name(in_set(image)); };
  some.changes = set.changes;
  some.mixup_alpha = set.mixup_alpha;
  return some;
}

}  // namespace cnn
