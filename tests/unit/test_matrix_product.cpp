// The matrix product of Muon and of whatever else multiplies matrices: against plain loops, on every
// instruction set.
#include <cmath>

#include "catch.h"
#include "core/aligned_buffer.h"
#include "core/random.h"
#include "kernels/matrix_product.h"
#include "kernels/simd.h"

namespace cnn {
namespace {

constexpr float kCanary = 12345.0f;

/// Operands and a result of random size and pitches. The result, the gaps between its rows included, is full
/// of canaries.
struct Problem {
  AlignedBuffer a, b, c, d;
  MatrixProduct product;

  template <class Value>
  Problem(Random& random, const Value& value) {
    MatrixProduct& p = product;
    const auto between = [&](int low, int high) {
      return low + static_cast<int>(random.below(static_cast<std::uint32_t>(high - low + 1)));
    };
    p.rows = between(1, 150), p.cols = 16 * between(1, 9), p.depth = between(0, 40);
    p.a_pitch = p.depth + between(0, 3);
    p.b_pitch = p.cols + 16 * between(0, 1);
    p.c_pitch = p.cols + 16 * between(0, 1);
    p.d_pitch = p.cols + 16 * between(0, 1);
    const auto filled = [&](std::int64_t count) {
      AlignedBuffer buffer(count);
      for (float& v : buffer.span()) v = value();
      return buffer;
    };
    a = filled(p.rows * p.a_pitch + 1), b = filled((p.depth + 1) * p.b_pitch), d = filled(p.rows * p.d_pitch);
    c = AlignedBuffer(p.rows * p.c_pitch);
    for (float& v : c.span()) v = kCanary;
    p.a = a.data(), p.b = b.data(), p.c = c.data();
    p.d = between(0, 2) > 0 ? d.data() : nullptr;
  }

  /// check(got, i, j) for every element, after all tasks in reverse order: none depends on another one.
  template <class Check>
  void compute(const Check& check) {
    for (int task = matrix_product_tasks(product) - 1; task >= 0; --task) matrix_product(product, task);
    for (int i = 0; i < product.rows; ++i)
      for (int j = 0; j < product.cols; ++j) {
        float& got = c.data()[i * product.c_pitch + j];
        check(got, i, j);
        got = kCanary;
      }
    for (const float v : c.span()) REQUIRE(v == kCanary);  // nothing beside the result was touched
  }
  float left(int i, int k) const { return a.data()[i * product.a_pitch + k]; }
  float right(int k, int j) const { return b.data()[k * product.b_pitch + j]; }
  float added(int i, int j) const { return product.d ? product.d[i * product.d_pitch + j] : 0; }
};

TEST_CASE("matrix_product of small integers equals plain loops", "[kernels]") {
  for (const std::string& set : supported_instruction_sets()) {
    use_instruction_set(set);
    INFO("instruction set " << set);
    Random random(31, Purpose::split);
    for (int repeat = 0; repeat < 25; ++repeat) {
      Problem problem(random, [&] { return static_cast<float>(static_cast<int>(random.below(9)) - 4); });
      problem.product.alpha = 2, problem.product.beta = -3;
      problem.compute([&](float got, int i, int j) {
        double sum = 0;
        for (int k = 0; k < problem.product.depth; ++k)
          sum += static_cast<double>(problem.left(i, k)) * static_cast<double>(problem.right(k, j));
        REQUIRE(static_cast<double>(got) == 2 * sum - 3 * static_cast<double>(problem.added(i, j)));
      });
    }
  }
  use_instruction_set(supported_instruction_sets().front());
}

TEST_CASE("matrix_product sums in the order of k, to the bit, wherever there is a fused multiply-add",
          "[kernels]") {
  for (const std::string& set : supported_instruction_sets()) {
    use_instruction_set(set);
    INFO("instruction set " << set);
    const bool fused = set != "sse4";
    Random random(32, Purpose::split);
    for (int repeat = 0; repeat < 15; ++repeat) {
      Problem problem(random, [&] { return random.uniform(-1, 1); });
      const float alpha = problem.product.alpha = 1.5f, beta = problem.product.beta = -0.75f;
      problem.compute([&](float got, int i, int j) {
        float sum = 0;
        for (int k = 0; k < problem.product.depth; ++k)
          sum = std::fma(problem.left(i, k), problem.right(k, j), sum);
        const float expected =
            problem.product.d ? std::fma(beta, problem.added(i, j), alpha * sum) : alpha * sum;
        if (fused)
          REQUIRE(got == expected);
        else
          REQUIRE(std::abs(got - expected) < 1e-5f);
      });
    }
  }
  use_instruction_set(supported_instruction_sets().front());
}

}  // namespace
}  // namespace cnn
