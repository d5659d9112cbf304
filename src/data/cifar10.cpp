#include "data/cifar10.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "data/fit_all.h"
#include "data/memory_dataset.h"
#include "data/packed_file.h"

namespace cnn {
namespace {

constexpr int kSide = 32, kPixels = 3 * kSide * kSide, kRecord = 1 + kPixels;
constexpr int kClasses = 10;

}  // namespace

std::shared_ptr<const Dataset> load_cifar10(const CifarLocation& location, const ImageSpec& spec,
                                            ThreadPool& pool) {
  if (location.files.empty()) fail("cifar10: no files are given");
  MemoryDataset::Content content;
  content.classes = {"airplane", "automobile", "bird",  "cat",  "deer",
                     "dog",      "frog",       "horse", "ship", "truck"};
  struct Part {
    std::string file;
    std::int64_t begin;
  };
  std::vector<Part> parts;
  std::vector<std::byte> pixels;
  for (const std::filesystem::path& path : location.files) {
    const std::string name = printable(path.string());
    PackedFile file(path);
    const std::vector<std::byte> batch = file.read(file.size_limit());
    if (batch.empty()) fail("{}: is empty", name);
    if (batch.size() % kRecord != 0)
      fail(
          "{}: is not a CIFAR-10 batch: {} bytes are not a multiple of {} (1 label and 3 x 32 x 32 pixels){}",
          name, batch.size(), kRecord,
          batch.size() % (kRecord + 1) == 0 ? "; it may be CIFAR-100, which has two labels an image" : "");
    parts.push_back({path.filename().string(), static_cast<std::int64_t>(content.labels.size())});
    const std::size_t records = batch.size() / kRecord;
    pixels.reserve(pixels.size() + records * kPixels);
    for (std::size_t i = 0; i < records; ++i) {
      const std::byte* record = &batch[i * kRecord];
      const int label = std::to_integer<int>(*record);
      if (label >= kClasses)
        fail("{}: image {} has label {}, expected 0 .. {}; is this a CIFAR-10 batch?", name, i, label,
             kClasses - 1);
      content.labels.push_back(label);
      pixels.insert(pixels.end(), record + 1, record + kRecord);
    }
  }
  content.pixels = fit_all(std::move(pixels), static_cast<std::int64_t>(content.labels.size()), 3, kSide,
                           kSide, spec, pool, printable(location.files.front().string()));
  content.channels = spec.channels, content.height = spec.height, content.width = spec.width;
  content.name = [parts = std::move(parts)](std::int64_t index) {
    const auto part = std::prev(std::upper_bound(parts.begin(), parts.end(), index,
                                                 [](std::int64_t i, const Part& p) { return i < p.begin; }));
    return fmt::format("{}#{}", part->file, index - part->begin);
  };
  return std::make_shared<MemoryDataset>(std::move(content));
}

}  // namespace cnn
