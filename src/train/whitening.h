#pragma once

#include <vector>

#include "core/thread_pool.h"
#include "nn/network.h"
#include "train/image_set.h"

namespace cnn {

/// Makes the first convolution's weight from images, if network.whitening() asks for it; else does nothing.
///
/// With C = mean of p p^T over all windows p (no stride, no padding, not centered) of up to 5,000 images
/// spread evenly over the set, and its eigenvectors e_1, e_2, ... of falling eigenvalues v_1, v_2, ...:
/// filter i is e_i / sqrt(v_i + 0.0005) for the first half (rounded up) of the output channels, and the
/// negatives of these for the second half. The outputs of the first half are then decorrelated and of
/// variance 1 (K. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", arXiv:2404.00498, section 3.1).
/// An eigenvector's sign makes its largest component positive. The result does not depend on the number of
/// threads.
void whiten(Network& network, const ImageSet& images, ThreadPool& pool);

/// Eigenvectors of a symmetric matrix.
struct Eigen {
  std::vector<double> values;   ///< falling
  std::vector<double> vectors;  ///< [n][n], one a row, of length 1; the component of largest size is positive
};
/// matrix: [n][n]. By Jacobi's rotations.
Eigen eigen_of_symmetric(std::vector<double> matrix, int n);

}  // namespace cnn
