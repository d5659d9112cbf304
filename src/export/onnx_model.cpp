#include "export/onnx_model.h"

#include <bit>
#include <cstdint>
#include <protozero/pbf_builder.hpp>

#include "core/error.h"

namespace cnn {
namespace {

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

constexpr std::int64_t kIrVersion = 8, kOpset = 17;
constexpr std::int64_t kMostBytes = (std::int64_t{1} << 31) - 1;

// The messages of onnx.proto, each with the fields that are written here.
enum class ModelField : protozero::pbf_tag_type {
  ir_version = 1,
  producer_name = 2,
  producer_version = 3,
  doc_string = 6,
  graph = 7,
  opset_import = 8,
  metadata_props = 14,
};
enum class OpsetField : protozero::pbf_tag_type { domain = 1, version = 2 };
enum class EntryField : protozero::pbf_tag_type { key = 1, value = 2 };
enum class GraphField : protozero::pbf_tag_type {
  node = 1,
  name = 2,
  initializer = 5,
  input = 11,
  output = 12,
};
enum class NodeField : protozero::pbf_tag_type {
  input = 1,
  output = 2,
  name = 3,
  op_type = 4,
  attribute = 5
};
enum class AttributeField : protozero::pbf_tag_type { name = 1, f = 2, i = 3, ints = 8, type = 20 };
enum class AttributeType : std::int32_t { number = 1, integer = 2, integers = 7 };
enum class TensorField : protozero::pbf_tag_type { dims = 1, data_type = 2, name = 8, raw_data = 9 };
enum class ValueField : protozero::pbf_tag_type { name = 1, type = 2 };
enum class TypeField : protozero::pbf_tag_type { tensor_type = 1 };
enum class TensorTypeField : protozero::pbf_tag_type { elem_type = 1, shape = 2 };
enum class ShapeField : protozero::pbf_tag_type { dim = 1 };
enum class DimensionField : protozero::pbf_tag_type { dim_value = 1, dim_param = 2 };

template <class Field>
using Message = protozero::pbf_builder<Field>;

void write_attribute(Message<NodeField>& node, const OnnxAttribute& attribute) {
  Message<AttributeField> message(node, NodeField::attribute);
  message.add_string(AttributeField::name, attribute.name);
  AttributeType type = AttributeType::integer;
  if (const auto* number = std::get_if<float>(&attribute.value)) {
    type = AttributeType::number;
    message.add_float(AttributeField::f, *number);
  } else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&attribute.value)) {
    type = AttributeType::integers;
    for (const std::int64_t integer : *integers) message.add_int64(AttributeField::ints, integer);
  } else {
    message.add_int64(AttributeField::i, std::get<std::int64_t>(attribute.value));
  }
  message.add_enum(AttributeField::type, static_cast<std::int32_t>(type));
}

void write_tensor(Message<GraphField>& graph, GraphField place, const OnnxTensor& tensor) {
  Message<ValueField> value(graph, place);
  value.add_string(ValueField::name, tensor.name);
  Message<TypeField> type(value, ValueField::type);
  Message<TensorTypeField> tensor_type(type, TypeField::tensor_type);
  tensor_type.add_int32(TensorTypeField::elem_type, static_cast<std::int32_t>(tensor.type));
  Message<ShapeField> shape(tensor_type, TensorTypeField::shape);
  for (const OnnxSide& side : tensor.shape) {
    Message<DimensionField> dimension(shape, ShapeField::dim);
    if (const auto* name = std::get_if<std::string>(&side))
      dimension.add_string(DimensionField::dim_param, *name);
    else
      dimension.add_int64(DimensionField::dim_value, std::get<std::int64_t>(side));
  }
}

}  // namespace

void OnnxModel::add_weight(std::string name, std::vector<std::int64_t> shape, std::span<const float> values) {
  weights_.push_back({std::move(name), std::move(shape), values});
}

void OnnxModel::add_node(std::string operation, std::string name, std::vector<std::string> inputs,
                         std::string output, std::vector<OnnxAttribute> attributes) {
  operators_.push_back(
      {std::move(operation), std::move(name), std::move(inputs), std::move(output), std::move(attributes)});
}

std::string OnnxModel::text(const std::string& producer, const std::string& version,
                            const std::string& doc) const {
  std::int64_t bytes = 1 << 20;  // names and structure take less
  for (const Weight& weight : weights_) bytes += static_cast<std::int64_t>(weight.values.size_bytes());
  if (bytes > kMostBytes) fail("the model is too large: an ONNX file may have 2 GiB at most");

  std::string file;
  file.reserve(static_cast<std::size_t>(bytes));
  Message<ModelField> model(file);
  model.add_int64(ModelField::ir_version, kIrVersion);
  model.add_string(ModelField::producer_name, producer);
  model.add_string(ModelField::producer_version, version);
  model.add_string(ModelField::doc_string, doc);
  {
    Message<OpsetField> opset(model, ModelField::opset_import);
    opset.add_string(OpsetField::domain, "");
    opset.add_int64(OpsetField::version, kOpset);
  }
  for (const auto& [key, value] : metadata_) {
    Message<EntryField> entry(model, ModelField::metadata_props);
    entry.add_string(EntryField::key, key);
    entry.add_string(EntryField::value, value);
  }
  Message<GraphField> graph(model, ModelField::graph);
  for (const Operator& one : operators_) {
    Message<NodeField> node(graph, GraphField::node);
    for (const std::string& input : one.inputs) node.add_string(NodeField::input, input);
    node.add_string(NodeField::output, one.output);
    node.add_string(NodeField::name, one.name);
    node.add_string(NodeField::op_type, one.operation);
    for (const OnnxAttribute& attribute : one.attributes) write_attribute(node, attribute);
  }
  graph.add_string(GraphField::name, graph_name_);
  for (const Weight& weight : weights_) {
    Message<TensorField> tensor(graph, GraphField::initializer);
    for (const std::int64_t side : weight.shape) tensor.add_int64(TensorField::dims, side);
    tensor.add_int32(TensorField::data_type, static_cast<std::int32_t>(OnnxType::float32));
    tensor.add_string(TensorField::name, weight.name);
    tensor.add_bytes(TensorField::raw_data, reinterpret_cast<const char*>(weight.values.data()),
                     weight.values.size_bytes());
  }
  for (const OnnxTensor& input : inputs_) write_tensor(graph, GraphField::input, input);
  for (const OnnxTensor& output : outputs_) write_tensor(graph, GraphField::output, output);
  graph.commit();
  return file;
}

}  // namespace cnn
