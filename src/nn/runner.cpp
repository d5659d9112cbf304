#include "nn/runner.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "kernels/elementwise.h"

namespace cnn {
namespace {

ArenaLayout layout_of(const Schedule& plain, const Schedule& fused) {
  return lay_out(plain.buffers, lives_of(std::array{&plain, &fused}));
}

/// Most blocks of one process in a batch with up to so many.
int most_own_blocks(const Cluster& cluster, int most_blocks) {
  int most = 0;
  for (int blocks = 1; blocks <= most_blocks; ++blocks) {
    const Leaves leaves(blocks);
    most = std::max(most, leaves.blocks_of(leaves.of_process(cluster.rank(), cluster.size())).count());
  }
  return most;
}

/// Arenas for what a worker needs for its current block: one for each worker, or, where loops share blocks,
/// for each block.
int worker_arenas(const Schedule& schedule, const Graph& graph, const ArenaLayout& layout, int threads,
                  int own_blocks) {
  int arenas = threads;
  for (int leaves = threads + 1; leaves < leaves_for_all(threads) && leaves <= own_blocks; ++leaves)
    if (plan_loops(schedule, graph, layout, leaves, threads).keeps_blocks) arenas = leaves;
  if (threads > kMostLeaves) arenas = std::max(arenas, own_blocks);  // leaves of several blocks
  return arenas;
}

}  // namespace

Runner::Runner(Network& network, ThreadPool& pool, bool training, std::int64_t largest_batch,
               bool input_gradient, FusionChoice fusions, Cluster& cluster, const Route& route)
    : network_(network),
      pool_(pool),
      cluster_(training ? cluster : alone()),
      largest_batch_(largest_batch),
      plain_(make_schedule(network.graph(), network.plan(), {training, input_gradient, route})),
      fused_(fused(plain_, network.graph(), fusions)),
      layout_(layout_of(plain_, fused_)),
      plain_loops_(whole_leaves(plain_)),
      scratch_floats_(network.plan().scratch_floats(training)),
      loss_(network.classes(), largest_batch, !training) {
  CNN_CHECK(!training || largest_batch <= network.largest_batch(), "{} images, planned for {}", largest_batch,
            network.largest_batch());
  mark_new_halos(plain_, layout_);
  mark_new_halos(fused_, layout_);
  const int blocks = blocks_of(largest_batch), own_blocks = most_own_blocks(cluster_, blocks);
  const int arenas = cluster_.size() > 1
                         ? std::max(pool.threads(), own_blocks)
                         : worker_arenas(fused_, network.graph(), layout_, pool.threads(), own_blocks);
  fused_loops_.resize(static_cast<std::size_t>(std::min(blocks, kMostLeaves)) + 1);
  blocks_ = AlignedBuffer(own_blocks * layout_.block_floats);
  workers_ = AlignedBuffer(arenas * layout_.worker_floats);
  scratch_ = AlignedBuffer(pool.threads() * scratch_floats_);
  if (!training) return;
  gradients_.emplace(network, plain_.weight_gradients, pool, cluster_, blocks, plain_.times - 1);
  statistics_.resize(static_cast<std::size_t>(blocks * network.plan().statistic_doubles));
}

Runner::~Runner() = default;

std::int64_t Runner::bytes(const Network& network, int threads, bool training, std::int64_t largest_batch,
                           const Route& route) {
  const ParameterPlan& plan = network.plan();
  const Schedule plain = make_schedule(network.graph(), plan, {.training = training, .route = route});
  const Schedule fused_too = fused(plain, network.graph());
  const ArenaLayout layout = layout_of(plain, fused_too);
  const int blocks = blocks_of(largest_batch);
  const int arenas = worker_arenas(fused_too, network.graph(), layout, threads, blocks);
  std::int64_t floats =
      blocks * layout.block_floats + arenas * layout.worker_floats + threads * plan.scratch_floats(training);
  if (training)
    floats += Gradients::floats(plan, SingleProcess(), blocks) + 2 * blocks * plan.statistic_doubles;
  return floats * static_cast<std::int64_t>(sizeof(float));
}

BlockView<float> Runner::view(int buffer, const Pass& pass, int block) const {
  if (buffer < 0) return {};
  const Buffer& b = plain_.buffers[static_cast<std::size_t>(buffer)];
  const auto [row, plane] = Pitches::of({.c = b.c, .h = b.h, .w = b.w}, b.halo);
  float* data = pass.buffer(BufferId{buffer}, block);
  return {data + (std::int64_t{b.halo.top} * row + b.halo.left) * kLanes, b.c, b.h, b.w, row, plane};
}

Runner::Passing Runner::begin(const Batch& batch, bool training, const Observer* observer) {
  CNN_CHECK(batch.images >= 1 && batch.images <= largest_batch_, "{} images, at most {}", batch.images,
            largest_batch_);
  loss_.begin(batch, training);
  const bool watched = observer || step_observer_;
  const Leaves leaves(blocks_of(batch.images));
  const Extent own_leaves = leaves.of_process(cluster_.rank(), cluster_.size());
  Passing passing{.batch = batch,
                  .schedule = watched ? plain_ : fused_,
                  .loops = plan_for(own_leaves.count(), watched),
                  .observer = observer,
                  .leaves = leaves,
                  .own_leaves = own_leaves,
                  .pass = {}};
  const Extent own_blocks = leaves.blocks_of(own_leaves);
  Pass& pass = passing.pass;
  pass.training = training;
  pass.seed = batch.seed;
  pass.step = batch.step;
  pass.batch_images = batch.images;
  pass.blocks = leaves.blocks();
  pass.first_block = own_blocks.first;
  pass.own_blocks = own_blocks.count();
  pass.parameters = network_.parameters().data();
  if (gradients_) gradients_->begin(leaves), pass.gradients = gradients_->data();
  pass.states = network_.states().data();
  pass.constants = network_.constants().data();
  pass.statistics = statistics_.data();
  pass.most_blocks = blocks_of(largest_batch_);
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

const LoopPlan& Runner::plan_for(int own_leaves, bool watched) {
  if (watched) return plain_loops_;
  std::optional<LoopPlan>& plan = fused_loops_[static_cast<std::size_t>(own_leaves)];
  if (!plan) {
    plan = plan_loops(fused_, network_.graph(), layout_, own_leaves, pool_.threads());
    if (cluster_.size() > 1) plan = cut_at_gradients(std::move(*plan), fused_, network_.graph());
  }
  return *plan;
}

void Runner::run_stages(const Passing& passing, std::size_t first, std::size_t last) {
  for (std::size_t number = first; number < last; ++number) {
    const Stage& stage = passing.schedule.stages[number];
    for (const Loop& loop : passing.loops.stages[number]) run_loop(passing, stage, loop);
    if (!stage.batch_wide) continue;
    if (cluster_.size() > 1) gather_statistics(passing, *stage.batch_wide);
    run_batch_wide(passing, *stage.batch_wide);
  }
}

void Runner::run_loop(const Passing& passing, const Stage& stage, const Loop& loop) {
  pool_.parallel_for(passing.own_leaves.count() * loop.shares, [&](std::int64_t task, int worker) {
    const auto number = static_cast<int>(task);
    run_task(passing, stage, loop, {loop.axis, number % loop.shares, loop.shares, loop.least_channels},
             passing.own_leaves.first + number / loop.shares, worker);
  });
  for (int i = loop.first; i < loop.end; ++i) {
    const Operation& operation = stage.operations[static_cast<std::size_t>(i)];
    if (operation.kind == Operation::Kind::backward && operation.phase == 0)
      learning_.push_back(operation.node);
  }
  if (gradients_ && gradients_->travels() && !learning_.empty()) add_gradients(passing, learning_);
}

void Runner::run_task(const Passing& passing, const Stage& stage, const Loop& loop, const Share& share,
                      int leaf, int worker) {
  Pass pass = passing.pass;
  pass.share = share;
  pass.scratch_arena = scratch_.data() + worker * scratch_floats_;
  pass.watch = start_watch(worker);
  if (pass.training) pass.leaf_gradients = gradients_->of_leaf(leaf);
  const Extent blocks = passing.leaves.blocks_of(leaf);
  for (pass.block = blocks.first; pass.block < blocks.end; ++pass.block) {
    const int arena = passing.loops.keeps_blocks ? pass.block - pass.first_block : worker;
    pass.worker_arena = workers_.data() + arena * layout_.worker_floats;
    pass.images = pass.images_in(pass.block);
    pass.accumulate = pass.block > blocks.first;
    for (int i = loop.first; i < loop.end; ++i) {
      run_operation(passing, stage.operations[static_cast<std::size_t>(i)], pass, worker);
      if (worker == 0 && pass.training && gradients_->travels()) gradients_->progress();
    }
  }
}

void Runner::add_gradients(const Passing& passing, std::span<const int> nodes) {
  gradients_->add(
      nodes,
      [&](const Operation& operation, int first_block, int worker) {
        return batch_wide_pass(passing.pass, operation, first_block, worker);
      },
      profile_);
  learning_.clear();
}

/// What a reduction reads, of the blocks of all processes.
void Runner::gather_statistics(const Passing& passing, const Operation& operation) {
  if (operation.work != Work::reduce_forward && operation.work != Work::reduce_backward) return;
  const StatisticId id = node(operation.node).statistics[operation.work == Work::reduce_forward ? 0 : 1];
  const std::span<double> all(passing.pass.statistic(id, 0),
                              static_cast<std::size_t>(passing.pass.blocks * id.doubles));
  cluster_.all_gather(std::as_writable_bytes(all), block_ends(passing, id.doubles * 8));
}

/// Where the blocks of each process end, if a block has so many bytes.
std::vector<std::int64_t> Runner::block_ends(const Passing& passing, std::int64_t bytes) const {
  std::vector<std::int64_t> ends;
  for (int process = 0; process < cluster_.size(); ++process)
    ends.push_back(bytes * passing.leaves.blocks_of(passing.leaves.of_process(process, cluster_.size())).end);
  return ends;
}

void Runner::gather_losses(const Passing& passing) {
  std::vector<std::int64_t> ends = block_ends(passing, kLanes * sizeof(float));
  for (std::int64_t& end : ends)
    end = std::min(end, passing.batch.images * static_cast<std::int64_t>(sizeof(float)));
  loss_.gather(cluster_, ends);
}

bool Runner::train(const Batch& batch, const Observer* observer) {
  const Passing passing = begin(batch, true, observer);
  learning_.clear();
  run_stages(passing, 0, passing.schedule.forward_stages);
  if (cluster_.size() > 1) gather_losses(passing);
  for (const float loss : losses())
    if (!std::isfinite(loss)) return false;
  run_stages(passing, passing.schedule.forward_stages, passing.schedule.stages.size());
  if (!learning_.empty()) add_gradients(passing, learning_);
  gradients_->finish();
  return true;
}

void Runner::evaluate(const Batch& batch, const Observer* observer) {
  run_stages(begin(batch, false, observer), 0, plain_.forward_stages);
}

void Runner::forward_training(const Batch& batch, const Observer& observer) {
  const Passing passing = begin(batch, true, &observer);
  run_stages(passing, 0, plain_.forward_stages);
  if (cluster_.size() > 1) gather_losses(passing);
}

}  // namespace cnn
