#include "inspect/step_trace.h"

#include "core/error.h"

namespace cnn {

StepTrace::StepTrace(Network& network, ThreadPool& pool, const ImageBatch& batch,
                     std::span<const float> output_gradient)
    : network_(network), images_(batch.images()) {
  const auto& nodes = network.nodes();
  values_.resize(static_cast<std::size_t>(network.value_count()));
  gradients_.resize(nodes.size());
  through_.resize(nodes.size());
  through_shortcut_.resize(nodes.size());
  const auto count = static_cast<std::size_t>(images_);
  const auto all_of = [&](const Shape& shape) { return count * static_cast<std::size_t>(shape.values()); };
  values_[0] = batch.values();
  // All the memory is made here: several workers write at once.
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const Shape in = nodes[n].x == 0 ? network.input() : Shape(nodes[index(nodes[n].x - 1)].out);
    values_[value(nodes[n].y)].resize(all_of(nodes[n].out));
    gradients_[n].resize(all_of(nodes[n].out));
    through_[n].resize(all_of(in));
    if (const int shortcut = nodes[n].shortcut; shortcut >= 0)
      through_shortcut_[n].resize(all_of(network.graph().values()[value(shortcut)]));
  }

  Runner runner(network, pool, true, images_, true);
  runner.set_step_observer(this);
  const auto classes = static_cast<std::size_t>(network.classes());
  const std::function<void(int, int, BlockView<float>)> given = [&](int block, int images,
                                                                    BlockView<float> dy) {
    to_lanes(output_gradient.subspan(static_cast<std::size_t>(block * kLanes) * classes), images, dy);
  };
  Batch one = batch.batch();
  if (!output_gradient.empty()) {
    CNN_CHECK(output_gradient.size() == count * classes, "{} gradients of {} outputs", output_gradient.size(),
              count * classes);
    one.output_gradient = &given;
  }
  network.pack(pool);
  if (!runner.train(one))
    fail("the loss on these images is not finite: the weights or the images are too large");
  for (const float loss : runner.losses()) loss_ += loss / static_cast<double>(images_);
  parameter_gradients_.assign(runner.gradients().begin(), runner.gradients().end());
}

std::span<const float> StepTrace::parameter_gradient(const Tensor& tensor) const {
  CNN_CHECK(tensor.trainable, "{} has no gradient", tensor.name);
  const auto offset = static_cast<std::size_t>(tensor.values.data() - network_.parameters().data());
  return std::span(parameter_gradients_).subspan(offset, tensor.values.size());
}

void StepTrace::keep(std::vector<float>& to, int block, int images, BlockView<const float> from) {
  const auto first = static_cast<std::size_t>(block * kLanes * from.pixels());
  from_lanes(from, images, std::span(to).subspan(first));
}

void StepTrace::output(int node, int block, int images, BlockView<const float> y) {
  keep(values_[value(network_.nodes()[index(node)].y)], block, images, y);
}

void StepTrace::output_gradient(int node, int block, int images, BlockView<const float> dy) {
  keep(gradients_[index(node)], block, images, dy);
}

void StepTrace::input_gradient(int node, bool shortcut, int block, int images, BlockView<const float> dx) {
  keep(shortcut ? through_shortcut_[index(node)] : through_[index(node)], block, images, dx);
}

}  // namespace cnn
