#pragma once

#include <string>
#include <vector>

namespace cnn {

/// One entry of a network in a training step. Times are seconds of one worker for one image.
struct LayerTiming {
  std::string name, type;
  double forward = 0, backward_data = 0, backward_weights = 0;
  /// Floating-point operations of one image (two for a multiply-add) in each direction, 0 where there are
  /// none: only convolutions and dense layers count.
  double forward_flops = 0, backward_data_flops = 0, backward_weights_flops = 0;
  /// Of one image in all directions: what the layer reads and writes, every buffer once a call.
  double bytes = 0;
};

/// What training would reach with another number of threads (nn/step_forecast.h).
struct ThreadsForecast {
  int threads = 1;
  double images_per_second = 0;
  double bytes_per_second = 0;  ///< from and to memory, beyond what a core's own cache holds
  /// The smallest batch with which twice the threads are 1.5 times as fast; 0: none up to kLargestForecast.
  int batch_for_double = 0;
};
inline constexpr int kLargestForecast = 1024;

/// Where the time of a training step goes.
struct StepTiming {
  std::vector<LayerTiming> layers;
  // Seconds of one worker for one image.
  double data = 0;       ///< filling blocks with images
  double loss = 0;       ///< softmax, cross-entropy and its gradient
  double summing = 0;    ///< adding up the gradients of the leaves
  double optimizer = 0;  ///< the update, and packing the weights for the next step
  double waiting = 0;    ///< for other workers, and all time not booked elsewhere
  int threads = 1;
  double images_per_second = 0;
  double evaluation_images_per_second = 0;
  /// What the FMA loop reached in turns with the steps: the median of single threads, times their number.
  double peak_gflops = 0;
  /// What a loop that copies more than a core's own caches hold moved in turns with the steps, on all threads
  /// at once, read and written: the median of single threads, times their number.
  double copy_bytes_per_second = 0;
  int batch = 0;
  std::vector<ThreadsForecast> forecast;  ///< for 1, 2, 4, ..., 64 threads, at this batch

  double forward() const;
  double backward_data() const;
  double backward_weights() const;
  double flops() const;  ///< of one image, all directions
  double bytes() const;  ///< likewise
};

}  // namespace cnn
