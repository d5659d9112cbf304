#include "train/post_mortem.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "cluster/messages.h"
#include "core/text.h"

namespace cnn {
namespace {

using Json = nlohmann::ordered_json;

/// A text names only the first ones.
constexpr std::size_t kImagesInText = 8;

const char* word(PostMortem::Cause cause) {
  switch (cause) {
    case PostMortem::Cause::loss:
      return "loss";
    case PostMortem::Cause::gradient:
      return "gradient";
    case PostMortem::Cause::weight:
      return "weight";
  }
  return "";
}

ValueRange range_of(std::span<const float> values) {
  ValueRange range;
  for (const float value : values) range.add(value);
  return range;
}

ValueRange range_of(const BlockView<const float>& y, int images) {
  ValueRange range;
  for (int c = 0; c < y.c; ++c)
    for (int h = 0; h < y.h; ++h)
      for (int w = 0; w < y.w; ++w)
        for (int lane = 0; lane < images; ++lane) range.add(y.at(c, h, w)[lane]);
  return range;
}

std::string to_text(const ValueRange& range) {
  std::string text = range.finite > 0 ? fmt::format("{:.4g} .. {:.4g}", range.low, range.high) : "";
  if (range.not_finite > 0)
    text += fmt::format("{}{} not finite", text.empty() ? "" : ", ", with_commas(range.not_finite));
  return text;
}

Json to_json(const ValueRange& range) {
  Json json = {{"low", nullptr}, {"high", nullptr}, {"not_finite", range.not_finite}};
  if (range.finite > 0) json["low"] = range.low, json["high"] = range.high;
  return json;
}

/// Adds what the other processes have seen: each saw its blocks.
void add_others(Cluster& cluster, std::vector<PostMortem::Layer>& layers) {
  if (cluster.size() == 1) return;
  std::vector<ValueRange> mine;
  for (PostMortem::Layer& layer : layers) mine.push_back(std::exchange(layer.output, {}));
  const std::vector<ValueRange> all = joined(cluster, std::span<const ValueRange>(mine));
  for (std::size_t i = 0; i < all.size(); ++i) layers[i % layers.size()].output.add(all[i]);
}

}  // namespace

void ValueRange::add(float value) {
  if (!std::isfinite(value)) {
    ++not_finite;
    return;
  }
  low = finite == 0 ? value : std::min(low, value);
  high = finite == 0 ? value : std::max(high, value);
  ++finite;
}

void ValueRange::add(const ValueRange& other) {
  if (other.finite > 0) {
    low = finite == 0 ? other.low : std::min(low, other.low);
    high = finite == 0 ? other.high : std::max(high, other.high);
    finite += other.finite;
  }
  not_finite += other.not_finite;
}

PostMortem examine(PostMortem::Cause cause, Network& network, Runner& training, const Batch& batch,
                   std::span<const float> gradients, Cluster& cluster) {
  PostMortem result;
  result.cause = cause;
  for (const Tensor& tensor : network.tensors()) {
    PostMortem::Parameters& entry = result.tensors.emplace_back();
    entry.name = tensor.name;
    entry.values = range_of(tensor.values);
    if (!tensor.trainable || gradients.empty()) continue;
    const auto offset = static_cast<std::size_t>(tensor.values.data() - network.parameters().data());
    entry.gradient = range_of(gradients.subspan(offset, tensor.values.size()));
  }
  if (cause != PostMortem::Cause::weight) {
    std::mutex mutex;  // the observer is called by all workers; ranges do not depend on the order
    for (const LayerSummary& layer : network.layers()) result.layers.push_back({layer.name, {}});
    training.forward_training(batch, [&](int row, int, int images, BlockView<const float> y) {
      const ValueRange range = range_of(y, images);
      const std::lock_guard lock(mutex);
      result.layers[static_cast<std::size_t>(row)].output.add(range);
    });
    add_others(cluster, result.layers);
  }
  for (const PostMortem::Layer& layer : result.layers)
    if (result.first_layer.empty() && layer.output.not_finite > 0) result.first_layer = layer.name;
  for (const PostMortem::Parameters& tensor : result.tensors) {
    if (result.first_tensor.empty() && tensor.values.not_finite > 0) result.first_tensor = tensor.name;
    // Gradients are computed from the last layer to the first.
    if (cause == PostMortem::Cause::gradient && tensor.gradient.not_finite > 0)
      result.first_tensor = tensor.name;
  }
  return result;
}

std::string PostMortem::beginning() const {
  if (cause == Cause::weight)
    return fmt::format("the step made {} so large that it is not finite any more", first_tensor);
  if (cause == Cause::gradient)
    return fmt::format("every output is finite, and the gradient of {} is the first that is not",
                       first_tensor);
  std::string text =
      first_tensor.empty() ? "" : fmt::format("{} holds values that are not finite", first_tensor);
  if (!first_layer.empty())
    text += fmt::format("{}the first output with such a value is that of {}", text.empty() ? "" : "; ",
                        first_layer);
  return text.empty() ? "every layer's output is finite: the values are too large for the loss" : text;
}

std::string to_text(const PostMortem& p) {
  std::string text = fmt::format("epoch {}, step {}, learning rate {}: {}\n", p.epoch, p.step,
                                 exact(p.learning_rate), p.beginning());
  for (const PostMortem::Layer& layer : p.layers)
    text += fmt::format("  output of {}: {}\n", layer.name, to_text(layer.output));
  for (const PostMortem::Parameters& tensor : p.tensors) {
    text += fmt::format("  {}: {}", tensor.name, to_text(tensor.values));
    if (tensor.gradient.finite + tensor.gradient.not_finite > 0)
      text += fmt::format("; gradient {}", to_text(tensor.gradient));
    text += "\n";
  }
  text += "  images of the batch:";
  for (std::size_t i = 0; i < std::min(kImagesInText, p.images.size()); ++i)
    text += fmt::format("{} {}", i == 0 ? "" : ",", printable(p.images[i]));
  if (p.images.size() > kImagesInText) text += fmt::format(" and {} more", p.images.size() - kImagesInText);
  return text;
}

std::string to_json(const PostMortem& p) {
  Json json = {{"cause", word(p.cause)},
               {"epoch", p.epoch},
               {"step", p.step},
               {"learning_rate", p.learning_rate},
               {"beginning", p.beginning()},
               {"first_layer", p.first_layer},
               {"first_tensor", p.first_tensor},
               {"layers", Json::array()},
               {"tensors", Json::array()},
               {"images", p.images}};
  for (const PostMortem::Layer& layer : p.layers)
    json["layers"].push_back({{"name", layer.name}, {"output", to_json(layer.output)}});
  for (const PostMortem::Parameters& tensor : p.tensors)
    json["tensors"].push_back(
        {{"name", tensor.name}, {"values", to_json(tensor.values)}, {"gradient", to_json(tensor.gradient)}});
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

NonFiniteError::NonFiniteError(PostMortem post_mortem)
    : Error(ExitCode::run_failed, fmt::format("the {} is not finite in epoch {}, step {} (learning rate {}): "
                                              "{}. Try a smaller learning_rate, warmup_epochs, or batch_norm",
                                              word(post_mortem.cause), post_mortem.epoch, post_mortem.step,
                                              exact(post_mortem.learning_rate), post_mortem.beginning())),
      post_mortem_(std::move(post_mortem)) {}

}  // namespace cnn
