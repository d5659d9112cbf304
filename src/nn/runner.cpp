#include "nn/runner.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "kernels/elementwise.h"
#include "kernels/optimizer.h"
#include "kernels/softmax.h"

namespace cnn {
namespace {

/// A buffer for one block: maps with a halo, or a plain array (c = h = 1).
struct Buffer {
  int c = 0, h = 1, w = 1;
  Halo halo{};
  std::int64_t floats = 0;
  int first = -1, last = -1;              ///< operations that use it
  int first_stage = -1, last_stage = -1;  ///< and their stages
  bool exclusive = true;                  ///< nobody else ever uses its memory: the halo stays zero

  bool used() const { return first >= 0; }
  bool per_block() const { return first_stage != last_stage; }
};

Buffer maps(const Shape& shape, const Halo& halo) {
  Buffer buffer{.c = shape.c, .h = shape.h, .w = shape.w, .halo = halo};
  buffer.floats = std::int64_t{shape.c} * (shape.h + halo.top + halo.bottom) *
                  (shape.w + halo.left + halo.right) * kLanes;
  return buffer;
}

enum class OpKind { fill, forward, loss, accumulate, backward };

/// One call for one block.
struct Op {
  OpKind kind;
  int node = -1;
  int phase = 0;
  bool last_phase = true;
  int value = -1;             ///< accumulate: whose gradients are added up
  std::vector<int> clears{};  ///< buffers that begin here: their halos must become zero
};

struct Stage {
  std::vector<Op> ops;
  int reduce_node = -1;  ///< after all blocks
  Work reduce = Work::pack;
};

}  // namespace

struct Runner::Schedule {
  std::vector<Stage> stages;
  std::vector<Buffer> buffers;
  std::vector<Slot> slots;
  std::vector<int> activation;  ///< buffer of each value
  std::vector<std::vector<int>>
      gradients;  ///< buffers of each value's gradients, one per consumer; the first is the sum
  std::vector<int> dx, dshortcut;  ///< buffer of each node, or -1
  std::vector<bool> backward;      ///< whether the node has anything to do there
  int logits_gradient = -1, probabilities = -1;
  std::size_t forward_stages = 0;  ///< the stage with the loss is the last of these
  std::int64_t block_floats = 0, worker_floats = 0;
  std::vector<std::pair<int, int>> gradient_tasks;  ///< node, task

  BlockView<float> view(int buffer, const Pass& pass, int block) const {
    if (buffer < 0) return {};
    const Buffer& b = buffers[buffer];
    const int row = b.halo.left + b.w + b.halo.right;
    const std::int64_t plane = std::int64_t{b.halo.top + b.h + b.halo.bottom} * row;
    float* data = pass.buffer(BufferId{buffer}, block);
    return {data + (std::int64_t{b.halo.top} * row + b.halo.left) * kLanes, b.c, b.h, b.w, row, plane};
  }
  BlockView<float> view(int buffer, const Pass& pass) const { return view(buffer, pass, pass.block); }

  void use(int buffer, int op, int stage) {
    if (buffer < 0) return;
    Buffer& b = buffers[buffer];
    if (!b.used()) b.first = op, b.first_stage = stage;
    b.last = op;
    b.last_stage = stage;
  }

  void lay_out();
};

/// Places buffers so that two share memory only if their lives do not overlap: the largest first, each at the
/// lowest place that is free for its whole life.
void Runner::Schedule::lay_out() {
  slots.resize(buffers.size());
  std::vector<int> order;
  for (int i = 0; i < static_cast<int>(buffers.size()); ++i)
    if (buffers[i].used()) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return buffers[a].floats > buffers[b].floats; });
  std::vector<int> placed;
  for (const int i : order) {
    Buffer& b = buffers[i];
    std::vector<std::pair<std::int64_t, std::int64_t>> taken;
    for (const int j : placed) {
      const Buffer& other = buffers[j];
      if (other.per_block() == b.per_block() && other.first <= b.last && b.first <= other.last)
        taken.emplace_back(slots[j].offset, slots[j].offset + other.floats);
    }
    std::sort(taken.begin(), taken.end());
    std::int64_t offset = 0;
    for (const auto& [begin, end] : taken) {
      if (offset + b.floats <= begin) break;
      offset = std::max(offset, end);
    }
    slots[i] = {offset, b.per_block()};
    std::int64_t& total = b.per_block() ? block_floats : worker_floats;
    total = std::max(total, offset + b.floats);
    for (const int j : placed) {
      Buffer& other = buffers[j];
      if (other.per_block() != b.per_block()) continue;
      if (slots[j].offset < offset + b.floats && offset < slots[j].offset + other.floats)
        other.exclusive = b.exclusive = false;
    }
    placed.push_back(i);
  }
  int op_index = 0;
  for (Stage& stage : stages) {
    for (Op& op : stage.ops) {
      for (const int i : order)
        if (buffers[i].first == op_index && !buffers[i].exclusive && !buffers[i].halo.none())
          op.clears.push_back(i);
      ++op_index;
    }
    ++op_index;  // the work behind the stage: what begins there is flat
  }
}

std::unique_ptr<Runner::Schedule> Runner::make_schedule(const Network& network, bool training,
                                                        bool input_gradient) {
  const std::vector<Node>& nodes = network.nodes();
  const int values = network.value_count(), count = static_cast<int>(nodes.size());
  auto made = std::make_unique<Schedule>();
  Schedule& s = *made;

  // Saved buffers keep the numbers that the layers know them by.
  for (const std::int64_t floats : network.saved_floats()) s.buffers.push_back({.floats = floats});
  const auto add = [&](Buffer buffer) {
    s.buffers.push_back(buffer);
    return static_cast<int>(s.buffers.size()) - 1;
  };

  std::vector<Halo> x_halo(values), dy_halo(values);
  std::vector<Shape> shapes(values);
  shapes[0] = network.input();
  std::vector<bool> wanted(values, false);  // does anybody upstream learn from this value's gradient?
  wanted[0] = input_gradient;
  std::vector<std::vector<std::pair<int, bool>>> consumers(values);
  for (int n = 0; n < count; ++n) {
    const Node& node = nodes[n];
    shapes[node.y] = node.out;
    x_halo[node.x] = Halo::cover(x_halo[node.x], node.needs.x_halo);
    dy_halo[node.y] = node.needs.dy_halo;
    consumers[node.x].emplace_back(n, false);
    if (node.shortcut >= 0) consumers[node.shortcut].emplace_back(n, true);
    wanted[node.y] = node.learns || wanted[node.x] || (node.shortcut >= 0 && wanted[node.shortcut]);
  }
  for (int v = 0; v < values; ++v) s.activation.push_back(add(maps(shapes[v], x_halo[v])));
  const int last_value = nodes.back().y;
  s.probabilities = add({.floats = std::int64_t{network.classes()} * kLanes});
  s.dx.assign(count, -1);
  s.dshortcut.assign(count, -1);
  s.backward.assign(count, false);
  s.gradients.resize(values);
  if (training) {
    s.logits_gradient = add({.floats = std::int64_t{network.classes()} * kLanes});
    for (int v = 0; v < values; ++v) {
      if (!wanted[v] && v != last_value) continue;
      const Halo halo = dy_halo[v];
      if (v == last_value) s.gradients[v].push_back(add(maps(shapes[v], halo)));
      for (const auto& [n, is_shortcut] : consumers[v]) {
        const int buffer = add(maps(shapes[v], s.gradients[v].empty() ? halo : Halo{}));
        s.gradients[v].push_back(buffer);
        (is_shortcut ? s.dshortcut : s.dx)[n] = buffer;
      }
    }
    for (int n = 0; n < count; ++n) s.backward[n] = wanted[nodes[n].y];
  }

  // Operations, cut into stages where a reduction stands.
  s.stages.emplace_back();
  const auto push = [&](Op op) { s.stages.back().ops.push_back(std::move(op)); };
  const auto cut = [&](int node, Work work) {
    s.stages.back().reduce_node = node;
    s.stages.back().reduce = work;
    s.stages.emplace_back();
  };
  push({.kind = OpKind::fill});
  for (int n = 0; n < count; ++n) {
    const bool two = nodes[n].needs.two_phases, batch_wide = nodes[n].needs.batch_wide_passes;
    if (two && training) {
      push({.kind = OpKind::forward, .node = n, .phase = 0, .last_phase = false});
      cut(n, Work::reduce_forward);
    }
    if (batch_wide) cut(n, Work::forward);
    push({.kind = OpKind::forward, .node = n, .phase = two || batch_wide ? 1 : 0});
  }
  push({.kind = OpKind::loss});
  s.forward_stages = s.stages.size();
  if (training) {
    for (int n = count - 1; n >= 0; --n) {
      if (!s.backward[n]) continue;
      if (s.gradients[nodes[n].y].size() > 1) push({.kind = OpKind::accumulate, .value = nodes[n].y});
      const bool whole = !nodes[n].needs.two_phases && !nodes[n].needs.batch_wide_passes;
      push({.kind = OpKind::backward, .node = n, .phase = 0, .last_phase = whole});
      if (nodes[n].needs.batch_wide_passes && s.dx[n] >= 0) cut(n, Work::backward);
      if (nodes[n].needs.two_phases) {
        cut(n, Work::reduce_backward);
        if (s.dx[n] >= 0) push({.kind = OpKind::backward, .node = n, .phase = 1});
      }
      for (int task = 0; task < nodes[n].layer->tasks(Work::weight_gradient); ++task)
        s.gradient_tasks.emplace_back(n, task);
    }
  }

  // Who lives when. The work behind a stage counts as a stage of its own: it sees all blocks.
  int op_index = 0, stage_index = 0;
  for (const Stage& stage : s.stages) {
    for (const Op& op : stage.ops) {
      const auto use = [&](int buffer) { s.use(buffer, op_index, stage_index); };
      switch (op.kind) {
        case OpKind::fill:
          use(s.activation[0]);
          break;
        case OpKind::loss:
          use(s.activation[last_value]);
          use(s.probabilities);
          if (training) use(s.logits_gradient), use(s.gradients[last_value][0]);
          break;
        case OpKind::accumulate:
          for (const int buffer : s.gradients[op.value]) use(buffer);
          break;
        case OpKind::forward: {
          const Node& node = nodes[op.node];
          use(s.activation[node.x]);
          if (node.shortcut >= 0) use(s.activation[node.shortcut]);
          if (op.last_phase) use(s.activation[node.y]);
          if (training)
            for (const BufferId id : node.saved) use(id.index);
          if (node.pooling_partner > op.node) {  // it may do the pooling too, and then writes these
            const Node& pooling = nodes[node.pooling_partner];
            use(s.activation[pooling.y]);
            if (training) use(pooling.needs.winners_2x2.index);
          }
          break;
        }
        case OpKind::backward: {
          const Node& node = nodes[op.node];
          if (node.needs.backward_reads_x) use(s.activation[node.x]);
          if (node.needs.backward_reads_y) use(s.activation[node.y]);
          use(s.gradients[node.y][0]);
          for (const BufferId id : node.saved) use(id.index);
          if (op.last_phase) use(s.dx[op.node]), use(s.dshortcut[op.node]);
          break;
        }
      }
      ++op_index;
    }
    ++stage_index;
    if (stage.reduce == Work::forward || stage.reduce == Work::backward) {
      const Node& node = nodes[stage.reduce_node];
      const bool forward = stage.reduce == Work::forward;
      s.use(forward ? s.activation[node.x] : s.gradients[node.y][0], op_index, stage_index);
      s.use(forward ? s.activation[node.y] : s.dx[stage.reduce_node], op_index, stage_index);
      if (forward && training)
        for (const BufferId id : node.saved) s.use(id.index, op_index, stage_index);
    }
    ++op_index;
    ++stage_index;
  }
  for (const auto& [n, task] : s.gradient_tasks) {
    if (!nodes[n].needs.batch_wide_gradient) continue;
    s.use(s.activation[nodes[n].x], op_index, stage_index);
    s.use(s.gradients[nodes[n].y][0], op_index, stage_index);
  }
  s.lay_out();
  return made;
}

Runner::Runner(Network& network, ThreadPool& pool, bool training, std::int64_t largest_batch,
               bool input_gradient)
    : network_(network),
      pool_(pool),
      largest_batch_(largest_batch),
      schedule_(make_schedule(network, training, input_gradient)),
      scratch_floats_(network.scratch_floats(training)) {
  CNN_CHECK(!training || largest_batch <= network.largest_batch(), "{} images, planned for {}", largest_batch,
            network.largest_batch());
  const int blocks = blocks_of(largest_batch);
  blocks_ = AlignedBuffer(blocks * schedule_->block_floats);
  workers_ = AlignedBuffer(pool.threads() * schedule_->worker_floats);
  scratch_ = AlignedBuffer(pool.threads() * network.scratch_floats(training));
  const auto images = static_cast<std::size_t>(largest_batch);
  losses_.resize(images);
  predictions_.resize(images);
  if (training) {
    shards_ = AlignedBuffer(std::min(blocks, kShards) * network.shard_floats());
    gradients_ = AlignedBuffer(network.parameter_floats());
    class_weights_.resize(static_cast<std::size_t>(network.classes()));
    statistics_.resize(static_cast<std::size_t>(blocks * network.statistic_doubles()));
  } else {
    probabilities_.resize(images * static_cast<std::size_t>(network.classes()));
    logits_.resize(probabilities_.size());
  }
}

Runner::~Runner() = default;

std::int64_t Runner::bytes(const Network& network, int threads, bool training, std::int64_t largest_batch) {
  const auto schedule = make_schedule(network, training);
  const std::int64_t blocks = blocks_of(largest_batch);
  std::int64_t floats = blocks * schedule->block_floats +
                        threads * (schedule->worker_floats + network.scratch_floats(training));
  if (training)
    floats += std::min<std::int64_t>(blocks, kShards) * network.shard_floats() + network.parameter_floats() +
              2 * blocks * network.statistic_doubles();
  return floats * static_cast<std::int64_t>(sizeof(float));
}

bool Runner::has_input_gradient(int node) const { return schedule_->dx[node] >= 0; }

std::span<const float> Runner::losses() const { return {losses_.data(), static_cast<std::size_t>(images_)}; }
std::span<const std::int32_t> Runner::predictions() const {
  return {predictions_.data(), static_cast<std::size_t>(images_)};
}
std::span<const float> Runner::probabilities() const {
  return {probabilities_.data(), static_cast<std::size_t>(images_ * network_.classes())};
}
std::span<const float> Runner::logits() const {
  return {logits_.data(), static_cast<std::size_t>(images_ * network_.classes())};
}

Pass Runner::pass_for(const Batch& batch, bool training) {
  CNN_CHECK(batch.images >= 1 && batch.images <= largest_batch_, "{} images, at most {}", batch.images,
            largest_batch_);
  images_ = batch.images;
  Pass pass;
  pass.training = training;
  pass.seed = batch.seed;
  pass.step = batch.step;
  pass.batch_images = batch.images;
  pass.blocks = blocks_of(batch.images);
  pass.parameters = network_.parameters().data();
  pass.gradients = gradients_.data();
  pass.states = network_.states().data();
  pass.constants = network_.constants().data();
  pass.statistics = statistics_.data();
  pass.statistics_stride = network_.statistic_doubles();
  pass.blocks_arena = blocks_.data();
  pass.block_stride = schedule_->block_floats;
  pass.slots = schedule_->slots.data();
  return pass;
}

Stopwatch* Runner::start_watch(int worker) {
  if (!profile_) return nullptr;
  Stopwatch& watch = profile_->watch(worker);
  watch.start();
  return &watch;
}

void Runner::run_block(const Pass& pass, std::size_t stage, int worker, const Batch& batch,
                       const Observer* observer) {
  const Schedule& s = *schedule_;
  for (const Op& op : s.stages[stage].ops) {
    if (pass.watch) pass.watch->set_node(op.node);
    for (const int i : op.clears) {
      const Halo& halo = s.buffers[i].halo;
      clear_halo(s.view(i, pass), halo.top, halo.left, halo.bottom, halo.right);
    }
    switch (op.kind) {
      case OpKind::fill:
        (*batch.fill)(pass.block, pass.images, worker, s.view(s.activation[0], pass));
        pass.lap(TimePart::forward);
        break;
      case OpKind::forward: {
        const Node& node = network_.nodes()[op.node];
        const bool with_pooling = pooling_moves(node, observer);
        if (with_pooling && node.pooling_partner < op.node) break;  // it was done with the node before
        ForwardViews views{.x = s.view(s.activation[node.x], pass), .shortcut = {}, .y = {}};
        if (node.shortcut >= 0) views.shortcut = s.view(s.activation[node.shortcut], pass);
        if (op.last_phase) views.y = s.view(s.activation[node.y], pass);
        views.behind_relu = pass.training && node.needs.can_take_relu && relu_moves(node);
        if (with_pooling) {
          const Node& pooling = network_.nodes()[node.pooling_partner];
          views.y = s.view(s.activation[pooling.y], pass);
          views.pooled = true;
          if (pass.training)
            views.winners = reinterpret_cast<std::int32_t*>(pass.buffer(pooling.needs.winners_2x2));
        }
        node.layer->forward(pass, op.phase, views);
        pass.lap(TimePart::forward);
        if (observer && op.last_phase && node.is_row)
          (*observer)(node.entry, pass.block, pass.images, views.y);
        if (step_observer_ && op.last_phase)
          step_observer_->output(op.node, pass.block, pass.images, views.y);
        break;
      }
      case OpKind::loss: {
        const std::int64_t first = std::int64_t{pass.block} * kLanes;
        float* probabilities = pass.buffer(BufferId{s.probabilities});
        float* dz = s.logits_gradient < 0 ? nullptr : pass.buffer(BufferId{s.logits_gradient});
        const CrossEntropy loss{
            .classes = network_.classes(),
            .images = pass.images,
            .labels = batch.labels ? batch.labels + first : nullptr,
            .second_labels = batch.second_labels ? batch.second_labels + first : nullptr,
            .share = batch.share,
            .smoothing = pass.training ? batch.label_smoothing : 0.0f,
            .scale = 1.0f / static_cast<float>(pass.batch_images),
            .class_weights = pass.training && !batch.class_weights.empty() ? class_weights_.data() : nullptr};
        const int last_value = network_.nodes().back().y;
        const float* const logits = s.view(s.activation[last_value], pass).data;
        softmax_cross_entropy(loss, logits, probabilities, batch.labels ? losses_.data() + first : nullptr,
                              predictions_.data() + first, dz);
        if (dz) {
          const BlockView<float> to = s.view(s.gradients[last_value][0], pass);
          copy(BlockView<const float>{dz, to.c, 1, 1, 1, 1}, to);
          if (batch.output_gradient) (*batch.output_gradient)(pass.block, pass.images, to);
        }
        if (!probabilities_.empty())
          for (int lane = 0; lane < pass.images; ++lane)
            for (int k = 0; k < loss.classes; ++k) {
              probabilities_[(first + lane) * loss.classes + k] = probabilities[k * kLanes + lane];
              logits_[(first + lane) * loss.classes + k] = logits[k * kLanes + lane];
            }
        pass.lap(TimePart::backward_data);
        break;
      }
      case OpKind::accumulate: {
        const std::vector<int>& parts = s.gradients[op.value];
        const BlockView<float> sum = s.view(parts[0], pass);
        for (std::size_t i = 1; i < parts.size(); ++i) add(sum, s.view(parts[i], pass), sum);
        pass.lap(TimePart::backward_weights);
        break;
      }
      case OpKind::backward: {
        const Node& node = network_.nodes()[op.node];
        BackwardViews views{
            .x = {}, .y = {}, .dy = s.view(s.gradients[node.y][0], pass), .dx = {}, .dshortcut = {}};
        if (node.needs.backward_reads_x) views.x = s.view(s.activation[node.x], pass);
        if (node.needs.backward_reads_y) views.y = s.view(s.activation[node.y], pass);
        views.relu_done = node.needs.relu_on_dy && relu_moves(node);
        if (op.last_phase) {
          views.dx = s.view(s.dx[op.node], pass);
          views.dshortcut = s.view(s.dshortcut[op.node], pass);
        }
        if (step_observer_ && op.phase == 0)
          step_observer_->output_gradient(op.node, pass.block, pass.images, views.dy);
        node.layer->backward(pass, op.phase, views);
        pass.lap(TimePart::backward_data);
        if (step_observer_ && !views.dx.empty())
          step_observer_->input_gradient(op.node, false, pass.block, pass.images, views.dx);
        if (step_observer_ && !views.dshortcut.empty())
          step_observer_->input_gradient(op.node, true, pass.block, pass.images, views.dshortcut);
        break;
      }
    }
  }
}

void Runner::run_stages(const Batch& batch, std::size_t first, std::size_t last, bool training,
                        const Observer* observer) {
  const Pass common = pass_for(batch, training);
  const int shards = std::min(common.blocks, kShards);
  for (std::size_t stage = first; stage < last; ++stage) {
    pool_.parallel_for(shards, [&](std::int64_t shard, int worker) {
      Pass pass = common;
      pass.worker_arena = workers_.data() + worker * schedule_->worker_floats;
      pass.scratch_arena = scratch_of(worker);
      pass.watch = start_watch(worker);
      if (training) pass.shard_gradients = shards_.data() + shard * network_.shard_floats();
      const int begin = static_cast<int>(shard * common.blocks / shards);
      const int end = static_cast<int>((shard + 1) * common.blocks / shards);
      for (pass.block = begin; pass.block < end; ++pass.block) {
        pass.images = static_cast<int>(
            std::min<std::int64_t>(kLanes, common.batch_images - std::int64_t{pass.block} * kLanes));
        pass.accumulate = pass.block > begin;
        run_block(pass, stage, worker, batch, observer);
      }
    });
    const Stage& done = schedule_->stages[stage];
    if (done.reduce_node >= 0) {
      const Node& node = network_.nodes()[done.reduce_node];
      const bool forward = done.reduce == Work::reduce_forward || done.reduce == Work::forward;
      Pass pass = common;
      if (done.reduce == Work::forward) {
        pass.x_of_block0 = schedule_->view(schedule_->activation[node.x], common, 0);
        pass.y_of_block0 = schedule_->view(schedule_->activation[node.y], common, 0);
      }
      if (done.reduce == Work::backward) {
        pass.dy_of_block0 = schedule_->view(schedule_->gradients[node.y][0], common, 0);
        pass.dx_of_block0 = schedule_->view(schedule_->dx[done.reduce_node], common, 0);
      }
      pool_.parallel_for(node.layer->tasks(done.reduce), [&](std::int64_t task, int worker) {
        Stopwatch* const watch = start_watch(worker);
        if (watch) watch->set_node(done.reduce_node);
        Pass of_worker = pass;
        of_worker.scratch_arena = scratch_of(worker);
        node.layer->run(of_worker, done.reduce, static_cast<int>(task));
        if (watch) watch->lap(forward ? TimePart::forward : TimePart::backward_data);
      });
    }
  }
}

void Runner::sum_gradients(const Pass& common) {
  const Schedule& s = *schedule_;
  const int shards = std::min(common.blocks, kShards);
  const auto ranges = static_cast<std::int64_t>(network_.shard_ranges().size());
  const auto tasks = static_cast<std::int64_t>(s.gradient_tasks.size());
  pool_.parallel_for(tasks + ranges, [&](std::int64_t i, int worker) {
    Stopwatch* const watch = start_watch(worker);
    if (watch) watch->set_node(i < tasks ? s.gradient_tasks[static_cast<std::size_t>(i)].first : -1);
    if (i < tasks) {
      const auto [n, task] = s.gradient_tasks[static_cast<std::size_t>(i)];
      const Node& node = network_.nodes()[n];
      Pass pass = common;
      pass.scratch_arena = scratch_of(worker);
      pass.shard_gradients = shards_.data();
      pass.shards = shards;
      pass.shard_stride = network_.shard_floats();
      if (node.needs.batch_wide_gradient) {
        pass.x_of_block0 = s.view(s.activation[node.x], common, 0);
        pass.dy_of_block0 = s.view(s.gradients[node.y][0], common, 0);
      }
      node.layer->run(pass, Work::weight_gradient, task);
    } else {
      const Network::ShardRange& range = network_.shard_ranges()[static_cast<std::size_t>(i - tasks)];
      sum_parts(shards_.data() + range.shard_offset, network_.shard_floats(), shards, range.count,
                gradients_.data() + range.offset);
    }
    if (watch) watch->lap(TimePart::backward_weights);
  });
}

void Runner::weigh_classes(const Batch& batch) {
  if (batch.class_weights.empty()) return;
  double sum = 0;
  const auto weight = [&](std::int32_t label) {
    return batch.class_weights[static_cast<std::size_t>(label)];
  };
  for (std::int64_t i = 0; i < batch.images; ++i) {
    const double first = weight(batch.labels[i]);
    sum += batch.second_labels ? batch.share * first + (1 - batch.share) * weight(batch.second_labels[i])
                               : first;
  }
  for (std::size_t k = 0; k < class_weights_.size(); ++k)
    class_weights_[k] = static_cast<float>(batch.class_weights[k] * static_cast<double>(batch.images) / sum);
}

bool Runner::train(const Batch& batch, const Observer* observer) {
  const Schedule& s = *schedule_;
  weigh_classes(batch);
  run_stages(batch, 0, s.forward_stages, true, observer);
  for (const float loss : losses())
    if (!std::isfinite(loss)) return false;
  run_stages(batch, s.forward_stages, s.stages.size(), true, nullptr);
  sum_gradients(pass_for(batch, true));
  return true;
}

void Runner::evaluate(const Batch& batch, const Observer* observer) {
  run_stages(batch, 0, schedule_->forward_stages, false, observer);
}

void Runner::forward_training(const Batch& batch, const Observer& observer) {
  weigh_classes(batch);
  run_stages(batch, 0, schedule_->forward_stages, true, &observer);
}

}  // namespace cnn
