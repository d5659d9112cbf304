#include "data/idx.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "core/error.h"
#include "core/text.h"
#include "data/fit_all.h"
#include "data/memory_dataset.h"
#include "data/packed_file.h"

namespace cnn {
namespace {

constexpr int kUnsignedBytes = 0x08, kFloats = 0x0D;

struct Idx {
  int type = 0;
  std::vector<std::uint32_t> sizes;
  std::vector<std::byte> values;
};

/// The name of an element type, for messages.
std::string type_name(int type) {
  switch (type) {
    case 0x08:
      return "unsigned bytes";
    case 0x09:
      return "signed bytes";
    case 0x0B:
      return "16-bit integers";
    case 0x0C:
      return "32-bit integers";
    case 0x0D:
      return "float32";
    case 0x0E:
      return "float64";
    default:
      return fmt::format("unknown type 0x{:02x}", type);
  }
}

std::uint32_t big_endian(const std::byte* bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::uint32_t>(bytes[i]);
  return value;
}

std::string sizes_text(const std::vector<std::uint32_t>& sizes) {
  return fmt::format("[{}]", fmt::join(sizes, ", "));
}

/// `what`: "images" or "labels". dimensions: how many the header may announce.
Idx read_idx(const std::filesystem::path& path, const char* what, int fewest_dimensions,
             int most_dimensions) {
  const std::string name = printable(path.string());
  PackedFile file(path);
  const std::vector<std::byte> magic = file.read(4);
  if (magic.size() < 4)
    fail("{}: is not an IDX file: it has {} bytes, and the header alone has at least 8", name, magic.size());
  const auto byte = [&](std::size_t i) { return std::to_integer<int>(magic[i]); };
  if (byte(0) != 0 || byte(1) != 0)
    fail(
        "{}: is not an IDX file: it starts with bytes {:02x} {:02x} {:02x} {:02x}, expected 00 00 <type> "
        "<dimensions>",
        name, byte(0), byte(1), byte(2), byte(3));
  Idx idx;
  idx.type = byte(2);
  const int dimensions = byte(3);
  const bool labels = most_dimensions == 1;
  if (labels ? idx.type != kUnsignedBytes : idx.type != kUnsignedBytes && idx.type != kFloats)
    fail("{}: holds {}, expected {}", name, type_name(idx.type),
         labels ? "labels as unsigned bytes (0x08)"
                : "images as unsigned bytes (0x08) or big-endian float32 (0x0d)");
  if (dimensions < fewest_dimensions || dimensions > most_dimensions)
    fail("{}: has {} dimension{}, expected {}{}", name, dimensions, dimensions == 1 ? "" : "s",
         labels ? "1 for labels" : "3 [images, height, width] or 4 [images, channels, height, width]",
         labels && dimensions >= 3    ? "; is this the image file?"
         : !labels && dimensions == 1 ? "; is this the label file?"
                                      : "");
  const std::vector<std::byte> sizes = file.read(static_cast<std::uint64_t>(dimensions) * 4);
  if (sizes.size() < static_cast<std::size_t>(dimensions) * 4)
    fail("{}: truncated: it ends within the header", name);
  for (int d = 0; d < dimensions; ++d)
    idx.sizes.push_back(big_endian(&sizes[static_cast<std::size_t>(d) * 4]));
  if (std::count(idx.sizes.begin(), idx.sizes.end(), 0u) != 0)
    fail("{}: has sizes {}: it is empty", name, sizes_text(idx.sizes));

  // The product of the sizes may be anything: stop before it exceeds what can be in the file.
  const std::uint64_t header = 4 + std::uint64_t(dimensions) * 4;
  const std::uint64_t limit = file.size_limit() - std::min(header, file.size_limit());
  std::uint64_t bytes = idx.type == kFloats ? 4 : 1;
  for (const std::uint32_t size : idx.sizes) {
    if (size > limit / bytes)
      fail("{}: truncated: its header promises {} {} of {}, more than the {} after it can hold", name, what,
           sizes_text(idx.sizes), type_name(idx.type), human_bytes(static_cast<std::int64_t>(limit)));
    bytes *= size;
  }
  idx.values = file.read(bytes);
  if (idx.values.size() < bytes)
    fail("{}: truncated: {} {} of {} are {} bytes, the file ends after {} of them", name, what,
         sizes_text(idx.sizes), type_name(idx.type), bytes, idx.values.size());
  if (!file.read(1).empty())
    fail("{}: trailing bytes: {} {} of {} are {} bytes, but the file goes on after them", name, what,
         sizes_text(idx.sizes), type_name(idx.type), bytes);
  return idx;
}

void to_native_floats(std::vector<std::byte>& values) {
  if constexpr (std::endian::native == std::endian::big) return;
  for (std::size_t i = 0; i + 3 < values.size(); i += 4) {
    std::swap(values[i], values[i + 3]);
    std::swap(values[i + 1], values[i + 2]);
  }
}

}  // namespace

std::shared_ptr<const Dataset> load_idx(const IdxLocation& location, const ImageSpec& spec,
                                        ThreadPool& pool) {
  const std::string name = printable(location.images.string());
  Idx images = read_idx(location.images, "images", 3, 4);
  const std::int64_t count = images.sizes.front();
  const bool planes = images.sizes.size() == 4;
  const std::uint32_t channels = planes ? images.sizes[1] : 1;
  const std::uint32_t height = images.sizes[planes ? 2 : 1], width = images.sizes[planes ? 3 : 2];
  constexpr std::uint32_t kLargestSide = 65535;
  if (std::max({channels, height, width}) > kLargestSide)
    fail("{}: images of {}x{}x{} are too large; no side may exceed {}", name, channels, height, width,
         kLargestSide);

  MemoryDataset::Content content;
  content.channels = static_cast<int>(channels);
  content.height = static_cast<int>(height);
  content.width = static_cast<int>(width);
  if (!location.labels.empty()) {
    const Idx labels = read_idx(location.labels, "labels", 1, 1);
    if (labels.sizes.front() != images.sizes.front())
      fail("{} holds {} images, but {} holds {} labels", name, images.sizes.front(),
           printable(location.labels.string()), labels.sizes.front());
    for (const std::byte label : labels.values) content.labels.push_back(std::to_integer<int>(label));
    const int largest = *std::max_element(content.labels.begin(), content.labels.end());
    for (int c = 0; c <= largest; ++c) content.classes.push_back(std::to_string(c));
  } else {
    content.labels.assign(static_cast<std::size_t>(count), -1);
  }

  if (images.type == kFloats) {
    if (content.channels != spec.channels || content.height != spec.height || content.width != spec.width)
      fail(
          "{}: holds float32 images of {}x{}x{} (channels x height x width), \"image\" asks for {}x{}x{}; "
          "float images are neither resized nor converted: write {}x{}x{} there",
          name, channels, height, width, spec.channels, spec.height, spec.width, channels, height, width);
    content.type = PixelType::floats;
    to_native_floats(images.values);
    content.pixels = std::move(images.values);
  } else {
    content.pixels = fit_all(std::move(images.values), count, content.channels, content.height, content.width,
                             spec, pool, name);
    content.channels = spec.channels, content.height = spec.height, content.width = spec.width;
  }
  content.name = [stem = location.images.filename().string()](std::int64_t index) {
    return fmt::format("{}#{}", stem, index);
  };
  return std::make_shared<MemoryDataset>(std::move(content));
}

}  // namespace cnn
