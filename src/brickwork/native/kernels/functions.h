// Functions of vectors of float: exp, sigmoid, tanh. Right to about 2 units in the last place over the whole range,
// at infinities too; nan stays nan. Where a result is below the normal numbers it may be 0.
//
// The polynomials are nearly minimax for the relative error of the result, fitted by Lawson's reweighted least squares
// (Lawson 1961, "Contributions to the theory of linear least maximum approximation"); how exp is reduced follows Cody
// and Waite (1980), "Software Manual for the Elementary Functions".
#pragma once

#include "vector.h"

namespace brickwork {

inline Vector magnitude(Vector x) { return x < 0.0f ? -x : x; }

// exp(x) = 2^n exp(r), with n the whole number next to x / ln 2, and so |r| <= ln(2) / 2.
inline Vector exp(Vector x) {
  constexpr float kWhole = 12582912.0f;  // 1.5 * 2^23: adding it drops what lies behind the point
  const Vector inside = smaller(larger(x, filled(-104.0f)), filled(89.0f));  // 0 and infinity come of these as well
  const Vector n = (inside * 1.44269504f + kWhole) - kWhole;
  const Vector r = (inside - n * 0.693359375f) - n * -2.12194440e-4f;
  Vector p = filled(1.381459638e-3f);
  p = p * r + 8.368717091e-3f;
  p = p * r + 4.166838809e-2f;
  p = p * r + 1.666652063e-1f;
  p = p * r + 4.999999345e-1f;
  const Vector near = (p * (r * r) + r) + 1.0f;
  const Integers whole = __builtin_convertvector(n, Integers);
  const Integers half = whole >> 1;  // in two steps: 2^n alone need not be a number
  const Vector result = near * (Vector)((half + 127) << 23) * (Vector)((whole - half + 127) << 23);
  return x != x ? x : result;
}

// 1 / (1 + exp(-x)), of exp(-|x|), which does not overflow.
inline Vector sigmoid(Vector x) {
  const Vector e = exp(-magnitude(x));
  return (x < 0.0f ? e : filled(1.0f)) / (e + 1.0f);
}

// A polynomial near 0; 1 - 2 / (exp(2 |x|) + 1) with the sign of x from 0.625 on.
inline Vector tanh(Vector x) {
  const Vector size = magnitude(x), z = x * x;
  Vector p = filled(-5.704990366e-3f);
  p = p * z + 2.063909061e-2f;
  p = p * z + -5.373971626e-2f;
  p = p * z + 1.333144221e-1f;
  p = p * z + -3.333328194e-1f;
  const Vector near = p * z * x + x;
  const Vector far = 1.0f - 2.0f / (exp(size + size) + 1.0f);
  return size < 0.625f ? near : x < 0.0f ? -far : far;
}

}  // namespace brickwork
