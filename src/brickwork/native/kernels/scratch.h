// Memory that a thread keeps from call to call for what it lays out on the way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace brickwork {

// Grows when more is asked for and is never given back before the thread ends: asking costs nothing then.
class Scratch {
 public:
  ~Scratch() { std::free(memory_); }
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  // Returns room for so many numbers, aligned for any vector, holding anything.
  template <typename Number>
  Number* room(int64_t count) {
    const size_t bytes = (static_cast<size_t>(count) * sizeof(Number) + 63) / 64 * 64 + 64;
    if (bytes > size_) {
      std::free(memory_);
      size_ = 0;
      memory_ = std::aligned_alloc(64, bytes);
      if (memory_ == nullptr) throw std::bad_alloc();
      size_ = bytes;
    }
    return static_cast<Number*>(memory_);
  }

 private:
  void* memory_ = nullptr;
  size_t size_ = 0;
};

}  // namespace brickwork
