#include "data/image_folder.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <utility>

#include "core/error.h"
#include "core/memory.h"
#include "core/text.h"
#include "data/pixel_reader.h"
#include "data/read_ahead.h"

namespace cnn {
namespace {

class FolderDataset final : public Dataset {
 public:
  FolderDataset(std::shared_ptr<const ImageFiles> files, std::int64_t begin, const ImageSpec& spec,
                const DecodeLimits& limits, std::int64_t cached, int threads)
      : files_(std::move(files)),
        begin_(begin),
        spec_(spec),
        limits_(limits),
        cached_(cached),
        threads_(threads) {
    image_bytes_ = values_per_image();
    // Not a vector: gigabytes need not be zeroed before they are written.
    cache_.reset(new std::byte[static_cast<std::size_t>(cached_ * image_bytes_)]);
  }

  std::int64_t size() const override { return all_good_ ? count_ : static_cast<std::int64_t>(good_.size()); }
  int channels() const override { return spec_.channels; }
  int height() const override { return spec_.height; }
  int width() const override { return spec_.width; }
  PixelType pixel_type() const override { return PixelType::bytes; }
  const std::vector<std::string>& classes() const override { return files_->classes; }
  int label(std::int64_t index) const override { return files_->label(begin_ + offset(index)); }
  std::string name(std::int64_t index) const override {
    return files_->path(begin_ + offset(index)).string();
  }

  const std::byte* pixels(std::int64_t index, std::vector<std::byte>& scratch) const override {
    const std::int64_t at = offset(index);
    if (at < cached_) return cache_.get() + at * image_bytes_;
    read_ahead_->take(at, scratch);
    return scratch.data();
  }

  void will_need(std::span<const std::int64_t> indices) const override {
    if (!read_ahead_) return;
    std::vector<std::int64_t> offsets;
    for (const std::int64_t index : indices)
      if (const std::int64_t at = offset(index); at >= cached_) offsets.push_back(at);
    if (!offsets.empty()) read_ahead_->expect(offsets);
  }

  /// Where load_images writes an image, or nullptr if it does not stay.
  std::byte* place(std::int64_t at) { return at < cached_ ? cache_.get() + at * image_bytes_ : nullptr; }

  /// To be called when every image was looked at. good: offsets from `begin`, ascending. stamps: of the
  /// files from `cached` on.
  void finish(std::vector<std::int64_t> good, std::int64_t count, std::vector<FileStamp> stamps) {
    count_ = count;
    all_good_ = static_cast<std::int64_t>(good.size()) == count;
    if (!all_good_) good_ = std::move(good);
    if (stamps.empty()) return;
    stamps_ = std::move(stamps);
    // Enough for the next batches, and little compared with what did not fit.
    constexpr std::int64_t kReadAheadBytes = std::int64_t{64} << 20;
    read_ahead_ = std::make_unique<ReadAhead>(
        std::max<std::int64_t>(64, kReadAheadBytes / image_bytes_), std::max(1, threads_ / 2),
        [this](std::int64_t at, std::vector<std::byte>& pixels) { read_again(at, pixels); });
  }

 private:
  std::int64_t offset(std::int64_t index) const {
    return all_good_ ? index : good_[static_cast<std::size_t>(index)];
  }

  void read_again(std::int64_t at, std::vector<std::byte>& pixels) const {
    const std::string path = files_->path(begin_ + at).string();
    FileStamp stamp;
    pixels.resize(static_cast<std::size_t>(image_bytes_));
    std::string fault = PixelReader(spec_, limits_).read(path, pixels.data(), &stamp);
    if (stamp != FileStamp{} && stamp != stamps_[static_cast<std::size_t>(at - cached_)])
      fault = "has changed since it was checked";
    if (!fault.empty()) fail("{}: {}", printable(path), fault);
  }

  const std::shared_ptr<const ImageFiles> files_;
  const std::int64_t begin_;
  const ImageSpec spec_;
  const DecodeLimits limits_;
  const std::int64_t cached_;
  const int threads_;
  std::int64_t image_bytes_ = 0, count_ = 0;
  bool all_good_ = false;
  std::vector<std::int64_t> good_;  // only if some are not
  std::unique_ptr<std::byte[]> cache_;
  std::vector<FileStamp> stamps_;
  mutable std::unique_ptr<ReadAhead> read_ahead_;  // last: its threads use the rest
};

}  // namespace

LoadedImages load_images(std::shared_ptr<const ImageFiles> files, std::int64_t begin, std::int64_t end,
                         const ImageSpec& spec, const DecodeLimits& limits, std::int64_t cache_bytes,
                         ThreadPool& pool, const Progress& progress) {
  CNN_CHECK(begin >= 0 && begin <= end && end <= files->size(), "[{}, {}) of {}", begin, end, files->size());
  if (spec.channels != 1 && spec.channels != 3)
    fail_usage("data.image.channels is {}; image files give 1 (grey) or 3 (RGB)", spec.channels);
  const std::int64_t count = end - begin;
  const std::int64_t image_bytes = std::int64_t{spec.channels} * spec.height * spec.width;
  const std::int64_t cached =
      std::min(count, std::min(cache_bytes, available_memory().bytes / 2) / image_bytes);
  const auto dataset = std::make_shared<FolderDataset>(files, begin, spec, limits, cached, pool.threads());

  struct Worker {
    PixelReader reader;
    std::vector<std::byte> pixels;
    std::vector<std::pair<std::int64_t, std::string>> faults;
  };
  std::vector<Worker> workers(static_cast<std::size_t>(pool.threads()),
                              Worker{PixelReader(spec, limits), {}, {}});
  std::vector<Fingerprint> fingerprints(static_cast<std::size_t>(count));
  std::vector<FileStamp> stamps(static_cast<std::size_t>(count - cached));
  std::atomic<std::int64_t> done{0};
  pool.parallel_for(count, [&](std::int64_t at, int number) {
    Worker& worker = workers[static_cast<std::size_t>(number)];
    const std::string path = files->path(begin + at).string();
    std::byte* place = dataset->place(at);
    if (place == nullptr) {  // only to see that it works
      worker.pixels.resize(static_cast<std::size_t>(image_bytes));
      place = worker.pixels.data();
    }
    FileStamp stamp;
    std::string fault = worker.reader.read(path, place, &stamp);
    if (at >= cached) stamps[static_cast<std::size_t>(at - cached)] = stamp;
    if (fault.empty())
      fingerprints[static_cast<std::size_t>(at)] =
          fingerprint({place, static_cast<std::size_t>(image_bytes)});
    else
      worker.faults.emplace_back(at, std::move(fault));
    done.fetch_add(1, std::memory_order_relaxed);
    if (number == 0 && progress) progress(done.load(std::memory_order_relaxed), count);
  });
  if (progress) progress(count, count);

  std::vector<std::pair<std::int64_t, std::string>> faults;
  for (Worker& worker : workers)
    faults.insert(faults.end(), std::make_move_iterator(worker.faults.begin()),
                  std::make_move_iterator(worker.faults.end()));
  std::sort(faults.begin(), faults.end());
  LoadedImages loaded;
  auto fault = faults.begin();
  std::vector<std::int64_t> good;
  for (std::int64_t at = 0; at < count; ++at) {
    if (fault != faults.end() && fault->first == at) {
      loaded.bad.push_back({files->path(begin + at).string(), std::move(fault->second)});
      ++fault;
    } else {
      good.push_back(at);
      loaded.positions.push_back(begin + at);
      fingerprints[good.size() - 1] = fingerprints[static_cast<std::size_t>(at)];
    }
  }
  loaded.reread = count - cached;
  fingerprints.resize(good.size());
  loaded.fingerprints = std::move(fingerprints);
  dataset->finish(std::move(good), count, std::move(stamps));
  loaded.dataset = dataset;
  return loaded;
}

}  // namespace cnn
