#include "train/whitening.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/block.h"
#include "core/error.h"

namespace cnn {
namespace {

constexpr std::int64_t kMostImages = 5000;
constexpr double kEps = 5e-4;
/// Sums that are added up in order, whatever the number of threads: results do not depend on it.
constexpr std::int64_t kParts = 16;

/// One rotation in the plane of p and q that makes a[p][q] zero (G. Golub, C. Van Loan, "Matrix
/// Computations", section 8.5.2).
void rotate(std::vector<double>& a, std::vector<double>& vectors, int n, int p, int q) {
  const double apq = a[p * n + q];
  if (apq == 0) return;
  const double tau = (a[q * n + q] - a[p * n + p]) / (2 * apq);
  const double t = (tau >= 0 ? 1 : -1) / (std::abs(tau) + std::sqrt(1 + tau * tau));
  const double c = 1 / std::sqrt(1 + t * t), s = t * c;
  const auto turn = [&](double& x, double& y) {
    const double old = x;
    x = c * old - s * y;
    y = s * old + c * y;
  };
  for (int k = 0; k < n; ++k) turn(a[k * n + p], a[k * n + q]);
  for (int k = 0; k < n; ++k) turn(a[p * n + k], a[q * n + k]);
  for (int k = 0; k < n; ++k) turn(vectors[p * n + k], vectors[q * n + k]);
}

double sum_of_squares_beside_diagonal(const std::vector<double>& a, int n) {
  double sum = 0;
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j)
      if (i != j) sum += a[i * n + j] * a[i * n + j];
  return sum;
}

/// The windows of one block: where in the block each of the window's values is, and how many windows there
/// are.
struct Windows {
  std::vector<std::int64_t> offsets;
  int rows, cols;

  Windows(const BlockView<float>& x, Size2 kernel, Size2 dilation)
      : rows(x.h - dilation.h * (kernel.h - 1)), cols(x.w - dilation.w * (kernel.w - 1)) {
    for (int c = 0; c < x.c; ++c)
      for (int kh = 0; kh < kernel.h; ++kh)
        for (int kw = 0; kw < kernel.w; ++kw)
          offsets.push_back(x.at(c, kh * dilation.h, kw * dilation.w) - x.data);
  }

  /// sum[i][j] += p_i p_j over all windows and lanes, for j <= i. Empty lanes hold zeros.
  void add_products(const BlockView<float>& x, std::vector<double>& sum) const {
    const std::size_t n = offsets.size();
    std::vector<double> window(n * kLanes);
    for (int h = 0; h < rows; ++h) {
      for (int w = 0; w < cols; ++w) {
        const float* corner = x.at(0, h, w);
        for (std::size_t i = 0; i < n; ++i) std::copy_n(corner + offsets[i], kLanes, &window[i * kLanes]);
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t j = 0; j <= i; ++j)
            for (int lane = 0; lane < kLanes; ++lane)
              sum[(i * n + j) * kLanes + static_cast<std::size_t>(lane)] +=
                  window[i * kLanes + static_cast<std::size_t>(lane)] *
                  window[j * kLanes + static_cast<std::size_t>(lane)];
      }
    }
  }
};

/// [n][n], the mean over all windows of the images.
std::vector<double> covariance(const Shape& input, Size2 kernel, Size2 dilation, const ImageSet& images,
                               ThreadPool& pool) {
  const std::int64_t count = std::min(images.size(), kMostImages), blocks = blocks_of(count);
  const auto n = static_cast<std::size_t>(input.c * kernel.h * kernel.w);
  std::vector<std::vector<double>> parts(kParts);
  std::int64_t windows_of_image = 0;
  if (images.will_need) {
    std::vector<std::int64_t> all(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) all[static_cast<std::size_t>(i)] = i * images.size() / count;
    images.will_need(all);
  }
  pool.parallel_for(kParts, [&](std::int64_t part, int worker) {
    std::vector<double>& sum = parts[static_cast<std::size_t>(part)];
    sum.assign(n * n * kLanes, 0);
    AlignedBuffer buffer(input.values() * kLanes);
    const BlockView<float> x{buffer.data(), input.c, input.h,
                             input.w,       input.w, std::int64_t{input.h} * input.w};
    const Windows windows(x, kernel, dilation);
    if (part == 0) windows_of_image = std::int64_t{windows.rows} * windows.cols;
    for (std::int64_t block = part * blocks / kParts; block < (part + 1) * blocks / kParts; ++block) {
      std::vector<std::int64_t> chosen;
      for (std::int64_t i = block * kLanes; i < std::min(count, (block + 1) * kLanes); ++i)
        chosen.push_back(i * images.size() / count);
      images.fill(chosen, 0, worker, x);
      windows.add_products(x, sum);
    }
  });
  std::vector<double> mean(n * n);
  const double total = static_cast<double>(count * windows_of_image);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (const std::vector<double>& part : parts)
        for (std::size_t lane = 0; lane < kLanes; ++lane) sum += part[(i * n + j) * kLanes + lane];
      mean[i * n + j] = mean[j * n + i] = sum / total;
    }
  }
  return mean;
}

}  // namespace

Eigen eigen_of_symmetric(std::vector<double> a, int n) {
  std::vector<double> vectors(a.size());
  for (int i = 0; i < n; ++i) vectors[i * n + i] = 1;
  double all = 0;
  for (const double value : a) all += value * value;
  // Convergence is quadratic at the end: 6 to 10 sweeps do.
  for (int sweep = 0; sweep < 60 && sum_of_squares_beside_diagonal(a, n) > 1e-30 * all; ++sweep)
    for (int p = 0; p < n; ++p)
      for (int q = p + 1; q < n; ++q) rotate(a, vectors, n, p, q);

  std::vector<int> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](int i, int j) { return a[i * n + i] > a[j * n + j]; });
  Eigen eigen;
  for (const int row : order) {
    eigen.values.push_back(a[row * n + row]);
    const auto begin = vectors.begin() + row * n, end = begin + n;
    const double largest =
        *std::max_element(begin, end, [](double x, double y) { return std::abs(x) < std::abs(y); });
    for (auto v = begin; v != end; ++v) eigen.vectors.push_back(largest < 0 ? -*v : *v);
  }
  return eigen;
}

void whiten(Network& network, const ImageSet& images, ThreadPool& pool) {
  if (!network.whitening()) return;
  const Tensor& weight = *network.find(network.whitening()->tensor);
  const Size2 kernel{static_cast<int>(weight.shape[2]), static_cast<int>(weight.shape[3])};
  const auto patch = static_cast<std::size_t>(weight.shape[1]) * kernel.h * kernel.w;
  const Eigen eigen =
      eigen_of_symmetric(covariance(network.input(), kernel, network.whitening()->dilation, images, pool),
                         static_cast<int>(patch));
  const auto outputs = static_cast<std::size_t>(weight.shape[0]), half = (outputs + 1) / 2;
  for (std::size_t output = 0; output < outputs; ++output) {
    const std::size_t i = output % half;
    const double factor = (output < half ? 1 : -1) / std::sqrt(std::max(eigen.values[i], 0.0) + kEps);
    for (std::size_t k = 0; k < patch; ++k)
      weight.values[output * patch + k] = static_cast<float>(factor * eigen.vectors[i * patch + k]);
  }
}

}  // namespace cnn
