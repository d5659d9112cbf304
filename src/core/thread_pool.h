#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace cnn {

/// A fixed team of workers. The calling thread is worker 0; the others wait between loops, at first by
/// spinning (a training step has several short loops), then asleep. Nothing is allocated per loop.
class ThreadPool {
 public:
  /// threads >= 1, the calling thread included.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  /// Calls task(index, worker) once for every index in [0, count), worker in [0, threads()); returns when all
  /// are done. Each worker has a share, [count * worker / threads, count * (worker + 1) / threads), and works
  /// through it in ascending order, then helps with what is left of the others': in loops over the same
  /// things most of a thing's data are still in its worker's cache. Who got which is not determined; a worker
  /// that comes late may get nothing and is not waited for, one that has begun is. The first exception is
  /// rethrown here after the others have finished. One loop at a time; must not be nested.
  template <class Task>
  void parallel_for(std::int64_t count, Task&& task) {
    run(
        count,
        [](void* context, std::int64_t index, int worker) {
          (*static_cast<std::remove_reference_t<Task>*>(context))(index, worker);
        },
        const_cast<void*>(static_cast<const void*>(&task)));
  }

 private:
  using Function = void (*)(void* context, std::int64_t index, int worker);
  void run(std::int64_t count, Function function, void* context);

  struct Shared;
  std::unique_ptr<Shared> shared_;
  int threads_;
};

}  // namespace cnn
