#include "config/suggestion.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/text.h"

namespace cnn {
namespace {

// Left: names in PyTorch, Keras, Caffe and darknet, lower case, letters and digits only. The first name on
// the right that is allowed at the place wins.
constexpr std::array<std::pair<std::string_view, std::string_view>, 85> kOtherNames{{
    {"activations", "activation"},
    {"alpha", "negative_slope"},
    {"augmentation", "augment"},
    {"augmentations", "augment"},
    {"averagepool", "avg_pool"},
    {"averagepooling", "avg_pool"},
    {"avgpooling", "avg_pool"},
    {"batch", "batch_size"},
    {"batchnormalization", "batch_norm"},
    {"bn", "batch_norm"},
    {"center", "crop"},
    {"centercrop", "crop"},
    {"channels", "out_channels"},
    {"cifar", "cifar10"},
    {"connected", "dense"},
    {"convolution", "conv"},
    {"convolutional", "conv"},
    {"cosineannealing", "cosine"},
    {"cosineannealinglr", "cosine"},
    {"decay", "weight_decay"},
    {"dim", "units"},
    {"droprate", "p"},
    {"epsilon", "eps"},
    {"exponentiallr", "exponential"},
    {"fc", "dense"},
    {"features", "units"},
    {"filters", "out_channels"},
    {"finetune", "freeze"},
    {"flip", "random_flip"},
    {"frozen", "freeze"},
    {"fullyconnected", "dense"},
    {"gap", "global_avg_pool"},
    {"globalaveragepooling", "global_avg_pool"},
    {"horizontalflip", "random_flip"},
    {"imagefolder", "folder"},
    {"images", "folder"},
    {"innerproduct", "dense"},
    {"kernel", "kernel_size"},
    {"l2", "weight_decay"},
    {"layers", "network"},
    {"learningratedecay", "schedule"},
    {"letterbox", "fit"},
    {"linear", "dense"},
    {"logistic", "sigmoid"},
    {"lr", "learning_rate"},
    {"lrscheduler", "schedule"},
    {"maxlr", "learning_rate"},
    {"maxpooling", "max_pool"},
    {"mnist", "idx"},
    {"model", "network"},
    {"nepochs", "epochs"},
    {"neurons", "units"},
    {"normalise", "normalize"},
    {"normalization", "normalize"},
    {"numepochs", "epochs"},
    {"onecyclelr", "one_cycle"},
    {"optim", "optimizer"},
    {"outchannels", "units"},
    {"outfeatures", "units"},
    {"output", "units"},
    {"outputs", "units"},
    {"pad", "padding"},
    {"poolsize", "kernel_size"},
    {"pretrained", "initial_weights"},
    {"prob", "p"},
    {"probability", "p"},
    {"randomhorizontalflip", "random_flip"},
    {"randomtranslation", "random_translate"},
    {"rate", "p"},
    {"scheduler", "schedule"},
    {"shift", "random_translate"},
    {"size", "kernel_size"},
    {"slope", "negative_slope"},
    {"smoothing", "label_smoothing"},
    {"steplr", "step"},
    {"stepsize", "step_epochs"},
    {"strides", "stride"},
    {"swish", "silu"},
    {"transforms", "augment"},
    {"translate", "random_translate"},
    {"units", "out_channels"},
    {"usebias", "bias"},
    {"val", "validation"},
    {"weights", "initial_weights"},
    {"wd", "weight_decay"},
}};

/// "MaxPooling2D" -> "maxpooling".
std::string plain(std::string_view word) {
  std::string out;
  for (char c : word) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out += c;
  }
  if (out.size() > 2 && out.ends_with("2d")) out.resize(out.size() - 2);
  return out;
}

}  // namespace

std::string suggested(std::string_view word, std::span<const std::string> candidates) {
  // Beyond this a word is no misspelling, and the edit distance of a megabyte takes its time.
  if (word.size() > 64) return "";
  const std::string searched = plain(word);
  for (const std::string& candidate : candidates)
    if (plain(candidate) == searched) return candidate;
  for (const auto& [other, name] : kOtherNames)
    if (other == searched && std::find(candidates.begin(), candidates.end(), name) != candidates.end())
      return std::string(name);
  const std::string similar = closest(word, candidates);
  return similar.empty() ? closest(searched, candidates) : similar;
}

std::string suggestion(std::string_view word, std::span<const std::string> candidates) {
  const std::string name = suggested(word, candidates);
  return name.empty() || name == word ? "" : fmt::format(" (did you mean \"{}\"?)", name);
}

}  // namespace cnn
