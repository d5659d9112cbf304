// How a batch goes through a network, and where its buffers lie.
#include <array>
#include <set>

#include "catch.h"
#include "cluster/thread_cluster.h"
#include "kernels/simd.h"
#include "kernels/weighted_sum.h"
#include "network_fixture.h"
#include "nn/arena.h"
#include "nn/fusions.h"
#include "nn/leaves.h"
#include "nn/loops.h"
#include "nn/schedule.h"
#include "nn/step_forecast.h"

namespace cnn {
namespace {

using Kind = Operation::Kind;

ConvSpec conv(int channels, int kernel, ActivationFunction activation = ActivationFunction::none) {
  ConvSpec spec;
  spec.out_channels = channels;
  spec.kernel_size = {kernel, kernel};
  spec.activation = activation;
  return spec;
}

MaxPoolSpec max_pool(int kernel, int stride) {
  MaxPoolSpec spec;
  spec.kernel_size = {kernel, kernel};
  spec.stride = Size2{stride, stride};
  return spec;
}

/// A graph with its plan and both schedules.
struct Planned {
  Graph graph;
  ParameterPlan plan;
  Schedule plain, joined;

  Planned(NetworkSpec spec, const Shape& input, const ScheduleRequest& request)
      : graph((name_entries(spec), spec), input, 0),
        plan(plan_parameters(graph, 64)),
        plain(make_schedule(graph, plan, request)),
        joined(fused(plain, graph, FusionChoice::all)) {}

  std::vector<Life> lives() const { return lives_of(std::array{&plain, &joined}); }
};

const Operation* find(const Schedule& schedule, Kind kind, int node) {
  for (const Stage& stage : schedule.stages)
    for (const Operation& operation : stage.operations)
      if (operation.kind == kind && operation.node == node) return &operation;
  return nullptr;
}

TEST_CASE("fusions are made where both layers offer them and nobody else reads in between", "[nn]") {
  const ActivationFunction relu = ActivationFunction::relu, gelu = ActivationFunction::gelu;
  NetworkSpec spec = chain(conv(4, 3, relu), max_pool(2, 2), conv(5, 3, relu), max_pool(3, 1), conv(6, 3),
                           max_pool(2, 2), conv(6, 1, gelu), max_pool(2, 2), FlattenSpec{}, dense(4));
  std::get<ConvSpec>(spec[0].spec).groups = 2;  // not by Winograd, which does not pool
  std::get<ConvSpec>(spec[4].spec).dilation = {2, 2};
  const Planned planned(spec, {.c = 2, .h = 31, .w = 30}, {.training = true});
  const auto offers = [&](Kind kind, int node, Fusion fusion) {
    const Operation* operation = find(planned.joined, kind, node);
    return operation && operation->fused.has(fusion);
  };
  CHECK(offers(Kind::backward, 0, Fusion::relu_gradient));
  CHECK(offers(Kind::backward, 2, Fusion::relu_gradient));
  CHECK(offers(Kind::forward, 3, Fusion::relu_gradient));
  CHECK(!find(planned.joined, Kind::backward, 0)->has(Role::y));
  CHECK(find(planned.plain, Kind::backward, 0)->has(Role::y));
  for (const int node : {4, 6}) CHECK(!offers(Kind::backward, node, Fusion::relu_gradient));
  for (const int node : {0, 4}) {
    CHECK(offers(Kind::forward, node, Fusion::max_pool_2x2));
    CHECK(find(planned.joined, Kind::forward, node + 1) == nullptr);
    CHECK(find(planned.joined, Kind::forward, node)->has(Role::winners));
    CHECK(find(planned.plain, Kind::forward, node + 1) != nullptr);
  }
  for (const int node : {2, 6}) {
    CHECK(!offers(Kind::forward, node, Fusion::max_pool_2x2));
    CHECK(find(planned.joined, Kind::forward, node + 1) != nullptr);
  }
}

TEST_CASE("a batch norm finds its gradient in that of a 2x2 max pooling", "[nn]") {
  BatchNormSpec relu, gelu;
  relu.activation = ActivationFunction::relu;
  gelu.activation = ActivationFunction::gelu;
  NetworkSpec spec = chain(conv(4, 3), relu, max_pool(2, 2), conv(4, 3), relu, max_pool(3, 2), conv(4, 3),
                           gelu, max_pool(2, 2), FlattenSpec{}, dense(4));
  const Planned planned(spec, {.c = 1, .h = 32, .w = 31}, {.training = true});
  const int pooled_dy = (*find(planned.plain, Kind::backward, 2))[Role::dy];
  CHECK(find(planned.joined, Kind::backward, 2) == nullptr);
  int calls = 0;
  for_each_operation(planned.joined, [&](const Operation& operation, int) {
    if (operation.kind != Kind::backward || operation.node != 1) return;
    ++calls;
    CHECK(operation.fused.has(Fusion::max_pool_gradient));
    CHECK(operation[Role::dy] == pooled_dy);
    CHECK(operation.has(Role::winners));
  });
  CHECK(calls == 2);
  // Nobody before the batch norm learns: it passes nothing on.
  const Planned first(chain(relu, max_pool(2, 2), FlattenSpec{}, dense(4)), {.c = 1, .h = 32, .w = 31},
                      {.training = true});
  CHECK(find(first.joined, Kind::backward, 1) == nullptr);
  CHECK(find(first.joined, Kind::backward, 0)->fused.has(Fusion::max_pool_gradient));
  CHECK(!find(first.joined, Kind::backward, 0)->has(Role::dx));
  // Windows that overlap, and a function that is not in the way of the batch norm.
  for (const int pooling : {5, 8}) CHECK(find(planned.joined, Kind::backward, pooling) != nullptr);
}

TEST_CASE("a value that a shortcut reads too is not fused away", "[nn]") {
  ResidualSpec residual;
  residual.layers = chain(max_pool(2, 2));
  residual.shortcut = ResidualSpec::Shortcut::projection;
  ConvSpec first = conv(4, 5, ActivationFunction::relu);
  const Planned planned(chain(first, residual, GlobalAvgPoolSpec{}, dense(3)), {.c = 1, .h = 12, .w = 12},
                        {.training = true});
  CHECK(find(planned.joined, Kind::forward, 0)->fused == Fusions());
  CHECK(find(planned.joined, Kind::backward, 0)->fused == Fusions());
}

TEST_CASE("evaluation normalizes in the convolution before, and pools there, too", "[nn]") {
  const ActivationFunction relu = ActivationFunction::relu, gelu = ActivationFunction::gelu;
  const auto norm = [](ActivationFunction activation) {
    BatchNormSpec spec;
    spec.activation = activation;
    return spec;
  };
  ResidualSpec residual;
  residual.layers = chain(conv(16, 1), norm(relu));
  const NetworkSpec spec = chain(conv(16, 3), norm(relu), max_pool(2, 2), conv(16, 3), norm(gelu),
                                 max_pool(2, 2), conv(16, 3, relu), norm(relu), residual, conv(5, 1),
                                 norm(ActivationFunction::none), FlattenSpec{}, dense(4));
  const Shape input{.c = 16, .h = 34, .w = 31};
  const Planned evaluation(spec, input, {}), training(spec, input, {.training = true});
  const auto node_of = [&](std::size_t entry) {
    const auto& nodes = evaluation.graph.nodes();
    return static_cast<int>(std::ranges::find(nodes, static_cast<int>(entry), &Node::entry) - nodes.begin());
  };
  for (const int first : {0, 3}) {
    const Operation& joined = *find(evaluation.joined, Kind::forward, node_of(first));
    CHECK(joined.fused.has(Fusion::normalize));
    CHECK(joined.normalization == node_of(first + 1));
    CHECK(find(evaluation.joined, Kind::forward, node_of(first + 1)) == nullptr);
    CHECK(find(evaluation.plain, Kind::forward, node_of(first + 1)) != nullptr);
    // A GELU is not monotonic, and is done behind.
    CHECK(joined.fused.has(Fusion::max_pool_2x2) == (first == 0));
  }
  // An activation function stands between.
  CHECK(find(evaluation.joined, Kind::forward, node_of(6))->fused == Fusions());
  CHECK(find(evaluation.joined, Kind::forward, node_of(7)) != nullptr);
  // Training needs the batch first; then the normalization pools.
  CHECK(!find(training.joined, Kind::forward, node_of(0))->fused.has(Fusion::normalize));
  CHECK(find(training.joined, Kind::forward, node_of(2)) == nullptr);
  CHECK(find(training.joined, Kind::forward, node_of(5)) != nullptr);

  NetworkSpec named = spec;
  name_entries(named);
  for (const std::string& set : supported_instruction_sets()) {
    use_instruction_set(set);
    for (const FusionChoice choice : {FusionChoice::where_it_pays, FusionChoice::all}) {
      NetworkFixture fixture(named, input, 19);
      REQUIRE(fixture.training.train(fixture.batch));  // running statistics of their own
      fixture.network.pack(fixture.pool);
      Runner fused(fixture.network, fixture.pool, false, 19, false, choice);
      const Observer looks = [](int, int, int, BlockView<const float>) {};
      fixture.evaluation.evaluate(fixture.batch, &looks);
      fused.evaluate(fixture.batch);
      INFO(set);
      CHECK(std::ranges::equal(fused.logits(), fixture.evaluation.logits()));
    }
  }
  use_instruction_set(supported_instruction_sets().front());
}

TEST_CASE("evaluation normalizes and cuts at 6 in a depthwise convolution; no pooling follows a relu6 there",
          "[nn]") {
  ConvSpec depthwise = conv(16, 3);
  depthwise.groups = 16;
  BatchNormSpec norm;
  norm.activation = ActivationFunction::relu6;
  NetworkSpec spec = chain(conv(16, 3), norm, depthwise, norm, max_pool(2, 2),
                           conv(5, 1, ActivationFunction::relu6), max_pool(2, 2), FlattenSpec{}, dense(4));
  name_entries(spec);
  const Shape input{.c = 3, .h = 20, .w = 19};
  const Planned evaluation(spec, input, {});
  for (const int first : {0, 2}) {
    const Operation& joined = *find(evaluation.joined, Kind::forward, first);
    CHECK(joined.fused.has(Fusion::normalize));
    CHECK(!joined.fused.has(Fusion::max_pool_2x2));
    CHECK(find(evaluation.joined, Kind::forward, first + 1) == nullptr);
  }
  for (const int pooling : {4, 6}) CHECK(find(evaluation.joined, Kind::forward, pooling)->fused == Fusions());
  NetworkFixture fixture(spec, input, 19);
  REQUIRE(fixture.training.train(fixture.batch));
  fixture.network.pack(fixture.pool);
  Runner fused(fixture.network, fixture.pool, false, 19, false, FusionChoice::all);
  const Observer looks = [](int, int, int, BlockView<const float>) {};
  fixture.evaluation.evaluate(fixture.batch, &looks);
  fused.evaluate(fixture.batch);
  CHECK(std::ranges::equal(fused.logits(), fixture.evaluation.logits()));
}

TEST_CASE("evaluation does the pooling as well, without winners", "[nn]") {
  ConvSpec first = conv(4, 5, ActivationFunction::relu);
  const Planned planned(chain(first, max_pool(2, 2), FlattenSpec{}, dense(3)), {.c = 1, .h = 12, .w = 12},
                        {});
  CHECK(planned.joined.weight_gradients.empty());
  CHECK(planned.joined.forward_stages == planned.joined.stages.size());
  const Operation& operation = *find(planned.joined, Kind::forward, 0);
  CHECK(operation.fused.has(Fusion::max_pool_2x2));
  CHECK(!operation.has(Role::winners));
  const Schedule here = fused(planned.plain, planned.graph);
  CHECK(find(here, Kind::forward, 0)->fused.has(Fusion::max_pool_2x2) == pooling_pays());
}

/// Pairs of buffers that are alive at the same time on the same memory, found the slow way: at every moment
/// every buffer that was used before and will be used again, in any of the schedules, owns its floats.
std::vector<std::pair<int, int>> clashes(const std::vector<const Schedule*>& schedules,
                                         const ArenaLayout& layout) {
  const std::vector<Buffer>& buffers = schedules.front()->buffers;
  std::vector<std::set<int>> uses(buffers.size());
  int moments = 0;
  for (const Schedule* schedule : schedules)
    for_each_operation(*schedule, [&](const Operation& operation, int) {
      moments = std::max(moments, operation.time + 1);
      for (int b = 0; b < static_cast<int>(buffers.size()); ++b)
        if (operation.uses(b)) uses[b].insert(operation.time);
    });
  std::set<std::pair<int, int>> found;
  for (int moment = 0; moment < moments; ++moment)
    for (const bool per_block : {false, true}) {
      std::vector<std::pair<std::int64_t, int>> alive;  // offset, buffer
      for (int b = 0; b < static_cast<int>(buffers.size()); ++b)
        if (!uses[b].empty() && *uses[b].begin() <= moment && moment <= *uses[b].rbegin() &&
            layout.slots[b].per_block == per_block && buffers[b].floats > 0)
          alive.emplace_back(layout.slots[b].offset, b);
      std::sort(alive.begin(), alive.end());
      for (std::size_t i = 1; i < alive.size(); ++i)
        if (alive[i - 1].first + buffers[alive[i - 1].second].floats > alive[i].first)
          found.emplace(alive[i - 1].second, alive[i].second);
    }
  return {found.begin(), found.end()};
}

/// A chain of layers that fit, drawn by lot.
NetworkSpec random_chain(Random& random, int channels, int& side, int depth) {
  NetworkSpec spec;
  const auto add = [&](auto layer) { spec.push_back({.name = "", .path = "", .spec = std::move(layer)}); };
  const auto activation = [&] {
    constexpr std::array kSome{ActivationFunction::none, ActivationFunction::relu, ActivationFunction::relu6,
                               ActivationFunction::gelu};
    return kSome[random.below(4)];
  };
  const int length = 1 + static_cast<int>(random.below(5));
  for (int i = 0; i < length; ++i) switch (random.below(depth > 0 ? 7 : 6)) {
      case 0:
      case 1: {
        ConvSpec same = conv(channels, 3, activation());
        same.padding.amount = {1, 1};
        if (random.below(2) == 0) same.groups = channels;
        add(same);
        break;
      }
      case 2: {
        BatchNormSpec norm;
        norm.activation = activation();
        add(norm);
        break;
      }
      case 3:
        add(DropoutSpec{.p = 0.25});
        break;
      case 4:
        if (random.below(2) == 0)
          add(ActivationSpec{.function = ActivationFunction::relu});
        else
          add(SqueezeExciteSpec{.squeeze_channels = 2, .control = {}});
        break;
      case 5:
        if (side < 8) break;
        if (random.below(2) == 0) add(conv(channels, 3, activation())), side -= 2;
        add(max_pool(2, 2)), side /= 2;
        break;
      default: {
        ResidualSpec residual;
        int inner = side;
        residual.layers = random_chain(random, channels, inner, depth - 1);
        residual.activation = activation();
        if (residual.layers.empty()) break;
        // A projection halves what a pooling halves only if the sizes agree; else the identity.
        if (inner != side) break;
        if (random.below(2) == 0) residual.shortcut = ResidualSpec::Shortcut::projection;
        add(residual);
      }
    }
  return spec;
}

NetworkSpec random_network(Random& random, int channels, int side) {
  NetworkSpec spec = random_chain(random, channels, side, 3);
  const auto add = [&](auto layer) { spec.push_back({.name = "", .path = "", .spec = std::move(layer)}); };
  add(FlattenSpec{});
  if (random.below(2) == 0) add(dense(4000, ActivationFunction::gelu));  // large: computed batch-wide
  add(dense(5));
  return spec;
}

TEST_CASE("no two live buffers overlap, on random graphs", "[nn]") {
  for (int seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    Random random(static_cast<std::uint64_t>(seed), Purpose::split);
    const Shape input{.c = 4, .h = 20, .w = 20};
    const NetworkSpec spec = random_network(random, 4, 20);
    const ScheduleRequest request{.training = random.below(4) > 0, .input_gradient = random.below(2) > 0};
    const Planned planned(spec, input, request);
    const std::vector<Life> lives = planned.lives();
    const ArenaLayout layout = lay_out(planned.plain.buffers, lives);
    CHECK(clashes({&planned.plain, &planned.joined}, layout).empty());
    std::int64_t all = 0;
    for (std::size_t b = 0; b < lives.size(); ++b) {
      if (lives[b].first < 0) continue;
      const std::int64_t end = layout.slots[b].offset + planned.plain.buffers[b].floats;
      CHECK(end <= (lives[b].per_block ? layout.block_floats : layout.worker_floats));
      all += planned.plain.buffers[b].floats;
    }
    if (request.training) CHECK(layout.block_floats + layout.worker_floats < all);  // some memory is shared
  }
}

TEST_CASE("the check of live buffers finds those that overlap", "[nn]") {
  const Planned planned(chain(conv(4, 3, ActivationFunction::relu), max_pool(3, 1), FlattenSpec{}, dense(3)),
                        {.c = 1, .h = 12, .w = 12}, {.training = true});
  ArenaLayout layout = lay_out(planned.plain.buffers, planned.lives());
  REQUIRE(clashes({&planned.plain}, layout).empty());
  const Operation& operation = *find(planned.plain, Kind::forward, 0);
  layout.slots[operation[Role::y]] = layout.slots[operation[Role::x]];
  CHECK(!clashes({&planned.plain}, layout).empty());
}

TEST_CASE("random graphs: the same gradients whether or not somebody looks, alone or in company", "[nn]") {
  for (int seed = 0; seed < 12; ++seed) {
    CAPTURE(seed);
    Random random(static_cast<std::uint64_t>(seed), Purpose::split);
    NetworkSpec spec = random_network(random, 4, 12);
    name_entries(spec);
    NetworkFixture fixture(spec, {.c = 4, .h = 12, .w = 12}, 35, 2, 7);
    REQUIRE(fixture.training.train(fixture.batch));
    const std::vector<float> alone(fixture.training.gradients().begin(), fixture.training.gradients().end());
    const Observer looks = [](int, int, int, BlockView<const float>) {};
    REQUIRE(fixture.training.train(fixture.batch, &looks));
    CHECK(std::ranges::equal(alone, fixture.training.gradients()));
    REQUIRE(fixture.training.train(fixture.batch));
    CHECK(std::ranges::equal(alone, fixture.training.gradients()));
    Runner joined(fixture.network, fixture.pool, true, 35, false, FusionChoice::all);
    REQUIRE(joined.train(fixture.batch));
    CHECK(std::ranges::equal(alone, joined.gradients()));
  }
}

/// What training and evaluation say of a batch, to the bit.
std::vector<float> results_of(const NetworkSpec& spec, const Shape& input, int images, int threads,
                              FusionChoice fusions, Cluster& cluster = alone()) {
  NetworkFixture fixture(spec, input, images, threads, 7);
  Runner training(fixture.network, fixture.pool, true, images, false, fusions, cluster);
  std::vector<float> all;
  const auto add = [&](std::span<const float> values) {
    all.insert(all.end(), values.begin(), values.end());
  };
  if (!training.train(fixture.batch)) return {};
  training.train(fixture.batch);  // on memory that was used before
  add(training.losses());
  add(training.gradients());
  add(fixture.network.states());
  fixture.evaluation.evaluate(fixture.batch);
  add(fixture.evaluation.logits());
  return all;
}

/// Enough channels for Winograd, an odd number of them, stride, dilation, groups, all poolings, both kinds of
/// dense layers.
NetworkSpec wide_network() {
  const ActivationFunction relu = ActivationFunction::relu, gelu = ActivationFunction::gelu;
  AvgPoolSpec average;
  average.kernel_size = {2, 2};
  NetworkSpec spec = chain(conv(19, 3, relu), max_pool(2, 2), BatchNormSpec{}, conv(24, 3, gelu), conv(24, 3),
                           BatchNormSpec{}, conv(32, 3, relu), average, conv(17, 3, relu),
                           SqueezeExciteSpec{.squeeze_channels = 5, .control = {}}, FlattenSpec{},
                           dense(2000, relu), DropoutSpec{.p = 0.25}, dense(5));
  std::get<BatchNormSpec>(spec[2].spec).activation = relu;
  std::get<BatchNormSpec>(spec[5].spec).activation = gelu;
  for (const std::size_t same : {3u, 6u}) std::get<ConvSpec>(spec[same].spec).padding.amount = {1, 1};
  std::get<ConvSpec>(spec[4].spec).groups = 24;  // depthwise
  std::get<ConvSpec>(spec[8].spec).stride = {2, 1};
  name_entries(spec);
  return spec;
}

/// What wide_network() has not: a batch norm before a 2x2 pooling, a depthwise convolution with a stride, 1x1
/// kernels whose gradient has channels in the vector.
NetworkSpec pooled_network() {
  BatchNormSpec relu, relu6;
  relu.activation = ActivationFunction::relu;
  relu6.activation = ActivationFunction::relu6;
  ConvSpec depthwise = conv(128, 5);
  depthwise.groups = 128;
  depthwise.stride = {2, 2};
  depthwise.padding.amount = {2, 2};
  NetworkSpec spec = chain(conv(128, 3), relu, max_pool(2, 2), depthwise, relu6, conv(128, 1), relu6,
                           max_pool(2, 2), FlattenSpec{}, dense(5));
  name_entries(spec);
  return spec;
}

/// The thread sanitizer takes a hundred times as long, and looks for races, not for bits: some of everything.
#if defined(__SANITIZE_THREAD__)
constexpr bool kLooksForRaces = true;
#else
constexpr bool kLooksForRaces = false;
#endif

std::vector<int> all_or_some(const std::vector<int>& all, const std::vector<int>& some) {
  return kLooksForRaces ? some : all;
}

TEST_CASE("the bits do not change with the number of threads", "[nn]") {
  std::vector<std::string> sets = supported_instruction_sets();
  if (kLooksForRaces) sets.resize(1);
  for (const std::string& set : sets) {
    use_instruction_set(set);
    for (const int images : all_or_some({1, 8, 16, 17, 64, 100}, {1, 17, 64})) {
      for (const NetworkSpec& spec : {wide_network(), pooled_network()}) {
        const auto results = [&](int threads, FusionChoice fusions) {
          return results_of(spec, {.c = 3, .h = 22, .w = 20}, images, threads, fusions);
        };
        const std::vector<float> alone = results(1, FusionChoice::where_it_pays);
        REQUIRE(!alone.empty());
        for (const int threads : all_or_some({2, 3, 5, 8, 16, 33}, {3, 8})) {
          INFO(set << ", " << images << " images, " << threads << " threads, " << spec.size() << " entries");
          CHECK(results(threads, FusionChoice::where_it_pays) == alone);
          CHECK(results(threads, FusionChoice::all) == alone);
        }
      }
    }
  }
  use_instruction_set(supported_instruction_sets().front());
}

TEST_CASE("random graphs: the same bits for every number of threads", "[nn]") {
  for (int seed = 0; seed < (kLooksForRaces ? 4 : 24); ++seed) {
    CAPTURE(seed);
    Random random(static_cast<std::uint64_t>(seed), Purpose::split);
    const int channels = seed % 2 == 0 ? 4 : 16, images = 1 + static_cast<int>(random.below(70));
    NetworkSpec spec = random_network(random, channels, 12);
    name_entries(spec);
    const auto results = [&](int threads) {
      return results_of(spec, {.c = channels, .h = 12, .w = 12}, images, threads, FusionChoice::all);
    };
    const std::vector<float> alone = results(1);
    REQUIRE(!alone.empty());
    for (const int threads : {2, 5}) CHECK(results(threads) == alone);
  }
}

TEST_CASE("workers share blocks when there are too few, and loops end where they must", "[nn]") {
  NetworkSpec spec = wide_network();
  const Planned planned(spec, {.c = 3, .h = 64, .w = 64}, {.training = true});
  const ArenaLayout layout = lay_out(planned.plain.buffers, planned.lives());
  const auto loops = [&](int leaves, int threads) {
    return plan_loops(planned.joined, planned.graph, layout, leaves, threads);
  };
  CHECK(!loops(1, 1).keeps_blocks);
  CHECK(!loops(4, 2).keeps_blocks);  // enough for everybody
  const LoopPlan shared = loops(1, 3);
  REQUIRE(shared.keeps_blocks);
  REQUIRE(shared.stages.size() == planned.joined.stages.size());
  for (std::size_t stage = 0; stage < shared.stages.size(); ++stage) {
    int next = 0;
    for (const Loop& loop : shared.stages[stage]) {
      CHECK(loop.first == next);
      CHECK(loop.shares <= 3);
      next = loop.end;
    }
    CHECK(next == static_cast<int>(planned.joined.stages[stage].operations.size()));
  }
  // The second convolution reads all channels of what the normalization before it wrote.
  const auto loop_of = [&](Kind kind, int node, int phase) {
    for (std::size_t stage = 0; stage < shared.stages.size(); ++stage)
      for (std::size_t n = 0; n < shared.stages[stage].size(); ++n)
        for (int i = shared.stages[stage][n].first; i < shared.stages[stage][n].end; ++i) {
          const Operation& operation = planned.joined.stages[stage].operations[static_cast<std::size_t>(i)];
          if (operation.kind == kind && operation.node == node && operation.phase == phase)
            return std::pair(stage, n);
        }
    return std::pair(std::size_t{0}, std::size_t{99});
  };
  CHECK(loop_of(Kind::forward, 2, 1) != loop_of(Kind::forward, 3, 0));
  CHECK(loop_of(Kind::backward, 3, 0) != loop_of(Kind::backward, 3, 1));
  // A depthwise convolution and the moments of its output take a channel at a time.
  CHECK(loop_of(Kind::forward, 4, 0) == loop_of(Kind::forward, 5, 0));
}

TEST_CASE("processes train the same bits as one, for any number of them and of threads", "[nn]") {
  const Shape input{.c = 3, .h = 22, .w = 20};
  for (const int images : all_or_some({5, 100, 200}, {5, 100})) {
    const NetworkSpec spec = images == 100 ? pooled_network() : wide_network();
    const std::vector<float> alone = results_of(spec, input, images, 1, FusionChoice::where_it_pays);
    for (const std::pair<int, int>& job : {std::pair(1, 2), std::pair(2, 1), std::pair(3, 2), std::pair(4, 1),
                                           std::pair(7, 1), std::pair(8, 3)}) {
      const int processes = job.first, threads = job.second;
      INFO(images << " images, " << processes << " processes of " << threads << " threads");
      std::vector<std::vector<float>> all(static_cast<std::size_t>(processes));
      run_as_cluster(processes, [&](Cluster& cluster) {
        all[static_cast<std::size_t>(cluster.rank())] =
            results_of(spec, input, images, threads, FusionChoice::where_it_pays, cluster);
      });
      for (const std::vector<float>& results : all) CHECK(results == alone);
    }
  }
}

/// A forecast for one stage of one operation a layer, in round numbers.
struct ForecastFixture {
  Planned planned{
      chain(conv(16, 3), FlattenSpec{}, dense(3)), {.c = 1, .h = 18, .w = 18}, {.training = true}};
  ArenaLayout layout = lay_out(planned.plain.buffers, planned.lives());
  StepCosts costs;

  ForecastFixture() {
    costs.operations.assign(static_cast<std::size_t>(planned.joined.times), 1e-3);
    costs.operations.back() = costs.gradients = 2e-3;
    costs.optimizer = 4e-3;
  }
  StepForecast::Step step(int blocks, int threads) const {
    return StepForecast(planned.graph, planned.joined, layout, costs).step(blocks, threads);
  }
  /// Operations of all stages: a millisecond each for a block.
  double operations() const {
    double count = 0;
    for (const Stage& stage : planned.joined.stages) count += static_cast<double>(stage.operations.size());
    return count;
  }
};

TEST_CASE("the forecast of a step adds up what its loops take", "[nn]") {
  const auto near = [](double ms) { return Catch::Detail::Approx(1e-3 * ms).epsilon(1e-9); };
  ForecastFixture f;
  const double n = f.operations();
  CHECK(f.step(1, 1).seconds == near(n + 2 + 4));
  CHECK(f.step(5, 1).seconds == near(5 * n + 5 * 2 + 4));
  // As many leaves as threads and more: rounds of whole leaves.
  CHECK(f.step(4, 2).seconds == near(2 * n + 4 * 2 / 2. + 4 / 2.));
  CHECK(f.step(9, 4).seconds == near(3 * n + 9 * 2 / 4. + 4 / 4.));
  // 128 blocks are 64 leaves of two.
  CHECK(f.step(128, 64).seconds == near(2 * n + 128 * 2 / 64. + 4 / 64.));
  // One block for two: some is shared, some is not; less than alone, no less than half.
  CHECK(f.step(1, 2).seconds < 1e-3 * (n + 1 + 2));
  CHECK(f.step(1, 2).seconds >= 1e-3 * (n / 2 + 1 + 2));
  // What loops cost grows with the logarithm: 2 stages here, and 3 loops of gradients and optimizer.
  f.costs.loop = 1e-3;
  const double loops = static_cast<double>(f.planned.joined.stages.size()) + 3;
  CHECK(f.step(4, 2).seconds == near(2 * n + 4 + 2 + loops));
  CHECK(f.step(16, 8).seconds == near(2 * n + 16 * 2 / 8. + 4 / 8. + 3 * loops));
}

TEST_CASE("the forecast of a step knows the limit of the memory", "[nn]") {
  ForecastFixture f;
  CHECK(f.step(4, 2).bytes == 0);  // everything fits a cache of a mebibyte
  f.costs.cache_bytes = 0;
  const double bytes = f.step(4, 2).bytes;
  CHECK(f.step(8, 2).bytes == 2 * bytes);
  double of_block = 0;
  for (const Stage& stage : f.planned.joined.stages)
    for (const Operation& operation : stage.operations)
      for (std::size_t b = 0; b < f.planned.joined.buffers.size(); ++b)
        if (operation.uses(static_cast<int>(b)))
          of_block += 4 * static_cast<double>(f.planned.joined.buffers[b].floats);
  CHECK(bytes == 4 * of_block);
  for_each_operation(f.planned.joined, [&](const Operation& operation, int) {
    double once = 0;
    for (std::size_t b = 0; b < f.planned.joined.buffers.size(); ++b)
      if (operation.uses(static_cast<int>(b)))
        once += 4 * static_cast<double>(f.planned.joined.buffers[b].floats);
    CHECK(moved_bytes(f.planned.joined, operation) == once);
  });
  f.costs.most_bytes_per_second = bytes;  // a second for what takes some milliseconds
  CHECK(f.step(4, 2).seconds == Catch::Detail::Approx(1 + 1e-3 * (4 * 2 / 2. + 4 / 2.)).epsilon(1e-9));
}

TEST_CASE("leaves and the nodes of their tree", "[nn]") {
  for (int blocks = 1; blocks <= 200; ++blocks) {
    const Leaves leaves(blocks);
    CHECK(leaves.count() == std::min(blocks, kMostLeaves));
    CHECK(leaves.blocks_of(Extent{0, leaves.count()}).count() == blocks);
    for (const int processes : {1, 2, 3, 7, 8, 64, 100}) {
      // Joined from left to right as soon as two are siblings, everybody's nodes end as one.
      std::vector<Extent> stack;
      for (int rank = 0; rank < processes; ++rank)
        for (const Extent& node : tree_nodes(leaves.of_process(rank, processes))) {
          stack.push_back(node);
          while (stack.size() > 1 && are_siblings(stack[stack.size() - 2], stack.back(), leaves.count())) {
            const int end = stack.back().end;
            stack.pop_back();
            stack.back().end = end;
          }
        }
      REQUIRE(stack.size() == 1);
      CHECK(stack.front().count() == leaves.count());
    }
  }
}

}  // namespace
}  // namespace cnn
