#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace cnn {

/// State that a training must not lose, as a list of names and of the places in memory where the numbers are:
/// what a checkpoint saves and puts back. A class with state lists it in one function,
///
///     void Optimizer::list_state(StateParts& parts) {
///       parts.add("optimizer.steps", steps_);
///       parts.add("optimizer.first", first_.span());
///     }
///
/// and saving, restoring, checking and rolling back follow. The places must live as long as the list. Bits
/// are kept exactly.
class StateParts {
 public:
  /// Numbers whose count may change, or that are kept in another form: how to get and how to set them. `set`
  /// throws Error for numbers that make no sense: they come out of a file.
  struct Computed {
    std::function<std::vector<double>()> get;
    std::function<void(std::span<const double>)> set;
  };
  using Place = std::variant<std::span<float>, std::span<double>, std::span<std::int64_t>, Computed>;
  struct Part {
    std::string name;
    Place place;
  };

  /// Names must differ. A span keeps its length.
  void add(std::string name, std::span<float> values) { parts_.push_back({std::move(name), values}); }
  void add(std::string name, std::span<double> values) { parts_.push_back({std::move(name), values}); }
  void add(std::string name, double& value) { add(std::move(name), std::span<double>(&value, 1)); }
  void add(std::string name, std::int64_t& value) {
    parts_.push_back({std::move(name), std::span<std::int64_t>(&value, 1)});
  }
  void add(std::string name, Computed computed) { parts_.push_back({std::move(name), std::move(computed)}); }

  const std::vector<Part>& parts() const { return parts_; }

 private:
  std::vector<Part> parts_;
};

}  // namespace cnn
