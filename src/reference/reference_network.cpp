#include "reference/reference_network.h"

namespace cnn::reference {

template class Network<std::complex<double>>;

}  // namespace cnn::reference
