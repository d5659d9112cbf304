#include <zlib.h>

#include <array>
#include <cstring>
#include <string>

#include "config/config.h"
#include "fuzz/input_file.h"
#include "fuzz/targets.h"
#include "nn/network.h"
#include "train/checkpoint.h"
#include "train/model_file.h"
#include "train/safetensors.h"

namespace cnn::fuzz {
namespace {

/// The shapes of a network, as the programs check them before anything is allocated.
void check_shapes(const Config& config) {
  const ImageSpec& image = config.data.image;
  Network(config.network, {.c = image.channels, .h = image.height, .w = image.width}, 0, 1);
}

void config(std::string_view input) {
  const Config read = read_config(Document::parse(std::string(input), "fuzz.json", "/folder"));
  const Config again = read_config(Document::parse(resolved_json(read), "resolved.json", "/folder"));
  CNN_CHECK(again == read, "the resolved config is another one: {}", resolved_json(read));
  check_shapes(read);
}

void safetensors(std::string_view input) {
  const std::filesystem::path path = input_file("model.safetensors", input);
  const SafeTensors tensors = read_safetensors(path);
  std::size_t values = 0;
  for (const SafeTensors::Tensor& tensor : tensors.tensors) values += tensor.values.size();
  CNN_CHECK(values * sizeof(float) <= input.size(), "{} values out of {} bytes", values, input.size());
  const ModelDescription description = read_description(path);
  check_shapes(read_model_config(description.config, "model.safetensors"));
}

/// The file's start with its checksum is supplied: behind it, everything is the input's.
void checkpoint(std::string_view input) {
  std::array<float, 3> floats{};
  std::int64_t integer = 0;
  StateParts parts;
  parts.add("floats", std::span<float>(floats));
  parts.add("integer", integer);
  const std::string empty = Checkpoint(StateParts{}, {}).bytes();
  constexpr std::size_t kSequenceAt = 16, kChecksumAt = 12;  // see Checkpoint
  std::string bytes = empty.substr(0, kSequenceAt) + std::string(input);
  const auto checksum =
      static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(input.data()), input.size()));
  std::memcpy(bytes.data() + kChecksumAt, &checksum, sizeof checksum);
  const Checkpoint read = Checkpoint::parse(bytes, "fuzz.ckpt");
  CNN_CHECK(read.bytes() == bytes, "{} bytes became {}", bytes.size(), read.bytes().size());
  read.restore(parts);
  CNN_CHECK(read.integer("integer") == integer, "{}", integer);
}

constexpr std::array<Target, 3> kTargets{{{"config", expect_error<config>},
                                          {"safetensors", expect_error<safetensors>},
                                          {"checkpoint", expect_error<checkpoint>}}};

}  // namespace

std::span<const Target> model_targets() { return kTargets; }

}  // namespace cnn::fuzz
