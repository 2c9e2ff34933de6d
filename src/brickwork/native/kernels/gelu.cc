// The Gaussian error linear unit and its slope, exact and by tanh, element by element.
//
//   y = x (1 + erf(x / sqrt(2))) / 2          dx = dy ((1 + erf(x / sqrt(2))) / 2 + x exp(-x^2 / 2) / sqrt(2 pi))
//   y = x (1 + tanh(u)) / 2,   u = sqrt(2 / pi) (x + 0.044715 x^3)
//                                             dx = dy ((1 + tanh(u)) / 2 + x (1 - tanh(u)^2) u' / 2)
//
// Source: Hendrycks and Gimpel (2016), "Gaussian Error Linear Units (GELUs)", section 2.

#include <algorithm>

#include "calls.h"
#include "functions.h"
#include "parallel.h"

namespace brickwork {
namespace {

constexpr int64_t kPiece = 16 * 1024;  // numbers that a thread takes at a time

struct Exact {
  static Vector value(Vector x) { return x * (0.5f + 0.5f * erf(x * 0.707106781f)); }
  static Vector slope(Vector x) {
    return (0.5f + 0.5f * erf(x * 0.707106781f)) + x * (0.398942280f * exp(x * x * -0.5f));
  }
};

struct ByTanh {
  static Vector inner(Vector x) { return x * (0.797884561f + 0.0356774081f * (x * x)); }
  static Vector value(Vector x) { return x * (0.5f + 0.5f * tanh(inner(x))); }
  static Vector slope(Vector x) {
    const Vector bend = tanh(inner(x));
    // Beyond 10 the tanh is 1 or -1, and no product of powers of x may make nan of that.
    const Vector near = smaller(larger(x, filled(-10.0f)), filled(10.0f));
    const Vector rise = near * (0.797884561f + 0.107032224f * (near * near));
    return (0.5f + 0.5f * bend) + 0.5f * rise * (1.0f - bend * bend);
  }
};

// Calls compute(first, some) for every vector of an array, some < kWidth for what is left at its end.
template <typename Compute>
void over(ffi::ThreadPool& pool, int64_t count, const Compute& compute) {
  parallel_for(pool, (count + kPiece - 1) / kPiece, [&](int64_t piece) {
    const int64_t until = std::min(count, (piece + 1) * kPiece);
    int64_t i = piece * kPiece;
    for (; i + kWidth <= until; i += kWidth) compute(i, kWidth);
    if (i < until) compute(i, until - i);
  });
}

Vector some_of(const float* from, int64_t some) { return some == kWidth ? load(from) : load_some(from, some); }

void put(float* to, Vector value, int64_t some) {
  if (some == kWidth)
    store(to, value);
  else
    store_some(to, value, some);
}

template <typename Kind>
void forward(ffi::ThreadPool& pool, int64_t count, const float* x, float* y) {
  over(pool, count, [=](int64_t i, int64_t some) { put(y + i, Kind::value(some_of(x + i, some)), some); });
}

template <typename Kind>
void backward(ffi::ThreadPool& pool, int64_t count, const float* x, const float* dy, float* dx) {
  over(pool, count, [=](int64_t i, int64_t some) {
    put(dx + i, Kind::slope(some_of(x + i, some)) * some_of(dy + i, some), some);
  });
}

// ------------------------------------------------------------------------------------------------- what XLA calls

ffi::Error forward_call(ffi::ThreadPool pool, Numbers x, Result y, int64_t exact) {
  const auto count = count_of(x);
  if (y->element_count() != x.element_count()) return wrong("gelu: shapes do not fit");
  if (exact)
    forward<Exact>(pool, count, x.typed_data(), y->typed_data());
  else
    forward<ByTanh>(pool, count, x.typed_data(), y->typed_data());
  return ffi::Error::Success();
}

ffi::Error backward_call(ffi::ThreadPool pool, Numbers x, Numbers dy, Result dx, int64_t exact) {
  const auto count = count_of(x);
  if (dy.element_count() != x.element_count() || dx->element_count() != x.element_count())
    return wrong("gelu: shapes do not fit");
  if (exact)
    backward<Exact>(pool, count, x.typed_data(), dy.typed_data(), dx->typed_data());
  else
    backward<ByTanh>(pool, count, x.typed_data(), dy.typed_data(), dx->typed_data());
  return ffi::Error::Success();
}

}  // namespace

BRICKWORK_KERNEL(brickwork_gelu, forward_call, binding<1, 1>().Attr<int64_t>("exact"));
BRICKWORK_KERNEL(brickwork_gelu_backward, backward_call, binding<2, 1>().Attr<int64_t>("exact"));

}  // namespace brickwork
