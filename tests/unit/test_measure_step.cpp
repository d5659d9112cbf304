#include "catch.h"
#include "core/processors.h"
#include "core/thread_pool.h"
#include "network_fixture.h"
#include "train/measure_step.h"

namespace cnn {
namespace {

TEST_CASE("threads that wait for a core do not make the yardstick of speed shorter", "[train]") {
  const auto gflops_of_a_thread = [](int threads) {
    NetworkSpec spec = chain(FlattenSpec{}, dense(10));
    name_entries(spec);
    Network network(spec, {.c = 1, .h = 28, .w = 28}, 0, 64);
    network.initialize(1);
    ThreadPool pool(threads);
    return measure_step(network, pool, SgdSpec{.learning_rate = 0.01}, 64, 0.2).peak_gflops / threads;
  };
  // Two threads may share a core's units, which halves what each reaches; eight times as many only wait.
  CHECK(gflops_of_a_thread(8 * usable_processors()) > 0.3 * gflops_of_a_thread(1));
}

TEST_CASE("a step's timing knows what each layer moves, and what the machine could", "[train]") {
  NetworkSpec spec = chain(ScaleSpec{2}, FlattenSpec{}, dense(10));
  name_entries(spec);
  const Shape input{.c = 3, .h = 20, .w = 20};
  Network network(spec, input, 0, 32);
  network.initialize(1);
  ThreadPool pool(1);
  const StepTiming timing = measure_step(network, pool, SgdSpec{.learning_rate = 0.01}, 32, 0.05);
  CHECK(timing.copy_bytes_per_second > 1e8);
  // Forward, x is read and y written; nobody before learns. A map's plane is a pixel longer than its 400.
  CHECK(timing.layers[0].bytes == 4 * 2 * 3 * 401);
  CHECK(timing.layers[2].bytes > 4 * 1200);
  CHECK(timing.bytes() > timing.layers[0].bytes + timing.layers[2].bytes);
}

}  // namespace
}  // namespace cnn
