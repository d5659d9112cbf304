#include "core/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "core/error.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace cnn {
namespace {

/// Tells the core that it waits: less power, and more of the core for its other thread.
inline void pause() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__)
  // Not `yield`, which most cores take for nothing, so that all spins would be over in a microsecond. Rust's
  // std::hint::spin_loop chose the same.
  asm volatile("isb" ::: "memory");
#endif
}

/// About 50 microseconds: longer than the serial part between two loops of a step, far shorter than what a
/// sleep and a wake-up cost when the machine is shared.
constexpr int kSpins = 2000;

constexpr std::uint32_t kClosed = 1u << 31;

}  // namespace

struct ThreadPool::Shared {
  // The loop that is running. Written by worker 0 while the loop is closed, read by those who got in.
  Function function = nullptr;
  void* context = nullptr;
  struct alignas(64) Share {
    std::atomic<std::int64_t> next{0};
    std::int64_t end = 0;
  };
  std::vector<Share> shares;  // of each worker
  alignas(64) std::atomic<std::uint32_t> generation{0};
  // Workers besides worker 0 that are in the loop, and kClosed. A worker that comes when the work is done
  // finds the loop closed, and nobody has waited for it: where cores are shared it may come milliseconds
  // late.
  alignas(64) std::atomic<std::uint32_t> inside{kClosed};
  std::atomic<bool> stop{false};
  std::mutex error_mutex;
  std::exception_ptr error;
  std::vector<std::thread> workers;

  void work(int worker) {
    const int count = static_cast<int>(shares.size());
    for (int i = 0; i < count; ++i) {
      Share& share = shares[static_cast<std::size_t>((worker + i) % count)];
      for (std::int64_t index; (index = share.next.fetch_add(1, std::memory_order_relaxed)) < share.end;) {
        try {
          function(context, index, worker);
        } catch (...) {
          for (Share& any : shares) any.next.store(any.end, std::memory_order_relaxed);  // no more work
          const std::lock_guard lock(error_mutex);
          if (!error) error = std::current_exception();
        }
      }
    }
  }

  void end() {
    stop.store(true, std::memory_order_relaxed);
    generation.fetch_add(1, std::memory_order_release);
    generation.notify_all();
    for (std::thread& thread : workers) thread.join();
  }

  void serve(int worker) {
    std::uint32_t seen = 0;
    for (;;) {
      std::uint32_t now = generation.load(std::memory_order_acquire);
      for (int spin = 0; now == seen; now = generation.load(std::memory_order_acquire)) {
        if (++spin < kSpins) {
          pause();
        } else {
          generation.wait(seen, std::memory_order_acquire);
        }
      }
      seen = now;
      if (stop.load(std::memory_order_relaxed)) return;
      const bool open = (inside.fetch_add(1, std::memory_order_acq_rel) & kClosed) == 0;
      if (open) work(worker);
      if (inside.fetch_sub(1, std::memory_order_acq_rel) == kClosed + 1) inside.notify_one();
    }
  }
};

ThreadPool::ThreadPool(int threads) : shared_(std::make_unique<Shared>()), threads_(threads) {
  CNN_CHECK(threads >= 1, "threads = {}", threads);
  shared_->shares = std::vector<Shared::Share>(static_cast<std::size_t>(threads));
  try {
    for (int worker = 1; worker < threads; ++worker)
      shared_->workers.emplace_back([shared = shared_.get(), worker] { shared->serve(worker); });
  } catch (const std::exception& error) {  // no thread, or no memory for it
    const std::size_t started = shared_->workers.size() + 1;
    shared_->end();
    fail("the system allows only {} of {} threads ({}); use --threads {}", started, threads, error.what(),
         started);
  }
}

ThreadPool::~ThreadPool() { shared_->end(); }

void ThreadPool::run(std::int64_t count, Function function, void* context) {
  Shared& s = *shared_;
  s.function = function;
  s.context = context;
  for (std::int64_t worker = 0; worker < threads_; ++worker) {
    Shared::Share& share = s.shares[static_cast<std::size_t>(worker)];
    share.next.store(count * worker / threads_, std::memory_order_relaxed);
    share.end = count * (worker + 1) / threads_;
  }
  if (threads_ > 1 && count > 1) {
    s.inside.fetch_and(~kClosed, std::memory_order_release);
    s.generation.fetch_add(1, std::memory_order_release);
    s.generation.notify_all();
    s.work(0);
    std::uint32_t now = s.inside.fetch_or(kClosed, std::memory_order_acq_rel) | kClosed;
    for (int spin = 0; now != kClosed; now = s.inside.load(std::memory_order_acquire)) {
      if (++spin < kSpins) {
        pause();
      } else {
        s.inside.wait(now, std::memory_order_acquire);
      }
    }
  } else {
    s.work(0);
  }
  if (s.error) std::rethrow_exception(std::exchange(s.error, nullptr));
}

}  // namespace cnn
