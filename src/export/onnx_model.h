#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace cnn {

/// Element types of ONNX tensors, by their numbers in onnx.proto.
enum class OnnxType { float32 = 1, uint8 = 2 };

/// A side of a tensor: a number, or a name for one that is known only at run time.
using OnnxSide = std::variant<std::int64_t, std::string>;

/// What goes in or comes out.
struct OnnxTensor {
  std::string name;
  OnnxType type = OnnxType::float32;
  std::vector<OnnxSide> shape;
};

struct OnnxAttribute {
  std::string name;
  std::variant<std::int64_t, float, std::vector<std::int64_t>> value;
};

/// Puts an ONNX model together: graph, weights, metadata. IR version 8, opset 17.
/// Source: onnx.proto of ONNX 1.12, and its operators' specification.
class OnnxModel {
 public:
  explicit OnnxModel(std::string graph_name) : graph_name_(std::move(graph_name)) {}

  void add_input(OnnxTensor tensor) { inputs_.push_back(std::move(tensor)); }
  void add_output(OnnxTensor tensor) { outputs_.push_back(std::move(tensor)); }
  void add_metadata(std::string key, std::string value) {
    metadata_.emplace_back(std::move(key), std::move(value));
  }
  /// A constant of the graph. The numbers must live until text() is called.
  void add_weight(std::string name, std::vector<std::int64_t> shape, std::span<const float> values);
  /// Nodes come in the order in which they are computed.
  void add_node(std::string operation, std::string name, std::vector<std::string> inputs, std::string output,
                std::vector<OnnxAttribute> attributes = {});

  /// The file. Throws Error (exit 1) if it is larger than the 2 GiB that the format allows.
  std::string text(const std::string& producer, const std::string& version, const std::string& doc) const;

 private:
  struct Weight {
    std::string name;
    std::vector<std::int64_t> shape;
    std::span<const float> values;
  };
  struct Operator {
    std::string operation, name;
    std::vector<std::string> inputs;
    std::string output;
    std::vector<OnnxAttribute> attributes;
  };
  std::string graph_name_;
  std::vector<OnnxTensor> inputs_, outputs_;
  std::vector<Weight> weights_;
  std::vector<Operator> operators_;
  std::vector<std::pair<std::string, std::string>> metadata_;
};

}  // namespace cnn
