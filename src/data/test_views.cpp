#include "data/test_views.h"

namespace cnn {

std::vector<TestView> test_views(TestTimeAugmentation augmentation) {
  using Tta = TestTimeAugmentation;
  const bool flip = augmentation == Tta::flip || augmentation == Tta::flip_and_shift;
  const bool shift = augmentation == Tta::shift || augmentation == Tta::flip_and_shift;
  std::vector<TestView> views{{.weight = shift ? 0.5f : 1.0f}};
  if (shift) {
    views.push_back({.down = 1, .right = 1, .weight = 0.25f});
    views.push_back({.down = -1, .right = -1, .weight = 0.25f});
  }
  if (!flip) return views;
  std::vector<TestView> both;
  for (TestView view : views) {
    view.weight /= 2;
    both.push_back(view);
    view.mirrored = true;
    both.push_back(view);
  }
  return both;
}

}  // namespace cnn
