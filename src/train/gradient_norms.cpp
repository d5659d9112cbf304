#include "train/gradient_norms.h"

#include <cmath>
#include <limits>
#include <map>

namespace cnn {

std::vector<double> gradient_norms(Network& network, std::span<const float> gradients) {
  const std::span<const float> parameters = network.parameters();
  std::map<std::string, double>
      squares;  // by the layer's name: the part of a tensor's name before the first dot
  for (const Tensor& tensor : network.tensors()) {
    const float* first = tensor.values.data();
    if (first < parameters.data() || first >= parameters.data() + parameters.size()) continue;  // a statistic
    double& sum = squares[tensor.name.substr(0, tensor.name.find('.'))];
    for (const float g :
         gradients.subspan(static_cast<std::size_t>(first - parameters.data()), tensor.values.size()))
      sum += static_cast<double>(g) * g;
  }
  std::vector<double> norms;
  for (const LayerSummary& layer : network.layers()) {
    const auto found = squares.find(layer.name);
    norms.push_back(found == squares.end() ? std::numeric_limits<double>::quiet_NaN()
                                           : std::sqrt(found->second));
  }
  return norms;
}

}  // namespace cnn
