#include "catch.h"
#include "inspect/layer_rows.h"
#include "network_fixture.h"
#include "nn/frozen_front.h"

namespace cnn {
namespace {

ConvSpec same_conv(int channels) {
  ConvSpec spec;
  spec.out_channels = channels;
  spec.kernel_size = {3, 3}, spec.padding.amount = {1, 1};
  return spec;
}

template <class Spec>
Spec frozen(Spec spec) {
  spec.control.trainable = {LearningEpochs::never(), LearningEpochs::never()};
  spec.control.frozen_statistics = true;
  return spec;
}

BatchNormSpec relu_norm() {
  BatchNormSpec spec;
  spec.activation = ActivationFunction::relu;
  return spec;
}

/// conv, norm, residual, pool, flatten, dropout, dense: everything before the dropout is frozen.
NetworkSpec frozen_but_the_last() {
  ResidualSpec block;
  block.layers = chain(same_conv(4), relu_norm(), same_conv(4), BatchNormSpec{});
  block.activation = ActivationFunction::relu;
  MaxPoolSpec pool;
  pool.kernel_size = {2, 2};
  DropoutSpec dropout;
  dropout.p = 0.3;
  NetworkSpec spec = chain(frozen(same_conv(4)), frozen(relu_norm()), frozen(block), pool, FlattenSpec{},
                           dropout, dense(8), dense(3));
  name_entries(spec);
  return spec;
}

constexpr Shape kInput{.c = 2, .h = 7, .w = 6};

int front_of(const NetworkSpec& spec, int epoch = 1) {
  return frozen_front(Network(spec, kInput, 0, 16), epoch);
}

TEST_CASE("the frozen front ends before what learns, drops, or normalizes over the batch", "[nn]") {
  const NetworkSpec all = frozen_but_the_last();
  CHECK(front_of(all) == 2 + 5 + 2);
  NetworkSpec spec = all;
  SECTION("a norm that counts") {
    std::get<BatchNormSpec>(spec[1].spec).control.frozen_statistics = false;
    CHECK(front_of(spec) == 1);
  }
  SECTION("a first layer that learns later") {
    std::get<ConvSpec>(spec[0].spec).control.trainable.weight = {.first = 4};
    CHECK(front_of(spec, 3) == 9);
    CHECK(front_of(spec, 4) == 0);
  }
  SECTION("a residual that learns is left whole") {
    std::get<ResidualSpec>(spec[2].spec).control.trainable = {};
    CHECK(front_of(spec) == 2);
  }
  SECTION("half a residual") {
    auto& block = std::get<ResidualSpec>(spec[2].spec);
    block.control = {};
    block.layers[0].spec = frozen(std::get<ConvSpec>(block.layers[0].spec));
    CHECK(front_of(spec) == 2);
  }
}

TEST_CASE("rows of layers up to the first that learns are told from the others", "[nn]") {
  const auto marked = [](const NetworkSpec& spec) {
    std::string names;
    for (const LayerRow& row : layer_rows(Network(spec, kInput, 0, 16)))
      if (row.input_is_frozen) names += row.name + " ";
    return names;
  };
  NetworkSpec spec = frozen_but_the_last();
  CHECK(marked(spec) == "layer0 layer1 layer2 layer3 layer4 layer5 layer6 layer7 layer8 layer9 layer10 ");
  spec.erase(spec.begin(), spec.begin() + 3);  // what is left in front has no weights
  CHECK(marked(spec) == "");
}

TEST_CASE("front and rest, one after the other, give the bits of the whole", "[nn]") {
  const NetworkSpec spec = frozen_but_the_last();
  const int images = GENERATE(1, 16, 37);
  NetworkFixture fixture(spec, kInput, images);
  Random random(5, Purpose::split);
  for (const Tensor& tensor : fixture.network.tensors())
    for (float& v : tensor.values) v += random.uniform(0.0f, 0.3f);
  fixture.network.pack(fixture.pool);
  const int front = frozen_front(fixture.network, 1);
  const Shape shape = fixture.network.nodes()[static_cast<std::size_t>(front)].in;
  Runner trunk(fixture.network, fixture.pool, false, images, false, FusionChoice::all, alone(),
               {.end = front});
  Runner head(fixture.network, fixture.pool, true, images, false, FusionChoice::all, alone(),
              {.first = front});
  Runner head_evaluation(fixture.network, fixture.pool, false, images, false, FusionChoice::all, alone(),
                         {.first = front});
  Runner shortened(fixture.network, fixture.pool, true, images, false, FusionChoice::all, alone(),
                   {.learns_from = front});

  std::vector<std::vector<float>> blocks(static_cast<std::size_t>(blocks_of(images)));
  const std::function<void(int, int, BlockView<const float>)> deliver = [&](int block, int, const auto& y) {
    std::vector<float>& values = blocks[static_cast<std::size_t>(block)];
    for (int c = 0; c < y.c; ++c)
      for (int h = 0; h < y.h; ++h)
        for (int w = 0; w < y.w; ++w) values.insert(values.end(), y.at(c, h, w), y.at(c, h, w) + kLanes);
  };
  Batch through_trunk = fixture.batch;
  through_trunk.labels = nullptr;
  through_trunk.deliver = &deliver;
  trunk.evaluate(through_trunk);
  const std::function<void(int, int, int, BlockView<float>)> fill = [&](int block, int in_block, int,
                                                                        auto x) {
    REQUIRE((x.c == shape.c && x.h == shape.h && x.w == shape.w));
    const float* from = blocks[static_cast<std::size_t>(block)].data();
    for (int c = 0; c < x.c; ++c)
      for (int h = 0; h < x.h; ++h)
        for (int w = 0; w < x.w; ++w, from += kLanes)
          for (int lane = 0; lane < kLanes; ++lane) x.at(c, h, w)[lane] = lane < in_block ? from[lane] : 0.0f;
  };
  Batch through_head = fixture.batch;
  through_head.fill = &fill;
  fixture.evaluation.evaluate(fixture.batch);
  head_evaluation.evaluate(through_head);
  CHECK(std::ranges::equal(fixture.evaluation.logits(), head_evaluation.logits()));
  REQUIRE(fixture.training.train(fixture.batch));
  REQUIRE(head.train(through_head));
  REQUIRE(shortened.train(fixture.batch));
  CHECK(std::ranges::equal(fixture.training.losses(), head.losses()));
  CHECK(std::ranges::equal(fixture.training.gradients(), head.gradients()));
  CHECK(std::ranges::equal(fixture.training.gradients(), shortened.gradients()));
  CHECK(head.layout().block_floats + head.layout().worker_floats <
        fixture.training.layout().block_floats + fixture.training.layout().worker_floats);
}

TEST_CASE("in training, a frozen norm goes into the convolution before it, as in evaluation", "[nn]") {
  NetworkFixture fixture(frozen_but_the_last(), kInput, 16);
  const Route route{.learns_from = frozen_front(fixture.network, 1)};
  const Schedule plain =
      make_schedule(fixture.network.graph(), fixture.network.plan(), {.training = true, .route = route});
  int joined = 0;
  for_each_operation(fused(plain, fixture.network.graph(), FusionChoice::all),
                     [&](const Operation& operation, int) {
                       joined += operation.fused.has(Fusion::normalize);
                       if (operation.kind == Operation::Kind::backward)
                         CHECK(operation.node > route.learns_from);
                     });
  CHECK(joined == 3);
}

}  // namespace
}  // namespace cnn
