#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/thread_pool.h"
#include "kernels/optimizer.h"
#include "nn/network.h"
#include "train/muon.h"
#include "train/state_parts.h"
#include "train/training_spec.h"

namespace cnn {

/// sgd, adam, adamw or muon over the whole block of a network's parameters, each tensor as its
/// ParameterControl says. The padding between tensors has gradient 0 and weight 0, so it stays 0.
class Optimizer {
 public:
  /// Looks up the settings of every tensor once. clip_norm: gradients whose joint norm is larger are scaled
  /// down to it (torch.nn.utils.clip_grad_norm_); tensors that do not learn in an epoch are left out.
  Optimizer(const OptimizerSpec& spec, Network& network, std::optional<double> clip_norm = {});

  /// The learning rate of the config.
  double base_learning_rate() const;

  /// One step in this epoch (from 1) with learning rate base_learning_rate() * factor. Tensors that do not
  /// learn in this epoch are left alone, their running means and step counts too. Spread over the pool; every
  /// number is updated by the same operations whatever the number of threads.
  void step(double factor, int epoch, std::span<const float> gradients, std::span<float> parameters,
            ThreadPool& pool);

  /// What the next step depends on besides its arguments.
  void list_state(StateParts& parts);

  /// Memory for a network's parameters.
  static std::int64_t bytes(const OptimizerSpec& spec, const Network& network);
  /// The part of it that grows with the parameters: momentum and the like of `parameters` of them.
  static std::int64_t moment_bytes(const OptimizerSpec& spec, std::int64_t parameters);

 private:
  /// Tensors with the same settings: they take the same steps.
  struct Group {
    ParameterControl control;  ///< weight_decay_scale 0 where nothing decays
    std::int64_t steps = 0;    ///< taken so far
    bool is_muon = false;
    // Of the step that is being taken.
    bool active = false;
    double rate = 0;
    std::variant<SgdStep, AdamStep> rule;
  };
  /// Neighbors among the parameters that take the same steps, at most kChunk of them.
  struct Piece {
    std::int64_t first, count;
    std::size_t group;
  };
  struct MuonTask {
    Muon::Matrix matrix;
    std::size_t group;
  };
  static std::vector<Muon::Matrix> matrices_of(const Network& network);
  std::size_t group_of(const ParameterControl& control, bool is_muon);
  float gradient_scale(std::span<const float> gradients, ThreadPool& pool);
  void add_pieces(std::int64_t first, std::int64_t end, std::size_t group);
  void prepare(Group& group, double factor, float gradient_scale) const;

  OptimizerSpec spec_;
  ElementwiseSpec elementwise_;  ///< spec_, or muon's others
  std::optional<double> clip_norm_;
  std::optional<Muon> muon_;
  std::vector<MuonTask> muon_tasks_;
  AlignedBuffer first_, second_;  ///< momentum or mean, and mean square
  std::vector<Group> groups_;
  std::vector<Piece> pieces_;    ///< in ascending order
  std::vector<double> squares_;  ///< of each piece's gradients
};

}  // namespace cnn
