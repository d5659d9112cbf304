#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace cnn {

/// One tensor of a model file.
struct StoredTensor {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

/// What a safetensors file holds, read without the project's own reader, so that a mistake which its reader
/// and writer share cannot hide.
struct StoredModel {
  std::map<std::string, StoredTensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// Throws std::runtime_error unless every tensor is float32 and lies within the file.
inline StoredModel read_stored_model(const std::filesystem::path& path) {
  static_assert(std::endian::native == std::endian::little, "values are copied as they are");
  const auto fail = [&](const std::string& what) { throw std::runtime_error(path.string() + ": " + what); };
  std::ifstream file(path, std::ios::binary);
  if (!file) fail("cannot be opened");
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  std::uint64_t header_bytes = 0;
  if (content.size() < sizeof header_bytes) fail("no header");
  std::memcpy(&header_bytes, content.data(), sizeof header_bytes);
  if (header_bytes > content.size() - sizeof header_bytes) fail("header beyond the end");
  const std::string data = content.substr(sizeof header_bytes + header_bytes);

  StoredModel model;
  const auto header = nlohmann::json::parse(content.substr(sizeof header_bytes, header_bytes));
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      model.metadata = entry.get<std::map<std::string, std::string>>();
      continue;
    }
    if (entry.at("dtype") != "F32") fail(name + " is not float32");
    StoredTensor tensor;
    tensor.shape = entry.at("shape").get<std::vector<std::int64_t>>();
    std::uint64_t bytes = sizeof(float);
    for (const std::int64_t size : tensor.shape) bytes *= static_cast<std::uint64_t>(size);
    const auto begin = entry.at("data_offsets").at(0).get<std::uint64_t>();
    const auto end = entry.at("data_offsets").at(1).get<std::uint64_t>();
    if (begin > end || end > data.size() || end - begin != bytes)
      fail(name + " does not fit its place in the file");
    tensor.values.resize(bytes / sizeof(float));
    std::memcpy(tensor.values.data(), data.data() + begin, bytes);
    model.tensors.emplace(name, std::move(tensor));
  }
  return model;
}

}  // namespace cnn
