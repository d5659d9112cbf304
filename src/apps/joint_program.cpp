#include "apps/joint_program.h"

#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <new>
#include <optional>
#include <thread>

#include "apps/command_line.h"
#include "core/error.h"
#include "core/standard_streams.h"

namespace cnn {
namespace {

/// Calls body(); if it throws, the other processes hear of it.
int told_to_others(Cluster& cluster, const std::function<int()>& body) {
  try {
    return body();
  } catch (const Error& error) {
    cluster.report_fault(error.code(), error.what());
    throw;
  } catch (const std::bad_alloc&) {
    cluster.report_fault(ExitCode::run_failed, "out of memory; use a smaller batch_size or network");
    throw;
  } catch (const std::exception& error) {
    cluster.report_fault(ExitCode::run_failed, error.what());
    throw;
  }
}

int leave(Job& job, const std::string& program, int status) {
  for (;;) {
    try {
      return job.leave(status);
    } catch (const ClusterError& error) {  // after the last common call, so nobody has said it yet
      if (job.cluster().is_root()) print_err("{}: {}\n", program, error.what());
      status = static_cast<int>(error.code());
    }
  }
}

}  // namespace

int run_joint_program(CLI::App& app, int argc, char** argv,
                      const std::function<std::function<int()>(Job&)>& setup) {
  guard_standard_streams();
  std::optional<Job> job;
  try {
    job.emplace();
  } catch (const Error& error) {
    // A launcher ends all processes when one has failed: those that are silent let the other one speak.
    if (Job::speaks())
      print_err("{}: {}\n", app.get_name(), error.what());
    else
      std::this_thread::sleep_for(std::chrono::seconds(1));
    return static_cast<int>(error.code());
  }
  Cluster& cluster = job->cluster();
  std::function<int()> body;
  try {
    body = setup(*job);
  } catch (const std::bad_alloc&) {
    print_err("{}: out of memory\n", app.get_name());
    return leave(*job, app.get_name(), static_cast<int>(ExitCode::run_failed));
  }
  const int status = run_program(
      app, argc, argv, [&] { return told_to_others(cluster, body); }, !cluster.is_root());
  return leave(*job, app.get_name(), status);
}

}  // namespace cnn
