// Checkpoint files: what goes in comes out, and nothing else is taken for one.
#include <zlib.h>

#include <cstring>
#include <limits>

#include "catch.h"
#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "temporary_folder.h"
#include "train/checkpoint_folder.h"

namespace cnn {
namespace {

/// Something with state of every kind.
struct Thing {
  std::vector<float> weights{1.5f, -0.0f, std::numeric_limits<float>::quiet_NaN()};
  double sum = 0.1;
  std::int64_t steps = 7;
  std::vector<double> history{1, 2, 3, 4};

  StateParts parts() {
    StateParts parts;
    parts.add("weights", weights);
    parts.add("sum", sum);
    parts.add("steps", steps);
    parts.add("history",
              {[this] { return history; },
               [this](std::span<const double> numbers) { history.assign(numbers.begin(), numbers.end()); }});
    return parts;
  }
  std::string bytes() { return Checkpoint(parts(), {{"config", "{}"}, {"none", ""}}).bytes(); }
};

template <class Body>
std::string error_of(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.code() == ExitCode::run_failed ? error.what() : "wrong exit code";
  }
  return "";
}

/// With the right checksum again, after bytes were changed.
std::string sealed(std::string bytes) {
  const auto sum = static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()) + 16, bytes.size() - 16));
  std::memcpy(bytes.data() + 12, &sum, sizeof sum);
  return bytes;
}

TEST_CASE("a checkpoint gives back every bit", "[train]") {
  Thing before, after;
  after.weights.assign(3, 0);
  after.sum = after.steps = 0;
  after.history.clear();
  const Checkpoint checkpoint = Checkpoint::parse(before.bytes(), "x");
  checkpoint.restore(after.parts());
  CHECK(std::memcmp(before.weights.data(), after.weights.data(), 3 * sizeof(float)) == 0);
  CHECK(after.sum == before.sum);
  CHECK(after.steps == before.steps);
  CHECK(after.history == before.history);
  CHECK(checkpoint.text("config") == "{}");
  CHECK(checkpoint.text("none").empty());
  CHECK(checkpoint.integer("steps") == 7);
  CHECK_THAT(error_of([&] { checkpoint.text("steps"); }), ContainsSubstring("no text \"steps\""));
  CHECK_THAT(error_of([&] { checkpoint.integer("sum"); }), ContainsSubstring("no integer \"sum\""));
}

TEST_CASE("a checkpoint of something else is refused before anything changes", "[train]") {
  Thing thing;
  const Checkpoint checkpoint = Checkpoint::parse(thing.bytes(), "x");
  const auto refused = [&](const StateParts& parts, const char* message) {
    CHECK_THAT(error_of([&] { checkpoint.restore(parts); }), ContainsSubstring(message));
    CHECK(thing.sum == 5);
  };
  thing.sum = 5;
  StateParts more = thing.parts();
  double another = 0;
  more.add("another", another);
  refused(more, "x: has no array \"another\"");
  StateParts fewer;
  fewer.add("sum", thing.sum);
  refused(fewer, "holds 4 arrays, but the training needs 1");
  thing.weights.resize(4);
  refused(thing.parts(), "\"weights\" holds 3 float32 numbers, but the training needs 4");
}

TEST_CASE("truncated and damaged checkpoints are refused", "[train]") {
  Thing thing;
  const std::string good = thing.bytes();
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK_FALSE(error_of([&] { Checkpoint::parse(good.substr(0, size), "x"); }).empty());
  CHECK_FALSE(error_of([&] { Checkpoint::parse(good + std::string(8, '\0'), "x"); }).empty());
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    if (error_of([&] { Checkpoint::parse(bad, "x"); }).empty()) FAIL_CHECK("bit " << bit);
  }
}

TEST_CASE("checkpoints that lie about their lengths are refused, whatever their checksum", "[train]") {
  Thing thing;
  const std::string good = thing.bytes();
  // At 24: number of arrays. The first array begins at 32: u32 name, u32 type, u64 elements.
  const auto with = [&](std::size_t at, std::uint64_t value, std::size_t bytes) {
    std::string bad = good;
    std::memcpy(bad.data() + at, &value, bytes);
    return error_of([&] { Checkpoint::parse(sealed(bad), "x"); });
  };
  REQUIRE(error_of([&] { Checkpoint::parse(sealed(good), "x"); }).empty());
  for (const std::uint64_t huge :
       {std::uint64_t{9}, std::uint64_t{1} << 32, std::uint64_t{1} << 61, ~std::uint64_t{0}}) {
    CHECK_THAT(with(24, huge, 8), ContainsSubstring("arrays"));
    CHECK_FALSE(with(40, huge, 8).empty());
  }
  CHECK_THAT(with(24, 0, 8), ContainsSubstring("after its last array"));
  CHECK_THAT(with(32, 0, 4), ContainsSubstring("name"));
  CHECK_THAT(with(32, ~0u, 4), ContainsSubstring("name"));
  CHECK_THAT(with(36, 0, 4), ContainsSubstring("unknown type"));
  CHECK_THAT(with(36, 5, 4), ContainsSubstring("unknown type"));
  CHECK_THAT(with(8, 2, 4), ContainsSubstring("format 2"));
  // Random bytes behind a right checksum: refused, or understood, never a crash.
  for (std::uint32_t round = 0; round < 2000; ++round) {
    Random random(5, Purpose::digits, round);
    std::string bad = good;
    for (int i = 0; i < 3; ++i)
      bad[16 + random.below(static_cast<std::uint32_t>(bad.size() - 16))] = static_cast<char>(random.bits());
    error_of([&] { Checkpoint::parse(sealed(bad), "x").restore(thing.parts()); });
  }
}

TEST_CASE("the folder keeps two generations, and falls back to the older", "[train]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "checkpoint";
  Thing thing;
  const auto save = [&](std::int64_t steps) {
    CheckpointFolder checkpoints(path);
    checkpoints.load();
    thing.steps = steps;
    Checkpoint checkpoint(thing.parts(), {});
    checkpoints.save(checkpoint);
  };
  const auto loaded = [&] { return CheckpointFolder(path).load(); };
  CHECK_FALSE(loaded().newest);
  CHECK(loaded().damaged.empty());
  for (const std::int64_t steps : {1, 2, 3}) {
    save(steps);
    CHECK(loaded().newest->integer("steps") == steps);
  }
  // The third went over the first. Damage it: the second is used, and the next one replaces the damaged.
  const auto newest = read_file(path / "a.ckpt");
  write_file_atomically(path / "a.ckpt", newest.substr(0, newest.size() / 2));
  CHECK(loaded().newest->integer("steps") == 2);
  REQUIRE(loaded().damaged.size() == 1);
  CHECK_THAT(loaded().damaged[0], ContainsSubstring("a.ckpt: is damaged or truncated"));
  save(4);
  CHECK(loaded().newest->integer("steps") == 4);
  CHECK(loaded().damaged.empty());
  for (const char* name : {"a.ckpt", "b.ckpt"}) write_file_atomically(path / name, "");
  CHECK_FALSE(loaded().newest);
  CHECK(loaded().damaged.size() == 2);
}

}  // namespace
}  // namespace cnn
