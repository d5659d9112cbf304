#include <sstream>

#include "catch.h"
#include "core/text.h"
#include "core/unicode.h"
#include "network_fixture.h"
#include "report/layer_table.h"
#include "report/text_columns.h"

namespace cnn {
namespace {

LayerRow row(const std::string& name, const std::string& type, int c, int h, int w) {
  const bool flat = type == "dense" || type == "flatten";
  LayerRow one{.name = name, .type = type, .channels = c, .height = h, .width = w, .flat = flat};
  one.reads_whole_map = type == "dense" || type == "global_avg_pool";
  one.outputs_key = type == "dense" ? "units" : type == "conv" ? "out_channels" : "";
  one.output = flat ? std::to_string(c) : fmt::format("{}x{}x{}", c, h, w);
  one.activations = std::int64_t{c} * h * w;
  return one;
}

TEST_CASE("the table of layers fits the terminal: columns go first, then ends of names", "[report]") {
  std::vector<LayerRow> rows{row("a_name_that_says_too_much", "conv", 128, 224, 224),
                             row("b", "dense", 10, 1, 1)};
  rows[0].macs = rows[0].parameters = 1'234'567'890;
  rows[0].receptive_field = "15x15";
  const auto widest = [](const std::string& table) {
    std::size_t width = 0;
    std::istringstream lines(table);
    for (std::string line; std::getline(lines, line);) width = std::max(width, width_of(line));
    return width;
  };
  const auto table = [&](int columns) { return layer_table("3x224x224", rows, columns); };
  CHECK_THAT(table(100), ContainsSubstring("15x15") && ContainsSubstring("too_much  conv"));
  CHECK_THAT(table(90), !ContainsSubstring("15x15") && ContainsSubstring("too_much  conv"));
  CHECK_THAT(table(82), !ContainsSubstring("dense") && ContainsSubstring("mult-adds"));
  CHECK_THAT(table(60), !ContainsSubstring("mult-adds") && ContainsSubstring("activations"));
  for (const int columns : {60, 82, 90, 100})
    CHECK(widest(table(columns)) <= static_cast<std::size_t>(columns));
}

TEST_CASE("a line keeps what weighs most", "[report]") {
  const std::vector<LinePart> parts{{"epoch 1/2", 9}, {"loss 1.5", 8}, {"rate 0.1", 1}, {"best", 6}};
  CHECK(fitting_line(parts, 100) == "epoch 1/2  loss 1.5  rate 0.1  best");
  CHECK(fitting_line(parts, 30) == "epoch 1/2  loss 1.5  best");
  CHECK(fitting_line(parts, 20) == "epoch 1/2  loss 1.5");
  CHECK(fitting_line(parts, 3) == "epoch 1/2");
  CHECK(fitting_line({}, 3).empty());
}

TEST_CASE("the textbook's cliff is named with the layer, both counts and a cure that works", "[report]") {
  const std::vector<LayerRow> rows{row("conv1", "conv", 16, 56, 56), row("flatten1", "flatten", 50176, 1, 1),
                                   row("dense1", "dense", 2, 1, 1)};
  const auto warnings = cliff_warnings(3 * 56 * 56, rows);
  REQUIRE(warnings.size() == 1);  // conv1 grows more than fourfold, but it is the first layer
  CHECK(warnings[0].layer == "dense1");
  CHECK(warnings[0].kind == "activation_cliff");
  CHECK((warnings[0].before == 50176 && warnings[0].after == 2));
  CHECK_THAT(
      warnings[0].message,
      ContainsSubstring("50,176") && ContainsSubstring("25,088 to 1") &&
          ContainsSubstring("a max_pool with kernel_size 2 after conv1 makes it 12,544") &&
          ContainsSubstring("a dense layer with 158 units and an activation (\"relu\", say) before dense1, "
                            "so that 12,544 values become 2 in two steps, each about 79 to 1"));
  // Try it: the pooling gives that number, and what is left falls gently.
  const std::vector<LayerRow> cured{row("conv1", "conv", 16, 56, 56),
                                    row("max_pool1", "max_pool", 16, 28, 28),
                                    row("flatten1", "flatten", 12544, 1, 1),
                                    row("dense0", "dense", 158, 1, 1), row("dense1", "dense", 2, 1, 1)};
  CHECK(cured[1].activations == 12544);
  CHECK(cliff_warnings(3 * 56 * 56, cured).empty());
}

TEST_CASE("a cliff that one pooling does not cure gets more of them; odd sizes round down", "[report]") {
  const auto warnings = cliff_warnings(
      100, {row("conv1", "conv", 1, 100, 25), row("global_avg_pool1", "global_avg_pool", 1, 1, 1)});
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0].message,
             ContainsSubstring(
                 "a max_pool with kernel_size 2 after conv1 makes it 600, 2 of them 150, 3 of them 36"));
}

TEST_CASE("no pooling is advised before a window that might not fit any more", "[report]") {
  const auto warnings =
      cliff_warnings(784, {row("conv1", "conv", 64, 28, 28), row("conv2", "conv", 2, 1, 1)});
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0].message,
             !ContainsSubstring("max_pool") && ContainsSubstring("smaller kernel_size or stride in conv2"));
}

TEST_CASE("a cliff is more than a hundred to one, growth more than fourfold and not in the first layer",
          "[report]") {
  const auto kinds = [](std::int64_t input, const std::vector<LayerRow>& rows) {
    std::string text;
    for (const CliffWarning& warning : cliff_warnings(input, rows))
      text += warning.layer + ":" + warning.kind + " ";
    return text;
  };
  CHECK(kinds(1000, {row("a", "dense", 10, 1, 1)}).empty());
  CHECK(kinds(1001, {row("a", "dense", 10, 1, 1)}) == "a:activation_cliff ");
  CHECK(kinds(10, {row("a", "dense", 1000, 1, 1)}).empty());
  CHECK(kinds(10, {row("a", "dense", 10, 1, 1), row("b", "dense", 40, 1, 1)}).empty());
  const LayerRow last = row("c", "dense", 10, 1, 1);
  CHECK(kinds(10, {row("a", "dense", 10, 1, 1), row("b", "dense", 41, 1, 1), last}) ==
        "b:activation_growth ");
  CHECK(kinds(10, {row("a", "dense", 10, 1, 1), row("b", "dense", 41, 1, 1)}).empty());  // 41 classes
  CHECK(kinds(10, {row("a", "conv", 1, 16, 16), row("b", "global_avg_pool", 1, 1, 1)}) ==
        "b:activation_cliff ");
  // An inverted residual.
  std::vector<LayerRow> rows{row("a", "conv", 2, 9, 9), row("b", "conv", 12, 9, 9),
                             row("n", "batch_norm", 12, 9, 9), row("c", "conv", 12, 9, 9), last};
  rows[1].kernel = "1x1", rows[3].kernel = "3x3", rows[3].groups = 12;
  CHECK(kinds(162, rows).empty());
  rows[3].groups = 6;
  CHECK(kinds(162, rows) == "b:activation_growth ");
}

TEST_CASE("what comes out of frozen layers is not called a cliff", "[report]") {
  std::vector<LayerRow> rows{row("a", "conv", 512, 9, 9), row("b", "global_avg_pool", 512, 1, 1),
                             row("c", "dense", 2, 1, 1)};
  CHECK(cliff_warnings(3000, rows).size() == 1);
  rows[2].input_is_frozen = true;
  CHECK(cliff_warnings(3000, rows).empty());
}

TEST_CASE("what growth should be instead is computed", "[report]") {
  const auto warnings = cliff_warnings(100, {row("a", "conv", 2, 10, 10), row("b", "conv", 11, 10, 10),
                                             row("c", "global_avg_pool", 11, 1, 1)});
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0].message, ContainsSubstring("1,100 values out of the 200 of a") &&
                                      ContainsSubstring("out_channels 8 makes it 800"));
}

/// A table's lines.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines.push_back(text.substr(begin, end - begin));
  return lines;
}

std::vector<LayerRow> many_rows() {
  std::vector<LayerRow> rows;
  for (int i = 0; i < 12; ++i) {
    LayerRow one = row(fmt::format("global_avg_pool{}", i), "global_avg_pool", 128 >> i / 2, 64, 64);
    one.input = "128x64x64";
    one.kernel = "3x3", one.stride = "1", one.padding = "1", one.dilation = "2";
    one.groups = 4;
    one.receptive_field = "64x64", one.effective_stride = "16";
    one.parameters = one.macs = 123456789;
    rows.push_back(one);
  }
  rows[3].name = std::string(80, 'x').append("\n\x1b[31m|`evil`");
  return rows;
}

TEST_CASE("the tables fit 100 and 80 columns, with and without color", "[report]") {
  for (const int columns : {100, 80, 60})
    for (const bool unicode : {false, true}) {
      Terminal terminal{.columns = columns, .color = false, .unicode = unicode};
      const std::string text =
          detailed_layer_tables("3x64x64", 12288, many_rows(), {64, 2, 1 << 20, 1 << 18}, terminal);
      INFO(text);
      for (const std::string& line : lines_of(text))
        if (columns >= 80) CHECK(display_width(line) <= columns);
      CHECK(text.find('\x1b') == std::string::npos);
      CHECK((text.find("█") != std::string::npos) == (unicode && columns >= 80));
      CHECK((text.find("##") != std::string::npos) == (!unicode && columns >= 80));
      terminal.color = true;
      CHECK_THAT(detailed_layer_tables("3x64x64", 12288, many_rows(), {64, 2, 1 << 20, 1 << 18}, terminal),
                 ContainsSubstring("\x1b[1m"));
    }
}

TEST_CASE("a Markdown table has one line a layer, whatever a layer is called", "[report]") {
  const std::string text = markdown_layer_table("3x64x64", 12288, many_rows());
  const auto lines = lines_of(text);
  REQUIRE(lines.size() == 2 + 1 + 12 + 1);
  for (const std::string& line : lines) {
    int bars = 0;
    for (std::size_t i = 0; i < line.size(); ++i) bars += line[i] == '|' && (i == 0 || line[i - 1] != '\\');
    CHECK(bars == 16);
  }
  CHECK_THAT(lines[6], ContainsSubstring("\\|\\`evil\\`"));
}

TEST_CASE("sharing is told in one sentence for each convolution", "[report]") {
  LayerRow conv1 = row("conv1", "conv", 6, 28, 28);
  conv1.parameters = 156;
  conv1.dense_equivalent_parameters = 3692640;
  conv1.inputs = 784, conv1.inputs_per_output = 25;
  const auto sentences = sharing_sentences({conv1, row("dense1", "dense", 10, 1, 1)});
  REQUIRE(sentences.size() == 1);
  CHECK(sentences[0] ==
        "conv1: 156 instead of 3,692,640: 23,671 times fewer, because one kernel serves all 784 positions. "
        "Each output reads 25 of 784 inputs.");
}

TEST_CASE("convolutions with the same numbers share a sentence; where nothing is shared, it says so",
          "[report]") {
  const auto convolution = [](const char* name, int size, std::int64_t parameters, std::int64_t dense) {
    LayerRow one = row(name, "conv", 4, size, size);
    one.parameters = parameters, one.dense_equivalent_parameters = dense;
    one.inputs = 64, one.inputs_per_output = 16;
    return one;
  };
  const auto sentences = sharing_sentences({convolution("a", 8, 10, 1000), row("norm", "batch_norm", 4, 8, 8),
                                            convolution("b", 8, 10, 1000), convolution("c", 8, 10, 1000),
                                            convolution("d", 8, 20, 1000), convolution("e", 8, 20, 1000),
                                            convolution("f", 1, 260, 260), convolution("g", 1, 65, 260)});
  REQUIRE(sentences.size() == 4);
  CHECK_THAT(sentences[0],
             StartsWith("a to c, each: 10 instead of 1,000: 100 times fewer, because one kernel"));
  CHECK_THAT(sentences[1], StartsWith("d and e, each: 20 instead of"));
  CHECK(sentences[2] ==
        "f: 260 instead of 260: the kernel has one position only and reads every input there, so nothing is "
        "shared.");
  CHECK(sentences[3] ==
        "g: 65 instead of 260: 4 times fewer, because an output is connected to only a part of the inputs. "
        "Each output reads 16 of 64 inputs.");
}

TEST_CASE("how many inputs an output reads: groups, dilation, padding", "[nn]") {
  const auto inputs = [](ConvSpec spec, const Shape& in) {
    NetworkSpec network = chain(spec, GlobalAvgPoolSpec{});
    name_entries(network);
    return Network(network, in, 0, 1).layers()[0].inputs_per_output;
  };
  ConvSpec spec;
  spec.out_channels = 4;
  spec.kernel_size = {5, 5};
  const Shape in{.c = 4, .h = 28, .w = 28};
  CHECK(inputs(spec, in) == 100);
  spec.groups = 2;
  CHECK(inputs(spec, in) == 50);
  spec.groups = 4, spec.dilation = {3, 2};
  CHECK(inputs(spec, in) == 25);
  spec.groups = 1, spec.dilation = {1, 1}, spec.padding.amount = {2, 2};
  CHECK(inputs(spec, in) == 100);
  // A map smaller than the kernel: zeros around it are no inputs.
  CHECK(inputs(spec, {.c = 4, .h = 3, .w = 28}) == 60);
  // Every other row of a map of 3: two of them.
  spec.kernel_size = {2, 1}, spec.dilation = {2, 1}, spec.padding.amount = {0, 0};
  CHECK(inputs(spec, {.c = 1 * 4, .h = 3, .w = 3}) == 8);
}

TEST_CASE("receptive field and effective stride grow layer by layer", "[nn]") {
  ConvSpec conv;
  conv.out_channels = 2;
  conv.kernel_size = {5, 5};
  MaxPoolSpec pool;
  pool.kernel_size = {2, 2};
  DenseSpec dense;
  dense.units = 3;
  NetworkSpec spec = chain(conv, pool, conv, pool, FlattenSpec{}, dense);
  name_entries(spec);
  const Network network(spec, {.c = 1, .h = 28, .w = 28}, 0, 1);
  const auto& layers = network.layers();
  CHECK(layers[0].receptive_field == Size2{5, 5});
  CHECK(layers[0].effective_stride == Size2{1, 1});
  CHECK(layers[1].receptive_field == Size2{6, 6});
  CHECK(layers[1].effective_stride == Size2{2, 2});
  CHECK(layers[2].receptive_field == Size2{14, 14});
  CHECK(layers[3].receptive_field == Size2{16, 16});
  CHECK(layers[3].effective_stride == Size2{4, 4});
  CHECK(layers[4].effective_stride == Size2{0, 0});
  CHECK(layers[5].receptive_field == Size2{28, 28});
  CHECK(layers[5].inputs_per_output == layers[4].out.values());
}

}  // namespace
}  // namespace cnn
