#include "cluster/thread_cluster.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace cnn {
namespace {

/// What the threads share.
class Exchange {
 public:
  explicit Exchange(int size) : size_(size), offered_(static_cast<std::size_t>(size)) {}
  int size() const { return size_; }

  /// Shows the memory of all to each, and returns when each has taken from it what it wants.
  void meet(int rank, std::span<std::byte> mine,
            const std::function<void(const std::vector<std::span<std::byte>>&)>& take) {
    std::unique_lock lock(mutex_);
    offered_[static_cast<std::size_t>(rank)] = mine;
    wait_for_all(lock);
    take(offered_);
    wait_for_all(lock);
  }

  void post(int from, int to, int tag, std::span<const float> data) {
    const std::lock_guard lock(mutex_);
    check_fault();
    mail_[{from, to, tag}].emplace_back(data.begin(), data.end());
  }
  bool take(int from, int to, int tag, std::span<float> data) {
    const std::lock_guard lock(mutex_);
    check_fault();
    auto& letters = mail_[{from, to, tag}];
    if (letters.empty()) return false;
    CNN_CHECK(letters.front().size() == data.size(), "{} numbers, {} expected", letters.front().size(),
              data.size());
    std::copy(letters.front().begin(), letters.front().end(), data.begin());
    letters.pop_front();
    return true;
  }

  void report(int rank, ExitCode code, const std::string& message) {
    const std::lock_guard lock(mutex_);
    if (!fault_) fault_.emplace(code, fmt::format("rank {}: {}", rank, message)), guilty_ = rank;
    changed_.notify_all();
  }
  void look() {
    const std::lock_guard lock(mutex_);
    check_fault();
  }
  int guilty() const { return guilty_; }

 private:
  void check_fault() const {
    if (fault_) throw *fault_;
  }
  void wait_for_all(std::unique_lock<std::mutex>& lock) {
    check_fault();
    const std::int64_t round = round_;
    if (++waiting_ == size_) {
      waiting_ = 0;
      ++round_;
      changed_.notify_all();
    }
    changed_.wait(lock, [&] { return round_ != round || fault_; });
    if (round_ == round) check_fault();
  }

  const int size_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::span<std::byte>> offered_;
  int waiting_ = 0;
  std::int64_t round_ = 0;
  std::map<std::tuple<int, int, int>, std::deque<std::vector<float>>> mail_;
  std::optional<ClusterError> fault_;
  int guilty_ = 0;
};

class ThreadCluster final : public Cluster {
 public:
  ThreadCluster(Exchange& exchange, int rank) : exchange_(exchange), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return exchange_.size(); }
  void broadcast(std::span<std::byte> data, int root) override {
    exchange_.meet(rank_, data, [&](const std::vector<std::span<std::byte>>& offered) {
      const auto& from = offered[static_cast<std::size_t>(root)];
      CNN_CHECK(from.size() == data.size(), "{} bytes are sent, {} expected", from.size(), data.size());
      if (root != rank_ && !data.empty()) std::memcpy(data.data(), from.data(), data.size());
    });
  }
  void all_gather(std::span<std::byte> data, std::span<const std::int64_t> ends) override {
    exchange_.meet(rank_, data, [&](const std::vector<std::span<std::byte>>& offered) {
      for (int rank = 0; rank < size(); ++rank) {
        const auto r = static_cast<std::size_t>(rank);
        const auto first = static_cast<std::size_t>(rank == 0 ? 0 : ends[r - 1]);
        const std::size_t bytes = static_cast<std::size_t>(ends[r]) - first;
        if (rank != rank_ && bytes > 0) std::memcpy(data.data() + first, offered[r].data() + first, bytes);
      }
    });
  }
  Ticket send(std::span<const float> data, int to, int tag) override {
    exchange_.post(rank_, to, tag, data);
    return add({});
  }
  Ticket receive(std::span<float> data, int from, int tag) override {
    return add(Receipt{data, from, tag, false});
  }
  bool finished(Ticket ticket) override {
    Receipt& receipt = receipts_[static_cast<std::size_t>(ticket)];
    if (receipt.arrived) return true;
    while (receipts_[settled_].arrived) ++settled_;
    // What was sent first goes to who asked first.
    for (std::size_t i = settled_; i < static_cast<std::size_t>(ticket); ++i) {
      Receipt& earlier = receipts_[i];
      if (!earlier.arrived && earlier.from == receipt.from && earlier.tag == receipt.tag) take(earlier);
      if (!earlier.arrived && earlier.from == receipt.from && earlier.tag == receipt.tag) return false;
    }
    take(receipt);
    return receipt.arrived;
  }
  void report_fault(ExitCode code, const std::string& message) override {
    exchange_.report(rank_, code, message);
  }
  void look_for_faults() override { exchange_.look(); }

 private:
  struct Receipt {
    std::span<float> data;
    int from = 0, tag = 0;
    bool arrived = true;
  };
  Ticket add(const Receipt& receipt) {
    receipts_.push_back(receipt);
    return static_cast<Ticket>(receipts_.size()) - 1;
  }
  void take(Receipt& receipt) {
    receipt.arrived = exchange_.take(receipt.from, rank_, receipt.tag, receipt.data);
  }

  Exchange& exchange_;
  const int rank_;
  std::deque<Receipt> receipts_;  // by ticket
  std::size_t settled_ = 0;       // so many at the front have arrived
};

}  // namespace

void run_as_cluster(int size, const std::function<void(Cluster&)>& body) {
  Exchange exchange(size);
  std::vector<std::exception_ptr> thrown(static_cast<std::size_t>(size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] {
      ThreadCluster cluster(exchange, rank);
      try {
        body(cluster);
      } catch (const std::exception& error) {
        thrown[static_cast<std::size_t>(rank)] = std::current_exception();
        const auto* known = dynamic_cast<const Error*>(&error);
        cluster.report_fault(known ? known->code() : ExitCode::run_failed, error.what());
      }
    });
  for (std::thread& thread : threads) thread.join();
  if (const std::exception_ptr first = thrown[static_cast<std::size_t>(exchange.guilty())])
    std::rethrow_exception(first);
}

}  // namespace cnn
