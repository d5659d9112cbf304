#include "inspect/inspected.h"

#include <algorithm>

#include "config/spec_places.h"
#include "core/text.h"
#include "train/freeze.h"
#include "train/model_file.h"

namespace cnn {

std::unique_ptr<Network> Inspected::network(std::int64_t images) const {
  // A wrong config inside a model means a damaged file; a wrong config file is a usage error.
  auto made = with_places(
      document,
      [&] {
        return std::make_unique<Network>(config.network, input, static_cast<int>(classes.size()), images);
      },
      trained ? ExitCode::run_failed : ExitCode::bad_usage);
  if (trained)
    load_model(label, *made);
  else
    made->initialize(config.seed);
  return made;
}

std::string Inspected::class_name(int number) const {
  const auto index = static_cast<std::size_t>(number);
  return index < classes.size() ? printable(classes[index]) : std::to_string(number);
}

Inspected read_inspected(const std::filesystem::path& config, const std::filesystem::path& model,
                         std::span<const std::string> overrides) {
  if (config.empty() == model.empty()) fail_usage("give either --config or --model");
  if (config.empty() && !overrides.empty()) fail_usage("--set changes a config; a model stays as it is");
  const bool trained = !model.empty();
  ModelDescription description;
  if (trained) description = read_description(model);
  // A model's config is read first: an error in it means a damaged file.
  Config read = trained ? read_model_config(description.config, model.string()) : Config{};
  Document document =
      trained ? Document::parse(description.config, model.string()) : Document::read(config, overrides);
  if (!trained) {
    read = read_config(document);
    if (read.training.freeze)
      read.network = with_frozen_entries(std::move(read.network), *read.training.freeze);
  }
  const ImageSpec& image = read.data.image;
  Inspected inspected{.label = (trained ? model : config).string(),
                      .document = std::move(document),
                      .config = std::move(read),
                      .input = {.c = image.channels, .h = image.height, .w = image.width},
                      .trained = trained,
                      .classes = description.classes,
                      .mean = description.mean,
                      .std = description.std};
  if (!trained) {
    const NormalizeSpec& normalize = inspected.config.data.normalize;
    if (normalize.mode == NormalizeSpec::Mode::given) {
      inspected.mean = normalize.mean;
      inspected.std = normalize.std;
    } else if (normalize.mode == NormalizeSpec::Mode::none) {
      inspected.mean.assign(static_cast<std::size_t>(inspected.input.c), 0);
      inspected.std.assign(static_cast<std::size_t>(inspected.input.c), 1);
    }
  }
  // Shapes first: whatever is asked for, a mistake there has its place in the file.
  inspected.network(1);
  return inspected;
}

int row_of(const Network& network, const std::string& layer) {
  std::vector<std::string> names;
  for (const LayerSummary& one : network.layers()) names.push_back(one.name);
  const auto found = std::find(names.begin(), names.end(), layer);
  if (found == names.end())
    fail_usage("there is no layer \"{}\"{}; the network has {}", printable(layer), did_you_mean(layer, names),
               printable(join(names)));
  return static_cast<int>(found - names.begin());
}

}  // namespace cnn
