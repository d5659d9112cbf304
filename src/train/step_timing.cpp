#include "train/step_timing.h"

namespace cnn {

double StepTiming::forward() const {
  double sum = 0;
  for (const LayerTiming& layer : layers) sum += layer.forward;
  return sum;
}
double StepTiming::backward_data() const {
  double sum = 0;
  for (const LayerTiming& layer : layers) sum += layer.backward_data;
  return sum;
}
double StepTiming::backward_weights() const {
  double sum = 0;
  for (const LayerTiming& layer : layers) sum += layer.backward_weights;
  return sum;
}
double StepTiming::bytes() const {
  double sum = 0;
  for (const LayerTiming& layer : layers) sum += layer.bytes;
  return sum;
}
double StepTiming::flops() const {
  double sum = 0;
  for (const LayerTiming& layer : layers)
    sum += layer.forward_flops + layer.backward_data_flops + layer.backward_weights_flops;
  return sum;
}

}  // namespace cnn
