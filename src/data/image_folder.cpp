#include "data/image_folder.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/decode.h"
#include "data/image_fitter.h"
#include "data/image_reader.h"
#include "data/read_ahead.h"

namespace cnn {
namespace {

/// Returns "" or the fault.
std::string decode_and_fit(const std::string& content, const std::string& path, ImageFitter& fitter,
                           std::byte* out) {
  const Decoded decoded = decode_image(content, path);
  return decoded.fault.empty() ? fitter.fit(decoded.image, reinterpret_cast<std::uint8_t*>(out))
                               : decoded.fault;
}

class FolderDataset final : public Dataset {
 public:
  FolderDataset(std::shared_ptr<const ImageFiles> files, std::int64_t begin, const ImageSpec& spec,
                std::int64_t cached, int threads)
      : files_(std::move(files)), begin_(begin), spec_(spec), cached_(cached), threads_(threads) {
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
    // Enough for the next batches, little beside what did not fit.
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
    static thread_local std::string content;
    const std::string path = files_->path(begin_ + at).string();
    FileStamp stamp;
    std::string fault = read_image_file(path, content, stamp);
    if (fault.empty() && stamp != stamps_[static_cast<std::size_t>(at - cached_)])
      fault = "was changed after it had been checked";
    if (fault.empty()) {
      ImageFitter fitter(spec_);
      pixels.resize(static_cast<std::size_t>(image_bytes_));
      fault = decode_and_fit(content, path, fitter, pixels.data());
    }
    if (!fault.empty()) fail("{}: {}", printable(path), fault);
  }

  const std::shared_ptr<const ImageFiles> files_;
  const std::int64_t begin_;
  const ImageSpec spec_;
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
                         const ImageSpec& spec, std::int64_t cache_bytes, ThreadPool& pool,
                         const Progress& progress) {
  CNN_CHECK(begin >= 0 && begin <= end && end <= files->size(), "[{}, {}) of {}", begin, end, files->size());
  if (spec.channels != 1 && spec.channels != 3)
    fail_usage("\"channels\" is {}; image files give 1 (grey) or 3 (RGB)", spec.channels);
  const std::int64_t count = end - begin;
  const std::int64_t image_bytes = std::int64_t{spec.channels} * spec.height * spec.width;
  const std::int64_t cached = std::min(count, cache_bytes / image_bytes);
  const auto dataset = std::make_shared<FolderDataset>(files, begin, spec, cached, pool.threads());

  struct Worker {
    ImageFitter fitter;
    std::string content;
    std::vector<std::byte> pixels;
    std::vector<std::pair<std::int64_t, std::string>> faults;
  };
  std::vector<Worker> workers(static_cast<std::size_t>(pool.threads()),
                              Worker{ImageFitter(spec), {}, {}, {}});
  std::vector<FileStamp> stamps(static_cast<std::size_t>(count - cached));
  std::atomic<std::int64_t> done{0};
  pool.parallel_for(count, [&](std::int64_t at, int number) {
    Worker& worker = workers[static_cast<std::size_t>(number)];
    const std::string path = files->path(begin + at).string();
    FileStamp stamp;
    std::string fault = read_image_file(path, worker.content, stamp);
    if (at >= cached) stamps[static_cast<std::size_t>(at - cached)] = stamp;
    if (fault.empty()) {
      std::byte* place = dataset->place(at);
      if (place == nullptr) {  // only to see that it works
        worker.pixels.resize(static_cast<std::size_t>(image_bytes));
        place = worker.pixels.data();
      }
      fault = decode_and_fit(worker.content, path, worker.fitter, place);
    }
    if (!fault.empty()) worker.faults.emplace_back(at, std::move(fault));
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
    }
  }
  dataset->finish(std::move(good), count, std::move(stamps));
  loaded.dataset = dataset;
  return loaded;
}

}  // namespace cnn
