// Vectors of float, as wide as the processor that this file is compiled for.
//
// Every kernel is compiled once per target (portable, AVX2, AVX-512), into a library of its own; which of them is loaded
// is decided when the program starts. The types are the vector extensions of GCC and Clang, so that one source serves
// all targets.
#pragma once

#include <cstdint>
#include <cstring>

namespace brickwork {

#if defined(BRICKWORK_WIDTH)  // to try the code for wide vectors on a processor without them
constexpr int64_t kWidth = BRICKWORK_WIDTH;
#elif defined(__AVX512F__)
constexpr int64_t kWidth = 16;
#elif defined(__AVX__)
constexpr int64_t kWidth = 8;
#else
constexpr int64_t kWidth = 4;
#endif

typedef float Vector __attribute__((vector_size(kWidth * sizeof(float))));
typedef int32_t Integers __attribute__((vector_size(kWidth * sizeof(int32_t))));
// The same at any address: a vector of an array need not start at a multiple of its size.
typedef float Unaligned __attribute__((vector_size(kWidth * sizeof(float)), aligned(4), may_alias));

typedef float Four __attribute__((vector_size(16)));
typedef float UnalignedFour __attribute__((vector_size(16), aligned(4), may_alias));

inline Vector load(const float* at) { return *reinterpret_cast<const Unaligned*>(at); }
inline void store(float* at, Vector value) { *reinterpret_cast<Unaligned*>(at) = value; }

inline Vector filled(float value) { return value - Vector{}; }

// The first `count` numbers of an array, and zeros behind them; nothing past them is read.
inline Vector load_some(const float* at, int64_t count) {
  float numbers[kWidth] = {};
  std::memcpy(numbers, at, static_cast<size_t>(count) * sizeof(float));
  return load(numbers);
}

inline void store_some(float* at, Vector value, int64_t count) {
  float numbers[kWidth];
  store(numbers, value);
  std::memcpy(at, numbers, static_cast<size_t>(count) * sizeof(float));
}

// The same for a count that may be a whole vector, or more.
inline Vector get(const float* at, int64_t count) { return count >= kWidth ? load(at) : load_some(at, count); }

inline void put(float* at, Vector value, int64_t count) {
  if (count >= kWidth)
    store(at, value);
  else
    store_some(at, value, count);
}

// Calls compute(first, how many) for vectors of so many numbers; what is left over comes last.
template <typename Compute>
inline void each_vector(int64_t numbers, const Compute& compute) {
  int64_t i = 0;
  for (; i + kWidth <= numbers; i += kWidth) compute(i, kWidth);
  if (i < numbers) compute(i, numbers - i);
}

// Joins the numbers of a vector into one, halves first: one after the other each would wait for the one before.
template <typename Join>
inline float joined(Vector value, const Join& join) {
  Four parts[kWidth / 4];
  std::memcpy(parts, &value, sizeof(value));
  for (int64_t half = kWidth / 8; half > 0; half /= 2)
    for (int64_t i = 0; i < half; ++i)
      for (int lane = 0; lane < 4; ++lane) parts[i][lane] = join(parts[i][lane], parts[i + half][lane]);
  return join(join(parts[0][0], parts[0][2]), join(parts[0][1], parts[0][3]));
}

inline float sum_of(Vector value) {
  return joined(value, [](float a, float b) { return a + b; });
}

inline float largest_of(Vector value) {
  return joined(value, [](float a, float b) { return a > b ? a : b; });
}

inline Vector larger(Vector a, Vector b) { return a > b ? a : b; }
inline Vector smaller(Vector a, Vector b) { return a < b ? a : b; }

}  // namespace brickwork
