#include "train/safetensors.h"

#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace cnn {

static_assert(std::endian::native == std::endian::little,
              "model files are little-endian and copied as they are");

const SafeTensors::Tensor* SafeTensors::find(const std::string& name) const {
  for (const Tensor& tensor : tensors)
    if (tensor.name == name) return &tensor;
  return nullptr;
}

SafeTensors read_safetensors(const std::filesystem::path& path) {
  using Json = nlohmann::ordered_json;
  const std::string bytes = read_file(path);
  const std::string where = printable(path.string());
  if (bytes.size() < 8)
    fail("{}: is not a safetensors file: {} bytes, fewer than its header length takes", where, bytes.size());
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), 8);
  if (header_bytes > bytes.size() - 8)
    fail("{}: is not a safetensors file, or is truncated: its header of {} bytes does not fit into {} bytes",
         where, header_bytes, bytes.size());
  const std::size_t data_begin = 8 + header_bytes, data_bytes = bytes.size() - data_begin;
  const Json header =
      Json::parse(bytes.begin() + 8, bytes.begin() + static_cast<std::ptrdiff_t>(data_begin), nullptr, false);
  if (!header.is_object()) fail("{}: is not a safetensors file: its header is not a JSON object", where);

  SafeTensors content;
  for (const auto& [name, entry] : header.items()) {
    const auto bad = [&, &name = name](const std::string& what) {
      fail("{}: tensor \"{}\": {}", where, printable(name), what);
    };
    if (name == "__metadata__") {
      if (!entry.is_object()) fail("{}: __metadata__ is not an object", where);
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) fail("{}: __metadata__ \"{}\" is not a string", where, printable(key));
        content.metadata[key] = value.get<std::string>();
      }
      continue;
    }
    if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") ||
        !entry.contains("data_offsets"))
      bad("has no dtype, shape or data_offsets");
    if (entry["dtype"] != "F32") bad("its dtype is " + entry["dtype"].dump() + ", and only F32 is read");
    const Json& shape = entry["shape"];
    const Json& offsets = entry["data_offsets"];
    if (!shape.is_array()) bad("its shape is not an array");
    SafeTensors::Tensor tensor{.name = name, .shape = {}, .values = {}};
    std::uint64_t count = 1;
    for (const Json& size : shape) {
      if (!size.is_number_unsigned()) bad("its shape is not made of whole numbers");
      const std::uint64_t n = size.get<std::uint64_t>();
      if (n > data_bytes || (n != 0 && count > data_bytes / n)) bad("its shape is larger than the file");
      count *= n;
      tensor.shape.push_back(static_cast<std::int64_t>(n));
    }
    if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
        !offsets[1].is_number_unsigned())
      bad("its data_offsets are not two whole numbers");
    const std::uint64_t begin = offsets[0].get<std::uint64_t>(), end = offsets[1].get<std::uint64_t>();
    if (begin > end || end > data_bytes)
      bad(fmt::format("its data {}..{} lies outside the file's {} bytes of data", begin, end, data_bytes));
    if (end - begin != count * sizeof(float))
      bad(fmt::format("its shape takes {} bytes, its data_offsets say {}", count * sizeof(float),
                      end - begin));
    tensor.values.resize(count);
    std::memcpy(tensor.values.data(), bytes.data() + data_begin + begin, count * sizeof(float));
    content.tensors.push_back(std::move(tensor));
  }
  return content;
}

void write_safetensors(const std::filesystem::path& path, const SafeTensors& content) {
  nlohmann::ordered_json header;
  if (!content.metadata.empty()) header["__metadata__"] = content.metadata;
  std::size_t offset = 0;
  for (const SafeTensors::Tensor& tensor : content.tensors) {
    const std::size_t bytes = tensor.values.size() * sizeof(float);
    header[tensor.name] = {
        {"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data begins aligned
  const std::uint64_t length = text.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  bytes += text;
  for (const SafeTensors::Tensor& tensor : content.tensors)
    bytes.append(reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size() * sizeof(float));
  write_file_atomically(path, bytes);
}

}  // namespace cnn
