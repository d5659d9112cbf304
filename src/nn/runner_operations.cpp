// What happens in one operation.
#include "core/error.h"
#include "kernels/elementwise.h"
#include "nn/runner.h"

namespace cnn {
namespace {

std::int32_t* winners_of(const Operation& operation, const Pass& pass) {
  return reinterpret_cast<std::int32_t*>(pass.buffer(BufferId{operation[Role::winners]}));
}

}  // namespace

void Runner::run_operation(const Passing& passing, const Operation& operation, const Pass& pass, int worker) {
  if (pass.watch) pass.watch->set_place(operation.node, operation.time);
  clear_new_halos(operation, pass);
  switch (operation.kind) {
    case Operation::Kind::fill:
      (*passing.batch.fill)(pass.block, pass.images, worker, view(operation[Role::y], pass));
      return pass.lap(TimePart::forward);
    case Operation::Kind::forward:
      return run_forward(passing, operation, pass);
    case Operation::Kind::loss:
      return run_loss(passing, operation, pass);
    case Operation::Kind::deliver:
      (*passing.batch.deliver)(pass.block, pass.images, view(operation[Role::x], pass));
      return pass.lap(TimePart::forward);
    case Operation::Kind::accumulate:
      return run_accumulate(operation, pass);
    case Operation::Kind::backward:
      return run_backward(operation, pass);
    case Operation::Kind::batch_wide:
      CNN_CHECK(false, "work on all blocks within a stage, node {}", operation.node);
  }
}

/// Of a worker's channels; with rows, the first worker clears all: the others write inside.
void Runner::clear_new_halos(const Operation& operation, const Pass& pass) const {
  if (pass.share.axis == Share::Axis::rows && pass.share.number > 0) return;
  for (const int buffer : operation.new_halos) {
    const Halo& halo = plain_.buffers[static_cast<std::size_t>(buffer)].halo;
    const BlockView<float> maps = view(buffer, pass);
    const Extent channels = pass.share.channels(maps.c);
    clear_halo(maps.channels(channels.first, channels.end), halo.top, halo.left, halo.bottom, halo.right);
  }
}

void Runner::run_forward(const Passing& passing, const Operation& operation, const Pass& pass) {
  const Node& of = node(operation.node);
  ForwardViews views{.x = view(operation[Role::x], pass),
                     .shortcut = view(operation[Role::shortcut], pass),
                     .y = view(operation[Role::y], pass),
                     .fused = operation.fused};
  if (operation.has(Role::winners)) views.winners = winners_of(operation, pass);
  if (operation.normalization >= 0)
    views.normalization = node(operation.normalization).layer->normalization(pass);
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
  const BlockView<float> all = view(operation[Role::dy], pass);
  const Extent channels = pass.share.channels(all.c);
  const BlockView<float> sum = all.channels(channels.first, channels.end);
  for (const int part : operation.others)
    add(sum, view(part, pass).channels(channels.first, channels.end), sum);
  pass.lap(TimePart::backward_weights);
}

void Runner::run_backward(const Operation& operation, const Pass& pass) {
  BackwardViews views{.x = view(operation[Role::x], pass),
                      .y = view(operation[Role::y], pass),
                      .dy = view(operation[Role::dy], pass),
                      .dx = view(operation[Role::dx], pass),
                      .dshortcut = view(operation[Role::dshortcut], pass),
                      .fused = operation.fused};
  if (operation.has(Role::winners)) views.winners = winners_of(operation, pass);
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
Pass Runner::batch_wide_pass(const Pass& common, const Operation& operation, int first_block, int worker) {
  Pass pass = common;
  pass.scratch_arena = scratch_.data() + worker * scratch_floats_;
  pass.x_of_block0 = view(operation[Role::x], common, first_block);
  pass.y_of_block0 = view(operation[Role::y], common, first_block);
  pass.dy_of_block0 = view(operation[Role::dy], common, first_block);
  pass.dx_of_block0 = view(operation[Role::dx], common, first_block);
  return pass;
}

void Runner::run_batch_wide(const Passing& passing, const Operation& operation) {
  const Layer& layer = *node(operation.node).layer;
  const bool forward = operation.work == Work::reduce_forward || operation.work == Work::forward;
  const bool reduces = operation.work == Work::reduce_forward || operation.work == Work::reduce_backward;
  if (!reduces && passing.pass.own_blocks == 0) return;
  pool_.parallel_for(layer.tasks(operation.work), [&](std::int64_t task, int worker) {
    Stopwatch* const watch = start_watch(worker);
    if (watch) watch->set_place(operation.node, operation.time);
    layer.run(batch_wide_pass(passing.pass, operation, passing.pass.first_block, worker), operation.work,
              static_cast<int>(task));
    if (watch) watch->lap(forward ? TimePart::forward : TimePart::backward_data);
  });
  if (step_observer_ && operation.has(Role::dx)) show_input_gradients(passing.pass, operation);
}

/// Those that were computed for all blocks at once.
void Runner::show_input_gradients(const Pass& common, const Operation& operation) const {
  for (int block = common.first_block; block < common.first_block + common.own_blocks; ++block)
    step_observer_->input_gradient(operation.node, false, block, common.images_in(block),
                                   view(operation[Role::dx], common, block));
}

}  // namespace cnn
