#include "cluster/link_cluster.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "cluster/patience.h"
#include "core/clock.h"
#include "core/text.h"

namespace cnn {
namespace {

/// A positive number with one of two units; 0 if it is none.
double quantity(const std::string& text, const char* small, double of_small, const char* large,
                double of_large) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(static_cast<const char*>(end), text.data() + text.size());
  if (error != std::errc() || !(number > 0)) return 0;
  return unit == small ? number * of_small : unit == large ? number * of_large : 0;
}

}  // namespace

Link to_link(const std::string& text) {
  const std::size_t comma = std::min(text.find(','), text.size());
  const Link link{quantity(text.substr(0, comma), "us", 1e-6, "ms", 1e-3),
                  quantity(text.substr(std::min(comma + 1, text.size())), "Mbit", 1e6 / 8, "Gbit", 1e9 / 8)};
  if (link.latency == 0 || link.bytes_per_second == 0)
    fail_usage("\"{}\" is no link; give latency and rate, as in 50us,1Gbit", printable(text));
  return link;
}

void LinkCluster::wait_for_collective(std::int64_t bytes_from_others) {
  const double start = now_seconds();
  const double end = start + link_.latency * std::ceil(std::log2(size())) +
                     static_cast<double>(bytes_from_others) / link_.bytes_per_second;
  for (Patience patience; now_seconds() < end; patience.pause()) inner_.look_for_faults();
  add_waiting(now_seconds() - start);
}

void LinkCluster::broadcast(std::span<std::byte> data, int root) {
  inner_.broadcast(data, root);
  wait_for_collective(static_cast<std::int64_t>(data.size()));
}

void LinkCluster::all_gather(std::span<std::byte> data, std::span<const std::int64_t> ends) {
  inner_.all_gather(data, ends);
  const auto me = static_cast<std::size_t>(rank());
  wait_for_collective(ends.back() - (ends[me] - (me == 0 ? 0 : ends[me - 1])));
}

LinkCluster::Message& LinkCluster::add(Ticket& ticket) {
  const auto unused =
      std::find_if(messages_.begin(), messages_.end(), [](const Message& m) { return m.free; });
  ticket = static_cast<Ticket>(unused - messages_.begin());
  Message& message = unused == messages_.end() ? messages_.emplace_back() : *unused;
  message = {};
  message.free = false;
  return message;
}

Cluster::Ticket LinkCluster::send(std::span<const float> data, int to, int tag) {
  Ticket ticket = 0;
  Message& message = add(ticket);
  message.sent = true;
  message.over = link_is_free_ = std::max(link_is_free_, now_seconds()) +
                                 static_cast<double>(data.size_bytes()) / link_.bytes_per_second;
  const double arrives = message.over + link_.latency;
  std::memcpy(message.time, &arrives, sizeof(arrives));
  message.data = inner_.send(data, to, tag);
  message.stamp = inner_.send(message.time, to, tag);
  return ticket;
}

Cluster::Ticket LinkCluster::receive(std::span<float> data, int from, int tag) {
  Ticket ticket = 0;
  Message& message = add(ticket);
  message.data = inner_.receive(data, from, tag);
  message.stamp = inner_.receive(message.time, from, tag);
  return ticket;
}

bool LinkCluster::finished(Ticket ticket) {
  Message& message = messages_[static_cast<std::size_t>(ticket)];
  if (message.data && inner_.finished(*message.data)) message.data.reset();
  if (message.stamp && inner_.finished(*message.stamp)) {
    message.stamp.reset();
    if (!message.sent) std::memcpy(&message.over, message.time, sizeof(message.over));
  }
  if (message.data || message.stamp || now_seconds() < message.over) return false;
  message.free = true;
  return true;
}

}  // namespace cnn
