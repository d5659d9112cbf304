#include "session/training_data.h"

#include "cluster/messages.h"
#include "core/error.h"
#include "core/text.h"
#include "data/batch_filler.h"
#include "data/class_notes.h"
#include "data/duplicates.h"
#include "data/label_table.h"
#include "data/name_groups.h"
#include "data/near_duplicates.h"
#include "data/open_dataset.h"
#include "data/subset.h"
#include "data/used_range.h"
#include "session/data_comparison.h"

namespace cnn {
namespace {

/// A data set with what turns it into lanes, behind the functions that the trainer calls.
struct FilledSet {
  FilledSet(std::shared_ptr<const Dataset> images, const Normalize& normalize, int workers,
            Augmentation augmentation)
      : dataset(std::move(images)), filler(*dataset, normalize, workers, std::move(augmentation)) {}
  std::shared_ptr<const Dataset> dataset;
  BatchFiller filler;
};

/// Opens one set of a config with a progress line, and collects notes about it.
class Opener {
 public:
  Opener(const DataSpec& spec, ThreadPool& pool, const Voice& voice, Cluster& cluster,
         std::vector<std::string>& notes)
      : spec_(spec), image_(spec.image), pool_(pool), voice_(voice), cluster_(cluster), notes_(notes) {}

  /// classes: empty for the training set, else its classes: they are matched by name. Of the other sets each
  /// process always takes the same share.
  std::shared_ptr<const Dataset> open(const DataLocation& location, const std::string& which,
                                      const std::vector<std::string>& classes,
                                      std::vector<Fingerprint>& fingerprints) {
    std::unique_ptr<ProgressLine> line;
    LoadOptions options;
    options.bad_images = spec_.bad_images;
    options.limits = spec_.limits;
    options.cache_bytes = std::int64_t{spec_.cache_mb} << 20;
    if (spec_.disk_cache_mb > 0)
      options.store = {.folder = user_store(), .bytes = std::int64_t{spec_.disk_cache_mb} << 20};
    options.classes = classes;
    options.class_folders = spec_.class_folders;
    options.sharing = {&cluster_, classes.empty() ? Sharing::Use::any_image : Sharing::Use::own_share};
    const auto listing = voice_.progress(fmt::format("listing the {} images", which), 0);
    options.listed = [&](std::int64_t images) { listing->update(images, "so far"); };
    options.progress = [&](std::int64_t done, std::int64_t total) {
      listing->clear();
      if (!line) line = voice_.progress(fmt::format("reading the {} images", which), total);
      line->update(done, "");
    };
    LoadedSet set = open_dataset(location, image_, options, pool_);
    line.reset();
    fingerprints = std::move(set.fingerprints);
    set.report.missing_classes.clear();  // class_notes says it
    for (const std::string& note : set.report.notes())
      notes_.push_back(fmt::format("{} images: {}", which, note));
    return set.dataset;
  }

  /// For the sets that are opened afterwards, "auto" becomes the range that the images in `train` use.
  /// Nothing if the config says something else.
  std::optional<PixelRange> find_range() {
    if (image_.range.mode != PixelRange::Mode::automatic) return std::nullopt;
    const auto* folder = std::get_if<FolderLocation>(&spec_.train);
    const ImageFiles files = folder ? scan_folder(folder->folder, {}, spec_.class_folders)
                                    : read_label_table(std::get<LabelTable>(spec_.train));
    const auto line = voice_.progress("looking for the range of the training images", files.size());
    image_.range = used_range(
        files, spec_.limits, pool_, [&](std::int64_t done, std::int64_t) { line->update(done, ""); },
        cluster_);
    return image_.range;
  }

 private:
  const DataSpec& spec_;
  ImageSpec image_;
  ThreadPool& pool_;
  const Voice& voice_;
  Cluster& cluster_;
  std::vector<std::string>& notes_;
};

std::vector<Fingerprint> some_of(const std::vector<Fingerprint>& prints,
                                 const std::vector<std::int64_t>& indices) {
  std::vector<Fingerprint> some;
  for (const std::int64_t index : indices) some.push_back(prints[static_cast<std::size_t>(index)]);
  return some;
}

/// The floats of a packed file may lie anywhere, and some changes know a black and a white.
void check_augment_values(const DataSpec& spec, const Dataset& train) {
  if (train.pixel_type() != PixelType::floats || spec.format != DataFormat::idx) return;
  for (std::size_t i = 0; i < spec.augment.size(); ++i)
    if (std::holds_alternative<TrivialAugmentSpec>(spec.augment[i]))
      fail_usage(
          "/data/augment/{}: trivial_augment needs values from 0, black, to 1, white, but the training "
          "images "
          "are floats, which may lie anywhere; remove it, or store bytes",
          i);
}

/// Holds back what the config says; adds what is to be told about groups.
Split split_of(const Dataset& train, const ValidationFraction& part, const DataSpec& spec, std::uint64_t seed,
               std::vector<std::string>& notes) {
  if (part.group_by.empty()) return stratified_split(train, part.fraction, seed);
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < train.size(); ++i)
    names.push_back(name_in_class(train.name(i), spec.train, spec.class_folders));
  const NameGroups groups = group_by_name(names, part.group_by);
  Split split = grouped_split(train, groups, part.fraction, seed);
  for (std::string& note : group_notes(groups, split, part.group_by, names.front()))
    notes.push_back(std::move(note));
  return split;
}

/// Looks for copies within and across the parts; fails on them if the config says so.
void check_duplicates(const std::vector<DuplicateCandidates>& parts, DuplicatePolicy policy,
                      TrainingData& data) {
  const Duplicates duplicates = find_duplicates(parts);
  if (duplicates.empty()) return;
  if (policy == DuplicatePolicy::fail)
    fail("some images have the same pixels, and \"duplicates\" is \"fail\"\n{}",
         join(duplicate_notes(duplicates, parts, 50), "\n"));
  for (std::string& note : duplicate_notes(duplicates, parts)) data.notes.push_back(std::move(note));
  data.duplicates = duplicate_table(duplicates, parts);
}

/// Looks for training images that are nearly the same as others.
void check_near_duplicates(const std::vector<DuplicateCandidates>& parts, const DataSpec& spec,
                           ThreadPool& pool, TrainingData& data) {
  const NearDuplicates near = find_near_duplicates(parts, pool);
  if (near.empty()) return;
  const auto* part = std::get_if<ValidationFraction>(&spec.validation);
  const bool files = spec.format == DataFormat::folder || spec.format == DataFormat::csv;
  const bool could_group = part != nullptr && part->group_by.empty() && files;
  for (std::string& note : near_duplicate_notes(near, parts, could_group))
    data.notes.push_back(std::move(note));
  data.near_duplicates = near_duplicate_table(near, parts);
}

}  // namespace

ImageSet image_set(std::shared_ptr<const Dataset> dataset, const Normalize& normalize, int workers,
                   Augmentation augmentation) {
  const auto owner =
      std::make_shared<const FilledSet>(std::move(dataset), normalize, workers, std::move(augmentation));
  ImageSet set;
  for (std::int64_t i = 0; i < owner->dataset->size(); ++i) set.labels.push_back(owner->dataset->label(i));
  set.fill = [owner](std::span<const std::int64_t> images, std::uint32_t epoch, int worker,
                     BlockView<float> x) { owner->filler.fill(images, epoch, worker, x); };
  set.will_need = [owner](std::span<const std::int64_t> images) { owner->dataset->will_need(images); };
  set.name = [owner](std::int64_t image) { return owner->dataset->name(image); };
  return set;
}

std::vector<WeightedLook> looks_at(const std::shared_ptr<const Dataset>& dataset, const Normalize& normalize,
                                   int workers, TestTimeAugmentation augmentation) {
  const std::vector<TestView> views = test_views(augmentation);
  std::vector<WeightedLook> looks;
  for (const TestView& view : views)
    looks.push_back(
        {image_set(dataset, normalize, workers, views.size() == 1 ? Augmentation() : Augmentation(view)),
         view.weight});
  return looks;
}

OpenedData open_data(const DataSpec& spec, ThreadPool& pool, const Voice& voice, Cluster& cluster) {
  OpenedData opened;
  Opener opener(spec, pool, voice, cluster, opened.notes);
  opened.found_range = opener.find_range();
  opened.train = opener.open(spec.train, "training", {}, opened.train_prints);
  const std::vector<std::string>& classes = opened.train->classes();
  for (const std::string& name : classes)
    if (!is_utf8(name))
      fail("the name of the class folder \"{}\" is not UTF-8, so a model cannot store it; rename it",
           printable(name));
  if (classes.size() < 2)
    fail("the training set has {} class{} ({}); a classifier needs at least 2", classes.size(),
         classes.size() == 1 ? "" : "es", printable(join(classes)));
  if (const auto* location = std::get_if<DataLocation>(&spec.validation))
    opened.validation = opener.open(*location, "validation", classes, opened.validation_prints);
  if (spec.test) opened.test = opener.open(*spec.test, "test", classes, opened.test_prints);
  compare_with_root(cluster, "training", opened.train.get(), opened.train_prints);
  compare_with_root(cluster, "validation", opened.validation.get(), opened.validation_prints);
  compare_with_root(cluster, "test", opened.test.get(), opened.test_prints);
  gathered(cluster, char{0});  // nobody goes on before all agree
  return opened;
}

TrainingData prepare_data(const OpenedData& opened, const DataSpec& spec, std::uint64_t seed,
                          ThreadPool& pool, Cluster& cluster) {
  TrainingData data;
  data.classes = opened.train->classes();
  data.notes = opened.notes;
  std::shared_ptr<const Dataset> train = opened.train, validation = opened.validation;
  std::vector<Fingerprint> train_prints = opened.train_prints, validation_prints = opened.validation_prints;
  if (const auto* part = std::get_if<ValidationFraction>(&spec.validation)) {
    const Split split = split_of(*train, *part, spec, seed, data.notes);
    validation = std::make_shared<Subset>(train, split.validation);
    train = std::make_shared<Subset>(train, split.train);
    validation_prints = some_of(opened.train_prints, split.validation);
    train_prints = some_of(opened.train_prints, split.train);
  }
  for (std::string& note : class_notes(*train, validation.get(), opened.test.get()))
    data.notes.push_back(std::move(note));
  std::vector<DuplicateCandidates> parts{{"training", train.get(), &train_prints}};
  if (validation) parts.push_back({"validation", validation.get(), &validation_prints});
  if (opened.test) parts.push_back({"test", opened.test.get(), &opened.test_prints});
  check_duplicates(parts, spec.duplicates, data);
  check_near_duplicates(parts, spec, pool, data);
  const Normalize normalize = resolve_normalize(spec.normalize, *train, pool, cluster);
  data.mean = normalize.mean;
  data.std = normalize.std;
  check_augment_values(spec, *train);
  const int workers = pool.threads();
  data.train = image_set(train, normalize, workers, Augmentation(spec.augment, seed));
  data.plain_train = image_set(train, normalize, workers);
  data.train.changes = !spec.augment.empty();
  for (const AugmentSpec& change : spec.augment)
    if (const auto* mixup = std::get_if<MixupSpec>(&change)) data.train.mixup_alpha = mixup->alpha;
  if (validation) data.validation = image_set(validation, normalize, workers);
  if (opened.test) data.test = looks_at(opened.test, normalize, workers, spec.test_time_augmentation);
  data.validation_images = validation;
  data.test_images = opened.test;
  return data;
}

}  // namespace cnn
