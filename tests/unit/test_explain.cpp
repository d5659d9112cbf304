#include <cmath>

#include "catch.h"
#include "core/unicode.h"
#include "inspect/explain.h"
#include "inspect/gradient_check.h"
#include "inspect/notebook.h"
#include "network_fixture.h"
#include "report/terminal.h"

namespace cnn {
namespace {

ConvSpec conv(int channels, int kernel, int padding = 0,
              ActivationFunction activation = ActivationFunction::none) {
  ConvSpec spec;
  spec.out_channels = channels;
  spec.kernel_size = {kernel, kernel};
  spec.padding.amount = {padding, padding};
  spec.activation = activation;
  return spec;
}

MaxPoolSpec max_pool(int kernel, int stride, int padding = 0) {
  MaxPoolSpec spec;
  spec.kernel_size = {kernel, kernel};
  spec.stride = Size2{stride, stride};
  spec.padding = {padding, padding};
  return spec;
}

AvgPoolSpec avg_pool(int kernel, int stride, int padding, bool count) {
  AvgPoolSpec spec;
  spec.kernel_size = {kernel, kernel};
  spec.stride = Size2{stride, stride};
  spec.padding = {padding, padding};
  spec.count_include_pad = count;
  return spec;
}

/// A network, a random batch, and one step of it.
struct Step {
  NetworkSpec spec;
  ThreadPool pool{2};
  std::unique_ptr<Network> network;
  std::unique_ptr<ImageBatch> batch;
  std::unique_ptr<StepTrace> trace;

  Step(NetworkSpec s, const Shape& input, int images) : spec(std::move(s)) {
    name_entries(spec);
    network = std::make_unique<Network>(spec, input, 0, images);
    network->initialize(3);
    Random random(5, Purpose::split);
    std::vector<float> values;
    for (std::int64_t i = 0; i < images * input.values(); ++i) values.push_back(random.normal());
    std::vector<std::int32_t> labels;
    for (int i = 0; i < images; ++i)
      labels.push_back(
          static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(network->classes()))));
    batch = std::make_unique<ImageBatch>(input, std::move(values), std::move(labels));
    trace = std::make_unique<StepTrace>(*network, pool, *batch);
  }

  GradientCheck check(std::span<const float> gradient) {
    return compare_with_reference(*trace, gradient, spec, *batch, pool);
  }
  GradientCheck check() { return check(trace->parameter_gradients()); }
};

NetworkSpec lenet() {
  return chain(conv(6, 5, 2, ActivationFunction::relu), max_pool(2, 2),
               conv(16, 5, 0, ActivationFunction::relu), max_pool(2, 2), FlattenSpec{},
               dense(120, ActivationFunction::relu), dense(10));
}

/// Every layer type, and the ways in which they can be unusual.
NetworkSpec all_types() {
  ConvSpec strided = conv(6, 3, 1, ActivationFunction::gelu);
  strided.stride = {2, 1};
  strided.groups = 2;
  ConvSpec dilated = conv(4, 3, 0, ActivationFunction::silu);
  dilated.dilation = {2, 2};
  dilated.padding.mode = ConvPadding::Mode::same;
  BatchNormSpec norm;
  norm.activation = ActivationFunction::relu;
  ResidualSpec identity;
  identity.layers = chain(conv(4, 3, 1), norm, conv(4, 3, 1));
  identity.activation = ActivationFunction::relu;
  ResidualSpec projection;
  ConvSpec half = conv(8, 3, 1);
  half.stride = {2, 2};
  projection.layers = chain(half, BatchNormSpec{});
  projection.shortcut = ResidualSpec::Shortcut::projection;
  ActivationSpec leaky;
  leaky.function = ActivationFunction::leaky_relu;
  leaky.negative_slope = 0.2;
  DropoutSpec dropout;
  dropout.p = 0.3;
  BatchNormSpec flat_norm;
  return chain(conv(4, 3, 1), leaky, strided, max_pool(3, 2, 1), dilated, avg_pool(3, 1, 1, false),
               avg_pool(2, 1, 1, true), identity, dropout, ScaleSpec{.factor = 0.5},
               SqueezeExciteSpec{.squeeze_channels = 3, .control = {}}, projection, conv(6, 3, 3),
               GlobalAvgPoolSpec{}, FlattenSpec{}, dense(7, ActivationFunction::tanh), flat_norm, dense(4));
}

TEST_CASE("the gradient check finds the engine right: LeNet-5", "[inspect]") {
  Step step(lenet(), {.c = 1, .h = 28, .w = 28}, 3);
  const GradientCheck check = step.check();
  INFO(text_of(check));
  CHECK(check.ok());
  REQUIRE(check.tensors.size() == 8);
  CHECK(check.tensors[0].tensor == "layer0.weight");
  CHECK(check.tensors[0].looked_at == 40);
  CHECK(check.tensors[1].looked_at == 6);
  for (const TensorCheck& t : check.tensors) CHECK(t.error() < 1e-4);
  CHECK_THAT(text_of(check), ContainsSubstring("\nok: "));
}

TEST_CASE("the gradient check finds the engine right: every layer type, dropout included", "[inspect]") {
  Step step(all_types(), {.c = 2, .h = 12, .w = 11}, 5);
  const GradientCheck check = step.check();
  INFO(text_of(check));
  CHECK(check.ok());
}

TEST_CASE("norms with frozen statistics are checked and explained as what they are", "[inspect]") {
  BatchNormSpec frozen;
  frozen.activation = ActivationFunction::relu;
  frozen.control.frozen_statistics = true;
  ResidualSpec residual;  // which says it of the norm inside
  residual.layers = chain(conv(4, 3, 1), BatchNormSpec{});
  residual.control.frozen_statistics = true;
  Step step(chain(conv(4, 3, 1), frozen, residual, FlattenSpec{}, dense(3)), {.c = 2, .h = 6, .w = 5}, 3);
  const GradientCheck check = step.check();
  INFO(text_of(check));
  CHECK(check.ok());
  for (const int row : {1, 3}) {
    const Explanation explanation = explain_layer(*step.trace, step.spec, row, step.pool, 100);
    INFO(explanation.text);
    CHECK(explanation.agrees);
    CHECK_THAT(explanation.text, ContainsSubstring("Its statistics are frozen") &&
                                     ContainsSubstring("running mean 0, running variance 1") &&
                                     !ContainsSubstring("In evaluation"));
  }
}

TEST_CASE("the gradient check sees a wrong gradient, wherever it is", "[inspect]") {
  Step step(lenet(), {.c = 1, .h = 28, .w = 28}, 2);
  const std::vector<float> right(step.trace->parameter_gradients().begin(),
                                 step.trace->parameter_gradients().end());
  const float* base = step.network->parameters().data();
  for (std::size_t t : {0u, 3u, 4u}) {
    const Tensor& tensor = step.network->tensors()[t];
    CAPTURE(tensor.name);
    const auto begin = static_cast<std::size_t>(tensor.values.data() - base);
    float largest = 0;
    for (std::size_t i = 0; i < tensor.values.size(); ++i)
      largest = std::max(largest, std::abs(right[begin + i]));
    // One entry that the samples may miss, by a tenth; all by a hundredth; a sign; not a number.
    std::vector<float> wrong = right;
    wrong[begin + tensor.values.size() / 2] += 0.1f * largest;
    CHECK_FALSE(step.check(wrong).ok());
    wrong = right;
    for (std::size_t i = 0; i < tensor.values.size(); ++i) wrong[begin + i] *= 1.01f;
    const GradientCheck check = step.check(wrong);
    CHECK_FALSE(check.ok());
    CHECK_THAT(text_of(check), ContainsSubstring("wrong") && ContainsSubstring("\nnot ok: ") &&
                                   ContainsSubstring("the engine says"));
    for (const TensorCheck& one : check.tensors) CHECK((one.error() > 1e-3) == (one.tensor == tensor.name));
    wrong = right;
    wrong[begin] = NAN;
    CHECK_FALSE(step.check(wrong).ok());
  }
}

TEST_CASE("the gradient check sees a wrong loss", "[inspect]") {
  GradientCheck check;
  check.engine_loss = check.reference_loss = 2;
  CHECK(check.ok());
  check.engine_loss = 2.01;
  CHECK_FALSE(check.ok());
  check.engine_loss = NAN;
  CHECK_FALSE(check.ok());
}

TEST_CASE("every layer type is explained, and all numbers are the engine's", "[inspect]") {
  Step step(all_types(), {.c = 2, .h = 12, .w = 11}, 5);
  for (std::size_t row = 0; row < step.network->layers().size(); ++row) {
    const Explanation explanation =
        explain_layer(*step.trace, step.spec, static_cast<int>(row), step.pool, 100);
    INFO(explanation.text);
    CHECK(explanation.agrees);
    CHECK_THAT(explanation.text, !ContainsSubstring("DISAGREE"));
    const auto lines = std::count(explanation.text.begin(), explanation.text.end(), '\n');
    CHECK(lines >= 8);
    CHECK(lines <= 70);
    std::size_t begin = 0;
    for (std::size_t end; (end = explanation.text.find('\n', begin)) != std::string::npos; begin = end + 1)
      CHECK(display_width(explanation.text.substr(begin, end - begin)) <= 100);
  }
}

TEST_CASE("a layer that nobody wrote an explanation for is compared with the reference", "[inspect]") {
  ConvSpec strided = conv(6, 3, 1, ActivationFunction::gelu);
  strided.stride = {2, 1};
  BatchNormSpec norm;
  norm.activation = ActivationFunction::relu;
  Step step(chain(strided, max_pool(2, 2), norm, ScaleSpec{.factor = 0.5}, FlattenSpec{}, dense(4)),
            {.c = 2, .h = 12, .w = 9}, 5);
  for (int row = 0; row < static_cast<int>(step.network->layers().size()); ++row) {
    const Explanation explanation = explain_without_words(*step.trace, step.spec, row, step.pool, 100);
    INFO(explanation.text);
    CHECK(explanation.agrees);
  }
  // The comparison can fail: the engine's numbers stand beside those of other weights.
  step.network->tensors()[0].values[0] += 0.5f;
  CHECK(!explain_without_words(*step.trace, step.spec, 0, step.pool, 100).agrees);
}

TEST_CASE("a dense layer that is computed for all blocks at once is explained like a small one",
          "[inspect]") {
  Step step(chain(dense(300, ActivationFunction::relu), dense(3)), {.c = 500, .flat = true}, 20);
  for (int row = 0; row < 2; ++row) {
    const Explanation explanation = explain_layer(*step.trace, step.spec, row, step.pool, 100);
    INFO(explanation.text);
    CHECK(explanation.agrees);
  }
  Step with_input(chain(FlattenSpec{}, dense(300), dense(3)), {.c = 5, .h = 10, .w = 10}, 20);
  const Explanation explanation = explain_layer(*with_input.trace, with_input.spec, 1, with_input.pool, 100);
  INFO(explanation.text);
  CHECK(explanation.agrees);
}

TEST_CASE("the arithmetic of LeNet-5's first layers is written as on the whiteboard", "[inspect]") {
  Step step(lenet(), {.c = 1, .h = 28, .w = 28}, 1);
  const auto text = [&](int row) { return explain_layer(*step.trace, step.spec, row, step.pool, 100).text; };
  CHECK_THAT(text(0), ContainsSubstring("floor((28 - 5 + 2*2)/1) + 1 = 28") &&
                          ContainsSubstring("6 x (5x5x1) + 6 = 156") && ContainsSubstring("dw(") &&
                          ContainsSubstring("db = ") && ContainsSubstring("784 terms"));
  CHECK_THAT(text(1), ContainsSubstring("floor((28 - 2)/2) + 1 = 14") &&
                          ContainsSubstring("nothing to learn") && ContainsSubstring("no activation") &&
                          ContainsSubstring("goes back to x("));
  CHECK_THAT(text(2), ContainsSubstring("16 x (5x5x6) + 16 = 2,416"));
  CHECK_THAT(text(4), ContainsSubstring("16 x 5 x 5 = 400") && ContainsSubstring("way back"));
  CHECK_THAT(text(5), ContainsSubstring("120 x 400 + 120 = 48,120"));
}

TEST_CASE("an explanation shows a window that reaches into the padding", "[inspect]") {
  const auto text = [](auto layer) {
    Step step(chain(conv(4, 3), layer, FlattenSpec{}, dense(3)), {.c = 1, .h = 10, .w = 10}, 1);
    const Explanation explanation = explain_layer(*step.trace, step.spec, 1, step.pool, 200);
    INFO(explanation.text);
    CHECK(explanation.agrees);
    return explanation.text;
  };
  CHECK_THAT(text(conv(2, 3)), !ContainsSubstring("border"));
  CHECK_THAT(
      text(conv(2, 3, 1)),
      ContainsSubstring("row 0, column 0\n  Its window covers rows -1 to 1 and columns -1 to 1: 5 of its 9 "
                        "positions lie in the padding. They count as 0") &&
          ContainsSubstring("     pad"));
  ConvSpec same = conv(2, 2);
  same.padding.mode = ConvPadding::Mode::same;  // all of it after the map
  CHECK_THAT(text(same), ContainsSubstring("row 7, column 7\n  Its window covers rows 7 to 8 and columns "
                                           "7 to 8: 3 of its 4 positions lie in the padding."));
  CHECK_THAT(text(max_pool(3, 2, 1)),
             ContainsSubstring("minus infinity here: it never wins") && ContainsSubstring("y = max("));
  CHECK_THAT(text(avg_pool(3, 2, 1, true)),
             ContainsSubstring(") / 9 = ") && ContainsSubstring("With count_include_pad false, y would be"));
  CHECK_THAT(text(avg_pool(3, 2, 1, false)),
             ContainsSubstring(") / 4 = ") && ContainsSubstring("With count_include_pad true, y would be"));
}

TEST_CASE("an explanation shows the arithmetic of a projection and of running statistics", "[inspect]") {
  Step step(all_types(), {.c = 2, .h = 12, .w = 11}, 5);
  const auto text = [&](const std::string& type, const char* what) {
    std::string all;
    for (std::size_t row = 0; row < step.network->layers().size(); ++row)
      if (step.network->layers()[row].type == type)
        all += explain_layer(*step.trace, step.spec, static_cast<int>(row), step.pool, 200).text;
    CHECK_THAT(all, ContainsSubstring(what));
  };
  text("residual", "8 x (1x1x4) + 2 x 8 = 48 parameters");
  text("residual", "The shortcut, forward: a 1x1 convolution");
  text("residual", "dx through the shortcut = ");
  text("batch_norm", "divided by m - 1 = 3 (the unbiased estimate)");
  text("batch_norm", "running variance = 0.9 x ");
}

TEST_CASE("an explanation counts one thing as one", "[inspect]") {
  Step step(chain(conv(1, 1), max_pool(2, 2), FlattenSpec{}, dense(1), dense(2)), {.c = 1, .h = 4, .w = 2},
            1);
  for (int row = 0; row < 5; ++row)
    for (const char* wrong : {" 1 output maps", " 1 maps", " 1 inputs", " 1 outputs", " 1 values"})
      CHECK_THAT(explain_layer(*step.trace, step.spec, row, step.pool, 200).text, !ContainsSubstring(wrong));
  CHECK_THAT(explain_layer(*step.trace, step.spec, 0, step.pool, 200).text,
             ContainsSubstring("It reads row ") && ContainsSubstring("the one output of a map"));
}

TEST_CASE("an explanation notices that the engine computed something else", "[inspect]") {
  Step step(lenet(), {.c = 1, .h = 28, .w = 28}, 1);
  for (const int row : {0, 2, 5, 6}) {
    const std::string layer = step.network->layers()[static_cast<std::size_t>(row)].name;
    for (const Tensor& tensor : step.network->tensors())
      if (tensor.name == layer + ".weight")
        for (float& v : tensor.values) v *= 1.01f;  // not what the step was made with
    const Explanation explanation = explain_layer(*step.trace, step.spec, row, step.pool, 100);
    CHECK_FALSE(explanation.agrees);
    CHECK_THAT(explanation.text, ContainsSubstring("DISAGREE"));
  }
}

TEST_CASE("a notebook adds up, and compares", "[inspect]") {
  Notebook book(80);
  const std::vector<double> terms{1, -0.25, 0.5};
  book.sum("s", terms, {}, 1.25);
  CHECK(book.text() == "  s = 1 + (-0.25) + 0.5 = 1.25;  the engine: 1.25\n");
  CHECK(book.agrees());
  book.value("v", "", 2, 2.00001);
  CHECK(book.agrees());
  SECTION("a sum") { book.sum("s", terms, {}, 1.251); }
  SECTION("a number") { book.value("v", "", 2, 2.001); }
  SECTION("no number") { book.value("v", "", 2, NAN); }
  SECTION("zero") { book.value("v", "", 0, 1e-3); }
  SECTION("many") {
    const std::vector<float> engine{1, -0.25f, 0.501f};
    book.same("all", terms, engine);
  }
  SECTION("too few") {
    const std::vector<float> engine{1, -0.25f};
    book.same("all", terms, engine);
  }
  CHECK_FALSE(book.agrees());
}

TEST_CASE("lines are wrapped at blanks", "[report]") {
  CHECK(wrapped("one two three", 7) == "one two\nthree");
  CHECK(wrapped("one two three", 7, 2) == "one two\n  three");
  CHECK(wrapped("  one two", 5) == "  one\ntwo");
  CHECK(wrapped("unbreakable", 3) == "unbreakable");
  CHECK(wrapped("a\nb", 10) == "a\nb");
  CHECK(wrapped("größe ähm", 9) == "größe ähm");
  CHECK(wrapped("", 9).empty());
}

}  // namespace
}  // namespace cnn
