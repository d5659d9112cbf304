#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/words.h"
#include "data/data_spec.h"
#include "data/folder_layout.h"
#include "data/folder_survey.h"
#include "nn/network_spec.h"
#include "starter/because.h"
#include "starter/found_classes.h"
#include "train/training_spec.h"

namespace cnn {

/// How many maps a network has: 16 in its first stage, 32, or 64.
enum class NetworkSize { small, medium, large };
template <>
inline constexpr auto kWords<NetworkSize> = all_words<NetworkSize>({{"small", NetworkSize::small},
                                                                    {"medium", NetworkSize::medium},
                                                                    {"large", NetworkSize::large}});

/// What the user has chosen already.
struct InitWishes {
  std::optional<int> side{};  ///< pixels of the longer side
  std::optional<int> epochs{};
  std::optional<NetworkSize> network{};
  std::filesystem::path from{};  ///< weights to start from; empty: none
};

/// What a network puts out for one image.
struct NetworkOutputs {
  std::vector<std::string> shapes;  ///< of each layer
  std::int64_t parameters = 0;
};

/// All that --init chooses for a folder of images, as a config has it, with the reasons.
struct Choices {
  Because<std::optional<ValidationFraction>> held_back;  ///< why: "" if there is a folder for validation
  Because<ImageSpec> image;
  Because<NormalizeSpec> normalize;
  Because<std::optional<RandomFlipSpec>> flip;
  Because<std::optional<RandomTranslateSpec>> shift;
  Because<std::vector<AugmentSpec>> changes;  ///< after mirroring and shift
  Because<BadImages> bad_images;
  Because<NetworkSpec> network;
  NetworkOutputs outputs;
  int batch_size = 0;
  std::int64_t epoch_images = 0, epoch_steps = 0;  ///< of an epoch
  Because<int> epochs;
  Because<AdamSpec> optimizer;
  Because<OneCycleSchedule> schedule;
  Because<double> label_smoothing{};  ///< 0: none
  Because<std::optional<InitialWeightsSpec>> start;
  Because<std::optional<FreezeSpec>> freeze;
  std::string from;  ///< the network that the weights are of; "": none
};

/// By rules on what was found: the same folder gives the same choices. Throws Error (exit 2) for weights that
/// it cannot start from.
Choices choose(const FolderLayout& layout, const FolderSurvey& survey, const FoundClasses& classes,
               const InitWishes& wishes);

/// What to call the images that were opened; those of the other parts were only counted.
const char* image_word(const FolderLayout& layout);

}  // namespace cnn
