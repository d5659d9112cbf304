#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "data/dataset.h"

namespace cnn {

/// Some images of a data set, in a given order.
class Subset final : public Dataset {
 public:
  /// indices: each in [0, whole->size()).
  Subset(std::shared_ptr<const Dataset> whole, std::vector<std::int64_t> indices);

  std::int64_t size() const override { return static_cast<std::int64_t>(indices_.size()); }
  int channels() const override { return whole_->channels(); }
  int height() const override { return whole_->height(); }
  int width() const override { return whole_->width(); }
  PixelType pixel_type() const override { return whole_->pixel_type(); }
  const std::vector<std::string>& classes() const override { return whole_->classes(); }
  int label(std::int64_t index) const override { return whole_->label(at(index)); }
  std::string name(std::int64_t index) const override { return whole_->name(at(index)); }
  const std::byte* pixels(std::int64_t index, std::vector<std::byte>& scratch) const override {
    return whole_->pixels(at(index), scratch);
  }
  void will_need(std::span<const std::int64_t> indices) const override;

 private:
  std::int64_t at(std::int64_t index) const { return indices_[static_cast<std::size_t>(index)]; }

  std::shared_ptr<const Dataset> whole_;
  std::vector<std::int64_t> indices_;
};

/// A data set whose classes are another one's: labels by the order of a model's outputs.
class Relabeled final : public Dataset {
 public:
  /// labels[i]: index into `classes` of what is class i in `whole`.
  Relabeled(std::shared_ptr<const Dataset> whole, std::vector<std::string> classes, std::vector<int> labels);

  std::int64_t size() const override { return whole_->size(); }
  int channels() const override { return whole_->channels(); }
  int height() const override { return whole_->height(); }
  int width() const override { return whole_->width(); }
  PixelType pixel_type() const override { return whole_->pixel_type(); }
  const std::vector<std::string>& classes() const override { return classes_; }
  int label(std::int64_t index) const override {
    const int label = whole_->label(index);
    return label < 0 ? label : labels_[static_cast<std::size_t>(label)];
  }
  std::string name(std::int64_t index) const override { return whole_->name(index); }
  const std::byte* pixels(std::int64_t index, std::vector<std::byte>& scratch) const override {
    return whole_->pixels(index, scratch);
  }
  void will_need(std::span<const std::int64_t> indices) const override { whole_->will_need(indices); }

 private:
  std::shared_ptr<const Dataset> whole_;
  std::vector<std::string> classes_;
  std::vector<int> labels_;
};

/// For every class of `found`, its index in `known`. Throws Error (exit 1) that starts with `where` and lists
/// both if a found class is unknown. Known classes that were not found are fine: missing_classes names them.
std::vector<int> match_classes(const std::vector<std::string>& found, const std::vector<std::string>& known,
                               const std::string& where);
std::vector<std::string> missing_classes(const std::vector<std::string>& found,
                                         const std::vector<std::string>& known);
/// Names of `found` that match_classes() takes for a known class although their bytes differ: the accents are
/// in another form (see composed()).
std::vector<std::string> other_accents(const std::vector<std::string>& found,
                                       const std::vector<std::string>& known);

/// How many images each class has.
std::vector<std::int64_t> count_classes(const Dataset& dataset);

/// A training set in two parts. Indices ascend.
struct Split {
  std::vector<std::int64_t> train, validation;
};

/// How many of a class's images are held back: of n >= 2, round-half-up(n * fraction), at least 1 and at most
/// n - 1.
std::int64_t held_back_of(std::int64_t images, double fraction);

/// Holds back held_back_of(its images, fraction) of every class.
/// The image of a class of one stays in the training part. Which ones depends on the seed, the class and n
/// only. Throws Error if an image has no label or nothing could be held back. 0 < fraction < 1.
Split stratified_split(const Dataset& dataset, double fraction, std::uint64_t seed);

}  // namespace cnn
