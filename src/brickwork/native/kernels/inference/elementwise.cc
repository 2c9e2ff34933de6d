// Number by number, of one, two or three arrays that are read in any order: y[i...] = function(a[i...], b[i...], c[i...]).
//
// How far apart an array's numbers are along each axis is written in the program: 0 where the same number serves a whole axis.

#include <cmath>
#include <vector>

#include "../functions.h"
#include "step.h"

namespace brickwork::inference {
namespace {

constexpr int kOperands = 3;

using Function = Vector (*)(Vector, Vector, Vector);

template <float (*Of)(float)>
Vector one_by_one(Vector a, Vector, Vector) {
  for (int64_t i = 0; i < kWidth; ++i) a[i] = Of(a[i]);
  return a;
}

template <float (*Of)(float, float)>
Vector two_by_two(Vector a, Vector b, Vector) {
  for (int64_t i = 0; i < kWidth; ++i) a[i] = Of(a[i], b[i]);
  return a;
}

inline Vector truth(Integers yes) { return yes ? filled(1.0f) : Vector{}; }
inline Vector known(Vector a, Vector b, Vector chosen) { return a != a ? a : b != b ? b : chosen; }
inline float inverse_root(float a) { return 1.0f / std::sqrt(a); }
inline float sign(float a) { return a > 0 ? 1.0f : a < 0 ? -1.0f : a; }

// In the order in which Python names them.
constexpr Function kFunctions[] = {
    [](Vector a, Vector, Vector) { return a; },                                     // copy
    [](Vector a, Vector, Vector) { return -a; },                                    // neg
    [](Vector a, Vector, Vector) { return magnitude(a); },                          // abs
    one_by_one<sign>,                                                               // sign
    [](Vector a, Vector, Vector) { return exp(a); },                                // exp
    one_by_one<std::expm1>,                                                         // expm1
    one_by_one<std::log>,                                                           // log
    one_by_one<std::log1p>,                                                         // log1p
    [](Vector a, Vector, Vector) { return tanh(a); },                               // tanh
    [](Vector a, Vector, Vector) { return sigmoid(a); },                            // logistic
    one_by_one<std::erf>,                                                           // erf
    one_by_one<std::erfc>,                                                          // erfc
    one_by_one<std::sin>,                                                           // sin
    one_by_one<std::cos>,                                                           // cos
    one_by_one<std::sqrt>,                                                          // sqrt
    one_by_one<inverse_root>,                                                       // rsqrt
    [](Vector a, Vector b, Vector) { return a + b; },                               // add
    [](Vector a, Vector b, Vector) { return a - b; },                               // sub
    [](Vector a, Vector b, Vector) { return a * b; },                               // mul
    [](Vector a, Vector b, Vector) { return a / b; },                               // div
    [](Vector a, Vector b, Vector) { return known(a, b, larger(a, b)); },           // max
    [](Vector a, Vector b, Vector) { return known(a, b, smaller(a, b)); },          // min
    two_by_two<std::pow>,                                                           // pow
    [](Vector a, Vector b, Vector) { return truth(a > b); },                        // gt
    [](Vector a, Vector b, Vector) { return truth(a >= b); },                       // ge
    [](Vector a, Vector b, Vector) { return truth(a < b); },                        // lt
    [](Vector a, Vector b, Vector) { return truth(a <= b); },                       // le
    [](Vector a, Vector b, Vector) { return truth(a == b); },                       // eq
    [](Vector a, Vector b, Vector) { return truth(a != b); },                       // ne
    [](Vector which, Vector no, Vector yes) { return which != 0.0f ? yes : no; },  // select_n
};

constexpr int64_t kCount = sizeof(kFunctions) / sizeof(kFunctions[0]);

class Elementwise final : public Step {
 public:
  explicit Elementwise(Reader& code) : y_(code.address()) {
    const int64_t function = code.next(), axes = code.next();
    if (function < 0 || function >= kCount || axes < 1) throw std::invalid_argument("no such function of numbers");
    function_ = kFunctions[function];
    for (int64_t a = 0; a < axes; ++a) sizes_.push_back(code.next());
    for (int64_t a = 0; a < axes; ++a) y_steps_.push_back(code.next());
    for (Operand& one : operands_) {
      one.at = code.address();
      for (int64_t a = 0; a < axes; ++a) one.steps.push_back(code.next());
    }
  }

  void run(const Memory& memory, Crew::Turn& turn) const override {
    int64_t total = 1;
    for (int64_t size : sizes_) total *= size;
    const int64_t pieces = total < 1 << 14 ? 1 : std::min(sizes_[0], 2 * turn.threads());
    turn.each(pieces, [&](int64_t piece) {
      Cursor at{};
      at.y = y_.write(memory);
      for (int o = 0; o < kOperands; ++o) at.from[o] = operands_[o].at.read(memory);
      const int64_t first = sizes_[0] * piece / pieces, until = sizes_[0] * (piece + 1) / pieces;
      along(0, moved(at, 0, first), until - first);
    });
  }

 private:
  struct Operand {
    Address at{-1};
    std::vector<int64_t> steps;
  };
  struct Cursor {
    float* y;
    const float* from[kOperands];
  };

  Cursor moved(Cursor at, size_t axis, int64_t places) const {
    at.y += places * y_steps_[axis];
    for (int o = 0; o < kOperands; ++o)
      if (at.from[o] != nullptr) at.from[o] += places * operands_[o].steps[axis];
    return at;
  }

  void along(size_t axis, const Cursor& at, int64_t count) const {
    if (axis + 1 < sizes_.size()) {
      for (int64_t i = 0; i < count; ++i) along(axis + 1, moved(at, axis, i), sizes_[axis + 1]);
      return;
    }
    const int64_t y_step = y_steps_[axis];
    for (int64_t i = 0; i < count; i += kWidth) {
      const int64_t some = std::min(kWidth, count - i);
      Vector value[kOperands] = {};
      for (int o = 0; o < kOperands; ++o) {
        const float* from = at.from[o];
        if (from == nullptr) continue;
        const int64_t step = operands_[o].steps[axis];
        value[o] = step == 1 ? get(from + i, some) : step == 0 ? filled(*from) : gathered(from + i * step, step, some);
      }
      const Vector result = function_(value[0], value[1], value[2]);
      if (y_step == 1)
        put(at.y + i, result, some);
      else
        for (int64_t k = 0; k < some; ++k) at.y[(i + k) * y_step] = result[k];
    }
  }

  static Vector gathered(const float* from, int64_t step, int64_t count) {
    Vector value = {};
    for (int64_t k = 0; k < count; ++k) value[k] = from[k * step];
    return value;
  }

  Address y_;
  Function function_;
  std::vector<int64_t> sizes_, y_steps_;
  Operand operands_[kOperands];
};

}  // namespace

Made elementwise(Reader& code, const float*) { return std::make_unique<Elementwise>(code); }

}  // namespace brickwork::inference
