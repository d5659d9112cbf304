#include "nn/gradient_exchange.h"

#include <algorithm>

#include "cluster/patience.h"
#include "core/block.h"
#include "core/clock.h"
#include "core/error.h"

namespace cnn {
namespace {

/// Smaller parts are not cut: a message has a price of its own.
constexpr std::int64_t kLeastFloats = 4096;

}  // namespace

GradientExchange::GradientExchange(Cluster& cluster, float* gradients, float* nodes,
                                   std::int64_t parameter_floats)
    : cluster_(cluster),
      gradients_(gradients),
      nodes_(nodes),
      parameter_floats_(parameter_floats),
      nodes_of_(static_cast<std::size_t>(cluster.size())) {}

void GradientExchange::begin(const Leaves& leaves) {
  CNN_CHECK(parts_.empty(), "{} parts of the last batch are under way", parts_.size());
  leaves_ = leaves.count();
  for (int process = 0; process < cluster_.size(); ++process)
    nodes_of_[static_cast<std::size_t>(process)] = tree_nodes(leaves.of_process(process, cluster_.size()));
  next_number_ = 0;
}

void GradientExchange::start(std::int64_t first, std::int64_t end) {
  const std::int64_t units = (end - first) / kLanes;
  const int owners =
      static_cast<int>(std::clamp<std::int64_t>((end - first) / kLeastFloats, 1, cluster_.size()));
  for (int n = 0; n < owners; ++n) {
    const std::int64_t begin = first + units * n / owners * kLanes,
                       stop = first + units * (n + 1) / owners * kLanes;
    const int number = next_number_++;
    start_part({begin, stop - begin, number % cluster_.size(), number, {}});
  }
}

/// An owner receives from everybody; the others send, and wait for the result.
void GradientExchange::start_part(Part part) {
  const auto count = static_cast<std::size_t>(part.count);
  if (part.owner == cluster_.rank()) {
    float* to = inbox(part);
    for (int process = 0; process < cluster_.size(); ++process)
      for (std::size_t n = 0; process != part.owner && n < nodes_of(process).size(); ++n, to += part.count)
        part.open.push_back(cluster_.receive({to, count}, process, sum_tag(part)));
  } else {
    for (std::size_t n = 0; n < nodes_of(cluster_.rank()).size(); ++n)
      part.open.push_back(cluster_.send({own_node(part, n), count}, part.owner, sum_tag(part)));
    part.open.push_back(cluster_.receive({gradients_ + part.first, count}, part.owner, result_tag(part)));
  }
  if (!advance(part)) parts_.push_back(std::move(part));
}

/// Where an owner gets the sums of the others, one after the other.
float* GradientExchange::inbox(const Part& part) {
  const auto number = static_cast<std::size_t>(part.number);
  if (inboxes_.size() <= number) inboxes_.resize(number + 1);
  std::int64_t floats = 0;
  for (int process = 0; process < cluster_.size(); ++process)
    if (process != part.owner) floats += static_cast<std::int64_t>(nodes_of(process).size()) * part.count;
  if (inboxes_[number].size() < floats) inboxes_[number] = AlignedBuffer(floats);
  return inboxes_[number].data();
}

/// Whether the part is done.
bool GradientExchange::advance(Part& part) {
  std::erase_if(part.open, [&](Cluster::Ticket ticket) { return cluster_.finished(ticket); });
  if (!part.open.empty()) return false;
  if (part.owner != cluster_.rank() || part.added) return true;
  add_nodes(part);
  part.added = true;
  for (int process = 0; process < cluster_.size(); ++process)
    if (process != part.owner)
      part.open.push_back(cluster_.send({gradients_ + part.first, static_cast<std::size_t>(part.count)},
                                        process, result_tag(part)));
  return part.open.empty();
}

/// Adds neighbors as soon as they are the children of one node, from left to right: at the end there is one.
void GradientExchange::add_nodes(Part& part) {
  struct Sum {
    Extent leaves;
    float* values;
  };
  std::vector<Sum> stack;
  float* arrived = inbox(part);
  for (int process = 0; process < cluster_.size(); ++process) {
    for (std::size_t n = 0; n < nodes_of(process).size(); ++n) {
      const bool is_own = process == cluster_.rank();
      stack.push_back({nodes_of(process)[n], is_own ? own_node(part, n) : arrived});
      if (!is_own) arrived += part.count;
      while (stack.size() > 1 && are_siblings(stack[stack.size() - 2].leaves, stack.back().leaves, leaves_)) {
        const Sum right = stack.back();
        stack.pop_back();
        for (std::int64_t i = 0; i < part.count; ++i) stack.back().values[i] += right.values[i];
        stack.back().leaves.end = right.leaves.end;
      }
    }
  }
  CNN_CHECK(stack.size() == 1, "{} sums are left of {} leaves", stack.size(), leaves_);
  std::copy_n(stack.front().values, part.count, gradients_ + part.first);
}

void GradientExchange::progress() {
  std::erase_if(parts_, [&](Part& part) { return advance(part); });
}

void GradientExchange::finish() {
  if (parts_.empty()) return;
  const double start = now_seconds();
  Patience patience;
  for (progress(); !parts_.empty(); progress()) patience.pause();
  cluster_.add_waiting(now_seconds() - start);
}

}  // namespace cnn
