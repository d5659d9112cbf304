// What does not fit is refused before it is allocated; what does not fit later ends with a message and what
// was trained.
#include "catch.h"
#include "core/memory.h"
#include "core/processors.h"
#include "network_fixture.h"
#include "nn/spec_error.h"
#include "resumed_runs.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

/// A /proc and a /sys of its own.
class Machine {
 public:
  void write(const std::string& path, const std::string& content) const {
    fs::create_directories((folder_.path() / path).parent_path());
    write_file_atomically(folder_.path() / path, content);
  }
  AvailableMemory available() const { return available_memory(folder_.path()); }
  int processors() const { return usable_processors(folder_.path()); }

 private:
  TemporaryFolder folder_;
};

TEST_CASE("available memory is what machine and control groups leave", "[core]") {
  const Machine machine;
  machine.write("proc/meminfo", "MemTotal:  9000 kB\nMemFree:  1 kB\nMemAvailable:    8000 kB\n");
  CHECK(machine.available().bytes == 8000 * 1024);
  CHECK(machine.available().limit == "this machine");
  SECTION("version 2, the file cache counts as free") {
    machine.write("proc/self/cgroup", "0::/a/b\n");
    machine.write("sys/fs/cgroup/a/b/memory.max", "max\n");
    machine.write("sys/fs/cgroup/a/b/memory.current", "1000\n");
    CHECK(machine.available().bytes == 8000 * 1024);
    machine.write("sys/fs/cgroup/a/memory.max", "50000\n");
    machine.write("sys/fs/cgroup/a/memory.current", "30000\n");
    machine.write("sys/fs/cgroup/a/memory.stat", "anon 9000\ninactive_file 600\nactive_file 400\n");
    CHECK(machine.available().bytes == 21000);
    CHECK_THAT(machine.available().limit, ContainsSubstring("control group"));
    machine.write("sys/fs/cgroup/a/b/memory.max", "900\n");
    CHECK(machine.available().bytes == 0);
  }
  SECTION("version 2 in a container") {
    machine.write("proc/self/cgroup", "0::/\n");
    machine.write("sys/fs/cgroup/memory.max", "7000\n");
    machine.write("sys/fs/cgroup/memory.current", "3000\n");
    CHECK(machine.available().bytes == 4000);
  }
  SECTION("version 1, of which a container only sees the root") {
    machine.write("proc/self/cgroup", "12:cpu,cpuacct:/x\n5:memory:/docker/abc\n");
    machine.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "5000\n");
    machine.write("sys/fs/cgroup/memory/memory.usage_in_bytes", "2000\n");
    machine.write("sys/fs/cgroup/memory/memory.stat", "total_inactive_file 100\n");
    CHECK(machine.available().bytes == 3100);
    machine.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    CHECK(machine.available().bytes == 8000 * 1024);
  }
}

TEST_CASE("no more processors are used than the quotas of the control groups allow", "[core]") {
  const Machine machine;
  const int all = machine.processors();
  CHECK(all >= 1);
  const int half = std::max(1, all / 2);
  const std::string quota = std::to_string(half * 50000 - 1000) + "\n";
  SECTION("version 2, in a group or above it") {
    machine.write("proc/self/cgroup", "0::/a/b\n");
    machine.write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    CHECK(machine.processors() == all);
    machine.write("sys/fs/cgroup/a/cpu.max", std::to_string(half * 50000 - 1000) + " 50000\n");
    CHECK(machine.processors() == half);
    machine.write("sys/fs/cgroup/a/b/cpu.max", "1000 100000\n");
    CHECK(machine.processors() == 1);
  }
  SECTION("version 1, under the name of the controller or of its mount") {
    machine.write("proc/self/cgroup", "7:memory:/x\n5:cpu,cpuacct:/docker/abc\n");
    for (const char* mount : {"sys/fs/cgroup/cpu/", "sys/fs/cgroup/cpu,cpuacct/docker/abc/"}) {
      machine.write(std::string(mount) + "cpu.cfs_quota_us", "-1\n");
      machine.write(std::string(mount) + "cpu.cfs_period_us", "50000\n");
      CHECK(machine.processors() == all);
      machine.write(std::string(mount) + "cpu.cfs_quota_us", quota);
      CHECK(machine.processors() == half);
      machine.write(std::string(mount) + "cpu.cfs_quota_us", "-1\n");
    }
  }
}

TEST_CASE("tensors beyond any memory are refused with their shape", "[nn]") {
  const auto refused = [](NetworkSpec spec, const char* message) {
    name_entries(spec);
    try {
      Network network(spec, {3, 64, 64}, 0, 1);
      FAIL_CHECK("it was allocated");
    } catch (const SpecError& error) {
      CHECK_THAT(error.what(), ContainsSubstring(message));
    }
  };
  ConvSpec wide;
  wide.out_channels = 1 << 20;
  wide.kernel_size = {64, 64};
  refused(chain(wide, FlattenSpec{}), "1048576 x 3 x 64 x 64 = more than 1,073,741,824 numbers");
  refused(chain(FlattenSpec{}, DenseSpec{.units = 1 << 20, .control = {}},
                DenseSpec{.units = 1 << 20, .control = {}}),
          "more than");
}

TEST_CASE("a batch or network that cannot fit is refused with what would", "[cli]") {
  const Runs runs;
  const ProgramResult batch = runs.train(runs.start(
      "run", {"--set", "training.batch_size=1048576", "--set", "network.0.out_channels=4096"}));  // terabytes
  INFO(batch.description());
  CHECK(batch.exit_code == 2);
  CHECK_THAT(batch.err, ContainsSubstring("training.batch_size") && ContainsSubstring(" fits"));
  CHECK_FALSE(fs::exists(runs.path("run")));
  const ProgramResult huge = runs.train(runs.start("run", {"--set", "training.batch_size=1000000000000"}));
  CHECK(huge.exit_code == 2);
}

#ifdef CNN_FAULTS  // sanitizers reserve more address space than any limit

/// cnn-train under `ulimit`.
ProgramResult limited(const std::string& limit, const std::vector<std::string>& arguments) {
  std::string command = limit + " && exec '" + program_path("cnn-train").string() + "'";
  for (const std::string& argument : arguments) command += " '" + argument + "'";
  return run_program("/bin/sh", {"-c", command});
}

TEST_CASE("the limit on address space is respected, and running into it saves what was trained", "[cli]") {
  const Runs runs;
  const std::vector<std::string> larger{"--quiet", "--set", "network.0.out_channels=64", "--threads", "2"};
  const std::string expected = runs.expected(larger);
  int refused = 0, completed = 0, least = 0;  // MB in which the program starts
  for (int mb = 12; mb <= 124; mb += 8) {     // libraries of image formats take tens of MB
    fs::remove_all(runs.path("run"));
    const ProgramResult result = limited("ulimit -v " + std::to_string(mb * 1024), runs.start("run", larger));
    INFO(mb << " MB\n" << result.description());
    CHECK(result.signal == 0);
    CHECK(result.err.find("terminate") == std::string::npos);
    if (result.exit_code == 127) continue;  // not even the program's libraries fit
    if (least == 0) least = mb;
    CHECK((result.exit_code == 0 || result.exit_code == 1 || result.exit_code == 2));
    if (result.exit_code != 0) {
      ++refused;
      CHECK_FALSE(result.err.empty());
      if (!fs::exists(runs.path("run/config.json"))) continue;
      runs.require_success(runs.resume("run"));
    }
    ++completed;
    CHECK((runs.result("run") == expected));
  }
  CHECK(refused > 0);
  CHECK(completed > 0);

  // From too little for the libraries on, so that memory runs out at every step of the start.
  for (int kb = (least - 8) * 1024; kb < least * 1024; kb += 256) {
    fs::remove_all(runs.path("run"));
    const ProgramResult result = limited("ulimit -v " + std::to_string(kb), runs.start("run", larger));
    INFO(kb << " KB\n" << result.description());
    CHECK(result.signal == 0);
  }
}

TEST_CASE("threads that the system does not give are said, not died of", "[cli]") {
  const Runs runs;
  const ProgramResult result = limited("ulimit -v 1000000", runs.start("run", {"--threads", "1024"}));
  INFO(result.description());
  CHECK(result.signal == 0);
  CHECK((result.exit_code == 1 || result.exit_code == 2));
  CHECK_FALSE(result.err.empty());
}

#endif

}  // namespace
}  // namespace cnn
