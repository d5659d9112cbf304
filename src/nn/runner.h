#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/thread_pool.h"
#include "kernels/weighted_sum.h"
#include "nn/network.h"

namespace cnn {

/// Images for one pass. `fill` writes the images of one block into x (lanes from `images` on: zeros); it is
/// called by the workers themselves, once per block.
struct Batch {
  std::int64_t images = 0;
  const std::int32_t* labels = nullptr;         ///< null: unlabeled (evaluation only)
  const std::int32_t* second_labels = nullptr;  ///< of mixed images; null: none is mixed
  float share = 1;                              ///< of the first label in a mixed image
  const std::function<void(int block, int images, int worker, BlockView<float> x)>* fill = nullptr;
  std::uint64_t seed = 0;  ///< of dropout
  std::uint32_t step = 0;  ///< of dropout
  float label_smoothing = 0;
  /// Factor of each class in the training loss, which is then divided by the factors' sum over the images'
  /// labels (PyTorch's mean reduction); empty: all 1. losses() are such that their mean is that loss.
  std::span<const float> class_weights = {};
  /// Training: what is to be passed back instead of the gradient of the loss, d(anything)/d(output of the
  /// last layer). Writes it for one block; lanes from `images` on: zeros.
  const std::function<void(int block, int images, BlockView<float> dy)>* output_gradient = nullptr;
};

/// Sees the output of every entry, right after it was computed. Called by several workers at once.
using Observer = std::function<void(int row, int block, int images, BlockView<const float> y)>;

/// Sees all that a training step computes, node by node: for teaching and checking. Called by several workers
/// at once.
class StepObserver {
 public:
  virtual ~StepObserver() = default;
  /// Right after it was computed.
  virtual void output(int node, int block, int images, BlockView<const float> y) = 0;
  /// d(loss)/dy, before the node's backward pass reads it (and perhaps changes it).
  virtual void output_gradient(int node, int block, int images, BlockView<const float> dy) = 0;
  /// The part of d(loss)/dx that goes back through this node: to its input, or to the shortcut of a sum.
  virtual void input_gradient(int node, bool shortcut, int block, int images, BlockView<const float> dx) = 0;
};

/// Takes batches through a network. Owns the memory for it: one arena for each block of the batch (what
/// crosses a stage), one for each worker (what lives within one), the gradients of the shards. Nothing is
/// allocated after construction.
///
/// A *stage* is a run of layers that need no other image: one parallel loop. Each worker takes one shard, and
/// each block of it through all layers of the stage before the next. Between stages stand the reductions
/// (batch norm). A batch has min(blocks, kShards) shards whatever the number of threads, so the sums have one
/// order.
class Runner {
 public:
  static constexpr int kShards = 16;

  /// training: forward, loss and backward; else forward only, with less memory.
  /// `largest_batch`: images in one pass; for training at most what the network was planned for.
  /// input_gradient: training also computes the gradient of the images, for a StepObserver to see.
  Runner(Network& network, ThreadPool& pool, bool training, std::int64_t largest_batch,
         bool input_gradient = false);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  /// Forward, loss, backward: afterwards gradients() hold d(mean loss)/d(parameter). Returns false, and
  /// leaves gradients() undefined, if a loss is not finite. The network must be packed. observer: sees the
  /// outputs of the forward pass; may be null.
  bool train(const Batch& batch, const Observer* observer = nullptr);

  /// Forward in evaluation mode, with the plain cross-entropy if there are labels.
  void evaluate(const Batch& batch, const Observer* observer = nullptr);

  /// Forward in training mode, for finding where a training step went wrong. Changes running statistics.
  void forward_training(const Batch& batch, const Observer& observer);

  /// Of the last batch, per image.
  std::span<const float> losses() const;
  std::span<const std::int32_t> predictions() const;
  /// [image][class], of the last evaluate().
  std::span<const float> probabilities() const;
  /// What the softmax got: [image][class], of the last evaluate().
  std::span<const float> logits() const;

  /// Books the time of every pass from now on; null stops it. Made for this network and pool.
  void set_profile(Profile* profile) { profile_ = profile; }

  /// Shows every train() from now on; null stops it.
  void set_step_observer(StepObserver* observer) { step_observer_ = observer; }

  /// Whether training computes the gradient of this node's input (anybody before it learns).
  bool has_input_gradient(int node) const;

  std::int64_t largest_batch() const { return largest_batch_; }
  std::span<const float> gradients() const { return gradients_.span(); }

  /// What a Runner for this network and number of threads allocates.
  static std::int64_t bytes(const Network& network, int threads, bool training, std::int64_t largest_batch);

 private:
  struct Schedule;
  static std::unique_ptr<Schedule> make_schedule(const Network& network, bool training,
                                                 bool input_gradient = false);
  void run_stages(const Batch& batch, std::size_t first, std::size_t last, bool training,
                  const Observer* observer);
  void run_block(const Pass& pass, std::size_t stage, int worker, const Batch& batch,
                 const Observer* observer);
  /// Whether a max pooling does the node's ReLU, or the node another's. Not under an observer's eyes: it
  /// wants to see every layer's own gradient.
  bool relu_moves(const Node& node) const { return node.relu_partner >= 0 && !step_observer_; }
  /// Whether a convolution does the max pooling behind it: this node one or the other. Then nobody sees the
  /// convolution's own output.
  bool pooling_moves(const Node& node, const Observer* observer) const {
    return node.pooling_partner >= 0 && !step_observer_ && !observer && pooling_pays();
  }
  void weigh_classes(const Batch& batch);
  void sum_gradients(const Pass& pass);
  Stopwatch* start_watch(int worker);
  float* scratch_of(int worker) { return scratch_.data() + worker * scratch_floats_; }
  Pass pass_for(const Batch& batch, bool training);

  Network& network_;
  ThreadPool& pool_;
  std::int64_t largest_batch_;
  std::unique_ptr<Schedule> schedule_;
  std::int64_t scratch_floats_;
  Profile* profile_ = nullptr;
  StepObserver* step_observer_ = nullptr;
  AlignedBuffer blocks_, workers_, scratch_, shards_, gradients_;
  std::vector<double> statistics_;
  std::vector<float> class_weights_;  // of this batch, their mean over the images being 1
  std::vector<float> losses_, probabilities_, logits_;
  std::vector<std::int32_t> predictions_;
  std::int64_t images_ = 0;
};

}  // namespace cnn
