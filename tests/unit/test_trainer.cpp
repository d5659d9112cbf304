// What a trainer refuses before it begins.
#include "catch.h"
#include "core/error.h"
#include "network_fixture.h"
#include "train/trainer.h"

namespace cnn {
namespace {

/// Begins a training of so many images, 1x4x4 each, without a step.
void begin(NetworkSpec network_spec, int images, int batch_size, bool drop_last) {
  name_entries(network_spec);
  ThreadPool pool(1);
  Network network(network_spec, {1, 4, 4}, 2, batch_size);
  TrainingSpec spec;
  spec.epochs = 1;
  spec.batch_size = batch_size;
  spec.drop_last = drop_last;
  spec.optimizer = SgdSpec{.learning_rate = 0.1};
  ImageSet set;
  set.labels.resize(static_cast<std::size_t>(images));
  Trainer(network, pool, spec, 1, set, nullptr);
}

TEST_CASE("a batch norm over single values refuses a batch of one image", "[train]") {
  const NetworkSpec flat = chain(FlattenSpec(), dense(3), BatchNormSpec(), dense(2)),
                    maps = chain(BatchNormSpec(), FlattenSpec(), dense(2));
  CHECK_THROWS_WITH(begin(flat, 9, 4, false), ContainsSubstring("layer2 normalizes single values") &&
                                                  ContainsSubstring("9 training images"));
  CHECK_THROWS_AS(begin(flat, 8, 1, false), Error);
  CHECK_THROWS_AS(begin(flat, 8, 1, true), Error);
  begin(flat, 9, 4, true);
  begin(flat, 8, 4, false);
  begin(flat, 10, 4, false);
  begin(maps, 9, 4, false);
}

}  // namespace
}  // namespace cnn
