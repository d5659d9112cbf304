#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "cluster/cluster.h"

namespace cnn {

/// What connects a process with the others.
struct Link {
  double latency = 0;           ///< seconds until the first byte arrives
  double bytes_per_second = 0;  ///< that the process can send
};

/// "50us,1Gbit" is a latency of 50 microseconds and a rate of 10^9 bits a second; units: us, ms; Mbit, Gbit.
/// Throws Error (exit 2).
Link to_link(const std::string& text);

/// A cluster whose messages take as long as over a link, although its processes share a machine: for
/// measurements of what a network would cost. A message waits until those before it have left, takes its
/// bytes times the rate to leave, and arrives a latency later. A collective call takes log2(processes)
/// latencies and the time of the bytes that a process gets from others, counted from when all have come.
class LinkCluster final : public Cluster {
 public:
  /// The processes of `inner` must have a steady clock in common. It must outlive the object.
  LinkCluster(Cluster& inner, const Link& link) : inner_(inner), link_(link) {}

  int rank() const override { return inner_.rank(); }
  int size() const override { return inner_.size(); }
  void broadcast(std::span<std::byte> data, int root) override;
  void all_gather(std::span<std::byte> data, std::span<const std::int64_t> ends) override;
  Ticket send(std::span<const float> data, int to, int tag) override;
  Ticket receive(std::span<float> data, int from, int tag) override;
  bool finished(Ticket ticket) override;
  void report_fault(ExitCode code, const std::string& message) override {
    inner_.report_fault(code, message);
  }
  void look_for_faults() override { inner_.look_for_faults(); }
  double waited() const override { return Cluster::waited() + inner_.waited(); }

 private:
  /// The time at which a message has arrived travels behind it.
  struct Message {
    std::optional<Ticket> data, stamp;  // of `inner`, until they are finished
    float time[2] = {};                 // the bits of a double
    double over = 0;                    // when the sender is done with it; receiver: from `time`
    bool sent = false, free = true;
  };
  Message& add(Ticket& ticket);
  void wait_for_collective(std::int64_t bytes_from_others);

  Cluster& inner_;
  const Link link_;
  double link_is_free_ = 0;
  std::deque<Message> messages_;  // by ticket; keeps their places
};

}  // namespace cnn
