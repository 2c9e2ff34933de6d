#include "crew.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <new>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace brickwork {
namespace {

constexpr std::chrono::microseconds kAwake{200};  // how long a helper without work stays awake

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

int64_t cores() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
#endif
  return static_cast<int64_t>(std::thread::hardware_concurrency());
}

}  // namespace

// What threads share. A process that was forked off has none of its parent's threads: it begins with a new one of these.
struct Crew::Shared {
  // Which pieces of which region nobody has taken yet: its number, the first of them, and one past the last.
  std::atomic<uint64_t> open{0};
  std::atomic<int64_t> done{0};
  Call call = nullptr;
  const void* work = nullptr;
  std::atomic<int64_t> asleep{0};
  std::mutex mutex;
  std::condition_variable woken;
  uint64_t wakings = 0;

  // Takes a piece, if there is one.
  bool take(bool last, int64_t* piece) {
    uint64_t now = open.load(std::memory_order_acquire);
    for (;;) {
      const uint64_t first = now >> 16 & 0xffff, until = now & 0xffff;
      if (first >= until) return false;
      if (open.compare_exchange_weak(now, last ? now - 1 : now + (1 << 16), std::memory_order_acq_rel,
                                     std::memory_order_acquire)) {
        *piece = static_cast<int64_t>(last ? until - 1 : first);
        return true;
      }
    }
  }

  // Does pieces as long as there are any: the region that one belongs to does not end before it is done.
  bool work_on(bool last) {
    bool any = false;
    for (int64_t piece; take(last, &piece); any = true) {
      call(work, piece);
      done.fetch_add(1, std::memory_order_acq_rel);
    }
    return any;
  }

  void help() {
    auto idle_since = std::chrono::steady_clock::now();
    for (int64_t looks = 0;; ++looks) {
      if (work_on(true)) {
        looks = 0;
        continue;
      }
      pause();
      if (looks % 64 != 63) continue;
      std::this_thread::yield();  // to threads of XLA's that want this core
      const auto now = std::chrono::steady_clock::now();
      if (looks < 64) idle_since = now;
      if (now - idle_since < kAwake) continue;
      std::unique_lock<std::mutex> lock(mutex);
      const uint64_t before = wakings;
      asleep.fetch_add(1);
      woken.wait(lock, [&] { return wakings != before; });
      asleep.fetch_sub(1);
      looks = 0;
    }
  }

  void wake() {
    {
      std::lock_guard<std::mutex> lock(mutex);
      ++wakings;
    }
    woken.notify_all();
  }
};

Crew& Crew::of_process() {
  static Crew* crew = [] {
    Crew* made = new Crew;  // never destroyed: helpers may look for work as long as the process lives
    pthread_atfork(nullptr, nullptr, [] {
      Crew& own = of_process();
      new (&own.turn_) std::mutex;
      own.shared_.store(nullptr);
      own.helpers_ = -1;
    });
    return made;
  }();
  return *crew;
}

// Starts the helpers when they are first asked for; with fewer, or none, if the system refuses.
void Crew::start() {
  if (helpers_ >= 0) return;
  helpers_ = 0;
  Shared* shared = new Shared;
  shared_.store(shared);
  const int64_t wanted = std::min(cores(), kThreads) - 1;
  try {
    for (; helpers_ < wanted; ++helpers_) std::thread([shared] { shared->help(); }).detach();
  } catch (const std::exception&) {
  }
}

Crew::Turn::Turn(Crew& crew, bool wake) {
  if (!crew.turn_.try_lock()) return;
  crew.start();
  if (crew.helpers_ == 0) {
    crew.turn_.unlock();
    return;
  }
  crew_ = &crew, threads_ = 1 + crew.helpers_;
  Shared* shared = crew.shared_.load();
  if (wake && shared->asleep.load() > 0) shared->wake();
}

Crew::Turn::~Turn() {
  if (crew_ != nullptr) crew_->turn_.unlock();
}

void Crew::share(int64_t pieces, Call call, const void* work) {
  Shared& shared = *shared_.load(std::memory_order_relaxed);
  shared.done.store(0, std::memory_order_relaxed);
  shared.call = call;
  shared.work = work;
  const uint64_t region = (shared.open.load(std::memory_order_relaxed) >> 32) + 1;
  shared.open.store(region << 32 | static_cast<uint64_t>(pieces), std::memory_order_release);
  shared.work_on(false);
  for (int64_t looks = 0; shared.done.load(std::memory_order_acquire) < pieces; ++looks)
    looks < 20000 ? pause() : std::this_thread::yield();  // a helper that the system has interrupted needs the core
}

}  // namespace brickwork
