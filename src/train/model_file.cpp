#include "train/model_file.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "train/foreign_names.h"
#include "train/safetensors.h"

namespace cnn {
namespace {

using Json = nlohmann::ordered_json;

/// "conv1" of "conv1.weight"; "residual1" of "residual1.shortcut_norm.bias".
std::string layer_of(const std::string& tensor) { return tensor.substr(0, tensor.find('.')); }

std::string to_text(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

/// Numbers with which a network cannot compute.
void check_values(const SafeTensors::Tensor& tensor, const std::string& where) {
  const bool variance = tensor.name.ends_with(".running_var");
  const auto is_bad = [&](float value) { return !std::isfinite(value) || (variance && value < 0); };
  const auto bad = std::find_if(tensor.values.begin(), tensor.values.end(), is_bad);
  if (bad != tensor.values.end())
    fail(
        "{}: tensor \"{}\" holds {} at {} ({} such values of {}): the model is damaged, or its training went "
        "wrong",
        where, printable(tensor.name), exact(*bad), bad - tensor.values.begin(),
        std::count_if(tensor.values.begin(), tensor.values.end(), is_bad), tensor.values.size());
}

enum class Strangers { refuse, pass };

/// Returns the tensors of the file that the network does not have, if they may be there.
std::vector<std::string> load(const SafeTensors& file, const std::string& where, Network& network,
                              const std::vector<std::string>& except, Strangers strangers) {
  const auto excepted = [&](const std::string& tensor) {
    return std::find(except.begin(), except.end(), layer_of(tensor)) != except.end();
  };
  const auto remedy = [&](const std::string& tensor) {
    return strangers == Strangers::refuse
               ? ""
               : fmt::format(
                     "; for fine-tuning, list the layer \"{}\" in training.initial_weights.except to start "
                     "it fresh",
                     layer_of(tensor));
  };
  std::vector<std::string> names;
  for (const Tensor& tensor : network.tensors()) names.push_back(tensor.name);
  for (const Tensor& tensor : network.tensors()) {
    if (excepted(tensor.name)) continue;
    const SafeTensors::Tensor* found = file.find(tensor.name);
    if (!found)
      fail("{}: has no tensor \"{}\", which the network needs with shape {}{}", where, tensor.name,
           to_text(tensor.shape), remedy(tensor.name));
    if (found->shape != tensor.shape)
      fail("{}: tensor \"{}\" has shape {}, but the network needs {}{}", where, tensor.name,
           to_text(found->shape), to_text(tensor.shape), remedy(tensor.name));
    check_values(*found, where);
    std::copy(found->values.begin(), found->values.end(), tensor.values.begin());
  }
  std::vector<std::string> unused;
  for (const SafeTensors::Tensor& tensor : file.tensors) {
    if (std::find(names.begin(), names.end(), tensor.name) != names.end()) continue;
    if (strangers == Strangers::refuse)
      fail("{}: tensor \"{}\" does not belong to the network{}", where, printable(tensor.name),
           did_you_mean(tensor.name, names));
    unused.push_back(tensor.name);
  }
  return unused;
}

}  // namespace

void save_model(const std::filesystem::path& path, const Network& network,
                const ModelDescription& description) {
  SafeTensors file;
  for (const Tensor& tensor : network.tensors())
    file.tensors.push_back(
        {.name = tensor.name, .shape = tensor.shape, .values = {tensor.values.begin(), tensor.values.end()}});
  file.metadata = {{"config", description.config},
                   {"classes", Json(description.classes).dump()},
                   {"normalize", Json{{"mean", description.mean}, {"std", description.std}}.dump()}};
  write_safetensors(path, file);
}

ModelDescription read_description(const std::filesystem::path& path) {
  const SafeTensors file = read_safetensors(path);
  const std::string where = printable(path.string());
  const auto text = [&](const char* key) -> const std::string& {
    const auto it = file.metadata.find(key);
    if (it == file.metadata.end())
      fail(
          "{}: its metadata has no \"{}\": it was not written by cnn-train, and does not say how to prepare "
          "an image",
          where, key);
    return it->second;
  };
  ModelDescription description;
  description.config = text("config");
  try {
    description.classes = Json::parse(text("classes")).get<std::vector<std::string>>();
    const Json normalize = Json::parse(text("normalize"));
    description.mean = normalize.at("mean").get<std::vector<double>>();
    description.std = normalize.at("std").get<std::vector<double>>();
  } catch (const Json::exception& error) {
    fail("{}: its metadata is damaged: {}", where, error.what());
  }
  std::set<std::string> names(description.classes.begin(), description.classes.end());
  if (names.size() < 1 || names.size() != description.classes.size())
    fail("{}: its metadata is damaged: {} classes with {} different names", where, description.classes.size(),
         names.size());
  if (description.mean.size() != description.std.size() ||
      std::any_of(description.std.begin(), description.std.end(), [](double std) { return !(std > 0); }))
    fail("{}: its metadata is damaged: \"normalize\" needs a mean and a std > 0 for each channel", where);
  return description;
}

void load_model(const std::filesystem::path& path, Network& network) {
  load(read_safetensors(path), printable(path.string()), network, {}, Strangers::refuse);
}

StartingWeights load_initial_weights(const InitialWeightsSpec& spec, Network& network) {
  std::vector<std::string> layers;
  for (const Tensor& tensor : network.tensors())
    if (layers.empty() || layers.back() != layer_of(tensor.name)) layers.push_back(layer_of(tensor.name));
  for (const std::string& name : spec.except)
    if (std::find(layers.begin(), layers.end(), name) == layers.end())
      fail_usage(
          "training.initial_weights.except: the network has no layer \"{}\" with parameters; it has {}{}",
          name, join(layers), did_you_mean(name, layers));
  const std::string where = printable(spec.file.string());
  if (status_of(spec.file).type() == std::filesystem::file_type::not_found)
    fail("training.initial_weights.file: there is no file {}; configs/README.md says where weights come from",
         where);
  SafeTensors file = read_safetensors(spec.file, OtherTypes::skip);
  std::vector<std::string> except = spec.except;
  StartingWeights start;
  if (!spec.names.none()) start.left_out = rename_tensors(file, network, spec.names, except, where);
  start.unused = load(file, where, network, except, Strangers::pass);
  return start;
}

}  // namespace cnn
