#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace cnn {

/// PyTorch's SGD: decay is added to the gradient.
struct SgdSpec {
  double learning_rate = 0;
  double momentum = 0;
  bool nesterov = false;
  double weight_decay = 0;
  bool decay_norm_and_bias = true;  ///< whether weight_decay is for tensors of one dimension too
  friend bool operator==(const SgdSpec&, const SgdSpec&) = default;
};

/// PyTorch's Adam (decay added to the gradient) or AdamW (decay applied to the weight).
struct AdamSpec {
  bool decoupled_decay = false;  ///< true: adamw
  double learning_rate = 0;
  std::array<double, 2> betas{0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;  ///< adamw's default is 0.01
  bool decay_norm_and_bias = true;
  friend bool operator==(const AdamSpec&, const AdamSpec&) = default;
};

using OptimizerSpec = std::variant<SgdSpec, AdamSpec>;

struct ConstantSchedule {
  friend bool operator==(const ConstantSchedule&, const ConstantSchedule&) = default;
};
struct StepSchedule {
  double step_epochs = 1;
  double gamma = 0.1;
  friend bool operator==(const StepSchedule&, const StepSchedule&) = default;
};
struct ExponentialSchedule {
  double gamma = 0.95;
  friend bool operator==(const ExponentialSchedule&, const ExponentialSchedule&) = default;
};
struct CosineSchedule {
  double final_factor = 0;
  friend bool operator==(const CosineSchedule&, const CosineSchedule&) = default;
};
/// PyTorch's OneCycleLR with max_lr = learning_rate; momentum is not cycled.
struct OneCycleSchedule {
  enum class Anneal { cos, linear };
  double pct_start = 0.3;
  Anneal anneal = Anneal::cos;
  double div_factor = 25;
  double final_div_factor = 1e4;
  friend bool operator==(const OneCycleSchedule&, const OneCycleSchedule&) = default;
};
/// Straight lines between points (fraction of training, factor).
struct LinearSchedule {
  std::vector<std::array<double, 2>> points;
  friend bool operator==(const LinearSchedule&, const LinearSchedule&) = default;
};

struct ScheduleSpec {
  std::variant<ConstantSchedule, StepSchedule, ExponentialSchedule, CosineSchedule, OneCycleSchedule,
               LinearSchedule>
      shape;
  double warmup_epochs = 0;  ///< not with one_cycle
  friend bool operator==(const ScheduleSpec&, const ScheduleSpec&) = default;
};

/// Weights to start from: parameters by name out of a safetensors file.
struct InitialWeightsSpec {
  std::filesystem::path file;
  std::vector<std::string> except;  ///< layers that stay freshly initialized
  friend bool operator==(const InitialWeightsSpec&, const InitialWeightsSpec&) = default;
};

/// The `training` part of a config.
struct TrainingSpec {
  int epochs = 0;
  int batch_size = 0;
  bool shuffle = true;
  bool drop_last = false;
  double label_smoothing = 0;
  OptimizerSpec optimizer;
  ScheduleSpec schedule;
  std::optional<InitialWeightsSpec> initial_weights;
  double checkpoint_minutes = 5;  ///< between checkpoints within an epoch; 0: none but at its end
  int checkpoint_steps = 0;       ///< steps between them; 0: only the time counts
  friend bool operator==(const TrainingSpec&, const TrainingSpec&) = default;
};

}  // namespace cnn
