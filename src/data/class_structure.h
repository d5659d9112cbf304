#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/data_spec.h"
#include "data/image_files.h"

namespace cnn {

/// What a folder is in a data set, by its name alone. Recognizes train, training, val, valid, validation,
/// dev, test, testing, eval, evaluation, in any case, also with "set" behind them or with other words around
/// them: "training_set", "seg_train", "train_images". eval is a test part.
DataPart part_of(std::string_view name);
/// Whether the words around it say nothing: "train_images", but not "seg_train" or "steam_train".
bool is_nothing_but_part(std::string_view name);

/// Of several folders in one folder: whether they are parts of a data set by their names, a training part and
/// another one.
bool are_parts(const std::vector<std::string>& names);

/// The folders below the class folders of a scan: of top-level classes.
struct ClassStructure {
  /// Per class: the folders directly in it with images in or below them.
  std::vector<std::vector<std::string>> inside;
  std::vector<std::int64_t> direct;  ///< per class: images that lie in no such folder
  std::int64_t merged = 0;           ///< folders below class folders that hold images themselves
  std::string example;               ///< one of them: "Fruit/Apple/Golden"
};
ClassStructure structure_of(const ImageFiles& files);

/// How a question is put: what a user writes to answer it.
struct AnswerWords {
  std::string top, leaf;     ///< `set "classes": "top" in "data"`
  std::string train_prefix;  ///< before the path of a training part: "set \"train\" to "
};
/// In a config.
AnswerWords config_answers();

/// Why these are probably parts of a data set and no classes, with what to do; nothing if they are not: all
/// hold the same folders, or their names are those of parts.
std::optional<std::string> split_question(const ImageFiles& files, const AnswerWords& answers);

/// "81 folders below the 3 class folders are merged into them, ..."; "" if there are none.
std::string merged_note(const ImageFiles& files, const AnswerWords& answers);

}  // namespace cnn
