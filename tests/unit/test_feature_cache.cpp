// What a frozen front makes of images, kept on disk: what is used again, and what is not.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include "catch.h"
#include "config/network_text.h"
#include "core/file.h"
#include "data/record_store.h"
#include "network_fixture.h"
#include "temporary_folder.h"
#include "train/feature_cache.h"
#include "train/training_passes.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

constexpr Shape kInput{.c = 2, .h = 6, .w = 5};
constexpr int kFront = 3;  // conv, norm, flatten

/// conv, norm, flatten, dense: all but the last one are frozen.
NetworkSpec frozen_but_the_head(int classes) {
  ConvSpec conv;
  conv.out_channels = 3, conv.kernel_size = {3, 3};
  conv.control.trainable = {LearningEpochs::never(), LearningEpochs::never()};
  BatchNormSpec norm;
  norm.activation = ActivationFunction::relu;
  norm.control = conv.control;
  norm.control.frozen_statistics = true;
  NetworkSpec spec = chain(conv, norm, FlattenSpec{}, dense(classes));
  name_entries(spec);
  return spec;
}

/// A network, images for it, and a store.
struct Cached : TemporaryFolder {
  explicit Cached(int images = 75, int classes = 4)
      : pool(3), network(frozen_but_the_head(classes), kInput, 0, 16) {
    network.initialize(1);
    network.pack(pool);
    Random random(7, Purpose::split);
    for (std::int64_t i = 0; i < images * kInput.values(); ++i) pixels.push_back(random.uniform(-1, 1));
    set.labels.assign(static_cast<std::size_t>(images), 1);
    set.name = [](std::int64_t image) { return std::to_string(image); };
    set.fill = [this](std::span<const std::int64_t> chosen, std::uint32_t epoch, int, BlockView<float> x) {
      for (std::int64_t value = 0; value < kInput.values(); ++value)
        for (std::size_t lane = 0; lane < kLanes; ++lane)
          x.data[value * kLanes + static_cast<std::int64_t>(lane)] =
              lane < chosen.size() ? pixel(chosen[lane], value) + 0.1f * static_cast<float>(epoch) : 0.0f;
    };
  }

  float& pixel(std::int64_t image, std::int64_t value) {
    return pixels[static_cast<std::size_t>(image * kInput.values() + value)];
  }

  FeatureStoreSpec store() const {
    return {.store = {.folder = path() / "cache", .bytes = bytes, .worth_seconds = 0},
            .front_text = [this](const std::string& last) { return text + last; }};
  }

  struct Found {
    std::vector<float> features;
    std::vector<LayerActivity> activity;
    std::int64_t found = 0;
    bool kept = false;
  };
  /// Of another command.
  Found compute(int views = 0, FreezeSpec::Precision precision = FreezeSpec::Precision::float32) {
    FeatureCache cache(network, pool, kFront, precision, store());
    const std::atomic<bool> never{false};
    std::int64_t done = 0;
    const auto got = cache.features({.set = set,
                                     .views = views,
                                     .metered = views == 0 ? 20 : 0,
                                     .progress = [&](std::int64_t looks) { done = looks; },
                                     .stop = never});
    REQUIRE(got);
    CHECK(done == set.size() * std::max(1, views));
    Found found{.features = {}, .activity = got->activity, .found = cache.found(), .kept = cache.keep()};
    const int values = static_cast<int>(network.nodes()[kFront].in.values());
    std::vector<float> block(static_cast<std::size_t>(values) * kLanes);
    for (std::uint32_t epoch = 1; epoch <= static_cast<std::uint32_t>(std::max(1, views)); ++epoch)
      for (std::int64_t image = 0; image < set.size(); ++image) {
        got->set.fill(std::span(&image, 1), epoch, 0, {block.data(), values, 1, 1, 1, 1});
        for (int value = 0; value < values; ++value)
          found.features.push_back(block[static_cast<std::size_t>(value * kLanes)]);
      }
    return found;
  }

  std::vector<fs::path> files() const {
    std::vector<fs::path> all;
    for (const auto& entry : fs::directory_iterator(path() / "cache")) all.push_back(entry.path());
    return all;
  }

  ThreadPool pool;
  Network network;
  std::vector<float> pixels;
  ImageSet set;
  std::string text = "entries up to ";
  std::int64_t bytes = 1 << 20;
};

bool are_equal(const std::vector<LayerActivity>& a, const std::vector<LayerActivity>& b) {
  const auto same = [](const LayerActivity& x, const LayerActivity& y) {
    const bool unseen = std::isnan(x.mean) && std::isnan(y.mean);
    return x.layer == y.layer && x.values == y.values &&
           (unseen || (x.mean == y.mean && x.active_fraction == y.active_fraction &&
                       x.standard_deviation == y.standard_deviation));
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

TEST_CASE("features that an earlier command kept are not computed again, with the layers' statistics",
          "[train]") {
  Cached cached;
  const Cached::Found first = cached.compute();
  CHECK(first.found == 0);
  CHECK(first.kept);
  REQUIRE(first.activity.size() == 4);
  CHECK(first.activity[1].active_fraction > 0.1);
  CHECK(std::isnan(first.activity[3].mean));  // the head has not been seen
  const Cached::Found second = cached.compute();
  CHECK(second.found == 75);
  CHECK_FALSE(second.kept);  // nothing is new
  CHECK(second.features == first.features);
  CHECK(are_equal(second.activity, first.activity));
}

TEST_CASE("only images that are new are computed, wherever they stand", "[train]") {
  Cached cached;
  const Cached::Found first = cached.compute();
  cached.pixel(3, 0) += 0.5f, cached.pixel(60, 7) = 2;
  std::swap_ranges(&cached.pixel(40, 0), &cached.pixel(41, 0), &cached.pixel(50, 0));
  const Cached::Found second = cached.compute();
  CHECK(second.found == 75 - 20 - 1);  // statistics are of all of the first 20
  CHECK(second.kept);
  fs::remove_all(cached.path() / "cache");
  const Cached::Found fresh = cached.compute();
  CHECK(second.features == fresh.features);
  CHECK(are_equal(second.activity, fresh.activity));
  CHECK(second.features != first.features);
}

TEST_CASE("with other numbers or another front, nothing is found", "[train]") {
  Cached cached;
  cached.compute();
  SECTION("weights") { cached.network.parameters()[4] += 1; }
  SECTION("running statistics") { cached.network.states()[1] += 1; }
  SECTION("what the entries compute") { cached.text = "other entries up to "; }
  cached.network.pack(cached.pool);
  CHECK(cached.compute().found == 0);
}

TEST_CASE("another head finds what is kept, half precision does not", "[train]") {
  Cached cached;
  const Cached::Found first = cached.compute();
  CHECK(cached.compute(0, FreezeSpec::Precision::float16).found == 0);
  cached.network.parameters()[cached.network.parameters().size() - 20] += 1;  // of the head
  cached.network.pack(cached.pool);
  CHECK(cached.compute().found == 75);
}

TEST_CASE("each look of augmented images is found", "[train]") {
  Cached cached;
  const Cached::Found first = cached.compute(3), second = cached.compute(3);
  CHECK(first.found == 0);
  CHECK(second.found == 3 * 75);
  CHECK(second.features == first.features);
  CHECK(cached.compute(4).found == 3 * 75);
}

TEST_CASE("damaged features are computed again", "[train]") {
  Cached cached;
  const Cached::Found first = cached.compute();
  REQUIRE(cached.files().size() == 1);
  const fs::path file = cached.files().front();
  const std::string whole = read_file(file);
  for (const std::size_t at : {std::size_t{3}, std::size_t{20}, std::size_t{70}, whole.size() - 1}) {
    CAPTURE(at);
    std::string damaged = whole;
    damaged[at] ^= 4;
    std::ofstream(file, std::ios::binary | std::ios::trunc) << damaged;
    const Cached::Found again = cached.compute();
    CHECK(again.features == first.features);
    CHECK(are_equal(again.activity, first.activity));
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{30}, whole.size() / 2}) {
    CAPTURE(size);
    std::ofstream(file, std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    CHECK(cached.compute().features == first.features);
  }
}

TEST_CASE("a table with impossible sizes is not believed, even if its sum is right", "[data]") {
  const TemporaryFolder folder;
  const StoreSpec spec{.folder = folder.path() / "cache", .bytes = 1 << 20, .worth_seconds = 0};
  const std::vector<std::byte> record(40, std::byte{7});
  const RecordStore::Record one{{5, 6, 0}, record};
  RecordStore(spec, "recipe").keep({&one, 1});
  const fs::path file = fs::directory_iterator(spec.folder)->path();
  const std::string whole = read_file(file);
  constexpr std::size_t kHead = 48, kEntry = 56;  // magic, count, sum; key, sum, bytes
  REQUIRE(whole.size() == kHead + kEntry + record.size());
  for (const std::int64_t bytes :
       {std::int64_t{-1}, std::int64_t{41}, std::int64_t{39}, std::numeric_limits<std::int64_t>::max()}) {
    CAPTURE(bytes);
    std::string bad = whole;
    std::memcpy(bad.data() + kHead + kEntry - 8, &bytes, 8);
    const Fingerprint sum = fingerprint(std::as_bytes(std::span(bad).subspan(kHead, kEntry)));
    std::memcpy(bad.data() + kHead - sizeof(sum), &sum, sizeof(sum));
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bad;
    CHECK(RecordStore(spec, "recipe").is_empty());
  }
  std::ofstream(file, std::ios::binary | std::ios::trunc) << whole;
  CHECK_FALSE(RecordStore(spec, "recipe").is_empty());
}

TEST_CASE("without a folder nothing is kept, and what is too large is not", "[train]") {
  Cached cached;
  cached.bytes = 1000;
  CHECK_FALSE(cached.compute().kept);
  FeatureCache nowhere(cached.network, cached.pool, kFront, FreezeSpec::Precision::float32, {});
  const std::atomic<bool> never{false};
  CHECK(nowhere.features({.set = cached.set, .stop = never}));
  CHECK_FALSE(nowhere.keep());
}

TEST_CASE("an interruption keeps what was computed until then", "[train]") {
  Cached cached(600);
  const Cached::Found whole = [&] {
    Cached other(600);
    return other.compute();
  }();
  std::atomic<bool> stop{false};
  FeatureCache cache(cached.network, cached.pool, kFront, FreezeSpec::Precision::float32, cached.store());
  std::int64_t shown = 0;
  CHECK_FALSE(cache.features(
      {.set = cached.set, .progress = [&](std::int64_t done) { shown = done, stop = true; }, .stop = stop}));
  CHECK(shown > 0);
  CHECK(shown < 600);
  CHECK(cache.keep());
  const Cached::Found rest = cached.compute();
  CHECK(rest.found == shown - 20);  // statistics are of all of the first 20
  CHECK(rest.features == whole.features);
  CHECK(are_equal(rest.activity, whole.activity));
}

TEST_CASE("half precision is found again, and tests do without it", "[train]") {
  Cached cached;
  constexpr auto kHalf = FreezeSpec::Precision::float16;
  const Cached::Found first = cached.compute(0, kHalf), second = cached.compute(0, kHalf);
  CHECK(second.found == 75);
  CHECK(second.features == first.features);
  fs::remove_all(cached.path() / "cache");
  TrainingSpec spec;
  spec.epochs = 1, spec.batch_size = 16;
  spec.freeze = FreezeSpec{};
  spec.freeze->precision = kHalf;
  TrainingPasses passes(cached.network, cached.pool, spec, cached.set, nullptr, alone(), cached.store());
  const WeightedLook look{cached.set};
  CHECK(passes.evaluate({&look, 1}, {}, {}, nullptr).images == 75);
  CHECK_FALSE(fs::exists(cached.path() / "cache"));
}

TEST_CASE("a test that is interrupted has no result", "[train]") {
  Cached cached;
  TrainingSpec spec;
  spec.epochs = 1, spec.batch_size = 16;
  spec.freeze = FreezeSpec{};
  TrainingPasses passes(cached.network, cached.pool, spec, cached.set, nullptr, alone(), cached.store());
  const WeightedLook look{cached.set};
  const std::atomic<bool> stop{true};
  CHECK(passes.evaluate({&look, 1}, {}, {}, &stop).images == 0);
}

TEST_CASE("the text of a network's front ends with its last entry", "[config]") {
  NetworkSpec spec = frozen_but_the_head(4);
  const std::string front = network_text_up_to(spec, spec[1].name);
  CHECK(std::count(front.begin(), front.end(), '\n') == 2);
  std::get<DenseSpec>(spec[3].spec).units = 9;
  CHECK(network_text_up_to(spec, spec[1].name) == front);
  std::get<ConvSpec>(spec[0].spec).stride = {2, 2};
  CHECK(network_text_up_to(spec, spec[1].name) != front);
  ResidualSpec residual;
  residual.layers = chain(BatchNormSpec{}, BatchNormSpec{});
  NetworkSpec deep = chain(residual, FlattenSpec{}, dense(3));
  name_entries(deep);
  const std::string block = network_text_up_to(deep, deep[0].name);
  CHECK_THAT(block, ContainsSubstring("residual") && !ContainsSubstring("flatten"));
}

TEST_CASE("a test over kept features has the bits of one through the whole network", "[train]") {
  Cached cached;
  TrainingSpec spec;
  spec.epochs = 1, spec.batch_size = 16;
  spec.freeze = FreezeSpec{};
  Cached train(40);
  TrainingPasses passes(cached.network, cached.pool, spec, train.set, nullptr, alone(), cached.store());
  const std::atomic<bool> never{false};
  struct Judged {
    std::vector<float> probabilities;
    double loss = 0;
    std::int64_t shown = 0;
  };
  const auto judge = [&](TrainingPasses& by) {
    ImageSet other = cached.set;
    other.fill = [&](std::span<const std::int64_t> images, std::uint32_t, int worker, BlockView<float> x) {
      cached.set.fill(images, 2, worker, x);  // a brighter look
    };
    const WeightedLook looks[] = {{cached.set, 0.25f}, {other, 0.75f}};
    Judged judged;
    const Evaluation result = by.evaluate(
        looks,
        [&](std::int64_t, int, std::span<const float> probabilities, float) {
          judged.probabilities.insert(judged.probabilities.end(), probabilities.begin(), probabilities.end());
        },
        [&](std::int64_t images) { judged.shown = images; }, &never);
    CHECK(result.images == 75);
    judged.loss = result.loss_sum;
    return judged;
  };
  FeatureStoreSpec nowhere = cached.store();
  nowhere.store.folder.clear();
  const Judged whole = [&] {
    TrainingPasses all(cached.network, cached.pool, spec, train.set, nullptr, alone(), nowhere);
    return judge(all);
  }();
  CHECK_FALSE(fs::exists(cached.path() / "cache"));
  for (int time = 0; time < 3; ++time) {  // not prepared yet, then prepared, then found
    if (time == 1) REQUIRE(passes.prepare(1, {}, never));
    const Judged behind = judge(passes);
    CHECK(behind.probabilities == whole.probabilities);
    CHECK(behind.loss == whole.loss);
    CHECK(behind.shown == 75);
  }
  FeatureCache cache(cached.network, cached.pool, kFront, FreezeSpec::Precision::float32, cached.store());
  CHECK(cache.features({.set = cached.set, .stop = never}));
  CHECK(cache.found() == 75);
}

TEST_CASE("records are kept beside older ones, the newest first, as far as there is room", "[data]") {
  const TemporaryFolder folder;
  StoreSpec spec{.folder = folder.path() / "cache", .bytes = 4000, .worth_seconds = 0};
  const std::vector<std::byte> record(500, std::byte{7});
  const auto key = [](std::uint64_t number) { return Fingerprint{number, 1, 0}; };
  const auto keep = [&](std::uint64_t number) {
    RecordStore store(spec, "recipe");
    const RecordStore::Record one{key(number), record};
    const RecordStore::Record twice[] = {one, one};
    CHECK(store.keep(twice));
    CHECK(store.size_of(key(number)) == 500);
  };
  for (const std::uint64_t number : {1, 2, 3, 4}) keep(number);
  RecordStore store(spec, "recipe");
  std::vector<std::byte> found(500);
  CHECK_FALSE(store.take(key(1), found));
  for (const std::uint64_t number : {2, 3, 4}) CHECK(store.take(key(number), found));
  CHECK(found == record);
  found.resize(499);
  CHECK_FALSE(store.take(key(4), found));
  CHECK_FALSE(RecordStore(spec, "another recipe").size_of(key(4)));
}

TEST_CASE("the fingerprints of a block's lanes are those of its images", "[data]") {
  for (const int height : {1, 2, 5}) {
    for (const int halo : {0, 1}) {
      CAPTURE(height, halo);
      const int width = 3, channels = 3, row = width + 2 * halo;
      const std::int64_t plane = std::int64_t{row} * (height + 2 * halo);
      Random random(3, Purpose::split);
      std::vector<float> floats;
      for (std::int64_t i = 0; i < channels * plane * kLanes; ++i) floats.push_back(random.uniform(-1, 1));
      const BlockView<const float> block{
          floats.data() + (halo * row + halo) * kLanes, channels, height, width, row, plane};
      const auto prints = fingerprints_of_lanes(block);
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        std::vector<float> image;
        for (int c = 0; c < channels; ++c)
          for (int h = 0; h < height; ++h)
            for (int w = 0; w < width; ++w) image.push_back(block.at(c, h, w)[lane]);
        CHECK(prints[lane] == fingerprint(std::as_bytes(std::span(image))));
      }
    }
  }
}

}  // namespace
}  // namespace cnn
