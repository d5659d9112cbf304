#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace cnn {

/// The content of a safetensors file: 8 bytes of header length (little-endian), a JSON
/// header
/// {"name": {"dtype": "F32", "shape": [...], "data_offsets": [begin, end]}, "__metadata__": {...}}, the data.
struct SafeTensors {
  struct Tensor {
    std::string name;
    std::vector<std::int64_t> shape;
    std::vector<float> values;
  };
  std::vector<Tensor> tensors;  ///< in the order of the file
  std::map<std::string, std::string> metadata;

  const Tensor* find(const std::string& name) const;
};

/// What to do with tensors that are not of floating-point numbers, such as a count of batches.
enum class OtherTypes { refuse, skip };

/// Reads F32, F16 and BF16. Throws Error (exit 1) that says what is wrong with the file: every offset, length
/// and type is checked, no name may appear twice, and the tensors fill the data without gaps and overlaps.
/// Memory follows the file's size, not what its header promises. NaN and infinity are numbers here.
SafeTensors read_safetensors(const std::filesystem::path& path, OtherTypes others = OtherTypes::refuse);

/// Writes F32, atomically. Throws Error (exit 1).
void write_safetensors(const std::filesystem::path& path, const SafeTensors& content);

}  // namespace cnn
