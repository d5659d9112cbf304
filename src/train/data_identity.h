#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "train/image_set.h"

namespace cnn {

/// How a resumed training recognizes the data that it began with.
struct DataIdentity {
  struct Set {
    std::int64_t images = 0;
    std::uint32_t checksum = 0;  ///< CRC-32 over each image's label and file name, without the folders
    friend bool operator==(const Set&, const Set&) = default;
  };
  std::vector<std::string> classes;
  Set train;
  std::optional<Set> validation;
  std::vector<double> mean, std;  ///< of the normalization: follow the pixels where it is "auto"
};

DataIdentity::Set identify(const ImageSet& set);

std::string to_text(const DataIdentity& identity);
/// Throws Error (exit 1) that begins with `where`.
DataIdentity to_identity(const std::string& text, const std::string& where);

/// "there were 1,200 training images, and now there are 1,201": one text for each difference.
std::vector<std::string> differences(const DataIdentity& before, const DataIdentity& now);

}  // namespace cnn
