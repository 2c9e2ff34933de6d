// The steps of a program that answers: each computes one array from others, all in float32 and of one row.
//
// A program is written as numbers, one step behind the other: which step, and what it needs to know. A step lays its
// weights out as its loops read them when the program is made; running it touches only what depends on the row.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <stdexcept>
#include <vector>

#include "../vector.h"
#include "../crew.h"

namespace brickwork::inference {

// Numbers that begin where a line of the caches does, so that no vector lies across two.
template <typename Number>
struct Lined {
  using value_type = Number;
  static constexpr std::align_val_t kLine{64};

  Lined() = default;
  template <typename Other>
  Lined(const Lined<Other>&) {}

  Number* allocate(size_t count) { return static_cast<Number*>(::operator new(count * sizeof(Number), kLine)); }
  void deallocate(Number* at, size_t) { ::operator delete(at, kLine); }
  bool operator==(const Lined&) const { return true; }
  bool operator!=(const Lined&) const { return false; }
};
using Kept = std::vector<float, Lined<float>>;

// Where the numbers of a run are: between steps, of the program, of the question, of the answer.
struct Memory {
  float* between;
  const float* constants;
  const float* input;
  float* output;
};

// Where an array begins: in one of the four, or nowhere. Written as 4 times the place, and which of them; -1 for nowhere.
class Address {
 public:
  explicit Address(int64_t written) : written_(written) {}

  bool none() const { return written_ < 0; }
  const float* read(const Memory& memory) const {
    if (none()) return nullptr;
    const float* const of[4] = {memory.between, memory.constants, memory.input, memory.output};
    return of[written_ & 3] + (written_ >> 2);
  }
  float* write(const Memory& memory) const { return const_cast<float*>(read(memory)); }

 private:
  int64_t written_;
};

// Reads a written program.
class Reader {
 public:
  Reader(const int64_t* from, int64_t count) : at_(from), end_(from + count) {}

  bool done() const { return at_ == end_; }
  int64_t next() {
    if (done()) throw std::invalid_argument("the program ends within a step");
    return *at_++;
  }
  Address address() { return Address(next()); }

 private:
  const int64_t *at_, *end_;
};

struct Step {
  virtual ~Step() = default;
  virtual void run(const Memory& memory, Crew::Turn& turn) const = 0;
};

using Made = std::unique_ptr<Step>;

// What is done to sums before they are stored: a bias for each column, an array that is added, relu.
struct Finish {
  Address added;
  bool relu;

  explicit Finish(Reader& code) : added(code.address()), relu(code.next() != 0) {}

  Vector operator()(Vector sum, Vector bias, const float* add, int64_t count) const {
    sum += bias;
    if (add != nullptr) sum += get(add, count);
    return relu ? (sum < 0.0f ? Vector{} : sum) : sum;
  }
};

// How many multiplications are worth the time to tell another thread about them.
constexpr int64_t kShared = 1 << 16;

// Readers of each kind of step; those with weights read them from the program's constants.
Made product(Reader& code, const float* constants);
Made convolution(Reader& code, const float* constants);
Made pooling(Reader& code, const float* constants);
Made reduction(Reader& code, const float* constants);
Made elementwise(Reader& code, const float* constants);

}  // namespace brickwork::inference
