// The Gaussian error linear unit, exact and by tanh, element by element, and its slope where a gradient will be asked for.
//
//   y = x (1 + erf(x / sqrt(2))) / 2          slope = (1 + erf(x / sqrt(2))) / 2 + x exp(-x^2 / 2) / sqrt(2 pi)
//   y = x (1 + tanh(u)) / 2,   u = sqrt(2 / pi) (x + 0.044715 x^3)
//                                             slope = (1 + tanh(u)) / 2 + x (1 - tanh(u)^2) u' / 2
//
// Both share what takes long, so forward computes both and keeps the slope in place of x. Source: Hendrycks and Gimpel
// (2016), "Gaussian Error Linear Units (GELUs)", section 2.

#include <algorithm>

#include "calls.h"
#include "functions.h"
#include "parallel.h"

namespace brickwork {
namespace {

constexpr int64_t kPiece = 16 * 1024;  // numbers that a thread takes at a time

struct Both {
  Vector value, slope;
};

// With t = |x|, (1 - erf(t / sqrt(2))) / 2 = exp(-t^2 / 2) m(t), and m is as smooth as 1 / (t + 1): r times a polynomial in
// r = 1 / (t + 3.75). The polynomial is fitted as those of functions.h, for t up to 13.5, where the exponential is 0.
Both exact(Vector x) {
  const Vector size = magnitude(x), t = size > 15.0f ? filled(15.0f) : size;
  const Vector r = 1.0f / (t + 3.75f), u = r - 0.1066666692495346f;
  Vector p = filled(4.439105558e+03f);
  p = p * u + -1.627158894e+03f;
  p = p * u + -5.266558082e+02f;
  p = p * u + 7.537103800e+01f;
  p = p * u + 1.151197078e+02f;
  p = p * u + 5.133263158e+01f;
  p = p * u + 1.524518347e+01f;
  p = p * u + 3.479949876e+00f;
  p = p * u + 6.456219580e-01f;
  const Vector power = exp(t * t * -0.5f), beyond = power * (p * r), bend = t * (0.398942280f * power);
  return {larger(x, Vector{}) - t * beyond, x < 0.0f ? beyond - bend : 1.0f - beyond + bend};
}

Both by_tanh(Vector x) {
  const Vector bend = tanh(x * (0.797884561f + 0.0356774081f * (x * x))), share = 0.5f + 0.5f * bend;
  // Beyond 10 the tanh is 1 or -1, and no product of powers of x may make nan of that.
  const Vector near = smaller(larger(x, filled(-10.0f)), filled(10.0f));
  const Vector rise = near * (0.797884561f + 0.107032224f * (near * near));
  return {x * share, share + 0.5f * rise * (1.0f - bend * bend)};
}

template <Both (*Function)(Vector), bool Slope>
void gelu(ffi::ThreadPool& pool, int64_t count, const float* x, float* y, float* slope) {
  parallel_for(pool, (count + kPiece - 1) / kPiece, [=](int64_t piece) {
    const int64_t start = piece * kPiece;
    each_vector(std::min(kPiece, count - start), [=](int64_t i, int64_t some) {
      const Both both = Function(get(x + start + i, some));
      put(y + start + i, both.value, some);
      if (Slope) put(slope + start + i, both.slope, some);
    });
  });
}

ffi::Error call(ffi::ThreadPool pool, Numbers x, Result y, int64_t is_exact) {
  const auto count = count_of(x);
  if (y->element_count() != x.element_count()) return wrong("gelu: shapes do not fit");
  (is_exact ? gelu<exact, false> : gelu<by_tanh, false>)(pool, count, x.typed_data(), y->typed_data(), nullptr);
  return ffi::Error::Success();
}

ffi::Error with_slope_call(ffi::ThreadPool pool, Numbers x, Result y, Result slope, int64_t is_exact) {
  const auto count = count_of(x);
  if (y->element_count() != x.element_count() || slope->element_count() != x.element_count())
    return wrong("gelu: shapes do not fit");
  (is_exact ? gelu<exact, true> : gelu<by_tanh, true>)(pool, count, x.typed_data(), y->typed_data(), slope->typed_data());
  return ffi::Error::Success();
}

}  // namespace

BRICKWORK_KERNEL(brickwork_gelu, call, binding<1, 1>().Attr<int64_t>("exact"));
BRICKWORK_KERNEL(brickwork_gelu_with_slope, with_slope_call, binding<1, 2>().Attr<int64_t>("exact"));

}  // namespace brickwork
