#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <thread>

#include "catch.h"
#include "core/error.h"
#include "core/file.h"
#include "core/pace.h"
#include "core/random.h"
#include "core/text.h"
#include "core/thread_pool.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

TEST_CASE("philox gives the published numbers", "[core]") {
  // Known answers of the Random123 distribution (kat_vectors, philox4x32 10 rounds).
  CHECK(philox({0, 0, 0, 0}, {0, 0}) ==
        std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
}

TEST_CASE("random streams depend on all of their coordinates and on nothing else", "[core]") {
  std::set<std::uint32_t> first;
  for (std::uint64_t seed : {1u, 2u})
    for (Purpose purpose : {Purpose::shuffle, Purpose::dropout})
      for (std::uint32_t major : {0u, 1u})
        for (std::uint32_t minor : {0u, 1u}) first.insert(Random(seed, purpose, major, minor).bits());
  CHECK(first.size() == 16);
  CHECK(Random(7, Purpose::split, 3, 4).bits() == Random(7, Purpose::split, 3, 4).bits());
}

TEST_CASE("random numbers have the right moments", "[core]") {
  Random random(1, Purpose::initialization);
  double sum = 0, square = 0, normal_square = 0;
  std::array<int, 7> counts{};
  constexpr int kCount = 70000;
  for (int i = 0; i < kCount; ++i) {
    const double u = random.uniform();
    REQUIRE((u >= 0 && u < 1));
    sum += u, square += u * u;
    const double z = random.normal();
    normal_square += z * z;
    ++counts[random.below(7)];
  }
  CHECK(sum / kCount == Approx(0.5).margin(0.005));
  CHECK(square / kCount == Approx(1.0 / 3).margin(0.005));
  CHECK(normal_square / kCount == Approx(1).margin(0.03));
  for (int count : counts) CHECK(count == Approx(kCount / 7).margin(400));
}

TEST_CASE("a parallel loop visits every index once, on any number of threads", "[core]") {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    for (int repeat = 0; repeat < 200; ++repeat) {
      std::vector<std::atomic<int>> visits(repeat % 17);
      pool.parallel_for(static_cast<std::int64_t>(visits.size()), [&](std::int64_t index, int worker) {
        if (worker < 0 || worker >= threads) throw std::logic_error("worker");
        ++visits[index];
      });
      for (const auto& count : visits) REQUIRE(count == 1);
    }
  }
}

TEST_CASE("workers that wake up late enter the next loop or none", "[core]") {
  ThreadPool pool(6);  // more than cores: some are always late
  std::vector<int> visits(40);
  for (int repeat = 0; repeat < 4000; ++repeat) {
    const auto count = static_cast<std::size_t>(1 + repeat % 40);
    if (repeat % 50 == 0) usleep(500);  // all have fallen asleep
    std::ranges::fill(visits, 0);
    pool.parallel_for(static_cast<std::int64_t>(count), [&](std::int64_t index, int) { ++visits[index]; });
    for (std::size_t i = 0; i < visits.size(); ++i) REQUIRE(visits[i] == (i < count ? 1 : 0));
  }
}

TEST_CASE("an exception in a parallel loop reaches the caller and leaves the pool usable", "[core]") {
  ThreadPool pool(3);
  for (int repeat = 0; repeat < 20; ++repeat) {
    CHECK_THROWS_AS(pool.parallel_for(50,
                                      [](std::int64_t index, int) {
                                        if (index == 20) throw std::runtime_error("twenty");
                                      }),
                    std::runtime_error);
  }
  std::atomic<int> sum = 0;
  pool.parallel_for(10, [&](std::int64_t index, int) { sum += static_cast<int>(index); });
  CHECK(sum == 45);
}

TEST_CASE("numbers are written so that they read back exactly", "[core]") {
  CHECK(exact(0.1f) == "0.1");
  CHECK(exact(1e-8) == "1e-08");
  CHECK(std::stod(exact(1.0 / 3)) == 1.0 / 3);
  CHECK(with_commas(-1234567) == "-1,234,567");
  CHECK(with_commas(999) == "999");
  CHECK(without_json_names("m: [json.exception.parse_error.101] parse error at line 1") ==
        "m: parse error at line 1");
  CHECK(without_json_names("[json.exception.x") == "[json.exception.x");
  CHECK(loss_text(0.12345) == "0.1235");
  CHECK(loss_text(1.045e36) == "1.0450e+36");
  CHECK(loss_text(std::nan("")) == "nan");
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(human_seconds(75.2) == "1 min 15 s");
}

TEST_CASE("names are compared as people count, and misspellings are understood", "[core]") {
  CHECK(natural_less("2", "10"));
  CHECK(natural_less("img9.png", "img10.png"));
  CHECK(natural_less("a", "b"));
  CHECK_FALSE(natural_less("b", "a"));
  CHECK(natural_less("a1", "a01") != natural_less("a01", "a1"));
  CHECK_FALSE(natural_less("x", "x"));
  const std::vector<std::string> keys{"epochs", "batch_size", "shuffle"};
  CHECK(closest("epoch", keys) == "epochs");
  CHECK(closest("bacth_size", keys) == "batch_size");
  CHECK(closest("zzz", keys) == "");
  CHECK(printable("a\nb\xff"
                  "\xe3\x81\x82") == "a\\nb\\xFF\xe3\x81\x82");
}

TEST_CASE("a file is replaced whole or not at all", "[core]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "file.txt";
  write_file_atomically(path, "one");
  write_file_atomically(path, "two");
  CHECK(read_file(path) == "two");
  CHECK_THROWS_AS(write_file_atomically(folder.path() / "no" / "file", "x"), Error);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
  CHECK_THROWS_WITH(read_file(folder.path()), ContainsSubstring("is a folder"));
  CHECK_THROWS_WITH(read_file(folder.path() / "none"), ContainsSubstring("No such file"));
}

TEST_CASE("work that is paced takes no more than its part of the time", "[core]") {
  Pace always(1), seldom(0.01);
  CHECK(always.due());
  CHECK(seldom.due());
  const auto work = [] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); };
  always.run(work);
  CHECK(always.due());
  seldom.run(work);
  CHECK_FALSE(seldom.due());  // for two seconds
  Pace half(0.5);
  CHECK_THROWS_AS(half.run([] { throw std::runtime_error("no"); }), std::runtime_error);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(half.due());
}

}  // namespace
}  // namespace cnn
