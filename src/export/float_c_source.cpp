#include "core/error.h"
#include "core/text.h"
#include "export/c_frame.h"
#include "export/c_source.h"
#include "export/c_texts.h"
#include "export/c_words.h"
#include "export/memory.h"
#include "export/step_row.h"

namespace cnn {
namespace {

/// What of float_layers.c the network needs.
std::set<std::string> features_of(const ExportPlan& plan, const std::vector<StepRow>& rows) {
  std::set<std::string> features;
  for (const StepRow& row : rows) {
    features.insert(in_small_letters(word_of(row.kind)));
    const Activation& activation = plan.steps[static_cast<std::size_t>(row.step)].activation;
    if (activation.none()) continue;
    features.insert("activate");
    features.insert(std::string(word_of(activation.function)));
  }
  return features;
}

/// The weights as arrays, and the table of layers that refers to them.
class FloatTable {
 public:
  FloatTable(const ExportPlan& plan, const std::vector<StepRow>& rows, const ValuePlaces& places)
      : plan_(plan), places_(places) {
    for (const StepRow& row : rows) add(row);
    // What the compiler makes of a row: 19 numbers of 4 bytes, and 5 words of a small machine.
    bytes_ += static_cast<std::int64_t>(rows.size()) * (19 * 4 + 5 * 4);
  }

  std::string text() const {
    return arrays_ +
           "/* kind, function, slope, x: channels, height, width, y: the same, kernel, stride, dilation: "
           "height, width,\n   padding: top, left, groups, count_padding, weight, bias, places of x, "
           "shortcut, y */\n"
           "static const layer layers[] = {\n" +
           table_ + "};\n";
  }
  std::int64_t bytes() const { return bytes_; }

 private:
  std::string array(const std::string& layer, const char* what, const std::vector<float>* values) {
    if (!values) return "0";
    const std::string name = unused_c_name(layer + "_" + what, taken_);
    arrays_ += c_array(name, *values) + "\n";
    bytes_ += static_cast<std::int64_t>(values->size()) * 4;
    return name;
  }

  void add(const StepRow& row) {
    const ExportStep& step = plan_.steps[static_cast<std::size_t>(row.step)];
    const auto place = [&](int value) {
      return value < 0 ? 0 : places_.places[static_cast<std::size_t>(value)];
    };
    const std::string shapes = fmt::format("{}: {} -> {}", comment_text(step.name), to_string(row.shape.in),
                                           to_string(row.shape.out));
    if (row.weight) arrays_ += fmt::format("/* {} */\n", shapes);
    const std::string weight = array(step.name, "weight", row.weight),
                      bias = array(step.name, "bias", row.bias);
    table_ += fmt::format("    /* {} */\n    {{{}, {}, {}, {}, {}, {}, {}, {}, {}}},\n", shapes,
                          word_of(row.kind), in_capitals(word_of(step.activation.function)),
                          c_float(step.activation.negative_slope), shape_numbers(row.shape), weight, bias,
                          place(step.x), place(step.shortcut), place(step.y));
  }

  const ExportPlan& plan_;
  const ValuePlaces& places_;
  // Names of the code itself.
  std::set<std::string> taken_{"layers", "layer", "mean", "deviation"};
  std::string arrays_, table_;
  std::int64_t bytes_ = 0;
};

}  // namespace

CSource float_c_source(const ExportPlan& plan, const CNaming& naming) {
  const std::vector<StepRow> rows = step_rows(plan);
  if (rows.empty()) fail("the network has no layer that computes anything, so there is nothing to export");
  const ValuePlaces places = place_values(plan, 1);
  const FloatTable table(plan, rows, places);
  CSource result;
  result.scratch_bytes = places.size * 4;
  result.constant_bytes =
      table.bytes() + static_cast<std::int64_t>(plan.mean.size()) * 8 + class_name_bytes(plan);
  const std::vector<float> mean(plan.mean.begin(), plan.mean.end()), std(plan.std.begin(), plan.std.end());
  result.header = c_header(plan, naming, "float32", result);
  result.main = c_main(naming);
  result.source =
      c_title(plan, naming, "float32") +
      fmt::format("#include \"{}.h\"\n\n#include <math.h>\n\n", naming.name) +
      with_features(kFloatLayersText, features_of(plan, rows)) + "\n" + c_array("mean", mean) +
      c_array("deviation", std) + "\n" + table.text() + "\n" + c_class_names(plan, naming) +
      c_predict(plan, naming, places, {.number = "float", .input = "mean, deviation", .softmax = ""});
  return result;
}

}  // namespace cnn
