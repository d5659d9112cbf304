#include "data/augmentation.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "core/error.h"
#include "core/random.h"
#include "data/border.h"
#include "data/color_changes.h"
#include "data/random_box.h"
#include "data/trivial_augment.h"

namespace cnn {
namespace {

/// How a change is applied. One that is not sorted in here, or has no function of its step below, does not
/// compile.
enum class ChangeStep {
  move,       ///< whole rows and columns come from elsewhere
  warp,       ///< pixels are interpolated, once for neighbors in the list
  values,     ///< pixels change where they are
  redraw,     ///< what values does not need: the old pixels beside the new ones
  elsewhere,  ///< needs a batch
};
constexpr ChangeStep step_of(const RandomTranslateSpec*) { return ChangeStep::move; }
constexpr ChangeStep step_of(const RandomCropSpec*) { return ChangeStep::move; }
constexpr ChangeStep step_of(const RandomFlipSpec*) { return ChangeStep::move; }
constexpr ChangeStep step_of(const RandomRotateSpec*) { return ChangeStep::warp; }
constexpr ChangeStep step_of(const RandomScaleSpec*) { return ChangeStep::warp; }
constexpr ChangeStep step_of(const ElasticSpec*) { return ChangeStep::warp; }
constexpr ChangeStep step_of(const BrightnessSpec*) { return ChangeStep::values; }
constexpr ChangeStep step_of(const ContrastSpec*) { return ChangeStep::values; }
constexpr ChangeStep step_of(const CutoutSpec*) { return ChangeStep::values; }
constexpr ChangeStep step_of(const HueSpec*) { return ChangeStep::values; }
constexpr ChangeStep step_of(const SaturationSpec*) { return ChangeStep::values; }
constexpr ChangeStep step_of(const RandomGrayscaleSpec*) { return ChangeStep::values; }
constexpr ChangeStep step_of(const RandomErasingSpec*) { return ChangeStep::values; }
constexpr ChangeStep step_of(const RandomResizedCropSpec*) { return ChangeStep::redraw; }
constexpr ChangeStep step_of(const TrivialAugmentSpec*) { return ChangeStep::redraw; }
constexpr ChangeStep step_of(const MixupSpec*) { return ChangeStep::elsewhere; }
template <class Spec>
constexpr ChangeStep kStepOf = step_of(static_cast<const Spec*>(nullptr));

ChangeStep step_of(const AugmentSpec& change) {
  return std::visit([]<class Spec>(const Spec&) { return kStepOf<Spec>; }, change);
}

bool is_move(const AugmentSpec& change) { return step_of(change) == ChangeStep::move; }

/// Calls `body` with the spec of a change of this step; does nothing for a change of another step.
template <ChangeStep kStep, class Body>
void with_spec(const AugmentSpec& change, const Body& body) {
  std::visit(
      [&]<class Spec>(const Spec& spec) {
        if constexpr (kStepOf<Spec> == kStep) body(spec);
      },
      change);
}

/// The border of a change that interpolates; nothing for another one.
std::optional<Border> warp_border(const AugmentSpec& change) {
  std::optional<Border> border;
  with_spec<ChangeStep::warp>(change, [&](const auto& spec) { border = spec.border; });
  return border;
}

void begin_moves(int height, int width, Augmentation::Moves& moves) {
  moves.y.resize(static_cast<std::size_t>(height));
  moves.x.resize(static_cast<std::size_t>(width));
  std::iota(moves.y.begin(), moves.y.end(), 0);
  std::iota(moves.x.begin(), moves.x.end(), 0);
}

/// The changed image's position i shows what `origin` had at i - shift.
void translate(std::vector<int>& origin, int shift, Border border, std::vector<int>& scratch) {
  const int size = static_cast<int>(origin.size());
  if (border == Border::zero) {
    const int gap = std::min(std::abs(shift), size);
    if (shift > 0) {
      std::copy_backward(origin.begin(), origin.end() - gap, origin.end());
      std::fill_n(origin.begin(), gap, Augmentation::kNothing);
    } else {
      std::copy(origin.begin() + gap, origin.end(), origin.begin());
      std::fill_n(origin.end() - gap, gap, Augmentation::kNothing);
    }
    return;
  }
  scratch = origin;
  for (int i = 0; i < size; ++i)
    origin[static_cast<std::size_t>(i)] = scratch[static_cast<std::size_t>(reflected(i - shift, size))];
}

void shift_by_up_to(int pixels, Border border, Random& random, Augmentation::Moves& moves) {
  static thread_local std::vector<int> scratch;
  const auto choices = static_cast<std::uint32_t>(2 * pixels + 1);
  const int right = static_cast<int>(random.below(choices)) - pixels;
  const int down = static_cast<int>(random.below(choices)) - pixels;
  translate(moves.x, right, border, scratch);
  translate(moves.y, down, border, scratch);
}

/// What decides about the random numbers of an image.
struct Draw {
  std::uint64_t seed;
  std::uint32_t epoch;
  std::int64_t index;
  Random& random;
};

void move(const RandomTranslateSpec& shift, const Draw& draw, Augmentation::Moves& moves) {
  shift_by_up_to(shift.pixels, shift.border, draw.random, moves);
}
void move(const RandomCropSpec& crop, const Draw& draw, Augmentation::Moves& moves) {
  shift_by_up_to(crop.padding, crop.border, draw.random, moves);
}
void move(const RandomFlipSpec& flip, const Draw& draw, Augmentation::Moves& moves) {
  bool mirror = false;
  if (flip.mode == RandomFlipSpec::Mode::alternate) {
    // No training epoch is 0: the image's own coin, the same in all of them.
    Random coin(draw.seed, Purpose::augmentation, 0, static_cast<std::uint32_t>(draw.index));
    mirror = (coin.bits() >> 31) == draw.epoch % 2;
  } else {
    mirror = draw.random.uniform() < static_cast<float>(flip.p);
  }
  if (mirror) std::reverse(moves.x.begin(), moves.x.end());
}

void add_warp(const RandomRotateSpec& rotate, Random& random, Warp& warp) {
  warp.rotate(drawn(rotate.degrees, random));
}
void add_warp(const RandomScaleSpec& scale, Random& random, Warp& warp) {
  warp.scale(drawn(scale.scale, random));
}
void add_warp(const ElasticSpec& elastic, Random& random, Warp& warp) {
  warp.displace(elastic.alpha, elastic.sigma, random);
}

/// The range of the pixels, and the color of what is cut out.
struct Levels {
  bool clamp;
  std::span<const float> mean;
};

void change_values(const BrightnessSpec& brightness, Random& random, const FloatImageView& image,
                   const Levels& levels) {
  change_brightness(image, static_cast<float>(drawn(brightness.factor, random)), levels.clamp);
}
void change_values(const ContrastSpec& contrast, Random& random, const FloatImageView& image,
                   const Levels& levels) {
  change_contrast(image, static_cast<float>(drawn(contrast.factor, random)), levels.clamp);
}
void change_values(const CutoutSpec& cutout, Random& random, const FloatImageView& image,
                   const Levels& levels) {
  const int y = static_cast<int>(random.below(static_cast<std::uint32_t>(image.height)));
  const int x = static_cast<int>(random.below(static_cast<std::uint32_t>(image.width)));
  cut_out(image, y, x, cutout.size, levels.mean);
}

void change_values(const HueSpec& hue, Random& random, const FloatImageView& image, const Levels&) {
  shift_hue(image, static_cast<float>(drawn(hue.shift, random)));
}
void change_values(const SaturationSpec& saturation, Random& random, const FloatImageView& image,
                   const Levels& levels) {
  change_saturation(image, static_cast<float>(drawn(saturation.factor, random)), levels.clamp);
}
bool happens(double p, Random& random) { return random.uniform() < static_cast<float>(p); }
void change_values(const RandomGrayscaleSpec& grayscale, Random& random, const FloatImageView& image,
                   const Levels& levels) {
  if (happens(grayscale.p, random)) change_saturation(image, 0, levels.clamp);
}
void change_values(const RandomErasingSpec& erasing, Random& random, const FloatImageView& image,
                   const Levels& levels) {
  if (!happens(erasing.p, random)) return;
  const std::optional<PixelBox> box = draw_erased(erasing, image.height, image.width, random);
  if (!box) return;
  if (!erasing.value) return fill_box(image, *box, levels.mean);
  for (int c = 0; c < image.channels; ++c) {
    const float value = static_cast<float>(*erasing.value);
    fill_box({image.values + c * image.plane(), 1, image.height, image.width}, *box, {&value, 1});
  }
}

/// scratch.other is as large as the image.
void redraw(const RandomResizedCropSpec& crop, Random& random, const FloatImageView& image, const Levels&,
            Augmentation::Scratch& scratch) {
  const PixelBox box = draw_crop(crop, image.height, image.width, random);
  std::copy(image.values, image.values + image.size(), scratch.other.begin());
  scratch.enlarger.apply(box, scratch.other.data(), image);
}
void redraw(const TrivialAugmentSpec& trivial, Random& random, const FloatImageView& image,
            const Levels& levels, Augmentation::Scratch& scratch) {
  apply_trivial(draw_trivial(random), trivial.border, image, levels.clamp, scratch.other, scratch.warp);
}

void move_to(const TestView& view, Augmentation::Moves& moves) {
  std::vector<int> scratch;
  translate(moves.x, view.right, Border::reflect, scratch);
  translate(moves.y, view.down, Border::reflect, scratch);
  if (view.mirrored) std::reverse(moves.x.begin(), moves.x.end());
}

}  // namespace

Augmentation::Augmentation(std::vector<AugmentSpec> list, std::uint64_t seed)
    : list_(std::move(list)), seed_(seed) {
  std::erase_if(list_, [](const AugmentSpec& c) { return step_of(c) == ChangeStep::elsewhere; });
  only_moves_ = std::all_of(list_.begin(), list_.end(), is_move);
}

void Augmentation::draw(std::uint32_t epoch, std::int64_t index, int height, int width, Moves& moves) const {
  CNN_CHECK(only_moves_, "{} changes, not all of them moves", list_.size());
  begin_moves(height, width, moves);
  if (view_) return move_to(*view_, moves);
  Random random(seed_, Purpose::augmentation, epoch, static_cast<std::uint32_t>(index));
  draw_moves(0, epoch, index, random, moves);
}

std::size_t Augmentation::draw_moves(std::size_t first, std::uint32_t epoch, std::int64_t index,
                                     Random& random, Moves& moves) const {
  const Draw draw{seed_, epoch, index, random};
  for (; first < list_.size() && is_move(list_[first]); ++first)
    with_spec<ChangeStep::move>(list_[first], [&](const auto& spec) { move(spec, draw, moves); });
  return first;
}

std::size_t Augmentation::draw_warp(std::size_t first, Random& random, Warp& warp) const {
  const std::optional<Border> border = warp_border(list_[first]);
  for (; first < list_.size() && warp_border(list_[first]) == border && !warp.ended(); ++first)
    with_spec<ChangeStep::warp>(list_[first], [&](const auto& spec) { add_warp(spec, random, warp); });
  return first;
}

void Augmentation::change(std::uint32_t epoch, std::int64_t index, const FloatImageView& image, bool clamp,
                          std::span<const float> mean, Scratch& scratch) const {
  Random random(seed_, Purpose::augmentation, epoch, static_cast<std::uint32_t>(index));
  scratch.other.resize(static_cast<std::size_t>(image.size()));
  for (std::size_t next = 0; next < list_.size();) {
    const AugmentSpec& change = list_[next];
    if (is_move(change)) {
      begin_moves(image.height, image.width, scratch.moves);
      next = draw_moves(next, epoch, index, random, scratch.moves);
      std::copy(image.values, image.values + image.size(), scratch.other.begin());
      move_pixels(scratch.moves, image.channels, scratch.other.data(), image.values);
    } else if (const std::optional<Border> border = warp_border(change)) {
      scratch.warp.begin(image.height, image.width);
      next = draw_warp(next, random, scratch.warp);
      std::copy(image.values, image.values + image.size(), scratch.other.begin());
      scratch.warp.apply(*border, image.channels, scratch.other.data(), image.values);
    } else {
      with_spec<ChangeStep::values>(change, [&](const auto& spec) {
        change_values(spec, random, image, {clamp, mean});
      });
      with_spec<ChangeStep::redraw>(change, [&](const auto& spec) {
        redraw(spec, random, image, {clamp, mean}, scratch);
      });
      ++next;
    }
  }
}

}  // namespace cnn
