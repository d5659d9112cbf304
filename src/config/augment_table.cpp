#include "config/augment_table.h"

#include <cmath>

namespace cnn {
namespace {

using JsonKind = JsonValue::Kind;

/// [low, high].
class BothEnds : public Kind<Range> {
 public:
  explicit BothEnds(Interval allowed) : allowed_(allowed) {}

  bool read(const Place& place, Range& out) const override {
    const JsonValue& value = place.value();
    if (value.kind != JsonKind::array || value.items.size() != 2) return place.expected(words());
    const auto bound = number(allowed_);
    const bool low = bound->read(place.element(0), out.low), high = bound->read(place.element(1), out.high);
    if (!low || !high) return false;
    return out.low <= out.high || place.expected("[low, high] with low <= high");
  }
  JsonValue write(const Range& value) const override {
    return JsonValue::array({JsonValue(value.low), JsonValue(value.high)});
  }
  JsonValue schema() const override {
    return JsonValue::object()
        .set("type", "array")
        .set("items", number(allowed_)->schema())
        .set("minItems", 2)
        .set("maxItems", 2);
  }
  std::string words() const override { return "[low, high], each " + number(allowed_)->words(); }

 private:
  Interval allowed_;
};

KindOf<Range> both_ends(Interval allowed) { return std::make_shared<BothEnds>(allowed); }

/// [low, high], or a number d for [center - d, center + d].
class RangeAround : public Kind<Range> {
 public:
  RangeAround(double center, Interval allowed) : center_(center), allowed_(allowed) {}

  bool read(const Place& place, Range& out) const override {
    const JsonValue& value = place.value();
    if (value.kind == JsonKind::array && value.items.size() == 2)
      return both_ends(allowed_)->read(place, out);
    double distance = 0;
    if (value.kind != JsonKind::number) return place.expected(words());
    if (!number()->read(place, distance)) return false;
    out = {center_ - distance, center_ + distance};
    const bool allowed = out.low > allowed_.low || (out.low == allowed_.low && !allowed_.low_open);
    return (distance >= 0 && allowed) || place.expected(words());
  }
  JsonValue write(const Range& value) const override { return both_ends(allowed_)->write(value); }
  JsonValue schema() const override {
    return JsonValue::object().set(
        "anyOf", JsonValue::array({number(distance_interval())->schema(), both_ends(allowed_)->schema()}));
  }
  std::string words() const override {
    const std::string center = center_ == 0 ? "" : exact(center_);
    return fmt::format("[low, high] or d, {}, for [{}-d, {}d]", number(distance_interval())->words(), center,
                       center.empty() ? "" : center + "+");
  }

 private:
  /// The number d, so that low is still allowed.
  Interval distance_interval() const {
    Interval interval = Interval::at_least(0);
    if (std::isfinite(allowed_.low)) {
      interval.high = center_ - allowed_.low;
      interval.high_open = allowed_.low_open;
    }
    return interval;
  }
  double center_;
  Interval allowed_;
};

KindOf<Range> range_around(double center, Interval allowed) {
  return std::make_shared<RangeAround>(center, allowed);
}

/// "mean", or a value of 0 to 1.
class ErasedValue : public Kind<std::optional<double>> {
 public:
  bool read(const Place& place, std::optional<double>& out) const override {
    const JsonValue& value = place.value();
    if (value.kind == JsonKind::string && value.text == "mean") return out.reset(), true;
    if (value.kind != JsonKind::number) return place.expected(words());
    return number(Interval::closed(0, 1))->read(place, out.emplace());
  }
  JsonValue write(const std::optional<double>& value) const override {
    return value ? JsonValue(*value) : JsonValue("mean");
  }
  JsonValue schema() const override {
    return JsonValue::object().set(
        "anyOf", JsonValue::array({JsonValue::object().set("enum", JsonValue::array({JsonValue("mean")})),
                                   number(Interval::closed(0, 1))->schema()}));
  }
  std::string words() const override { return "\"mean\" or " + number(Interval::closed(0, 1))->words(); }
};

KindOf<Border> border_kind() { return choice<Border>(); }

template <class S>
Field<S> border_key() {
  return optional_key(
      "border", &S::border, border_kind(),
      "What fills the pixels from outside the image: zeros (black), or the image mirrored at its edge.");
}

Table<RandomFlipSpec> flip_table() {
  using S = RandomFlipSpec;
  Table<S> table{
      "random_flip",
      "Mirrors the image left to right.",
      {optional_key("p", &S::p, number(Interval::closed(0, 1)), "Probability, mode `random` only."),
       optional_key("mode", &S::mode, choice<S::Mode>(),
                    "`random`: each image is flipped or not at random, anew every epoch. `alternate`: a "
                    "random half of the images is flipped in the first epoch, the other half in the second, "
                    "and so on; each image is seen both ways equally often.")}};
  table.check = [](const Place& place, S& spec) {
    if (spec.mode == S::Mode::random || spec.p == 0.5) return true;
    return place.error_at_member(
        "p", "only mode \"random\" has it: alternating flips mirror every second epoch; leave it out");
  };
  return table;
}

/// An entry moves the image by up to `pixels` at `key`: some of it must stay in sight.
bool check_shift(const Place& entry, const char* key, int pixels, const ImageSpec& image) {
  const int shorter = std::min(image.height, image.width);
  if (pixels < shorter) return true;
  return entry.error_at_member(
      key, fmt::format("a shift by up to {} pixels moves an image of {}x{} out of sight; use less than {}",
                       pixels, image.height, image.width, shorter));
}

/// An entry of this type changes colors: the images must have some.
bool check_colors(const Place& entry, const char* type, int channels) {
  if (channels == 3) return true;
  return entry.error(fmt::format(
      "{} changes colors, but \"image\" asks for {} channel{}; remove it, or set \"channels\" to 3", type,
      channels, channels == 1 ? "" : "s"));
}

/// What an entry must be for these images and at its place in the list; a type that is missing here does not
/// compile.
struct EntryCheck {
  const Place& place;  ///< the key `data`
  std::size_t i;       ///< the entry's number
  const DataSpec& data;

  Place entry() const { return place.member("augment").element(i); }

  bool operator()(const RandomTranslateSpec& translate) const {
    return check_shift(entry(), "pixels", translate.pixels, data.image);
  }
  bool operator()(const RandomCropSpec& crop) const {
    return check_shift(entry(), "padding", crop.padding, data.image);
  }
  bool operator()(const MixupSpec&) const {
    return i + 1 == data.augment.size() ||
           entry().error("mixup mixes finished images; make it the last entry");
  }
  bool operator()(const RandomFlipSpec&) const { return true; }
  bool operator()(const RandomRotateSpec&) const { return true; }
  bool operator()(const RandomScaleSpec&) const { return true; }
  bool operator()(const ElasticSpec&) const { return true; }
  bool operator()(const BrightnessSpec&) const { return true; }
  bool operator()(const ContrastSpec&) const { return true; }
  bool operator()(const CutoutSpec&) const { return true; }
  bool operator()(const RandomResizedCropSpec&) const { return true; }
  bool operator()(const HueSpec&) const { return check_colors(entry(), "hue", data.image.channels); }
  bool operator()(const SaturationSpec&) const {
    return check_colors(entry(), "saturation", data.image.channels);
  }
  bool operator()(const RandomGrayscaleSpec&) const {
    return check_colors(entry(), "random_grayscale", data.image.channels);
  }
  bool operator()(const RandomErasingSpec&) const { return true; }
  bool operator()(const TrivialAugmentSpec&) const { return true; }
};

Table<RandomResizedCropSpec> resized_crop_table() {
  using S = RandomResizedCropSpec;
  return {"random_resized_crop",
          "Cuts out a box of random area and shape at a random place, and brings it back to the size of the "
          "image with bilinear interpolation, as torchvision's RandomResizedCrop. It cuts from the image as "
          "`image` made it, so a small `scale` shows few real pixels.",
          {optional_key("scale", &S::scale, both_ends({.low = 0, .high = 1, .low_open = true}),
                        "Area of the box, as a share of the image."),
           optional_key("ratio", &S::ratio, both_ends(Interval::above(0)),
                        "Width / height of the box; its logarithm is uniform.")}};
}

Table<RandomErasingSpec> erasing_table() {
  using S = RandomErasingSpec;
  return {"random_erasing",
          "Fills a box of random area and shape that lies within the image (Zhong et al. 2017), as "
          "torchvision's RandomErasing.",
          {optional_key("p", &S::p, number(Interval::closed(0, 1)), "Probability."),
           optional_key("scale", &S::scale, both_ends({.low = 0, .high = 1, .low_open = true}),
                        "Area of the box, as a share of the image."),
           optional_key("ratio", &S::ratio, both_ends(Interval::above(0)),
                        "Height / width of the box; its logarithm is uniform."),
           optional_key("value", &S::value, KindOf<std::optional<double>>(std::make_shared<ErasedValue>()),
                        "What fills it: the mean color (0 after normalization), or a grey from 0, black, to "
                        "1, white.")}};
}

/// The changes that are called as in torchvision, and mean the same.
void add_torchvision_changes(Typed<AugmentSpec, AugmentSpec>& augment) {
  augment.add(resized_crop_table());
  augment.add(
      Table<HueSpec>{"hue",
                     "Turns all hues, in HSV. For images of 3 channels.",
                     {required_key("shift", &HueSpec::shift, range_around(0, Interval::closed(-0.5, 0.5)),
                                   "By which share of the color circle: 0.5 makes red cyan.")}});
  augment.add(Table<SaturationSpec>{
      "saturation",
      "Multiplies the distance of every pixel from its own grey; bytes stay between black and white. For "
      "images of 3 channels.",
      {required_key("factor", &SaturationSpec::factor, range_around(1, Interval::at_least(0)),
                    "The factor; 0 takes all color away.")}});
  augment.add(Table<RandomGrayscaleSpec>{
      "random_grayscale",
      "Takes all color away, now and then. For images of 3 channels.",
      {optional_key("p", &RandomGrayscaleSpec::p, number(Interval::closed(0, 1)), "Probability.")}});
  augment.add(erasing_table());
  augment.add(Table<TrivialAugmentSpec>{
      "trivial_augment",
      "One change of random strength for each image, out of 14: nothing, shear, translation (up to 32 "
      "pixels) "
      "and rotation (up to 135 degrees) with bilinear interpolation, brightness, color, contrast, sharpness, "
      "posterize, solarize, autocontrast, equalize (Mueller, Hutter 2021, arXiv:2103.10158, in its wide "
      "space, "
      "with torchvision's numbers). There is nothing to tune. Grey images have no color: that one changes "
      "nothing in them. Posterize and equalize work on 256 levels.",
      {border_key<TrivialAugmentSpec>()}});
}

}  // namespace

const Typed<AugmentSpec, AugmentSpec>& augment_kind() {
  static const Typed<AugmentSpec, AugmentSpec> kind = [] {
    Typed<AugmentSpec, AugmentSpec> augment([](AugmentSpec& spec) -> AugmentSpec& { return spec; });
    augment.add(Table<RandomTranslateSpec>{
        "random_translate",
        "Shifts the image by a whole number of pixels, in each direction uniform in -pixels .. pixels.",
        {required_key("pixels", &RandomTranslateSpec::pixels, integer(0), "The largest shift."),
         border_key<RandomTranslateSpec>()}});
    augment.add(Table<RandomCropSpec>{
        "random_crop",
        "Adds a border on every side, then cuts out an image of the old size at a random place. The same as "
        "`random_translate`, in the terms of other tools.",
        {required_key("padding", &RandomCropSpec::padding, integer(0), "Width of the border."),
         border_key<RandomCropSpec>()}});
    augment.add(flip_table());
    augment.add(Table<RandomRotateSpec>{
        "random_rotate",
        "Turns the image around its center, counterclockwise, with bilinear interpolation. Neighboring "
        "`random_rotate`, `random_scale` and a final `elastic` with the same `border` share one "
        "interpolation.",
        {required_key("degrees", &RandomRotateSpec::degrees, range_around(0, {}), "The angle."),
         border_key<RandomRotateSpec>()}});
    augment.add(Table<RandomScaleSpec>{
        "random_scale",
        "Zooms around the center of the image, with bilinear interpolation.",
        {required_key("scale", &RandomScaleSpec::scale, range_around(1, Interval::above(0)),
                      "The factor; above 1 enlarges."),
         border_key<RandomScaleSpec>()}});
    augment.add(Table<ElasticSpec>{
        "elastic",
        "Moves every pixel by a smooth random field, with bilinear interpolation (Simard, Steinkraus, Platt "
        "2003): uniform noise in -1 .. 1 for each direction, blurred, times `alpha`. The defaults suit "
        "digits of 28x28.",
        {optional_key(
             "alpha", &ElasticSpec::alpha, number(Interval::at_least(0)),
             "How far pixels move, in pixels, before the blur, which leaves about 0.16 / sigma of it."),
         optional_key("sigma", &ElasticSpec::sigma, number(Interval::above(0)),
                      "How smooth the field is: standard deviation of the Gaussian blur, in pixels."),
         border_key<ElasticSpec>()}});
    augment.add(Table<BrightnessSpec>{"brightness",
                                      "Multiplies all values; bytes stay between black and white.",
                                      {required_key("factor", &BrightnessSpec::factor,
                                                    range_around(1, Interval::at_least(0)), "The factor.")}});
    augment.add(Table<ContrastSpec>{
        "contrast",
        "Multiplies the distance of all values from the mean grey of the image; bytes stay between black and "
        "white.",
        {required_key("factor", &ContrastSpec::factor, range_around(1, Interval::at_least(0)),
                      "The factor.")}});
    augment.add(Table<CutoutSpec>{
        "cutout",
        "Fills a square with the mean color (0 after normalization). Its center is anywhere in the image, so "
        "part of it may lie outside (DeVries, Taylor 2017).",
        {required_key("size", &CutoutSpec::size, integer(1), "Side of the square, in pixels.")}});
    add_torchvision_changes(augment);
    augment.add(Table<MixupSpec>{
        "mixup",
        "Mixes every image with another one of its batch, and their labels with the same shares (Zhang et "
        "al. 2018). The shares are drawn once per batch. The larger share is the image's own, and training "
        "accuracy counts its label. Must be the last entry.",
        {optional_key(
            "alpha", &MixupSpec::alpha, number(Interval::above(0)),
            "The share is drawn from Beta(alpha, alpha): small values change most images little.")}});
    return augment;
  }();
  return kind;
}

KindOf<TestTimeAugmentation> test_time_augmentation_kind() { return choice<TestTimeAugmentation>(); }

bool check_augment(const Place& place, const DataSpec& data) {
  bool good = true;
  for (std::size_t i = 0; i < data.augment.size(); ++i) {
    const EntryCheck check{place, i, data};
    good = std::visit(check, data.augment[i]) && good;
  }
  return good;
}

}  // namespace cnn
