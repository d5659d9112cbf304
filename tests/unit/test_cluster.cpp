// What processes say to each other: threads as a cluster, with and without a slow link, and real processes.
#include <atomic>
#include <map>
#include <numeric>
#include <vector>

#include "catch.h"
#include "cluster/job.h"
#include "cluster/launch.h"
#include "cluster/link_cluster.h"
#include "cluster/messages.h"
#include "cluster/patience.h"
#include "cluster/thread_cluster.h"
#include "core/clock.h"
#include "mpirun.h"

namespace cnn {
namespace {

void wait(Cluster& cluster, Cluster::Ticket ticket) {
  for (Patience patience; !cluster.finished(ticket); patience.pause()) {
  }
}

/// Makes every call, and returns what went wrong: Catch counts in one thread only.
std::string exercise(Cluster& cluster) {
  const int rank = cluster.rank(), size = cluster.size();
  for (int root = 0; root < size; ++root) {
    double value = rank == root ? 0.5 + root : -1;
    broadcast_value(cluster, value, root);
    if (value != 0.5 + root) return "broadcast";
  }
  std::string text = rank == 0 ? std::string("a text\0with a zero", 18) : "of another length before";
  broadcast_text(cluster, text);
  if (text != std::string("a text\0with a zero", 18)) return "broadcast_text";

  const std::vector<int> ranks = gathered(cluster, 3 * rank);
  for (int r = 0; r < size; ++r)
    if (ranks[static_cast<std::size_t>(r)] != 3 * r) return "gathered";
  // One gives nothing, the others runs of different lengths.
  const std::vector<int> mine(static_cast<std::size_t>(rank == 1 ? 0 : 1000 + rank), rank);
  std::vector<int> expected;
  for (int r = 0; r < size; ++r)
    expected.insert(expected.end(), r == 1 ? 0u : 1000u + static_cast<unsigned>(r), r);
  if (joined(cluster, std::span<const int>(mine)) != expected) return "joined";
  const std::vector<std::string> texts =
      gathered_texts(cluster, std::string(static_cast<std::size_t>(rank), 'x'));
  for (std::size_t r = 0; r < texts.size(); ++r)
    if (texts[r] != std::string(r, 'x')) return "gathered_texts";

  // Around in a ring, several at once, short and long ones, received in another order than they were sent.
  if (size == 1) return "";
  const int next = (rank + 1) % size, before = (rank + size - 1) % size;
  std::vector<std::vector<float>> sent, got;
  for (const std::size_t length : {1u, 100000u, 7u}) {
    sent.emplace_back(length, static_cast<float>(rank) + static_cast<float>(sent.size()) / 4);
    got.emplace_back(length);
  }
  std::vector<Cluster::Ticket> tickets;
  for (int i : {2, 0, 1}) tickets.push_back(cluster.receive(got[static_cast<std::size_t>(i)], before, i));
  for (int i : {0, 1, 2}) tickets.push_back(cluster.send(sent[static_cast<std::size_t>(i)], next, i));
  for (const Cluster::Ticket ticket : tickets) wait(cluster, ticket);
  for (std::size_t i = 0; i < got.size(); ++i)
    for (const float value : got[i])
      if (value != static_cast<float>(before) + static_cast<float>(i) / 4) return "messages";
  // The same tag twice: in the order of sending.
  std::vector<float> first{0}, second{0}, one{1}, two{2};
  const auto a = cluster.receive(first, before, 9), b = cluster.receive(second, before, 9);
  const auto c = cluster.send(one, next, 9), d = cluster.send(two, next, 9);
  for (const auto ticket : {b, a, d, c}) wait(cluster, ticket);
  if (first[0] != 1 || second[0] != 2) return "order";
  return "";
}

TEST_CASE("threads are a cluster, for every call", "[cluster]") {
  for (const int size : {1, 2, 3, 5}) {
    std::vector<std::string> wrong(static_cast<std::size_t>(size));
    run_as_cluster(size, [&](Cluster& c) { wrong[static_cast<std::size_t>(c.rank())] = exercise(c); });
    CHECK(wrong == std::vector<std::string>(static_cast<std::size_t>(size)));
  }
}

TEST_CASE("a fault of one process reaches all others, wherever they wait", "[cluster]") {
  for (const int place : {0, 1, 2, 3}) {
    std::vector<std::string> heard(3);
    const auto body = [&](Cluster& cluster) {
      if (cluster.rank() == 1) fail("the disk of this one");
      float number = 0;
      try {
        if (place == 0) broadcast_value(cluster, number, 1);
        if (place == 1) gathered(cluster, number);
        if (place == 2) wait(cluster, cluster.receive({&number, 1}, 1, 5));
        while (place == 3) cluster.look_for_faults();
      } catch (const ClusterError& error) {
        heard[static_cast<std::size_t>(cluster.rank())] = error.what();
        throw;
      }
    };
    CHECK_THROWS_WITH(run_as_cluster(3, body), "the disk of this one");
    CHECK(heard ==
          std::vector<std::string>{"rank 1: the disk of this one", "", "rank 1: the disk of this one"});
  }
}

TEST_CASE("a link carries the same messages, and takes its time for them", "[cluster]") {
  std::vector<std::string> wrong(3);
  run_as_cluster(3, [&](Cluster& inner) {
    LinkCluster cluster(inner, {.latency = 1e-4, .bytes_per_second = 1e9});
    wrong[static_cast<std::size_t>(cluster.rank())] = exercise(cluster);
  });
  CHECK(wrong == std::vector<std::string>(3));

  // 2 messages of 40,000 bytes at 4 MB/s: the first has left after 10 ms, the second after 20 ms, and each
  // arrives 30 ms later.
  std::atomic<double> start = 0;
  double first = 0, second = 0, left = 0, gather = 0;
  run_as_cluster(2, [&](Cluster& inner) {
    LinkCluster cluster(inner, {.latency = 0.03, .bytes_per_second = 4e6});
    std::vector<float> a(10000, 1), b(10000, 2);
    if (cluster.rank() == 0) start = now_seconds();
    gathered(inner, 0);
    const auto since_start = [&] { return now_seconds() - start; };
    if (cluster.rank() == 0) {
      const auto one = cluster.send(a, 1, 0), two = cluster.send(b, 1, 0);
      wait(cluster, one);
      wait(cluster, two);
      left = since_start();
    } else {
      const auto one = cluster.receive(a, 0, 0), two = cluster.receive(b, 0, 0);
      wait(cluster, one);
      first = since_start();
      wait(cluster, two);
      second = since_start();
    }
    gathered(inner, 0);
    const double then = now_seconds();
    joined(cluster, std::span<const float>(a));  // two calls: of the lengths, of the 40,000 bytes
    if (cluster.rank() == 0) gather = now_seconds() - then;
  });
  CHECK(left >= 0.02);
  CHECK(first >= 0.04);
  CHECK(second >= 0.05);
  CHECK(gather >= 0.07);
  CHECK(std::max({left, first, second, gather}) < 5);
}

TEST_CASE("a link is given as latency and rate", "[cluster]") {
  const Link link = to_link("50us,1Gbit");
  CHECK(link.latency == Approx(50e-6));
  CHECK(link.bytes_per_second == Approx(125e6));
  CHECK(to_link("2ms,100Mbit").latency == Approx(2e-3));
  CHECK(to_link("2ms,100Mbit").bytes_per_second == Approx(12.5e6));
  for (const char* text : {"", "50us", "50,1", "-1us,1Gbit", "50us,1Gbit,", "50us,1GB"})
    CHECK_THROWS_WITH(to_link(text), ContainsSubstring("50us,1Gbit"));
}

TEST_CASE("shares are runs in order, of about the same length, in whole blocks", "[cluster]") {
  for (const int processes : {1, 2, 3, 7, 8})
    for (const std::int64_t images : {0, 1, 16, 17, 100, 1000}) {
      std::int64_t next = 0;
      for (int rank = 0; rank < processes; ++rank) {
        const Portion share = share_of_blocks(images, rank, processes);
        CHECK(share.first == next);
        CHECK((share.first % kLanes == 0 || share.first == images));
        CHECK(share.size() <= (blocks_of(images) / processes + 1) * kLanes);
        next = share.end;
      }
      CHECK(next == images);
    }
}

TEST_CASE("the environment of a launcher tells rank and size", "[cluster]") {
  const auto launch = [](const std::map<std::string, std::string>& variables) {
    return launch_of([&](const char* name) -> const char* {
      const auto found = variables.find(name);
      return found == variables.end() ? nullptr : found->second.c_str();
    });
  };
  const auto is = [](const Launch& l, int rank, int size) { return l.rank == rank && l.size == size; };
  CHECK(is(launch({}), 0, 1));
  CHECK(is(launch({{"OMPI_COMM_WORLD_RANK", "3"}, {"OMPI_COMM_WORLD_SIZE", "4"}}), 3, 4));
  CHECK(is(launch({{"PMI_RANK", "0"}, {"PMI_SIZE", "2"}}), 0, 2));
  CHECK(is(launch({{"PMIX_RANK", "1"}, {"SLURM_STEP_NUM_TASKS", "2"}}), 1, 2));
  // In a batch script, or damaged: by itself.
  CHECK(is(launch({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}}), 0, 1));
  CHECK(is(launch({{"PMI_RANK", "2"}, {"PMI_SIZE", "2"}}), 0, 1));
  CHECK(is(launch({{"PMI_RANK", "x"}, {"PMI_SIZE", "2"}}), 0, 1));
}

/// One process of the next test; fails outside of it.
TEST_CASE("as a process of mpirun: every call", "[.mpi_process]") {
  Job job;
  REQUIRE(job.cluster().size() == 3);
  CHECK(exercise(job.cluster()) == "");
  CHECK(job.threads() >= 1);
  CHECK(job.leave(job.cluster().is_root() ? 7 : 0) == 7);
}
TEST_CASE("as a process of mpirun: a fault", "[.mpi_fault]") {
  Job job;
  Cluster& cluster = job.cluster();
  if (cluster.rank() == 1) {
    cluster.report_fault(ExitCode::below_accuracy, "the disk of this one");
    job.leave(3);
  }
  std::vector<float> never(100000);
  const auto ticket = cluster.receive(never, 1, 1);
  try {
    wait(cluster, ticket);
  } catch (const ClusterError& error) {
    CHECK_THROWS_AS(gathered(cluster, 1), ClusterError);
    if (cluster.is_root()) std::fprintf(stderr, "heard: %s\n", error.what());
    job.leave(static_cast<int>(error.code()));
  }
}

TEST_CASE("real processes make every call, and hear of a fault", "[mpi]") {
  if (!mpirun_is_here()) return;
  const std::filesystem::path tests = std::filesystem::read_symlink("/proc/self/exe");
  const ProgramResult all = mpirun(3, tests, {"[.mpi_process]"});
  INFO(all.description());
  CHECK(all.exit_code == 0);
  const ProgramResult fault = mpirun(3, tests, {"[.mpi_fault]"});
  INFO(fault.description());
  CHECK(fault.exit_code == 3);
  CHECK_THAT(fault.err,
             ContainsSubstring("heard: rank 1 on ") && ContainsSubstring(": the disk of this one"));
}

}  // namespace
}  // namespace cnn
