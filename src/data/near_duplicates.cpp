#include "data/near_duplicates.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/error.h"
#include "core/text.h"
#include "data/picture_hash.h"

namespace cnn {
namespace {

constexpr int kMostBits = 7;
constexpr double kLeastCorrelation = 0.95;
/// For each image: so many hashes are compared, and so many pictures looked at.
constexpr int kMostCompared = 100'000, kMostLookedAt = 8;

/// Finds the hashes that differ from another in at most kMostBits. Of eight bytes one is then the same in
/// both, so it is enough to look among those that share a byte at the same place.
class HashIndex {
 public:
  explicit HashIndex(const std::vector<Fingerprint>& prints) : prints_(prints) {
    for (std::size_t i = 0; i < prints.size(); ++i) {
      if (prints[i].look == 0) continue;
      for (std::size_t place = 0; place < kPlaces; ++place)
        lists_[place][byte_of(prints[i].look, place)].push_back(static_cast<std::uint32_t>(i));
    }
  }

  /// Calls visit(image) for each of them, until it returns true or it has cost enough.
  template <class Visit>
  void find(std::uint64_t look, const Visit& visit) const {
    int compared = 0;
    for (std::size_t place = 0; place < kPlaces; ++place)
      for (const std::uint32_t i : lists_[place][byte_of(look, place)]) {
        if (++compared > kMostCompared) return;
        const std::uint64_t other = prints_[i].look;
        if (distance(look, other) > kMostBits || shares_earlier(look, other, place)) continue;
        if (visit(static_cast<std::int64_t>(i))) return;
      }
  }

 private:
  static constexpr std::size_t kPlaces = 8;
  static std::size_t byte_of(std::uint64_t look, std::size_t place) { return look >> (8 * place) & 0xff; }
  /// Whether the two have met before.
  static bool shares_earlier(std::uint64_t a, std::uint64_t b, std::size_t place) {
    for (std::size_t earlier = 0; earlier < place; ++earlier)
      if (byte_of(a, earlier) == byte_of(b, earlier)) return true;
    return false;
  }

  const std::vector<Fingerprint>& prints_;
  std::array<std::array<std::vector<std::uint32_t>, 256>, kPlaces> lists_;
};

Thumbnail thumbnail_of(const Dataset& dataset, std::int64_t image, std::vector<std::byte>& scratch) {
  return thumbnail({dataset.pixels(image, scratch), dataset.pixel_type(), dataset.channels(),
                    dataset.height(), dataset.width()});
}

/// The first image of the index that looks like this one.
std::optional<NearDuplicates::Pair> find_like(const HashIndex& index, const Dataset& train,
                                              const Dataset& others, std::int64_t image, std::uint64_t look,
                                              std::vector<std::byte>& scratch) {
  std::optional<NearDuplicates::Pair> pair;
  std::optional<Thumbnail> mine;
  int looked_at = 0;
  index.find(look, [&](std::int64_t like) {
    if (!mine) mine = thumbnail_of(others, image, scratch);
    const double similar = correlation(*mine, thumbnail_of(train, like, scratch));
    if (similar >= kLeastCorrelation) pair = {.image = image, .like = like, .correlation = similar};
    return pair || ++looked_at == kMostLookedAt;
  });
  return pair;
}

std::string class_of(const Dataset& dataset, std::int64_t image) {
  const int label = dataset.label(image);
  return label < 0 ? "" : dataset.classes()[static_cast<std::size_t>(label)];
}

std::string told(const DuplicateCandidates& part, std::int64_t image) {
  const std::string name = class_of(*part.dataset, image);
  return fmt::format("{} ({}{})", printable(part.dataset->name(image)), part.part,
                     name.empty() ? "" : ", " + printable(name));
}

}  // namespace

NearDuplicates find_near_duplicates(const std::vector<DuplicateCandidates>& parts, ThreadPool& pool) {
  NearDuplicates near;
  if (parts.size() < 2) return near;
  const DuplicateCandidates& train = parts.front();
  const HashIndex index(*train.fingerprints);
  std::vector<Fingerprint> known = *train.fingerprints;
  std::sort(known.begin(), known.end());
  std::vector<std::vector<std::byte>> scratch(static_cast<std::size_t>(pool.threads()));
  for (std::size_t p = 1; p < parts.size(); ++p) {
    const std::vector<Fingerprint>& prints = *parts[p].fingerprints;
    std::vector<std::optional<NearDuplicates::Pair>> found(prints.size());
    pool.parallel_for(static_cast<std::int64_t>(prints.size()), [&](std::int64_t image, int worker) {
      const Fingerprint& print = prints[static_cast<std::size_t>(image)];
      if (print.look == 0 || std::ranges::binary_search(known, print)) return;
      found[static_cast<std::size_t>(image)] =
          find_like(index, *train.dataset, *parts[p].dataset, image, print.look,
                    scratch[static_cast<std::size_t>(worker)]);
    });
    for (std::optional<NearDuplicates::Pair>& pair : found) {
      if (!pair) continue;
      pair->part = static_cast<int>(p);
      near.pairs.push_back(*pair);
    }
  }
  return near;
}

std::vector<std::string> near_duplicate_notes(const NearDuplicates& near,
                                              const std::vector<DuplicateCandidates>& parts, bool splits) {
  std::vector<std::string> lines;
  for (std::size_t p = 1; p < parts.size(); ++p) {
    std::int64_t count = 0;
    const NearDuplicates::Pair* most = nullptr;
    for (const NearDuplicates::Pair& pair : near.pairs) {
      if (pair.part != static_cast<int>(p)) continue;
      ++count;
      if (most == nullptr || pair.correlation > most->correlation) most = &pair;
    }
    if (most == nullptr) continue;
    lines.push_back(fmt::format(
        "warning: {} of {} {} images look{} nearly like a training image, as copies in other colors, sizes "
        "or "
        "qualities and frames of one video do: memorized images make the accuracy look too good",
        with_commas(count), with_commas(parts[p].dataset->size()), parts[p].part, count == 1 ? "s" : ""));
    lines.push_back(fmt::format("  {} ~ {}", told(parts[p], most->image), told(parts.front(), most->like)));
    if (splits && parts[p].part == "validation")
      lines.push_back(
          "  if the names of the files tell what belongs together, \"group_by\" in \"validation\" keeps it "
          "in one "
          "part");
  }
  return lines;
}

std::string near_duplicate_table(const NearDuplicates& near, const std::vector<DuplicateCandidates>& parts) {
  std::string table = "part,class,path,training_class,training_path,correlation\n";
  const Dataset& train = *parts.front().dataset;
  for (const NearDuplicates::Pair& pair : near.pairs) {
    const DuplicateCandidates& part = parts[static_cast<std::size_t>(pair.part)];
    table += fmt::format("{},{},{},{},{},{:.3f}\n", part.part, csv_cell(class_of(*part.dataset, pair.image)),
                         csv_cell(part.dataset->name(pair.image)), csv_cell(class_of(train, pair.like)),
                         csv_cell(train.name(pair.like)), pair.correlation);
  }
  return table;
}

}  // namespace cnn
