#include "starter/pretrained.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "config/config.h"
#include "core/error.h"
#include "core/text.h"
#include "nn/network.h"
#include "starter/known_networks.h"
#include "train/model_file.h"
#include "train/safetensors.h"

namespace cnn {
namespace {

/// The last entry that is followed by nothing with weights: it puts out a value for each class. Null: it is
/// of a kind whose outputs cannot be chosen.
LayerSpec* outputs_of(NetworkSpec& network) {
  for (auto entry = network.rbegin(); entry != network.rend(); ++entry) {
    if (std::holds_alternative<DenseSpec>(entry->spec) || std::holds_alternative<ConvSpec>(entry->spec))
      return &*entry;
    if (std::holds_alternative<ResidualSpec>(entry->spec) ||
        std::holds_alternative<BatchNormSpec>(entry->spec))
      return nullptr;
  }
  return nullptr;
}

void set_outputs(LayerSpec& entry, int classes) {
  if (auto* dense = std::get_if<DenseSpec>(&entry.spec)) dense->units = classes;
  if (auto* conv = std::get_if<ConvSpec>(&entry.spec)) conv->out_channels = classes;
}

/// The shape stays; what is cut off, too.
void set_side(ImageSpec& image, int side) {
  const double factor = static_cast<double>(side) / std::max(image.height, image.width);
  const auto scaled = [&](int length) { return std::max(1, static_cast<int>(std::lround(length * factor))); };
  image.height = scaled(image.height);
  image.width = scaled(image.width);
  if (image.short_side > 0)
    image.short_side = std::max({scaled(image.short_side), image.height, image.width});
}

/// Takes what a config says of a network, and gives it the new outputs. Throws Error if the file's weights do
/// not fit.
Pretrained fitted(const Config& config, const ForeignNames& names, const std::filesystem::path& file,
                  int classes, int side) {
  Pretrained found{.name = config.name,
                   .network = config.network,
                   .image = config.data.image,
                   .normalize = config.data.normalize,
                   .start = {.file = file, .names = names, .except = {}}};
  if (side > 0) set_side(found.image, side);
  LayerSpec* last = outputs_of(found.network);
  if (!last) fail("its last layer is neither dense nor conv");
  set_outputs(*last, classes);
  found.start.except = {last->name};
  Network network(found.network, {.c = found.image.channels, .h = found.image.height, .w = found.image.width},
                  classes, 1);
  load_initial_weights(found.start, network);
  return found;
}

/// A model of cnn-train; nothing if the file is none.
std::optional<Pretrained> own_model(const std::filesystem::path& file, int classes, int side) {
  if (!read_safetensors(file, OtherTypes::skip).metadata.contains("config")) return std::nullopt;
  const ModelDescription description = read_description(file);
  Config config = read_model_config(description.config, printable(file.string()));
  config.data.normalize = {NormalizeSpec::Mode::given, description.mean, description.std};
  try {
    return fitted(config, {}, file, classes, side);
  } catch (const Error& error) {
    fail_usage("--from {}: this network cannot be the start: {}", printable(file.string()), error.what());
  }
}

}  // namespace

Pretrained recognize_weights(const std::filesystem::path& file, int classes, int side) {
  if (auto own = own_model(file, classes, side)) return *std::move(own);
  std::vector<std::string> reasons;
  for (const KnownNetwork& known : known_networks()) {
    const Config config = read_config(Document::parse(known.config, known.name, "/"));
    const auto& start = config.training.initial_weights;
    try {
      Pretrained found =
          fitted(config, start ? start->names : ForeignNames{.torchvision = true, .by_entry = {}}, file,
                 classes, side);
      found.name = known.name;
      return found;
    } catch (const Error& error) {
      std::string why = error.what();
      if (const std::string where = printable(file.string()) + ": "; why.starts_with(where))
        why = why.substr(where.size());
      reasons.push_back(fmt::format("  {}: {}", known.name, why));
    }
  }
  fail_usage(
      "--from {}: the weights fit none of the networks that --init knows:\n{}\nFor another one, write its "
      "network "
      "into a config, and name the file in \"initial_weights\".",
      printable(file.string()), join(reasons, "\n"));
}

}  // namespace cnn
