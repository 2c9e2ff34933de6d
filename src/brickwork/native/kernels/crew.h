// Threads for work of microseconds: they look for the next piece for a while before they go to sleep.
//
// XLA's pool soon puts its threads to sleep, and waking one takes longer than a small convolution. Here the thread that
// asks publishes a region of pieces and takes them from the front; helpers that are awake take them from the back, so that
// the same thread tends to do the same pieces of every call and finds their weights in its own cache. What nobody helps
// with the asking thread does alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace brickwork {

class Crew {
 public:
  static constexpr int64_t kThreads = 8;  // at most: pieces are small

  // The crew of this process, with a helper for every further core that the process may use, up to a few.
  static Crew& of_process();

  // Holds the crew for one caller, and wakes its helpers; a second caller meanwhile works alone.
  class Turn {
   public:
    Turn(Crew& crew, bool wake);
    Turn() = default;  // of one who works alone
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    int64_t threads() const { return threads_; }

    // Calls work(0) ... work(pieces - 1), each once, and returns when all are done.
    template <typename Work>
    void each(int64_t pieces, const Work& work) {
      if (pieces < 2 || threads_ < 2 || pieces > kMost) {
        for (int64_t i = 0; i < pieces; ++i) work(i);
        return;
      }
      crew_->share(pieces, [](const void* one, int64_t piece) { (*static_cast<const Work*>(one))(piece); }, &work);
    }

   private:
    Crew* crew_ = nullptr;
    int64_t threads_ = 1;
  };

 private:
  using Call = void (*)(const void*, int64_t);

  static constexpr int64_t kMost = (1 << 16) - 1;  // pieces of a region

  struct Shared;

  void share(int64_t pieces, Call call, const void* work);
  void start();

  std::mutex turn_;
  std::atomic<Shared*> shared_{nullptr};
  int64_t helpers_ = -1;
};

}  // namespace brickwork
