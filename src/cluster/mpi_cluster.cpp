#include "cluster/mpi_cluster.h"

#ifdef CNN_HAS_MPI

#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "cluster/patience.h"
#include "core/clock.h"

namespace cnn {
namespace {

/// A message of MPI counts in int.
constexpr std::int64_t kMostBytes = std::int64_t{1} << 30;

/// finished() looks for a fault once in so many calls: they are frequent.
constexpr int kCallsBetweenLooks = 16;

class MpiCluster final : public JoinedCluster {
 public:
  MpiCluster();

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void broadcast(std::span<std::byte> data, int root) override;
  void all_gather(std::span<std::byte> data, std::span<const std::int64_t> ends) override;
  Ticket send(std::span<const float> data, int to, int tag) override;
  Ticket receive(std::span<float> data, int from, int tag) override;
  bool finished(Ticket ticket) override;
  void report_fault(ExitCode code, const std::string& message) override;
  void look_for_faults() override;
  int leave(int status) override;

 private:
  Ticket ticket_of(MPI_Request request);
  void wait(MPI_Request& request);
  void gather_in_one_call(std::span<std::byte> data, std::span<const std::int64_t> ends);
  [[noreturn]] void wait_for_the_end();

  int rank_ = 0, size_ = 1;
  MPI_Comm work_ = MPI_COMM_NULL, faults_ = MPI_COMM_NULL;
  std::vector<MPI_Request> requests_;  // by ticket
  std::vector<Ticket> free_;
  int calls_ = 0;
  bool reported_ = false;              // by this process
  std::string report_;                 // on its way
  std::optional<ClusterError> fault_;  // of another process
};

MpiCluster::MpiCluster() {
  int provided = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  MPI_Comm_dup(MPI_COMM_WORLD, &work_);
  MPI_Comm_dup(MPI_COMM_WORLD, &faults_);
}

void MpiCluster::wait(MPI_Request& request) {
  const double start = now_seconds();
  Patience patience;
  for (int done = 0;;) {
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (done) break;
    look_for_faults();
    patience.pause();
  }
  add_waiting(now_seconds() - start);
}

void MpiCluster::broadcast(std::span<std::byte> data, int root) {
  look_for_faults();
  while (!data.empty()) {
    const auto part = data.first(std::min(data.size(), static_cast<std::size_t>(kMostBytes)));
    MPI_Request request;
    MPI_Ibcast(part.data(), static_cast<int>(part.size()), MPI_BYTE, root, work_, &request);
    wait(request);
    data = data.subspan(part.size());
  }
}

void MpiCluster::all_gather(std::span<std::byte> data, std::span<const std::int64_t> ends) {
  look_for_faults();
  if (ends.back() <= kMostBytes) return gather_in_one_call(data, ends);
  for (int rank = 0; rank < size_; ++rank) {
    const auto r = static_cast<std::size_t>(rank);
    const auto first = static_cast<std::size_t>(rank == 0 ? 0 : ends[r - 1]);
    broadcast(data.subspan(first, static_cast<std::size_t>(ends[r]) - first), rank);
  }
}

void MpiCluster::gather_in_one_call(std::span<std::byte> data, std::span<const std::int64_t> ends) {
  std::vector<int> counts, begins;
  for (const std::int64_t end : ends) {
    begins.push_back(begins.empty() ? 0 : begins.back() + counts.back());
    counts.push_back(static_cast<int>(end) - begins.back());
  }
  MPI_Request request;
  MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, data.data(), counts.data(), begins.data(), MPI_BYTE,
                  work_, &request);
  wait(request);
}

Cluster::Ticket MpiCluster::ticket_of(MPI_Request request) {
  if (free_.empty()) {
    requests_.push_back(request);
    return static_cast<Ticket>(requests_.size()) - 1;
  }
  const Ticket ticket = free_.back();
  free_.pop_back();
  requests_[static_cast<std::size_t>(ticket)] = request;
  return ticket;
}

Cluster::Ticket MpiCluster::send(std::span<const float> data, int to, int tag) {
  CNN_CHECK(data.size() <= INT_MAX, "{} numbers in a message", data.size());
  MPI_Request request;
  MPI_Isend(data.data(), static_cast<int>(data.size()), MPI_FLOAT, to, tag, work_, &request);
  return ticket_of(request);
}

Cluster::Ticket MpiCluster::receive(std::span<float> data, int from, int tag) {
  CNN_CHECK(data.size() <= INT_MAX, "{} numbers in a message", data.size());
  MPI_Request request;
  MPI_Irecv(data.data(), static_cast<int>(data.size()), MPI_FLOAT, from, tag, work_, &request);
  return ticket_of(request);
}

bool MpiCluster::finished(Ticket ticket) {
  int done = 0;
  MPI_Test(&requests_[static_cast<std::size_t>(ticket)], &done, MPI_STATUS_IGNORE);
  if (done)
    free_.push_back(ticket);
  else if (++calls_ % kCallsBetweenLooks == 0)
    look_for_faults();
  return done;
}

void MpiCluster::report_fault(ExitCode code, const std::string& message) {
  if (reported_ || fault_) return;
  reported_ = true;
  std::array<char, 256> machine{};
  ::gethostname(machine.data(), machine.size() - 1);
  // The first bytes are the exit code. The text stays where it is until the end: a receiver may be busy.
  report_ = fmt::format("{:4}rank {} on {}: {}", static_cast<int>(code), rank_, machine.data(), message);
  for (int to = 0; to < size_; ++to) {
    if (to == rank_) continue;
    MPI_Request request;
    MPI_Isend(report_.data(), static_cast<int>(report_.size()), MPI_CHAR, to, 0, faults_, &request);
    MPI_Request_free(&request);
  }
}

void MpiCluster::look_for_faults() {
  if (!fault_) {
    int there = 0;
    MPI_Status status;
    MPI_Iprobe(MPI_ANY_SOURCE, 0, faults_, &there, &status);
    if (!there) return;
    int length = 0;
    MPI_Get_count(&status, MPI_CHAR, &length);
    std::string text(static_cast<std::size_t>(length), ' ');
    MPI_Recv(text.data(), length, MPI_CHAR, status.MPI_SOURCE, 0, faults_, MPI_STATUS_IGNORE);
    fault_.emplace(static_cast<ExitCode>(std::stoi(text.substr(0, 4))), text.substr(4));
  }
  throw *fault_;
}

/// Process 0 is saving what it can, and then ends the job.
void MpiCluster::wait_for_the_end() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_DFL);
  for (Patience patience;; patience.pause()) {
    int there = 0;  // moves this process's report along
    MPI_Iprobe(MPI_ANY_SOURCE, 0, faults_, &there, MPI_STATUS_IGNORE);
  }
}

int MpiCluster::leave(int status) {
  if (reported_ || fault_) {
    std::fflush(nullptr);
    if (rank_ != 0) wait_for_the_end();
    MPI_Abort(MPI_COMM_WORLD, status);
    ::_exit(status);
  }
  MPI_Request all_are_here;
  MPI_Ibarrier(work_, &all_are_here);
  wait(all_are_here);
  broadcast(std::as_writable_bytes(std::span(&status, 1)), 0);
  MPI_Comm_free(&faults_);
  MPI_Comm_free(&work_);
  MPI_Finalize();
  return status;
}

}  // namespace

std::unique_ptr<JoinedCluster> join_mpi() { return std::make_unique<MpiCluster>(); }

}  // namespace cnn

#else

namespace cnn {

std::unique_ptr<JoinedCluster> join_mpi() { return nullptr; }

}  // namespace cnn

#endif
