#include "train/epoch_result.h"

#include <algorithm>
#include <type_traits>

#include "core/error.h"

namespace cnn {
namespace {

/// Saving and restoring both visit the fields here, in one order, so that no field is saved but not restored.
template <class Epoch, class Visit>
void visit_numbers(Epoch& e, const Visit& visit) {
  visit(e.train_loss), visit(e.train_accuracy);
  visit(e.learning_rate), visit(e.seconds), visit(e.images_per_second), visit(e.best);
  if (e.validation) {
    visit(e.validation->images), visit(e.validation->labeled), visit(e.validation->correct);
    visit(e.validation->loss_sum);
  }
  for (auto& layer : e.activity) {
    visit(layer.active_fraction), visit(layer.mean), visit(layer.standard_deviation);
    visit(layer.gradient_norm);
  }
}

/// Takes numbers one after the other; throws Error if there are no more.
class Numbers {
 public:
  explicit Numbers(std::span<const double> numbers) : left_(numbers) {}
  bool empty() const { return left_.empty(); }
  double next() {
    if (left_.empty()) fail("the checkpoint's history ends in the middle of an epoch");
    const double number = left_.front();
    left_ = left_.subspan(1);
    return number;
  }

 private:
  std::span<const double> left_;
};

}  // namespace

std::vector<double> to_numbers(std::span<const EpochResult> epochs) {
  std::vector<double> numbers;
  for (const EpochResult& epoch : epochs) {
    numbers.push_back(epoch.epoch);
    numbers.push_back(epoch.validation ? 1 : 0);
    visit_numbers(epoch, [&](const auto& number) { numbers.push_back(static_cast<double>(number)); });
  }
  return numbers;
}

std::vector<EpochResult> to_epochs(std::span<const double> numbers, const Network& network, bool validated) {
  std::vector<EpochResult> epochs;
  for (Numbers left(numbers); !left.empty();) {
    EpochResult& epoch = epochs.emplace_back();
    epoch.epoch = static_cast<int>(epochs.size());
    if (left.next() != epoch.epoch) fail("the checkpoint's history has no epoch {}", epoch.epoch);
    if ((left.next() != 0) != validated)
      fail("the checkpoint's history is one {} validation", validated ? "without" : "with");
    if (validated) epoch.validation.emplace();
    for (const LayerSummary& layer : network.layers())
      epoch.activity.push_back({.layer = layer.name, .values = layer.out.values()});
    visit_numbers(epoch, [&](auto& number) {
      using Number = std::decay_t<decltype(number)>;
      const double value = left.next();
      if constexpr (!std::is_same_v<Number, double>) {  // flags and counts of images
        if (!(value >= 0 && value <= 0x1p53)) fail("the checkpoint's history counts {} images", value);
      }
      number = static_cast<Number>(value);
    });
  }
  if (!epochs.empty() && !epochs.front().best) fail("the checkpoint's history begins with no best epoch");
  return epochs;
}

const EpochResult& best_of(std::span<const EpochResult> epochs) {
  const auto best = std::find_if(epochs.rbegin(), epochs.rend(), [](const EpochResult& e) { return e.best; });
  CNN_CHECK(best != epochs.rend(), "{} epochs", epochs.size());
  return *best;
}

}  // namespace cnn
