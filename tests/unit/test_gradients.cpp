#include <algorithm>
#include <atomic>
#include <cmath>
#include <complex>

#include "catch.h"
#include "kernels/product_gradient.h"
#include "kernels/simd.h"
#include "network_fixture.h"
#include "reference/reference_network.h"

namespace cnn {
namespace {

using Complex = std::complex<double>;

/// The loss of a batch and its gradient, one number per parameter, tensor by tensor.
struct LossAndGradient {
  double loss = 0;
  std::vector<std::vector<double>> gradient;
};

std::unique_ptr<NetworkFixture> moved_fixture(const NetworkSpec& spec, const Shape& input, int count,
                                              float smoothing, std::span<const float> class_weights = {}) {
  auto fixture = std::make_unique<NetworkFixture>(spec, input, count);
  // Trained biases and norms are not at their starting values: move everything.
  Random random(3, Purpose::split);
  for (const Tensor& tensor : fixture->network.tensors())
    if (tensor.trainable)
      for (float& v : tensor.values) v += random.uniform(-0.2f, 0.2f);
  for (const Tensor& tensor : fixture->network.tensors())
    if (!tensor.trainable)
      for (float& v : tensor.values) v += random.uniform(0.1f, 0.4f);
  fixture->network.pack(fixture->pool);
  fixture->batch.label_smoothing = smoothing;
  fixture->batch.class_weights = class_weights;
  return fixture;
}

LossAndGradient of_engine(NetworkFixture& fixture) {
  REQUIRE(fixture.training.train(fixture.batch));
  LossAndGradient result;
  for (const float v : fixture.training.losses())
    result.loss += v / static_cast<double>(fixture.batch.images);
  const float* base = fixture.network.parameters().data();
  for (const Tensor& tensor : fixture.network.tensors()) {
    if (!tensor.trainable) continue;
    const float* g = fixture.training.gradients().data() + (tensor.values.data() - base);
    result.gradient.emplace_back(g, g + tensor.values.size());
  }
  return result;
}

/// Entries of a tensor that the reference looks at; all of the small ones.
constexpr std::size_t kCheckedOfTensor = 400;

/// By the complex step on the plain reference; NaN for entries of large tensors that are not looked at.
LossAndGradient of_reference(const NetworkFixture& fixture, const NetworkSpec& spec) {
  reference::Parameters<Complex> parameters;
  for (const Tensor& tensor : fixture.network.tensors())
    if (tensor.trainable) parameters[tensor.name].assign(tensor.values.begin(), tensor.values.end());
  for (const Node& node : fixture.network.nodes()) {
    const auto* norm = std::get_if<BatchNormSpec>(&node.spec);
    if (!norm || !norm->control.frozen_statistics) continue;
    for (const char* name : {".running_mean", ".running_var"}) {
      const Tensor& running = *fixture.network.find(node.name + name);
      parameters[running.name].assign(running.values.begin(), running.values.end());
    }
  }
  reference::Maps<Complex> x(fixture.network.input(), static_cast<int>(fixture.batch.images));
  x.values.assign(fixture.images.begin(), fixture.images.end());
  const auto loss = [&] {
    return reference::cross_entropy(reference::Network<Complex>(parameters).forward(spec, x), fixture.labels,
                                    fixture.batch.label_smoothing, fixture.batch.class_weights);
  };
  LossAndGradient result;
  result.loss = loss().real();
  constexpr double kStep = 1e-30;
  for (const Tensor& tensor : fixture.network.tensors()) {
    if (!tensor.trainable) continue;
    std::vector<double>& gradient = result.gradient.emplace_back();
    std::vector<Complex>& values = parameters[tensor.name];
    gradient.assign(values.size(), NAN);
    const std::size_t stride = values.size() <= kCheckedOfTensor ? 1 : values.size() / 61;
    for (std::size_t i = 0; i < values.size(); i += stride) {
      values[i] += Complex(0, kStep);
      gradient[i] = loss().imag() / kStep;
      values[i] = values[i].real();
      REQUIRE(std::isfinite(gradient[i]));
    }
  }
  return result;
}

/// The largest difference of a tensor's gradients, relative to its largest entry. A tensor whose gradient is
/// zero but for rounding (a bias before a batch norm) counts as if it had an entry of 0.01.
double gradient_error(const LossAndGradient& ours, const LossAndGradient& expected) {
  double worst = 0;
  for (std::size_t t = 0; t < expected.gradient.size(); ++t) {
    double error = 0, scale = 1e-2;
    for (std::size_t i = 0; i < expected.gradient[t].size(); ++i) {
      if (std::isnan(expected.gradient[t][i])) continue;
      error = std::max(error, std::abs(ours.gradient[t][i] - expected.gradient[t][i]));
      scale = std::max(scale, std::abs(expected.gradient[t][i]));
      if (!std::isfinite(ours.gradient[t][i])) return INFINITY;
    }
    worst = std::max(worst, error / scale);
  }
  return worst;
}

void check(NetworkSpec spec, const Shape& input, int count, float smoothing = 0,
           std::span<const float> class_weights = {}) {
  name_entries(spec);
  const LossAndGradient expected =
      of_reference(*moved_fixture(spec, input, count, smoothing, class_weights), spec);
  for (const std::string& set : supported_instruction_sets()) {
    use_instruction_set(set);
    const LossAndGradient ours = of_engine(*moved_fixture(spec, input, count, smoothing, class_weights));
    INFO("instruction set " << set);
    CHECK(std::abs(ours.loss - expected.loss) < 2e-6);
    CHECK(gradient_error(ours, expected) < 2e-5);
  }
  use_instruction_set(supported_instruction_sets().front());
}

ConvSpec conv(int channels, Size2 kernel, ActivationFunction activation = ActivationFunction::none) {
  ConvSpec spec;
  spec.out_channels = channels;
  spec.kernel_size = kernel;
  spec.activation = activation;
  return spec;
}

BatchNormSpec norm(ActivationFunction activation = ActivationFunction::none) {
  BatchNormSpec spec;
  spec.activation = activation;
  return spec;
}

TEST_CASE("gradients of convolutions: stride, padding, dilation, groups", "[nn]") {
  ConvSpec first = conv(3, {3, 2}, ActivationFunction::tanh);
  ConvSpec second = conv(4, {3, 3});
  SECTION("plain") {}
  SECTION("padding") { second.padding.amount = {1, 2}; }
  SECTION("padding beyond kernel - 1") { second.padding.amount = {4, 3}; }
  SECTION("stride") { second.stride = {2, 3}; }
  SECTION("stride beyond the kernel") { second.kernel_size = {2, 1}, second.stride = {3, 2}; }
  SECTION("stride and padding") { second.stride = {2, 2}, second.padding.amount = {2, 1}; }
  SECTION("dilation") { second.dilation = {2, 1}, second.padding.amount = {1, 1}; }
  SECTION("dilation and stride") {
    second.dilation = {2, 3}, second.stride = {3, 2}, second.padding.amount = {2, 3};
  }
  SECTION("same, even kernel") { second.kernel_size = {2, 4}, second.padding.mode = ConvPadding::Mode::same; }
  SECTION("sides") { second.padding = {ConvPadding::Mode::sides, {0, 0}, {0, 3, 2, 1}}; }
  SECTION("sides, stride") {
    second.padding = {ConvPadding::Mode::sides, {0, 0}, {0, 0, 1, 1}}, second.stride = {2, 2};
  }
  SECTION("same as in TensorFlow") {
    second.padding.mode = ConvPadding::Mode::same_tensorflow, second.stride = {2, 3},
    second.kernel_size = {4, 3};
  }
  SECTION("same as in TensorFlow, dilated, stride beyond the kernel") {
    second.padding.mode = ConvPadding::Mode::same_tensorflow, second.stride = {1, 4},
    second.dilation = {2, 1};
  }
  SECTION("same, dilated") { second.dilation = {2, 2}, second.padding.mode = ConvPadding::Mode::same; }
  SECTION("groups") { first.out_channels = 4, second.groups = 2; }
  SECTION("depthwise") { first.out_channels = 4, second.groups = 4, second.out_channels = 8; }
  SECTION("one map a group") {
    first.out_channels = second.groups = second.out_channels = 4;
    const auto [kernel, stride] =
        GENERATE(std::pair(3, 1), std::pair(3, 2), std::pair(5, 1), std::pair(5, 2));
    second.kernel_size = {kernel, kernel}, second.stride = {stride, stride};
    const int wide = GENERATE(0, 1);
    second.padding.amount = {kernel / 2 + wide, kernel / 2 + wide};
    if (wide == 0) second.padding = {ConvPadding::Mode::sides, {0, 0}, {0, 1, kernel, 2}};
  }
  SECTION("no bias") { second.bias = false; }
  SECTION("many channels") { first.out_channels = 9, second.out_channels = 17; }
  check(chain(first, second, FlattenSpec{}, dense(3)), {.c = 2, .h = 8, .w = 7}, 19);
}

TEST_CASE("gradients of convolutions that use Winograd's algorithm", "[nn]") {
  // Odd and even sides, all paddings it takes; two blocks in one shard are in the bit-identity test.
  ConvSpec first = conv(20, {1, 1}), second = conv(34, {3, 3}, ActivationFunction::relu);
  for (const int padding : {0, 1, 2}) {
    second.padding.amount = {padding, padding};
    second.bias = padding != 1;
    check(chain(first, second, GlobalAvgPoolSpec{}, dense(3)), {.c = 1, .h = 6 - padding, .w = 6}, 2);
  }
  second.padding = {ConvPadding::Mode::sides, {0, 0}, {0, 2, 3, 1}};
  check(chain(first, second, GlobalAvgPoolSpec{}, dense(3)), {.c = 1, .h = 5, .w = 6}, 2);
}

TEST_CASE("gradients of convolutions whose channels become the vector", "[nn]") {
  ConvSpec first = conv(20, {1, 1}), second = conv(34, {3, 3}, ActivationFunction::relu);
  SECTION("stride") { second.stride = {2, 2}, second.padding.amount = {1, 1}; }
  SECTION("stride, gaps between the windows' pixels") { second.stride = {2, 3}, second.dilation = {2, 1}; }
  SECTION("5x5") { second.kernel_size = {5, 5}, second.padding.amount = {2, 2}; }
  SECTION("1x1, stride") {
    first.out_channels = second.out_channels = 128;
    second.kernel_size = {1, 1}, second.stride = {2, 2};
  }
  REQUIRE(product_gradient_pays(first.out_channels, second.out_channels,
                                second.kernel_size.h * second.kernel_size.w, 0));
  check(chain(first, second, FlattenSpec{}, dense(3)), {.c = 2, .h = 7, .w = 6}, 18);
}

TEST_CASE("gradients of every activation function, fused and alone", "[nn]") {
  const auto f = GENERATE(ActivationFunction::relu, ActivationFunction::relu6, ActivationFunction::leaky_relu,
                          ActivationFunction::elu, ActivationFunction::gelu, ActivationFunction::silu,
                          ActivationFunction::hard_swish, ActivationFunction::sigmoid,
                          ActivationFunction::hard_sigmoid, ActivationFunction::tanh);
  CAPTURE(static_cast<int>(f));
  ActivationSpec alone;
  alone.function = f;
  alone.negative_slope = 0.2;
  check(chain(conv(3, {3, 3}, f), conv(2, {2, 2}), alone, norm(f), FlattenSpec{}, dense(4, f), dense(3)),
        {.c = 1, .h = 6, .w = 5}, 21);
}

TEST_CASE("gradients of poolings: overlapping, padded, gaps", "[nn]") {
  const Size2 kernel = GENERATE(Size2{2, 2}, Size2{3, 2}, Size2{3, 3});
  const Size2 stride = GENERATE(Size2{1, 2}, Size2{2, 2}, Size2{4, 3});
  const Size2 padding = GENERATE(Size2{0, 0}, Size2{1, 1});
  CAPTURE(to_string(kernel), to_string(stride), to_string(padding));
  MaxPoolSpec max;
  max.kernel_size = kernel, max.stride = stride, max.padding = padding;
  AvgPoolSpec avg;
  avg.kernel_size = kernel, avg.stride = stride, avg.padding = padding;
  const Shape input{.c = 2, .h = 9, .w = 8};
  check(chain(conv(2, {2, 2}), max, FlattenSpec{}, dense(3)), input, 5);
  MaxPoolSpec two;  // which the convolution does
  two.kernel_size = {2, 2};
  check(chain(conv(3, {2, 2}), two, conv(9, {2, 2}, ActivationFunction::relu), two, FlattenSpec{}, dense(3)),
        input, 5);
  check(chain(conv(2, {2, 2}), avg, FlattenSpec{}, dense(3)), input, 5);
  avg.count_include_pad = false;
  check(chain(conv(2, {2, 2}), avg, conv(2, {1, 1}), GlobalAvgPoolSpec{}, dense(3)), input, 5);
}

TEST_CASE("a convolution does the pooling behind it, which does its ReLU, unless somebody looks", "[nn]") {
  MaxPoolSpec apart, overlapping;
  apart.kernel_size = {2, 2};
  overlapping.kernel_size = {3, 3}, overlapping.stride = Size2{1, 1};
  const ActivationFunction relu = ActivationFunction::relu;
  NetworkSpec spec =
      chain(conv(4, {3, 3}, relu), apart, conv(5, {3, 3}, relu), overlapping, FlattenSpec{}, dense(4));
  std::get<ConvSpec>(spec[0].spec).groups = 2;
  name_entries(spec);
  const auto fixture = moved_fixture(spec, {.c = 2, .h = 15, .w = 14}, 20, 0);
  struct Looks final : StepObserver {
    void output(int, int, int, BlockView<const float>) override {}
    void output_gradient(int, int, int, BlockView<const float>) override {}
    void input_gradient(int, bool, int, int, BlockView<const float>) override {}
  } observer;
  REQUIRE(fixture->training.train(fixture->batch));
  const std::vector<float> moved(fixture->training.gradients().begin(), fixture->training.gradients().end());
  std::atomic<int> rows_seen = 0;
  const Observer outputs = [&](int, int, int, BlockView<const float>) { ++rows_seen; };
  REQUIRE(fixture->training.train(fixture->batch, &outputs));
  CHECK(rows_seen == 2 * 6);  // both blocks, every layer
  CHECK(std::ranges::equal(moved, fixture->training.gradients()));
  fixture->training.set_step_observer(&observer);
  REQUIRE(fixture->training.train(fixture->batch));
  CHECK(std::ranges::equal(moved, fixture->training.gradients()));
  Runner evaluation(fixture->network, fixture->pool, false, 20);
  evaluation.evaluate(fixture->batch);
  const std::vector<float> logits(evaluation.logits().begin(), evaluation.logits().end());
  evaluation.evaluate(fixture->batch, &outputs);
  CHECK(std::ranges::equal(logits, evaluation.logits()));
}

TEST_CASE("gradients of batch norm, also flat, without affine, first and last", "[nn]") {
  BatchNormSpec plain = norm(ActivationFunction::gelu);
  plain.affine = BatchNormSpec::Affine::none;
  BatchNormSpec bias_only = norm(ActivationFunction::gelu);
  bias_only.affine = BatchNormSpec::Affine::bias;
  const Shape input{.c = 2, .h = 5, .w = 6};
  check(chain(norm(), conv(3, {3, 3}), norm(ActivationFunction::relu), conv(2, {2, 2}), plain, FlattenSpec{},
              dense(4), norm(ActivationFunction::tanh), dense(3), norm()),
        input, 37, 0.1f);
  check(chain(conv(3, {3, 3}), bias_only, FlattenSpec{}, dense(4), bias_only, dense(3)), input, 21);
}

TEST_CASE("gradients of batch norm with frozen statistics, which it leaves alone", "[nn]") {
  BatchNormSpec frozen = norm(GENERATE(ActivationFunction::relu, ActivationFunction::gelu));
  frozen.control.frozen_statistics = true;
  BatchNormSpec plain = frozen;
  plain.affine = BatchNormSpec::Affine::none, plain.activation = ActivationFunction::none;
  ConvSpec half = conv(4, {3, 3});
  half.padding.amount = {1, 1}, half.stride = {2, 2};
  ResidualSpec project;  // its projection's norm is frozen, too
  project.layers = chain(half, frozen);
  project.shortcut = ResidualSpec::Shortcut::projection;
  project.control.frozen_statistics = true;
  MaxPoolSpec pool;
  pool.kernel_size = {2, 2};
  NetworkSpec spec = chain(frozen, conv(3, {3, 3}), plain, project, frozen, pool, norm(), FlattenSpec{},
                           dense(4), frozen, dense(3));
  const Shape input{.c = 2, .h = 11, .w = 10};
  check(spec, input, 37);
  check(chain(conv(3, {3, 3}), frozen, FlattenSpec{}, dense(3)), input, 1);  // one image is enough
  name_entries(spec);
  const auto fixture = moved_fixture(spec, input, 5, 0);
  const auto running = [&](int entry) {
    const std::span<const float> values =
        fixture->network.find(spec[static_cast<std::size_t>(entry)].name + ".running_mean")->values;
    return std::vector<float>(values.begin(), values.end());
  };
  const auto first = running(0), moving = running(6);
  REQUIRE(fixture->training.train(fixture->batch));
  CHECK(running(0) == first);
  CHECK(running(6) != moving);
}

TEST_CASE("gradients of squeeze_excite", "[nn]") {
  SqueezeExciteSpec plain{.squeeze_channels = 2, .control = {}};
  SqueezeExciteSpec mobile{.squeeze_channels = 3,
                           .inner_activation = ActivationFunction::silu,
                           .gate = ActivationFunction::hard_sigmoid,
                           .control = {}};
  ConvSpec same = conv(5, {3, 3});
  same.padding.amount = {1, 1};
  ResidualSpec residual;
  residual.layers = chain(same, norm(ActivationFunction::hard_swish), mobile);
  const Shape input{.c = 2, .h = 6, .w = 5};
  check(chain(conv(5, {2, 2}), plain, residual, GlobalAvgPoolSpec{}, dense(3)), input, 19);
  check(chain(plain, FlattenSpec{}, dense(3)), input, 5);  // the first entry: nobody wants dx
  check(chain(conv(4, {6, 5}, ActivationFunction::tanh), mobile, dense(3)), input, 5);  // of single pixels
}

TEST_CASE("gradients of residual entries: identity, projection, nested", "[nn]") {
  ConvSpec same = conv(3, {3, 3});
  same.padding.amount = {1, 1};
  ConvSpec half = conv(4, {3, 3});
  half.padding.amount = {1, 1};
  half.stride = {2, 2};
  ResidualSpec inner;
  inner.layers = chain(same, norm(ActivationFunction::relu), same);
  inner.activation = ActivationFunction::gelu;
  ResidualSpec outer;
  outer.layers = chain(inner, same);
  outer.activation = ActivationFunction::relu;
  ResidualSpec project;
  project.layers = chain(half, norm());
  project.shortcut = ResidualSpec::Shortcut::projection;
  project.activation = ActivationFunction::relu;
  check(chain(same, outer, project, GlobalAvgPoolSpec{}, dense(3)), {.c = 2, .h = 6, .w = 5}, 18);
}

TEST_CASE("gradients with label smoothing, one image, several blocks", "[nn]") {
  const int count = GENERATE(1, 16, 33);
  check(chain(conv(2, {3, 3}, ActivationFunction::relu), FlattenSpec{}, dense(5)), {.c = 1, .h = 5, .w = 5},
        count, 0.2f);
}

TEST_CASE("gradients with class weights, with and without label smoothing", "[nn]") {
  const std::vector<float> weights{0.3f, 2.0f, 0.0f, 1.5f};
  for (const float smoothing : {0.0f, 0.2f})
    check(chain(conv(2, {3, 3}, ActivationFunction::tanh), FlattenSpec{}, dense(4)), {.c = 1, .h = 5, .w = 5},
          21, smoothing, weights);
}

TEST_CASE("a dense layer on a 1x1 map, and a last layer that is a convolution", "[nn]") {
  ConvSpec last = conv(3, {3, 3});
  check(chain(conv(6, {4, 4}, ActivationFunction::tanh), dense(4)), {.c = 2, .h = 4, .w = 4}, 17);
  check(chain(conv(4, {2, 2}), last), {.c = 2, .h = 4, .w = 4}, 17);
}

TEST_CASE("a large dense layer takes all blocks at once and equals a 1x1 convolution", "[nn]") {
  for (const ActivationFunction f : {ActivationFunction::gelu, ActivationFunction::relu}) {
    const auto network = [&](auto large) {
      return chain(conv(1001, {1, 1}, ActivationFunction::tanh), FlattenSpec{}, large, dense(3));
    };
    NetworkSpec as_dense = network(dense(133, f)), as_conv = network(conv(133, {1, 1}, f));
    std::swap(as_conv[1], as_conv[2]);  // a convolution needs maps
    name_entries(as_dense), name_entries(as_conv);
    NetworkFixture ours(as_dense, {.c = 4, .h = 1, .w = 1}, 37),
        theirs(as_conv, {.c = 4, .h = 1, .w = 1}, 37);
    const auto from = ours.network.tensors(), to = theirs.network.tensors();
    REQUIRE(from.size() == to.size());
    for (std::size_t i = 0; i < from.size(); ++i)
      std::copy(from[i].values.begin(), from[i].values.end(), to[i].values.begin());
    theirs.network.pack(theirs.pool);
    REQUIRE(ours.training.train(ours.batch));
    REQUIRE(theirs.training.train(theirs.batch));
    const auto a = ours.training.losses(), b = theirs.training.losses();
    CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
    const LossAndGradient gradient = of_engine(ours);
    CHECK(gradient_error(gradient, of_engine(theirs)) < 1e-6);
    ours.evaluation.evaluate(ours.batch);
    theirs.evaluation.evaluate(theirs.batch);
    const auto p = ours.evaluation.probabilities(), q = theirs.evaluation.probabilities();
    CHECK(std::equal(p.begin(), p.end(), q.begin(), q.end()));
  }
}

TEST_CASE("gradients through fixed scales, on maps and on the output", "[nn]") {
  check(chain(conv(3, {3, 3}), ScaleSpec{-1.5}, conv(2, {2, 2}), FlattenSpec{}, dense(3), ScaleSpec{1.0 / 9}),
        {.c = 2, .h = 5, .w = 4}, 18);
}

TEST_CASE("the gradient comparison can fail", "[nn]") {
  NetworkSpec spec = chain(conv(2, {3, 3}, ActivationFunction::tanh), FlattenSpec{}, dense(3));
  name_entries(spec);
  const auto fixture = moved_fixture(spec, {.c = 1, .h = 4, .w = 4}, 5, 0);
  const LossAndGradient expected = of_reference(*fixture, spec);
  LossAndGradient ours = of_engine(*fixture);
  CHECK(gradient_error(ours, expected) < 2e-5);
  ours.gradient[1][0] += 1e-4;
  CHECK(gradient_error(ours, expected) > 2e-5);
  ours.gradient[1][0] = NAN;
  CHECK(gradient_error(ours, expected) > 2e-5);
}

/// Everything that can make a difference in the last bit.
NetworkSpec varied_network() {
  ConvSpec strided = conv(5, {3, 3}, ActivationFunction::gelu);
  strided.stride = {2, 2}, strided.padding.amount = {1, 1};
  MaxPoolSpec pool;
  pool.kernel_size = {2, 2};
  ResidualSpec residual;
  ConvSpec same = conv(5, {3, 3}), wide = conv(66, {3, 3});
  same.padding.amount = wide.padding.amount = {1, 1};
  residual.layers = chain(same, norm(ActivationFunction::silu));
  DropoutSpec dropout;
  NetworkSpec spec = chain(conv(6, {5, 5}, ActivationFunction::relu), norm(), pool, conv(65, {1, 1}), wide,
                           strided, residual, dropout, FlattenSpec{}, dense(3000, ActivationFunction::silu),
                           dense(11, ActivationFunction::elu), dense(4));
  name_entries(spec);
  return spec;
}

std::vector<float> gradients_of(int threads, const std::string& set, std::uint64_t seed) {
  use_instruction_set(set);
  NetworkFixture fixture(varied_network(), {.c = 3, .h = 20, .w = 17}, 300, threads, seed);
  fixture.batch.label_smoothing = 0.1f;
  fixture.batch.seed = seed;
  REQUIRE(fixture.training.train(fixture.batch));
  use_instruction_set(supported_instruction_sets().front());
  const auto g = fixture.training.gradients();
  std::vector<float> result(g.begin(), g.end());
  for (const float loss : fixture.training.losses()) result.push_back(loss);
  for (const Tensor& tensor : fixture.network.tensors())
    if (!tensor.trainable) result.insert(result.end(), tensor.values.begin(), tensor.values.end());
  return result;
}

TEST_CASE("gradients are the same bits for any number of threads and with AVX2 and AVX-512", "[nn]") {
  const std::string best = supported_instruction_sets().front();
  const std::vector<float> expected = gradients_of(1, best, 1);
  for (int threads : {2, 3, 8}) CHECK((gradients_of(threads, best, 1) == expected));
  for (const std::string& set : supported_instruction_sets()) {
    if (set == "sse4") continue;  // it has no fused multiply-add
    CAPTURE(set);
    const std::vector<float> ours = gradients_of(2, set, 1);
    const auto differs =
        std::mismatch(expected.begin(), expected.end(), ours.begin()).first - expected.begin();
    CHECK(differs == static_cast<std::ptrdiff_t>(expected.size()));
  }
  CHECK((gradients_of(1, best, 2) != expected));
}

TEST_CASE("lanes without an image reach nothing", "[nn]") {
  // The same 5 images in a batch of 5, and again with the empty lanes full of large numbers.
  NetworkFixture clean(varied_network(), {.c = 3, .h = 20, .w = 17}, 5),
      dirty(varied_network(), {.c = 3, .h = 20, .w = 17}, 5);
  const auto plain = dirty.fill;
  dirty.fill = [&](int block, int in_block, int worker, BlockView<float> x) {
    plain(block, in_block, worker, x);
    for (int c = 0; c < x.c; ++c)
      for (int h = 0; h < x.h; ++h)
        for (int w = 0; w < x.w; ++w) std::fill(x.at(c, h, w) + in_block, x.at(c, h, w) + kLanes, 1e3f);
  };
  REQUIRE(clean.training.train(clean.batch));
  REQUIRE(dirty.training.train(dirty.batch));
  const auto a = clean.training.gradients(), b = dirty.training.gradients();
  CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
}

TEST_CASE("NaN in an image comes out as NaN", "[nn]") {
  MaxPoolSpec pool;
  pool.kernel_size = {2, 2};
  NetworkSpec spec = chain(conv(2, {3, 3}, ActivationFunction::relu), pool, FlattenSpec{},
                           dense(3, ActivationFunction::relu), dense(2));
  name_entries(spec);
  for (const std::string& set : supported_instruction_sets()) {
    use_instruction_set(set);
    NetworkFixture fixture(spec, {.c = 1, .h = 8, .w = 8}, 3);
    fixture.images[70] = NAN;  // of the second image
    CHECK_FALSE(fixture.training.train(fixture.batch));
    CHECK(std::isfinite(fixture.training.losses()[0]));
    CHECK(std::isnan(fixture.training.losses()[1]));
  }
  use_instruction_set(supported_instruction_sets().front());
}

}  // namespace
}  // namespace cnn
