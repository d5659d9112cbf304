#include "core/error.h"
#include "core/text.h"
#include "export/c_frame.h"
#include "export/c_source.h"
#include "export/c_texts.h"
#include "export/c_words.h"
#include "export/memory.h"

namespace cnn {
namespace {

/// What of int8_layers.c the network needs.
std::set<std::string> features_of(const QuantizedPlan& quantized) {
  std::set<std::string> features;
  for (const ByteRow& row : quantized.rows) {
    features.insert(in_small_letters(word_of(row.kind)));
    using enum ByteRowKind;
    if (row.kind == conv || row.kind == dense || row.kind == sum || row.kind == product)
      features.insert("requantize");
  }
  return features;
}

/// The weights as arrays, and the table of layers that refers to them.
class ByteTable {
 public:
  ByteTable(const ExportPlan& plan, const QuantizedPlan& quantized, const ValuePlaces& places)
      : plan_(plan), places_(places) {
    for (const ByteRow& row : quantized.rows) add(row);
    // What the compiler makes of a row: 21 numbers of 4 bytes, and 7 words of a small machine.
    bytes_ += static_cast<std::int64_t>(quantized.rows.size()) * (21 * 4 + 7 * 4);
  }

  std::string text() const {
    return arrays_ +
           "/* kind, x: channels, height, width, y: the same, kernel, stride, dilation: height, width,\n   "
           "padding: top, left, groups, count_padding, zeros of x, shortcut, y, low,\n   "
           "weight, bias, multiplier, shift, places of x, shortcut, y */\n"
           "static const layer layers[] = {\n" +
           table_ + "};\n";
  }
  std::int64_t bytes() const { return bytes_; }

 private:
  template <class Number>
  std::string array(const char* type, const std::string& layer, const char* what,
                    const std::vector<Number>& values) {
    if (values.empty()) return "0";
    const std::string name = unused_c_name(layer + "_" + what, taken_);
    const std::vector<std::int32_t> numbers(values.begin(), values.end());
    arrays_ += c_array(type, name, numbers);
    bytes_ += static_cast<std::int64_t>(values.size() * sizeof(Number));
    return name;
  }

  void add(const ByteRow& row) {
    const ExportStep& step = plan_.steps[static_cast<std::size_t>(row.step)];
    const auto place = [&](int value) {
      return value < 0 ? 0 : places_.places[static_cast<std::size_t>(value)];
    };
    const std::string shapes = fmt::format("{}: {} -> {}{}", comment_text(step.name), to_string(row.shape.in),
                                           to_string(row.shape.out),
                                           step.activation.none() || row.kind == ByteRowKind::table
                                               ? ""
                                               : fmt::format(", {}", word_of(step.activation.function)));
    if (!row.weight.empty()) arrays_ += fmt::format("/* {} */\n", shapes);
    const std::string weight = array("int8_t", step.name, "weight", row.weight),
                      bias = array("int32_t", step.name, "bias", row.bias),
                      multiplier = array("int32_t", step.name, "multiplier", row.multiplier),
                      shift = array("uint8_t", step.name, "shift", row.shift);
    table_ += fmt::format("    /* {} */\n    {{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}},\n",
                          shapes, word_of(row.kind), shape_numbers(row.shape), row.x_zero, row.shortcut_zero,
                          row.y_zero, row.low, weight, bias, multiplier, shift, place(step.x),
                          place(step.shortcut), place(step.y));
  }

  const ExportPlan& plan_;
  const ValuePlaces& places_;
  // Names of the code itself.
  std::set<std::string> taken_{"layers", "layer", "input_table", "exponentials"};
  std::string arrays_, table_;
  std::int64_t bytes_ = 0;
};

}  // namespace

CSource int8_c_source(const ExportPlan& plan, const QuantizedPlan& quantized, const CNaming& naming) {
  if (quantized.rows.empty())
    fail("the network has no layer that computes anything, so there is nothing to export");
  const ValuePlaces places = place_values(plan, 1);
  const ByteTable table(plan, quantized, places);
  CSource result;
  result.scratch_bytes = places.size;
  result.constant_bytes = table.bytes() + static_cast<std::int64_t>(quantized.input_table.size()) +
                          static_cast<std::int64_t>(quantized.exponentials.size()) * 4 +
                          class_name_bytes(plan);
  const std::vector<std::int32_t> input(quantized.input_table.begin(), quantized.input_table.end());
  result.header = c_header(plan, naming, "int8", result);
  result.main = c_main(naming);
  result.source = c_title(plan, naming, "int8") + fmt::format("#include \"{}.h\"\n\n", naming.name) +
                  with_features(kInt8LayersText, features_of(quantized)) +
                  "\n/* For each channel: what each byte of a pixel becomes. */\n" +
                  c_array("int8_t", "input_table", input) +
                  "/* exp(-d * scale) for logits that are d bytes apart. */\n" +
                  c_array("exponentials", quantized.exponentials) + "\n" + table.text() + "\n" +
                  c_class_names(plan, naming) +
                  c_predict(plan, naming, places,
                            {.number = "int8_t", .input = "input_table", .softmax = "exponentials, "});
  return result;
}

}  // namespace cnn
