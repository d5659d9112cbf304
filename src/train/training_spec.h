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
};

/// PyTorch's Adam (decay added to the gradient) or AdamW (decay applied to the weight).
struct AdamSpec {
  bool decoupled_decay = false;  ///< true: adamw
  double learning_rate = 0;
  std::array<double, 2> betas{0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;  ///< adamw's default is 0.01
};

using OptimizerSpec = std::variant<SgdSpec, AdamSpec>;

struct ConstantSchedule {};
struct StepSchedule {
  double step_epochs = 1;
  double gamma = 0.1;
};
struct ExponentialSchedule {
  double gamma = 0.95;
};
struct CosineSchedule {
  double final_factor = 0;
};
/// PyTorch's OneCycleLR with max_lr = learning_rate; momentum is not cycled.
struct OneCycleSchedule {
  enum class Anneal { cos, linear };
  double pct_start = 0.3;
  Anneal anneal = Anneal::cos;
  double div_factor = 25;
  double final_div_factor = 1e4;
};
/// Straight lines between points (fraction of training, factor).
struct LinearSchedule {
  std::vector<std::array<double, 2>> points;
};

struct ScheduleSpec {
  std::variant<ConstantSchedule, StepSchedule, ExponentialSchedule, CosineSchedule, OneCycleSchedule,
               LinearSchedule>
      shape;
  double warmup_epochs = 0;  ///< not with one_cycle
};

/// Weights to start from: parameters by name out of a safetensors file.
struct InitialWeightsSpec {
  std::filesystem::path file;
  std::vector<std::string> except;  ///< layers that stay freshly initialized
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
};

}  // namespace cnn
