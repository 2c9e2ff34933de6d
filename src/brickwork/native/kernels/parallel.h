// Work divided among the threads of XLA's own pool.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

#include "crew.h"
#include "xla/ffi/api/ffi.h"

namespace brickwork {

// Calls work(0) ... work(count - 1), each once, on several threads, and returns when all are done.
//
// The calling thread takes part, and waits only for pieces that another thread has begun. So a pool whose threads are
// all busy, or wait in calls like this one, costs speed but never stands still. Which thread does which piece is left
// open: a kernel is deterministic if its pieces are.
template <typename Work>
void parallel_for(xla::ffi::ThreadPool& pool, int64_t count, const Work& work) {
  const int64_t threads = std::min<int64_t>(count, std::max<int64_t>(1, pool.num_threads()));
  if (threads <= 1) {
    for (int64_t i = 0; i < count; ++i) work(i);
    return;
  }
  struct Shared {
    std::atomic<int64_t> next{0};
    std::atomic<int64_t> done{0};
    std::mutex mutex;
    std::condition_variable all_done;
  };
  auto shared = std::make_shared<Shared>();
  // `work` lives until the last piece is done; a helper that comes later finds no piece and does not touch it.
  auto run = [shared, count, work = &work] {
    int64_t finished = 0;
    for (int64_t i; (i = shared->next.fetch_add(1, std::memory_order_relaxed)) < count; ++finished) (*work)(i);
    if (finished && shared->done.fetch_add(finished, std::memory_order_acq_rel) + finished == count) {
      std::lock_guard<std::mutex> lock(shared->mutex);
      shared->all_done.notify_all();
    }
  };
  for (int64_t helper = 1; helper < threads; ++helper) pool.Schedule(decltype(run)(run));
  run();
  // What is left takes about as long as one piece: look often before going to sleep.
  for (int tries = 0; tries < 20000; ++tries) {
    if (shared->done.load(std::memory_order_acquire) == count) return;
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
  }
  std::unique_lock<std::mutex> lock(shared->mutex);
  shared->all_done.wait(lock, [&] { return shared->done.load(std::memory_order_acquire) == count; });
}

// The same for work of a few microseconds on so many numbers, by threads that stay awake for a while; more work than that
// goes to XLA's.
template <typename Work>
void quick_for(xla::ffi::ThreadPool& pool, int64_t numbers, int64_t count, const Work& work) {
  constexpr int64_t kQuick = 1 << 20;
  if (numbers > kQuick || pool.num_threads() > Crew::kThreads) return parallel_for(pool, count, work);
  Crew::Turn turn(Crew::of_process(), true);
  turn.each(count, work);
}

}  // namespace brickwork
