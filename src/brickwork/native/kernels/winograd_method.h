// The transformations of Winograd's method for windows of 3 x 3, along one axis: of tiles of 2 outputs and of 4.
//
//   y = A' [ (G g G') * (B' d B) ] A,      * number by number, ' the transpose
//
// For 2 x 2 outputs, from 4 x 4 inputs d (Winograd 1980; Lavin & Gray 2016):
//
//   B' = 1  0 -1  0     G =  1   0   0      A' = 1  1  1  0
//        0  1  1  0         1/2 1/2 1/2          0  1 -1 -1
//        0 -1  1  0         1/2 -1/2 1/2
//        0  1  0 -1          0   0   1
//
// For 4 x 4 outputs (Lavin & Gray 2016), from 6 x 6 inputs, with a quarter of the multiplications:
//
//   B' = 4  0 -5  0  1  0     G =  1/4   0     0       A' = 1  1  1  1  1  0
//        0 -4 -4  1  1  0         -1/6 -1/6  -1/6           0  1 -1  2 -2  0
//        0  4 -4 -1  1  0         -1/6  1/6  -1/6           0  1  1  4  4  0
//        0 -2 -1  2  1  0         1/24  1/12  1/6           0  1 -1  8 -8  1
//        0  2 -1 -2  1  0         1/24 -1/12  1/6
//        0  4  0 -5  0  1           0    0     1
//
// Of vectors that are `step` apart, `inputs` computes B' d, in place if asked to, and `outputs` A' m.
#pragma once

#include "vector.h"

namespace brickwork {

constexpr int kWinogradTaps = 3;

template <int Outputs>
struct WinogradMethod;

template <>
struct WinogradMethod<2> {
  static constexpr double kWindow[4][kWinogradTaps] = {{1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}};

  static void inputs(const Vector* d, int step, Vector* t, int t_step) {
    const Vector one = d[step], two = d[2 * step], three = d[3 * step];
    t[0] = d[0] - two, t[t_step] = one + two, t[2 * t_step] = two - one, t[3 * t_step] = one - three;
  }
  static void outputs(const Vector* m, int step, Vector* y, int y_step) {
    y[0] = m[0] + m[step] + m[2 * step];
    y[y_step] = m[step] - m[2 * step] - m[3 * step];
  }
};

template <>
struct WinogradMethod<4> {
  static constexpr double kWindow[6][kWinogradTaps] = {
      {1. / 4, 0, 0},          {-1. / 6, -1. / 6, -1. / 6}, {-1. / 6, 1. / 6, -1. / 6},
      {1. / 24, 1. / 12, 1. / 6}, {1. / 24, -1. / 12, 1. / 6}, {0, 0, 1}};

  static void inputs(const Vector* d, int step, Vector* t, int t_step) {
    const Vector one = d[step], two = d[2 * step], three = d[3 * step], four = d[4 * step], five = d[5 * step];
    const Vector even = four - 4.0f * two, odd = three - 4.0f * one, less = four - two, more = 2.0f * (three - one);
    t[0] = 4.0f * d[0] - 5.0f * two + four;
    t[t_step] = even + odd, t[2 * t_step] = even - odd;
    t[3 * t_step] = less + more, t[4 * t_step] = less - more;
    t[5 * t_step] = 4.0f * one - 5.0f * three + five;
  }
  static void outputs(const Vector* m, int step, Vector* y, int y_step) {
    const Vector sum = m[step] + m[2 * step], difference = m[step] - m[2 * step];
    const Vector far_sum = m[3 * step] + m[4 * step], far_difference = m[3 * step] - m[4 * step];
    y[0] = m[0] + sum + far_sum, y[y_step] = difference + 2.0f * far_difference;
    y[2 * y_step] = sum + 4.0f * far_sum, y[3 * y_step] = difference + 8.0f * far_difference + m[5 * step];
  }
};

}  // namespace brickwork
