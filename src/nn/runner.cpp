#include "nn/runner.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "kernels/elementwise.h"
#include "kernels/optimizer.h"

namespace cnn {
namespace {

int shards_of(std::int64_t blocks) {
  return static_cast<int>(std::min<std::int64_t>(blocks, Runner::kShards));
}

/// Images in a block: the last may have fewer than lanes.
int images_in(const Pass& pass, int block) {
  return static_cast<int>(std::min<std::int64_t>(kLanes, pass.batch_images - std::int64_t{block} * kLanes));
}

ArenaLayout layout_of(const Schedule& plain, const Schedule& fused) {
  return lay_out(plain.buffers, lives_of(std::array{&plain, &fused}));
}

}  // namespace

struct Runner::Passing {
  const Batch& batch;
  const Schedule& schedule;
  const Observer* observer;  ///< of the forward pass; null: nobody looks
  Pass pass;                 ///< without block and worker
};

Runner::Runner(Network& network, ThreadPool& pool, bool training, std::int64_t largest_batch,
               bool input_gradient, FusionChoice fusions)
    : network_(network),
      pool_(pool),
      largest_batch_(largest_batch),
      plain_(make_schedule(network.graph(), network.plan(), {training, input_gradient})),
      fused_(fused(plain_, network.graph(), fusions)),
      layout_(layout_of(plain_, fused_)),
      scratch_floats_(network.plan().scratch_floats(training)),
      loss_(network.classes(), largest_batch, !training) {
  CNN_CHECK(!training || largest_batch <= network.largest_batch(), "{} images, planned for {}", largest_batch,
            network.largest_batch());
  mark_new_halos(plain_, layout_);
  mark_new_halos(fused_, layout_);
  for (std::size_t i = 0; i < plain_.weight_gradients.size(); ++i) {
    const int tasks = node(plain_.weight_gradients[i].node).layer->tasks(Work::weight_gradient);
    for (int task = 0; task < tasks; ++task) gradient_tasks_.push_back({static_cast<int>(i), task});
  }
  const int blocks = blocks_of(largest_batch);
  blocks_ = AlignedBuffer(blocks * layout_.block_floats);
  workers_ = AlignedBuffer(pool.threads() * layout_.worker_floats);
  scratch_ = AlignedBuffer(pool.threads() * scratch_floats_);
  if (!training) return;
  shards_ = AlignedBuffer(shards_of(blocks) * network.plan().shard_floats);
  gradients_ = AlignedBuffer(network.parameter_floats());
  statistics_.resize(static_cast<std::size_t>(blocks * network.plan().statistic_doubles));
}

Runner::~Runner() = default;

std::int64_t Runner::bytes(const Network& network, int threads, bool training, std::int64_t largest_batch) {
  const ParameterPlan& plan = network.plan();
  const Schedule plain = make_schedule(network.graph(), plan, {.training = training});
  const ArenaLayout layout = layout_of(plain, fused(plain, network.graph()));
  const std::int64_t blocks = blocks_of(largest_batch);
  std::int64_t floats =
      blocks * layout.block_floats + threads * (layout.worker_floats + plan.scratch_floats(training));
  if (training)
    floats +=
        shards_of(blocks) * plan.shard_floats + plan.parameter_floats + 2 * blocks * plan.statistic_doubles;
  return floats * static_cast<std::int64_t>(sizeof(float));
}

BlockView<float> Runner::view(int buffer, const Pass& pass, int block) const {
  if (buffer < 0) return {};
  const Buffer& b = plain_.buffers[static_cast<std::size_t>(buffer)];
  const int row = b.halo.left + b.w + b.halo.right;
  const std::int64_t plane = std::int64_t{b.halo.top + b.h + b.halo.bottom} * row;
  float* data = pass.buffer(BufferId{buffer}, block);
  return {data + (std::int64_t{b.halo.top} * row + b.halo.left) * kLanes, b.c, b.h, b.w, row, plane};
}

Runner::Passing Runner::begin(const Batch& batch, bool training, const Observer* observer) {
  CNN_CHECK(batch.images >= 1 && batch.images <= largest_batch_, "{} images, at most {}", batch.images,
            largest_batch_);
  loss_.begin(batch, training);
  const bool watched = observer || step_observer_;
  Passing passing{.batch = batch, .schedule = watched ? plain_ : fused_, .observer = observer, .pass = {}};
  Pass& pass = passing.pass;
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
  pass.statistics_stride = network_.plan().statistic_doubles;
  pass.blocks_arena = blocks_.data();
  pass.block_stride = layout_.block_floats;
  pass.slots = layout_.slots.data();
  return passing;
}

Stopwatch* Runner::start_watch(int worker) const {
  if (!profile_) return nullptr;
  Stopwatch& watch = profile_->watch(worker);
  watch.start();
  return &watch;
}

void Runner::run_stages(const Passing& passing, std::size_t first, std::size_t last) {
  for (std::size_t number = first; number < last; ++number) {
    const Stage& stage = passing.schedule.stages[number];
    pool_.parallel_for(shards_of(passing.pass.blocks), [&](std::int64_t shard, int worker) {
      run_shard(passing, stage, static_cast<int>(shard), worker);
    });
    if (stage.batch_wide) run_batch_wide(passing, *stage.batch_wide);
  }
}

void Runner::run_shard(const Passing& passing, const Stage& stage, int shard, int worker) {
  Pass pass = passing.pass;
  pass.worker_arena = workers_.data() + worker * layout_.worker_floats;
  pass.scratch_arena = scratch_.data() + worker * scratch_floats_;
  pass.watch = start_watch(worker);
  if (pass.training) pass.shard_gradients = shards_.data() + shard * network_.plan().shard_floats;
  const int shards = shards_of(pass.blocks);
  const int begin = shard * pass.blocks / shards, end = (shard + 1) * pass.blocks / shards;
  for (pass.block = begin; pass.block < end; ++pass.block) {
    pass.images = images_in(pass, pass.block);
    pass.accumulate = pass.block > begin;
    for (const Operation& operation : stage.operations) run_operation(passing, operation, pass, worker);
  }
}

void Runner::run_operation(const Passing& passing, const Operation& operation, const Pass& pass, int worker) {
  if (pass.watch) pass.watch->set_node(operation.node);
  for (const int buffer : operation.new_halos) {
    const Halo& halo = plain_.buffers[static_cast<std::size_t>(buffer)].halo;
    clear_halo(view(buffer, pass), halo.top, halo.left, halo.bottom, halo.right);
  }
  switch (operation.kind) {
    case Operation::Kind::fill:
      (*passing.batch.fill)(pass.block, pass.images, worker, view(operation[Role::y], pass));
      return pass.lap(TimePart::forward);
    case Operation::Kind::forward:
      return run_forward(passing, operation, pass);
    case Operation::Kind::loss:
      return run_loss(passing, operation, pass);
    case Operation::Kind::accumulate:
      return run_accumulate(operation, pass);
    case Operation::Kind::backward:
      return run_backward(operation, pass);
    case Operation::Kind::batch_wide:
      CNN_CHECK(false, "work on all blocks within a stage, node {}", operation.node);
  }
}

void Runner::run_forward(const Passing& passing, const Operation& operation, const Pass& pass) {
  const Node& of = node(operation.node);
  ForwardViews views{.x = view(operation[Role::x], pass),
                     .shortcut = view(operation[Role::shortcut], pass),
                     .y = view(operation[Role::y], pass),
                     .fused = operation.fused};
  if (operation.has(Role::winners))
    views.winners = reinterpret_cast<std::int32_t*>(pass.buffer(BufferId{operation[Role::winners]}));
  of.layer->forward(pass, operation.phase, views);
  pass.lap(TimePart::forward);
  if (views.y.empty()) return;
  if (passing.observer && of.is_row) (*passing.observer)(of.entry, pass.block, pass.images, views.y);
  if (step_observer_) step_observer_->output(operation.node, pass.block, pass.images, views.y);
}

void Runner::run_loss(const Passing& passing, const Operation& operation, const Pass& pass) {
  const auto data = [&](int buffer) { return pass.buffer(BufferId{buffer}); };
  BatchLoss::Views views{.logits = view(operation[Role::x], pass).data,
                         .probabilities = data(operation[Role::y]),
                         .logits_gradient = view(operation[Role::dx], pass)};
  if (!operation.others.empty()) views.scratch = data(operation.others.front());
  loss_.run(pass, passing.batch, views);
  pass.lap(TimePart::backward_data);
}

void Runner::run_accumulate(const Operation& operation, const Pass& pass) {
  const BlockView<float> sum = view(operation[Role::dy], pass);
  for (const int part : operation.others) add(sum, view(part, pass), sum);
  pass.lap(TimePart::backward_weights);
}

void Runner::run_backward(const Operation& operation, const Pass& pass) {
  const BackwardViews views{.x = view(operation[Role::x], pass),
                            .y = view(operation[Role::y], pass),
                            .dy = view(operation[Role::dy], pass),
                            .dx = view(operation[Role::dx], pass),
                            .dshortcut = view(operation[Role::dshortcut], pass),
                            .fused = operation.fused};
  if (step_observer_ && operation.phase == 0)
    step_observer_->output_gradient(operation.node, pass.block, pass.images, views.dy);
  node(operation.node).layer->backward(pass, operation.phase, views);
  pass.lap(TimePart::backward_data);
  if (!step_observer_) return;
  if (!views.dx.empty())
    step_observer_->input_gradient(operation.node, false, pass.block, pass.images, views.dx);
  if (!views.dshortcut.empty())
    step_observer_->input_gradient(operation.node, true, pass.block, pass.images, views.dshortcut);
}

/// What one worker's tasks of batch-wide work may touch.
Pass Runner::batch_wide_pass(const Pass& common, const Operation& operation, int worker) {
  Pass pass = common;
  pass.scratch_arena = scratch_.data() + worker * scratch_floats_;
  pass.x_of_block0 = view(operation[Role::x], common, 0);
  pass.y_of_block0 = view(operation[Role::y], common, 0);
  pass.dy_of_block0 = view(operation[Role::dy], common, 0);
  pass.dx_of_block0 = view(operation[Role::dx], common, 0);
  return pass;
}

void Runner::run_batch_wide(const Passing& passing, const Operation& operation) {
  const Layer& layer = *node(operation.node).layer;
  const bool forward = operation.work == Work::reduce_forward || operation.work == Work::forward;
  pool_.parallel_for(layer.tasks(operation.work), [&](std::int64_t task, int worker) {
    Stopwatch* const watch = start_watch(worker);
    if (watch) watch->set_node(operation.node);
    layer.run(batch_wide_pass(passing.pass, operation, worker), operation.work, static_cast<int>(task));
    if (watch) watch->lap(forward ? TimePart::forward : TimePart::backward_data);
  });
  if (step_observer_ && operation.has(Role::dx)) show_input_gradients(passing.pass, operation);
}

/// Those that were computed for all blocks at once.
void Runner::show_input_gradients(const Pass& common, const Operation& operation) const {
  for (int block = 0; block < common.blocks; ++block)
    step_observer_->input_gradient(operation.node, false, block, images_in(common, block),
                                   view(operation[Role::dx], common, block));
}

/// Brings the gradients of the shards together, and those that are taken batch-wide.
void Runner::sum_gradients(const Passing& passing) {
  const ParameterPlan& plan = network_.plan();
  const int shards = shards_of(passing.pass.blocks);
  const auto tasks = static_cast<std::int64_t>(gradient_tasks_.size());
  const auto ranges = static_cast<std::int64_t>(plan.shard_ranges.size());
  const auto run_task = [&](const Operation& operation, int task, int worker) {
    Pass pass = batch_wide_pass(passing.pass, operation, worker);
    pass.shard_gradients = shards_.data();
    pass.shards = shards;
    pass.shard_stride = plan.shard_floats;
    node(operation.node).layer->run(pass, Work::weight_gradient, task);
  };
  pool_.parallel_for(tasks + ranges, [&](std::int64_t i, int worker) {
    Stopwatch* const watch = start_watch(worker);
    if (i < tasks) {
      const GradientTask& task = gradient_tasks_[static_cast<std::size_t>(i)];
      const Operation& operation =
          passing.schedule.weight_gradients[static_cast<std::size_t>(task.operation)];
      if (watch) watch->set_node(operation.node);
      run_task(operation, task.task, worker);
    } else {
      const ParameterPlan::ShardRange& range = plan.shard_ranges[static_cast<std::size_t>(i - tasks)];
      if (watch) watch->set_node(-1);
      sum_parts(shards_.data() + range.shard_offset, plan.shard_floats, shards, range.count,
                gradients_.data() + range.offset);
    }
    if (watch) watch->lap(TimePart::backward_weights);
  });
}

bool Runner::train(const Batch& batch, const Observer* observer) {
  const Passing passing = begin(batch, true, observer);
  run_stages(passing, 0, passing.schedule.forward_stages);
  for (const float loss : losses())
    if (!std::isfinite(loss)) return false;
  run_stages(passing, passing.schedule.forward_stages, passing.schedule.stages.size());
  sum_gradients(passing);
  return true;
}

void Runner::evaluate(const Batch& batch, const Observer* observer) {
  run_stages(begin(batch, false, observer), 0, plain_.forward_stages);
}

void Runner::forward_training(const Batch& batch, const Observer& observer) {
  run_stages(begin(batch, true, &observer), 0, plain_.forward_stages);
}

}  // namespace cnn
