#include "export/memory.h"

#include <algorithm>

#include "nn/arena.h"

namespace cnn {
namespace {

bool takes_number_for_number(const ExportStep& step) {
  return std::holds_alternative<ExportAffine>(step.action) ||
         std::holds_alternative<ExportActivation>(step.action) ||
         std::holds_alternative<ExportSum>(step.action) || std::holds_alternative<ExportProduct>(step.action);
}

/// Which values share a buffer because one is made from the other in its place.
class BufferChooser {
 public:
  explicit BufferChooser(const ExportPlan& plan) : buffers_(plan.values.size()) {
    for (std::size_t i = 0; i < buffers_.size(); ++i) buffers_[i] = static_cast<int>(i);
    last_read_.assign(buffers_.size(), -1);
    const int steps = static_cast<int>(plan.steps.size());
    for (int i = 0; i < steps; ++i) {
      const ExportStep& step = plan.steps[static_cast<std::size_t>(i)];
      note(step.x, i);
      if (step.shortcut >= 0) note(step.shortcut, i);
    }
    note(plan.output, steps);
    for (int i = 0; i < steps; ++i) share(plan.steps[static_cast<std::size_t>(i)], i);
  }
  const std::vector<int>& buffers() const { return buffers_; }
  int last_read(std::size_t value) const { return last_read_[value]; }

 private:
  void note(int value, int step) { last_read_[static_cast<std::size_t>(value)] = step; }

  void share(const ExportStep& step, int number) {
    int& y = buffers_[static_cast<std::size_t>(step.y)];
    if (std::holds_alternative<ExportFlatten>(step.action))
      y = buffers_[static_cast<std::size_t>(step.x)];
    else if (!takes_number_for_number(step))
      return;
    else if (is_free_after(step.x, number))
      y = buffers_[static_cast<std::size_t>(step.x)];
    else if (std::holds_alternative<ExportSum>(step.action) && is_free_after(step.shortcut, number))
      y = buffers_[static_cast<std::size_t>(step.shortcut)];
  }
  /// Whether no value in the buffer of this one is read behind a step.
  bool is_free_after(int value, int step) const {
    for (std::size_t i = 0; i < buffers_.size(); ++i)
      if (buffers_[i] == buffers_[static_cast<std::size_t>(value)] && last_read_[i] > step) return false;
    return true;
  }

  std::vector<int> buffers_, last_read_;
};

}  // namespace

ValuePlaces place_values(const ExportPlan& plan, std::int64_t alignment) {
  const BufferChooser chooser(plan);
  const std::vector<int>& buffers = chooser.buffers();
  std::vector<Buffer> sizes(plan.values.size());
  std::vector<Life> lives(plan.values.size());
  const auto live = [&](int value, int step) {
    Life& life = lives[static_cast<std::size_t>(buffers[static_cast<std::size_t>(value)])];
    if (life.first < 0) life.first = step;
    life.last = std::max(life.last, step);
  };
  live(0, 0);  // the pixels
  for (int i = 0; i < static_cast<int>(plan.steps.size()); ++i)
    live(plan.steps[static_cast<std::size_t>(i)].y, i);
  for (std::size_t i = 0; i < plan.values.size(); ++i)
    if (chooser.last_read(i) >= 0) live(static_cast<int>(i), chooser.last_read(i));
  for (std::size_t i = 0; i < plan.values.size(); ++i)
    sizes[i].floats = (plan.values[i].values() + alignment - 1) / alignment * alignment;
  const ArenaLayout layout = lay_out(sizes, lives);
  ValuePlaces result;
  for (const int buffer : buffers)
    result.places.push_back(layout.slots[static_cast<std::size_t>(buffer)].offset);
  result.size = layout.worker_floats;
  return result;
}

}  // namespace cnn
