#include "apps/training_data.h"

#include "core/error.h"
#include "core/text.h"
#include "data/batch_filler.h"
#include "data/cifar10.h"
#include "data/idx.h"
#include "data/subset.h"

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

std::shared_ptr<const Dataset> open(const DataLocation& location, const DataSpec& spec, ThreadPool& pool) {
  if (const auto* idx = std::get_if<IdxLocation>(&location)) return load_idx(*idx, spec.image, pool);
  if (const auto* cifar = std::get_if<CifarLocation>(&location))
    return load_cifar10(*cifar, spec.image, pool);
  fail("folder");
}

/// A set beside the training set: its classes are the training set's, by name.
std::shared_ptr<const Dataset> matched(std::shared_ptr<const Dataset> dataset,
                                       const std::vector<std::string>& classes, const std::string& which,
                                       std::vector<std::string>& notes) {
  const std::vector<int> labels = match_classes(dataset->classes(), classes, which);
  for (const std::string& name : missing_classes(dataset->classes(), classes))
    notes.push_back(fmt::format("warning: the {} set has no image of class {}", which, printable(name)));
  return std::make_shared<Relabeled>(std::move(dataset), classes, labels);
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

TrainingData open_training_data(const DataSpec& spec, std::uint64_t seed, ThreadPool& pool, bool) {
  TrainingData data;
  std::shared_ptr<const Dataset> train = open(spec.train, spec, pool), validation;
  data.classes = train->classes();
  if (data.classes.size() < 2)
    fail("the training set has {} class{} ({}); a classifier needs at least 2", data.classes.size(),
         data.classes.size() == 1 ? "" : "es", printable(join(data.classes)));
  if (const auto* part = std::get_if<ValidationFraction>(&spec.validation)) {
    const Split split = stratified_split(*train, part->fraction, seed);
    for (const std::string& name : split.single_image_classes)
      data.notes.push_back(fmt::format("warning: class {} has a single image; it stays in the training part",
                                       printable(name)));
    validation = std::make_shared<Subset>(train, split.validation);
    train = std::make_shared<Subset>(train, split.train);
  } else if (const auto* location = std::get_if<DataLocation>(&spec.validation)) {
    validation = matched(open(*location, spec, pool), data.classes, "validation", data.notes);
  }
  const Normalize normalize = resolve_normalize(spec.normalize, *train, pool);
  data.mean = normalize.mean;
  data.std = normalize.std;
  const int workers = pool.threads();
  data.train = image_set(train, normalize, workers, Augmentation(spec.augment, seed));
  if (validation) data.validation = image_set(validation, normalize, workers);
  if (spec.test)
    data.test = image_set(matched(open(*spec.test, spec, pool), data.classes, "test", data.notes), normalize,
                          workers);
  return data;
}

}  // namespace cnn
