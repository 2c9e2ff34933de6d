// A program that answers rows one by one: made from numbers, and called from Python with arrays as they are.

#include <atomic>
#include <cstring>
#include <iterator>
#include <vector>

#include "../scratch.h"
#include "step.h"

namespace brickwork::inference {
namespace {

// Of Python's stable interface: what this needs of it, given when the library is loaded. No header of Python has to be
// there when the kernels are built, and one library serves all versions.
struct Buffer {  // Py_buffer, whose layout is part of the stable interface from 3.11 on
  void* data;
  void* owner;
  int64_t bytes, item_bytes;
  int read_only, axes;
  char* format;
  int64_t *shape, *strides, *suboffsets;
  void* internal;
};

struct Python {
  int (*get_buffer)(void*, Buffer*, int);
  void (*release_buffer)(Buffer*);
  void (*clear_error)();
  void* (*release_lock)();
  void (*take_lock)(void*);
};

Python python;

constexpr int kReadable = 0, kWritable = 1;  // PyBUF_SIMPLE and PyBUF_WRITABLE: numbers one behind the other

// An array of Python's, held while it is used.
class Held {
 public:
  Held(void* object, int how) : there_(python.get_buffer(object, &buffer_, how) == 0) {
    if (!there_) python.clear_error();
  }
  ~Held() {
    if (there_) python.release_buffer(&buffer_);
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  bool is(int64_t numbers) const { return there_ && buffer_.bytes == numbers * static_cast<int64_t>(sizeof(float)); }
  float* numbers() const { return static_cast<float*>(buffer_.data); }

 private:
  Buffer buffer_;
  bool there_;
};

// Lets other threads of Python's work meanwhile.
class WithoutLock {
 public:
  explicit WithoutLock(bool so) : state_(so ? python.release_lock() : nullptr) {}
  ~WithoutLock() {
    if (state_ != nullptr) python.take_lock(state_);
  }
  WithoutLock(const WithoutLock&) = delete;
  WithoutLock& operator=(const WithoutLock&) = delete;

 private:
  void* state_;
};

constexpr int64_t kQuick = 1 << 18;  // multiplications of a call for which Python's lock is kept: it takes some microseconds
constexpr int64_t kWorthWaking = 1 << 20;  // and from which on a sleeping helper is woken

constexpr int64_t kPieces = 1 << 12;  // most pieces that rows are divided into

class Program {
 public:
  Program(const int64_t* code, int64_t count, const float* constants) {
    using Reading = Made (*)(Reader&, const float*);
    constexpr Reading kKinds[] = {product, convolution, pooling, reduction, elementwise};
    Reader reader(code, count);
    input_ = reader.next(), output_ = reader.next(), between_ = reader.next(), work_ = reader.next();
    const int64_t kept = reader.next();  // constants that are read at every run come first
    constants_.assign(constants, constants + kept);
    while (!reader.done()) {
      const int64_t kind = reader.next();
      if (kind < 0 || kind >= static_cast<int64_t>(std::size(kKinds))) throw std::invalid_argument("no such step");
      steps_.push_back(kKinds[kind](reader, constants));
    }
  }

  enum Found { kDone, kWrongSize, kNotFinite, kFailed };

  Found answer(void* question, void* result, int64_t rows) {
    const Held input(question, kReadable), output(result, kWritable);
    if (!input.is(rows * input_) || !output.is(rows * output_)) return kWrongSize;
    const WithoutLock others(work_ * rows >= kQuick);
    return run(input.numbers(), output.numbers(), rows) ? kDone : kNotFinite;
  }

 private:
  // Few rows are divided among threads step by step, more of them row by row. Tells whether all were finite.
  bool run(const float* input, float* output, int64_t rows) const {
    Crew::Turn turn(Crew::of_process(), work_ * rows >= kWorthWaking);
    std::atomic<bool> all{true};
    const auto answer = [&](int64_t from, int64_t until, Crew::Turn& own) {
      for (int64_t row = from; row < until && all.load(std::memory_order_relaxed); ++row)
        if (!one(input + row * input_, output + row * output_, own)) all.store(false);
    };
    if (rows < 2 * turn.threads()) {
      answer(0, rows, turn);
      return all;
    }
    const int64_t pieces = std::min(rows, kPieces);
    turn.each(pieces, [&](int64_t piece) {
      Crew::Turn alone;
      answer(rows * piece / pieces, rows * (piece + 1) / pieces, alone);
    });
    return all;
  }

  bool one(const float* input, float* output, Crew::Turn& turn) const {
    if (!finite(input, input_)) return false;
    thread_local Scratch room;
    const Memory memory{room.room<float>(between_), constants_.data(), input, output};
    for (const Made& step : steps_) step->run(memory, turn);
    return true;
  }

  // Tells whether no number is infinite or nan: 0 times it is 0 then.
  static bool finite(const float* numbers, int64_t count) {
    Vector sum = {};
    each_vector(count, [&](int64_t i, int64_t some) { sum += 0.0f * get(numbers + i, some); });
    return sum_of(sum) == 0.0f;
  }

  int64_t input_, output_, between_, work_;
  Kept constants_;
  std::vector<Made> steps_;
};

}  // namespace
}  // namespace brickwork::inference

#pragma GCC visibility push(default)
extern "C" {

// Takes the functions of `Python` above, in their order.
void brickwork_inference_python(void* const* functions) {
  std::memcpy(static_cast<void*>(&brickwork::inference::python), functions, sizeof(brickwork::inference::Python));
}

// Makes a program; nothing if it makes no sense or there is no memory for it.
void* brickwork_inference_new(const int64_t* code, int64_t count, const float* constants) {
  try {
    return new brickwork::inference::Program(code, count, constants);
  } catch (const std::exception&) {
    return nullptr;
  }
}

void brickwork_inference_free(void* program) { delete static_cast<brickwork::inference::Program*>(program); }

int brickwork_inference_run(void* program, void* question, void* answer, int64_t rows) {
  try {
    return static_cast<brickwork::inference::Program*>(program)->answer(question, answer, rows);
  } catch (const std::exception&) {  // no memory
    return brickwork::inference::Program::kFailed;
  }
}
}
#pragma GCC visibility pop
