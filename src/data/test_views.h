#pragma once

#include <vector>

#include "data/data_spec.h"

namespace cnn {

/// One way to look at an image that is judged by several looks: mirrored or not, and shifted by whole pixels
/// (the image mirrored at its edge comes in). `weight`: of its outputs in the mean; all weights add up to 1.
struct TestView {
  bool mirrored = false;
  int down = 0, right = 0;
  float weight = 1;
  friend bool operator==(const TestView&, const TestView&) = default;
};

/// The looks of test-time augmentation, the image itself first. Shifts are by one pixel along the diagonal,
/// both ways, and count half together.
/// Source: K. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.5 (multi-crop).
std::vector<TestView> test_views(TestTimeAugmentation augmentation);

}  // namespace cnn
