#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cluster/cluster.h"
#include "core/aligned_buffer.h"
#include "core/thread_pool.h"
#include "nn/arena.h"
#include "nn/batch.h"
#include "nn/batch_loss.h"
#include "nn/fusions.h"
#include "nn/gradients.h"
#include "nn/leaves.h"
#include "nn/loops.h"
#include "nn/network.h"
#include "nn/observer.h"
#include "nn/schedule.h"

namespace cnn {

/// Takes batches through a network, as a Schedule says. Owns the memory for it: one arena for each block of
/// the batch (what crosses a stage), one for each worker (what lives within one), the gradients of the
/// leaves. After the first batch of a size nothing is allocated.
///
/// A stage is one parallel loop: each worker takes one leaf, and each block of it through all operations of
/// the stage before the next. With fewer leaves than workers it is several loops, and workers share blocks
/// (nn/loops.h). Between stages stands work on the whole batch (the reductions of batch norm). The leaves
/// depend on the batch alone (nn/leaves.h), so the sums have one order.
///
/// In a cluster of several processes, each takes a run of leaves. train() and forward_training() are then
/// collective: every process calls them with the same batch, whose `fill` is called for its own blocks only.
class Runner {
 public:
  /// training: forward, loss and backward; else forward only, with less memory.
  /// `largest_batch`: images in one pass; for training at most what the network was planned for.
  /// input_gradient: training also computes the gradient of the images, for a StepObserver to see.
  /// route: a part of the network, to the loss or not.
  Runner(Network& network, ThreadPool& pool, bool training, std::int64_t largest_batch,
         bool input_gradient = false, FusionChoice fusions = FusionChoice::where_it_pays,
         Cluster& cluster = alone(), const Route& route = {});
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  /// Forward, loss, backward: afterwards gradients() hold d(mean loss)/d(parameter), on every process.
  /// Returns false, and leaves gradients() undefined, if a loss is not finite. The network must be packed.
  /// observer: sees the outputs of the forward pass; may be null.
  bool train(const Batch& batch, const Observer* observer = nullptr);

  /// Forward in evaluation mode, with the plain cross-entropy if there are labels.
  void evaluate(const Batch& batch, const Observer* observer = nullptr);

  /// Forward in training mode, for finding where a training step went wrong. Changes running statistics.
  void forward_training(const Batch& batch, const Observer& observer);

  /// Of the last batch, per image; of all processes after train().
  std::span<const float> losses() const { return loss_.losses(); }
  std::span<const std::int32_t> predictions() const { return loss_.predictions(); }
  /// [image][class], of the last evaluate().
  std::span<const float> probabilities() const { return loss_.probabilities(); }
  /// What the softmax got: [image][class], of the last evaluate().
  std::span<const float> logits() const { return loss_.logits(); }

  /// Records the time of every pass from now on; null stops it. The profile must fit this network and pool.
  void set_profile(Profile* profile) { profile_ = profile; }

  /// What every batch goes through unless somebody looks, and where its buffers are.
  const Schedule& schedule() const { return fused_; }
  const ArenaLayout& layout() const { return layout_; }

  /// Shows every train() from now on; null stops it.
  void set_step_observer(StepObserver* observer) { step_observer_ = observer; }

  /// Whether training computes the gradient of this node's input (a layer before it learns).
  bool has_input_gradient(int node) const { return cnn::has_input_gradient(plain_, node); }

  std::int64_t largest_batch() const { return largest_batch_; }
  std::span<const float> gradients() const { return gradients_->all(); }

  /// The memory of a Runner for this network and number of threads, in one process.
  static std::int64_t bytes(const Network& network, int threads, bool training, std::int64_t largest_batch,
                            const Route& route = {});

 private:
  /// What the calls of one pass share.
  struct Passing {
    const Batch& batch;
    const Schedule& schedule;
    const LoopPlan& loops;
    const Observer* observer;  ///< of the forward pass; null: nobody looks
    Leaves leaves;
    Extent own_leaves;  ///< of this process
    Pass pass;          ///< without block and worker
  };
  const Node& node(int number) const { return network_.nodes()[static_cast<std::size_t>(number)]; }
  BlockView<float> view(int buffer, const Pass& pass, int block) const;
  BlockView<float> view(int buffer, const Pass& pass) const { return view(buffer, pass, pass.block); }
  Passing begin(const Batch& batch, bool training, const Observer* observer);
  Stopwatch* start_watch(int worker) const;
  void run_stages(const Passing& passing, std::size_t first, std::size_t last);
  void run_loop(const Passing& passing, const Stage& stage, const Loop& loop);
  void run_task(const Passing& passing, const Stage& stage, const Loop& loop, const Share& share, int leaf,
                int worker);
  const LoopPlan& plan_for(int own_leaves, bool watched);
  void run_operation(const Passing& passing, const Operation& operation, const Pass& pass, int worker);
  void run_forward(const Passing& passing, const Operation& operation, const Pass& pass);
  void run_loss(const Passing& passing, const Operation& operation, const Pass& pass);
  void run_accumulate(const Operation& operation, const Pass& pass);
  void clear_new_halos(const Operation& operation, const Pass& pass) const;
  void run_backward(const Operation& operation, const Pass& pass);
  void run_batch_wide(const Passing& passing, const Operation& operation);
  void show_input_gradients(const Pass& common, const Operation& operation) const;
  void gather_statistics(const Passing& passing, const Operation& operation);
  std::vector<std::int64_t> block_ends(const Passing& passing, std::int64_t bytes) const;
  void gather_losses(const Passing& passing);
  void add_gradients(const Passing& passing, std::span<const int> nodes);
  Pass batch_wide_pass(const Pass& common, const Operation& operation, int first_block, int worker);

  Network& network_;
  ThreadPool& pool_;
  Cluster& cluster_;  ///< of training
  std::int64_t largest_batch_;
  /// Two schedules of the same buffers; observers get the plain one.
  Schedule plain_, fused_;
  ArenaLayout layout_;
  LoopPlan plain_loops_;
  std::vector<std::optional<LoopPlan>> fused_loops_;  ///< for each number of leaves
  Profile* profile_ = nullptr;
  StepObserver* step_observer_ = nullptr;
  std::int64_t scratch_floats_;
  AlignedBuffer blocks_, workers_, scratch_;
  std::optional<Gradients> gradients_;  ///< of training
  std::vector<int> learning_;           ///< nodes whose gradients are still to be added
  std::vector<double> statistics_;
  BatchLoss loss_;
};

}  // namespace cnn
