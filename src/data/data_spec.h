#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/words.h"

namespace cnn {

enum class DataFormat {
  folder,   ///< <class>/*.{png,jpg,...}
  idx,      ///< MNIST's file format, also .gz
  cifar10,  ///< CIFAR-10's binary batches
  csv,      ///< a table of image files and their labels
};
template <>
inline constexpr auto kWords<DataFormat> = all_words<DataFormat>({{"folder", DataFormat::folder},
                                                                  {"idx", DataFormat::idx},
                                                                  {"cifar10", DataFormat::cifar10},
                                                                  {"csv", DataFormat::csv}});

/// Which folders in a folder of images are its classes.
enum class ClassFolders {
  automatic,  ///< as top; what looks like the parts of a data set is refused
  top,        ///< the folders directly in it, with everything below them
  leaf,       ///< every folder that holds images itself, named by its path: "Fruit/Apple/Golden"
};
template <>
inline constexpr auto kWords<ClassFolders> = all_words<ClassFolders>({{"auto", ClassFolders::automatic},
                                                                      {"top", ClassFolders::top},
                                                                      {"leaf", ClassFolders::leaf}});

/// Where one set of images is. All paths absolute.
struct FolderLocation {
  std::filesystem::path folder;
  friend bool operator==(const FolderLocation&, const FolderLocation&) = default;
};
struct IdxLocation {
  std::filesystem::path images, labels;
  friend bool operator==(const IdxLocation&, const IdxLocation&) = default;
};
struct CifarLocation {
  std::vector<std::filesystem::path> files;
  friend bool operator==(const CifarLocation&, const CifarLocation&) = default;
};

/// What a folder, or a row of a table, is in a data set.
enum class DataPart { none, train, validation, test };

/// A table (CSV) with an image file in every row, and the names of its columns. Not every table has parts.
struct LabelTable {
  std::filesystem::path file;
  std::string path_column = "path", label_column = "label", split_column = "split";
  std::string split;               ///< the rows with this value in split_column; "": those of `part`
  DataPart part = DataPart::none;  ///< none: all rows
  friend bool operator==(const LabelTable&, const LabelTable&) = default;
};
using DataLocation = std::variant<FolderLocation, IdxLocation, CifarLocation, LabelTable>;

/// A seeded, stratified part of the training set, held back for validation.
struct ValidationFraction {
  double fraction = 0.1;
  /// A regular expression on the names of the files: images with the same match stay together (see
  /// data/name_groups.h). "": every image is on its own.
  std::string group_by = {};
  friend bool operator==(const ValidationFraction&, const ValidationFraction&) = default;
};

enum class Resize {
  stretch,  ///< both sides to the target, whatever the shape
  fit,      ///< keep the shape, fill the rest with black (letterbox)
  crop,     ///< keep the shape, cut what sticks out (center)
  none,     ///< the size must match
};
template <>
inline constexpr auto kWords<Resize> = all_words<Resize>(
    {{"stretch", Resize::stretch}, {"fit", Resize::fit}, {"crop", Resize::crop}, {"none", Resize::none}});

/// Which stored values of 16-bit files stand for 0 and for 1.
struct PixelRange {
  enum class Mode {
    whole,      ///< all that the file can hold
    automatic,  ///< the least and the greatest of the training images; given, once those were looked at
    given,
  };
  Mode mode = Mode::whole;
  int low = 0, high = 65535;  ///< mode given only
  friend bool operator==(const PixelRange&, const PixelRange&) = default;
};

/// What every image is made into before the network sees it.
struct ImageSpec {
  int channels = 0;  ///< 1 grey, 3 RGB; others only where the files have as many
  int height = 0, width = 0;
  Resize resize = Resize::stretch;
  /// `crop`: scale the shorter side to this, at least the larger of height and width; 0: cover, no more.
  int short_side = 0;
  bool scaled_decoding = true;  ///< of large JPEGs, see decode_image()
  int depth = 8;                ///< bits of a value: 8, or 16 to keep what PNG, TIFF and PNM files have
  PixelRange range = {};        ///< depth 16 only
  /// What lies under transparent parts; nothing: the color that the file hides there.
  std::optional<std::array<std::uint8_t, 3>> background = {};
  friend bool operator==(const ImageSpec&, const ImageSpec&) = default;
};

/// What reading one image file may cost at most: a small file can promise more than any machine holds.
struct DecodeLimits {
  int pixels = 100'000'000;  ///< of the image, height x width
  int file_mb = 512;         ///< MiB of the file
  double seconds = 30;       ///< of one processor, for decoding
  friend bool operator==(const DecodeLimits&, const DecodeLimits&) = default;
};

/// How 0..1 values become the network's input: (value - mean) / std per channel.
struct NormalizeSpec {
  enum class Mode { automatic, none, given };
  Mode mode = Mode::automatic;
  std::vector<double> mean, std;  ///< mode given only, one per channel
  friend bool operator==(const NormalizeSpec&, const NormalizeSpec&) = default;
};

enum class Border { zero, reflect };
template <>
inline constexpr auto kWords<Border> = all_words<Border>({{"zero", Border::zero},
                                                          {"reflect", Border::reflect}});

/// Shifts by a whole number of pixels, uniform in -pixels .. pixels, independently in both directions.
struct RandomTranslateSpec {
  int pixels = 0;
  Border border = Border::zero;
  friend bool operator==(const RandomTranslateSpec&, const RandomTranslateSpec&) = default;
};
/// Pads by `padding` pixels on every side, then cuts an image of the old size out of it, at a random place.
struct RandomCropSpec {
  int padding = 0;
  Border border = Border::zero;
  friend bool operator==(const RandomCropSpec&, const RandomCropSpec&) = default;
};
/// Mirrors left and right: with probability p; or, alternating, every second epoch, beginning with a random
/// half of the images in the first epoch.
struct RandomFlipSpec {
  enum class Mode { random, alternate };
  double p = 0.5;  ///< mode random only
  Mode mode = Mode::random;
  friend bool operator==(const RandomFlipSpec&, const RandomFlipSpec&) = default;
};
template <>
inline constexpr auto kWords<RandomFlipSpec::Mode> = all_words<RandomFlipSpec::Mode>(
    {{"random", RandomFlipSpec::Mode::random}, {"alternate", RandomFlipSpec::Mode::alternate}});

/// A random number is uniform between the two.
struct Range {
  double low = 0, high = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

/// Turns around the center, counterclockwise, with bilinear interpolation.
struct RandomRotateSpec {
  Range degrees;
  Border border = Border::zero;
  friend bool operator==(const RandomRotateSpec&, const RandomRotateSpec&) = default;
};
/// Zooms around the center, with bilinear interpolation; above 1 enlarges.
struct RandomScaleSpec {
  Range scale{1, 1};
  Border border = Border::zero;
  friend bool operator==(const RandomScaleSpec&, const RandomScaleSpec&) = default;
};
/// Moves every pixel by `alpha` times a smooth random field: noise uniform in -1 .. 1, blurred by a Gaussian
/// of standard deviation `sigma`. Both in pixels.
struct ElasticSpec {
  double alpha = 34, sigma = 4;
  Border border = Border::zero;
  friend bool operator==(const ElasticSpec&, const ElasticSpec&) = default;
};
/// Multiplies all values.
struct BrightnessSpec {
  Range factor{1, 1};
  friend bool operator==(const BrightnessSpec&, const BrightnessSpec&) = default;
};
/// Multiplies the distance of all values from the mean grey of the image.
struct ContrastSpec {
  Range factor{1, 1};
  friend bool operator==(const ContrastSpec&, const ContrastSpec&) = default;
};
/// Makes a square of size x size pixels the mean color, its center anywhere in the image.
struct CutoutSpec {
  int size = 0;
  friend bool operator==(const CutoutSpec&, const CutoutSpec&) = default;
};
/// Mixes every image of a batch, and its label, with another one; the shares are drawn from Beta(alpha,
/// alpha).
struct MixupSpec {
  double alpha = 1;
  friend bool operator==(const MixupSpec&, const MixupSpec&) = default;
};
/// Cuts out a box of random shape at a random place, and brings it to the image's size. The numbers are
/// torchvision's: the box's share of the area is uniform in `scale`, and the logarithm of width / height is
/// uniform between those of `ratio`.
struct RandomResizedCropSpec {
  Range scale{0.08, 1}, ratio{3.0 / 4, 4.0 / 3};
  friend bool operator==(const RandomResizedCropSpec&, const RandomResizedCropSpec&) = default;
};
/// Turns all hues by a share of the color circle.
struct HueSpec {
  Range shift;
  friend bool operator==(const HueSpec&, const HueSpec&) = default;
};
/// Multiplies the distance of every pixel from its own grey.
struct SaturationSpec {
  Range factor{1, 1};
  friend bool operator==(const SaturationSpec&, const SaturationSpec&) = default;
};
/// With probability p, all colors become grey.
struct RandomGrayscaleSpec {
  double p = 0.1;
  friend bool operator==(const RandomGrayscaleSpec&, const RandomGrayscaleSpec&) = default;
};
/// With probability p, fills a box of random shape that lies within the image. As RandomResizedCropSpec, but
/// `ratio` is that of height / width.
struct RandomErasingSpec {
  double p = 0.5;
  Range scale{0.02, 0.33}, ratio{0.3, 3.3};
  std::optional<double> value;  ///< of 0 (black) to 1; nothing: the mean color
  friend bool operator==(const RandomErasingSpec&, const RandomErasingSpec&) = default;
};
/// One random change of random strength (see data/trivial_augment.h).
struct TrivialAugmentSpec {
  Border border = Border::zero;
  friend bool operator==(const TrivialAugmentSpec&, const TrivialAugmentSpec&) = default;
};
using AugmentSpec =
    std::variant<RandomTranslateSpec, RandomCropSpec, RandomFlipSpec, RandomRotateSpec, RandomScaleSpec,
                 ElasticSpec, BrightnessSpec, ContrastSpec, CutoutSpec, MixupSpec, RandomResizedCropSpec,
                 HueSpec, SaturationSpec, RandomGrayscaleSpec, RandomErasingSpec, TrivialAugmentSpec>;

/// Several looks at each image whose outputs are averaged (see data/test_views.h).
enum class TestTimeAugmentation { none, flip, shift, flip_and_shift };
template <>
inline constexpr auto kWords<TestTimeAugmentation> =
    all_words<TestTimeAugmentation>({{"none", TestTimeAugmentation::none},
                                     {"flip", TestTimeAugmentation::flip},
                                     {"shift", TestTimeAugmentation::shift},
                                     {"flip+shift", TestTimeAugmentation::flip_and_shift}});

enum class BadImages {
  fail,  ///< list every bad file and stop before training
  skip,  ///< list them, leave them out, go on
};
template <>
inline constexpr auto kWords<BadImages> = all_words<BadImages>({{"fail", BadImages::fail},
                                                                {"skip", BadImages::skip}});

enum class DuplicatePolicy {
  warn,  ///< say that there are images which are the same, and go on
  fail,  ///< list them and stop before training
};
template <>
inline constexpr auto kWords<DuplicatePolicy> = all_words<DuplicatePolicy>({{"warn", DuplicatePolicy::warn},
                                                                            {"fail", DuplicatePolicy::fail}});

/// The `data` part of a config.
struct DataSpec {
  DataFormat format = DataFormat::folder;
  DataLocation train;
  std::variant<std::monostate, ValidationFraction, DataLocation> validation;
  std::optional<DataLocation> test;
  ClassFolders class_folders = ClassFolders::automatic;  ///< format folder only
  ImageSpec image;
  NormalizeSpec normalize;
  std::vector<AugmentSpec> augment;
  TestTimeAugmentation test_time_augmentation = TestTimeAugmentation::none;
  BadImages bad_images = BadImages::fail;
  DecodeLimits limits;
  DuplicatePolicy duplicates = DuplicatePolicy::warn;
  int cache_mb = 4096;       ///< decoded images kept in memory; beyond it they are read again when needed
  int disk_cache_mb = 2048;  ///< what is kept on disk for the next command: see data/store_folder.h
  friend bool operator==(const DataSpec&, const DataSpec&) = default;
};

}  // namespace cnn
