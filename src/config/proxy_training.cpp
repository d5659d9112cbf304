#include "config/proxy_training.h"

#include "config/training_table.h"

namespace cnn {

TrainingSpec proxy_training(const TrainingSpec& training) {
  TrainingSpec proxy;
  for (const Field<TrainingSpec>& field : training_kind()->fields())
    if (field.proxy_inherits.value_or(false)) field.copy(training, proxy);
  proxy.epochs = training.filter->epochs;
  return proxy;
}

}  // namespace cnn
