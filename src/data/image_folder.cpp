#include "data/image_folder.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <utility>

#include "cluster/messages.h"
#include "cluster/neighbors.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/text.h"
#include "data/read_ahead.h"

namespace cnn {
namespace {

class FolderDataset final : public Dataset {
 public:
  FolderDataset(std::shared_ptr<const ImageFiles> files, std::int64_t begin, const ImageSpec& spec,
                const DecodeLimits& limits, const Portion& kept, int threads)
      : files_(std::move(files)),
        begin_(begin),
        spec_(spec),
        limits_(limits),
        kept_(kept),
        threads_(threads) {
    image_bytes_ = bytes_of_image(spec);
    // Not a vector: gigabytes need not be zeroed before they are written.
    cache_.reset(new std::byte[static_cast<std::size_t>(kept_.size() * image_bytes_)]);
  }

  std::int64_t size() const override { return all_good_ ? count_ : static_cast<std::int64_t>(good_.size()); }
  int channels() const override { return spec_.channels; }
  int height() const override { return spec_.height; }
  int width() const override { return spec_.width; }
  PixelType pixel_type() const override { return spec_.depth == 16 ? PixelType::floats : PixelType::bytes; }
  const std::vector<std::string>& classes() const override { return files_->classes; }
  int label(std::int64_t index) const override { return files_->label(begin_ + offset(index)); }
  std::string name(std::int64_t index) const override {
    return files_->path(begin_ + offset(index)).string();
  }

  const std::byte* pixels(std::int64_t index, std::vector<std::byte>& scratch) const override {
    const std::int64_t at = offset(index);
    if (kept_.holds(at)) return place(at);
    read_ahead_->take(at, scratch);
    return scratch.data();
  }

  void will_need(std::span<const std::int64_t> indices) const override {
    if (!read_ahead_) return;
    std::vector<std::int64_t> offsets;
    for (const std::int64_t index : indices)
      if (const std::int64_t at = offset(index); !kept_.holds(at)) offsets.push_back(at);
    if (!offsets.empty()) read_ahead_->expect(offsets);
  }

  /// Where load_images writes an image, or nullptr if it does not stay.
  std::byte* place(std::int64_t at) const {
    return kept_.holds(at) ? cache_.get() + (at - kept_.first) * image_bytes_ : nullptr;
  }

  /// To be called when every image was looked at. good: offsets from `begin`, ascending. stamps: of all
  /// files, or empty if all are kept.
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
    if (stamp != FileStamp{} && stamp != stamps_[static_cast<std::size_t>(at)])
      fault = "has changed since it was checked";
    if (!fault.empty()) fail("{}: {}", printable(path), fault);
  }

  const std::shared_ptr<const ImageFiles> files_;
  const std::int64_t begin_;
  const ImageSpec spec_;
  const DecodeLimits limits_;
  const Portion kept_;  // in memory
  const int threads_;
  std::int64_t image_bytes_ = 0, count_ = 0;
  bool all_good_ = false;
  std::vector<std::int64_t> good_;  // only if some are not
  std::unique_ptr<std::byte[]> cache_;
  std::vector<FileStamp> stamps_;
  mutable std::unique_ptr<ReadAhead> read_ahead_;  // last: its threads use the rest
};

/// Which files [0, count) of a list this process decodes, and which of them stay in memory.
struct Plan {
  Portion kept, checked;  // checked: besides; what the others find of the rest is told
  bool shared = false;
  bool decodes(std::int64_t at) const { return kept.holds(at) || checked.holds(at); }
};

Plan plan_of(std::int64_t count, std::int64_t image_bytes, std::int64_t cache_bytes, const Sharing& sharing) {
  Cluster& cluster = sharing.cluster ? *sharing.cluster : alone();
  std::int64_t fitting =
      std::min(cache_bytes, available_memory().bytes / 2 / processes_here(cluster)) / image_bytes;
  for (const std::int64_t other : gathered(cluster, fitting)) fitting = std::min(fitting, other);
  Plan plan{{0, std::min(count, fitting)}, {std::min(count, fitting), count}};
  if (cluster.size() == 1 || (fitting >= count && !sharing.always)) return plan;
  plan.shared = true;
  if (sharing.use == Sharing::Use::own_share) {
    plan.checked = share_of_blocks(count, cluster.rank(), cluster.size());
    plan.kept = {plan.checked.first, std::min(plan.checked.end, plan.checked.first + fitting)};
  } else {
    const Portion rest = share_of(count - plan.kept.size(), cluster.rank(), cluster.size());
    plan.checked = {plan.kept.end + rest.first, plan.kept.end + rest.end};
  }
  return plan;
}

/// Throws Error on a process that has listed other files than process 0.
void compare_lists(Cluster& cluster, const ImageFiles& files, std::int64_t begin, std::int64_t end) {
  std::string names;
  for (std::int64_t at = begin; at < end; ++at)
    names += fmt::format("{} {}\n", files.path(at).filename().string(), files.label(at));
  const Fingerprint mine = fingerprint(std::as_bytes(std::span(names)));
  Fingerprint root = mine;
  broadcast_value(cluster, root);
  if (root != mine)
    fail("{}: the files are not those of rank 0; every machine needs the same data", files.where);
}

/// Throws Error on a process whose files hold other bytes.
void compare_contents(Cluster& cluster, const ImageFiles& files, std::int64_t begin,
                      const std::vector<Fingerprint>& mine) {
  std::vector<Fingerprint> root = mine;
  cluster.broadcast(std::as_writable_bytes(std::span(root)), 0);
  const auto [here, there] = std::ranges::mismatch(mine, root);
  if (here != mine.end())
    fail("{}: is not the file that rank 0 has; every machine needs the same data",
         printable(files.path(begin + (here - mine.begin())).string()));
}

using Faults = std::vector<std::pair<std::int64_t, std::string>>;

/// What the processes have found in the files that each decoded for all.
void share_findings(Cluster& cluster, const Plan& plan, Faults& faults, std::vector<Fingerprint>& prints,
                    std::vector<FileTraits>& traits) {
  const auto firsts = gathered(cluster, plan.checked.first);
  const auto share = [&]<class Finding>(std::vector<Finding>& findings) {
    const auto mine = std::span<const Finding>(findings).subspan(
        static_cast<std::size_t>(plan.checked.first), static_cast<std::size_t>(plan.checked.size()));
    const std::vector<Finding> all = joined(cluster, mine);
    std::copy(all.begin(), all.end(), findings.begin() + firsts.front());
  };
  share(prints);
  share(traits);
  std::string text;
  for (const auto& [at, fault] : faults)
    if (plan.checked.holds(at)) text += fmt::format("{} {}{}", at, fault, '\0');
  std::erase_if(faults, [&](const auto& fault) { return plan.checked.holds(fault.first); });
  for (const std::string& told : gathered_texts(cluster, text))
    for (std::size_t from = 0; from < told.size();) {
      const std::size_t end = told.find('\0', from), space = told.find(' ', from);
      faults.emplace_back(std::stoll(told.substr(from, space - from)),
                          told.substr(space + 1, end - space - 1));
      from = end + 1;
    }
}

/// For the next time, if that will spare much. seconds: that decoding took. Returns what to tell.
std::string keep_decoded(const DecodedStore& store, std::span<const DecodedStore::Entry> all,
                         std::span<const std::int64_t> good, const FolderDataset& dataset, double seconds) {
  if (seconds < store.spec().worth_seconds) return store.mark_used(), "";
  std::vector<DecodedStore::Entry> entries;
  std::vector<const std::byte*> pixels;
  for (const std::int64_t at : good) {
    entries.push_back(all[static_cast<std::size_t>(at)]);
    pixels.push_back(dataset.place(at));
  }
  const std::int64_t bytes = store.keep(entries, pixels);
  return bytes == 0 ? ""
                    : fmt::format("kept decoded for the next start, {} in {}", human_bytes(bytes),
                                  printable(store.spec().folder.string()));
}

}  // namespace

LoadedImages load_images(std::shared_ptr<const ImageFiles> files, std::int64_t begin, std::int64_t end,
                         const ImageSpec& spec, const DecodeLimits& limits, std::int64_t cache_bytes,
                         ThreadPool& pool, const Progress& progress, const Sharing& sharing,
                         const StoreSpec& store) {
  CNN_CHECK(begin >= 0 && begin <= end && end <= files->size(), "[{}, {}) of {}", begin, end, files->size());
  if (spec.channels != 1 && spec.channels != 3)
    fail_usage("data.image.channels is {}; image files give 1 (grey) or 3 (RGB)", spec.channels);
  Cluster& cluster = sharing.cluster ? *sharing.cluster : alone();
  if (cluster.size() > 1) compare_lists(cluster, *files, begin, end);
  const std::int64_t count = end - begin;
  const std::int64_t image_bytes = bytes_of_image(spec);
  const Plan plan = plan_of(count, image_bytes, cache_bytes, sharing);
  const auto dataset = std::make_shared<FolderDataset>(files, begin, spec, limits, plan.kept, pool.threads());

  struct Worker {
    PixelReader reader;
    std::vector<std::byte> pixels;
    std::string content;
    Faults faults;
    double decoding = 0;  // seconds
  };
  std::vector<Worker> workers(static_cast<std::size_t>(pool.threads()),
                              Worker{PixelReader(spec, limits), {}, {}, {}, 0});
  const bool all_stay = cluster.size() == 1 && plan.kept.size() == count;
  const DecodedStore decoded(all_stay ? store : StoreSpec{}, *files, spec, limits);
  std::vector<DecodedStore::Entry> entries(static_cast<std::size_t>(all_stay ? count : 0));
  std::vector<Fingerprint> fingerprints(static_cast<std::size_t>(count));
  std::vector<FileTraits> traits(static_cast<std::size_t>(count));
  std::vector<Fingerprint> contents(static_cast<std::size_t>(plan.shared ? count : 0));
  std::vector<FileStamp> stamps(static_cast<std::size_t>(plan.kept.size() < count ? count : 0));
  std::atomic<std::int64_t> done{0};
  pool.parallel_for(count, [&](std::int64_t at, int number) {
    Worker& worker = workers[static_cast<std::size_t>(number)];
    const std::string path = files->path(begin + at).string();
    const auto place_of_pixels = [&] {
      if (std::byte* place = dataset->place(at)) return place;
      worker.pixels.resize(static_cast<std::size_t>(image_bytes));  // only to see that it works
      return worker.pixels.data();
    };
    FileStamp stamp;
    if (plan.shared) {  // reading takes much less time than decoding
      const ImageFile file = read_image_file(path, limits, worker.content);
      stamp = file.stamp;
      contents[static_cast<std::size_t>(at)] = fingerprint(std::as_bytes(std::span(file.content)));
    }
    if (plan.decodes(at)) {
      const std::span pixels(place_of_pixels(), static_cast<std::size_t>(image_bytes));
      auto found = decoded.take(path, pixels);
      if (!found) {
        const double start = now_seconds();
        found.emplace();
        std::string fault = worker.reader.read(path, pixels.data(), &stamp, &found->traits);
        if (fault.empty())
          found->name = DecodedStore::name_of(path), found->stamp = stamp,
          found->pixels = fingerprint(
              PictureView{pixels.data(), dataset->pixel_type(), spec.channels, spec.height, spec.width});
        else
          worker.faults.emplace_back(at, std::move(fault));
        worker.decoding += now_seconds() - start;
      }
      fingerprints[static_cast<std::size_t>(at)] = found->pixels;
      traits[static_cast<std::size_t>(at)] = found->traits;
      if (all_stay) entries[static_cast<std::size_t>(at)] = *found;
    }
    if (!stamps.empty()) stamps[static_cast<std::size_t>(at)] = stamp;
    done.fetch_add(1, std::memory_order_relaxed);
    if (number == 0 && progress) progress(done.load(std::memory_order_relaxed), count);
  });
  if (progress) progress(count, count);

  if (plan.shared) compare_contents(cluster, *files, begin, contents);
  Faults faults;
  for (Worker& worker : workers)
    faults.insert(faults.end(), std::make_move_iterator(worker.faults.begin()),
                  std::make_move_iterator(worker.faults.end()));
  if (plan.shared) share_findings(cluster, plan, faults, fingerprints, traits);
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
      loaded.traits.add(traits[static_cast<std::size_t>(at)]);
      fingerprints[good.size() - 1] = fingerprints[static_cast<std::size_t>(at)];
    }
  }
  double decoding = 0;
  for (const Worker& worker : workers) decoding += worker.decoding / pool.threads();
  if (all_stay) loaded.stored = keep_decoded(decoded, entries, good, *dataset, decoding);
  const bool own = plan.shared && sharing.use == Sharing::Use::own_share;
  loaded.reread = (own ? plan.checked.size() : count) - plan.kept.size();
  fingerprints.resize(good.size());
  loaded.fingerprints = std::move(fingerprints);
  dataset->finish(std::move(good), count, std::move(stamps));
  loaded.dataset = dataset;
  return loaded;
}

}  // namespace cnn
