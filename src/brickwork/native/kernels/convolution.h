// Convolution as three bilinear maps, each the transpose of the others: forward, to the inputs, to the kernel.
//
//   forward    y[n, p, f]  = sum over t, c of x[n, p s + t d - low, c] w[t, c, f]
//   to inputs  x[n, i, c]  = sum over t, f of y[n, p, f] w[t, c, f]             where p s + t d - low = i
//   to kernel  w[t, c, f]  = sum over n, p of x[n, p s + t d - low, c] y[n, p, f]
//
// with three axes of places (sizes 1 where there are fewer), stride s, dilation d, `low` places of zeros before.
// Arrays are (members, rows, places, channels) and (members, window, channels of a group, filters).
#pragma once

#include <algorithm>
#include <cstdint>

#include "calls.h"
#include "parallel.h"
#include "vector.h"

namespace brickwork {

constexpr int kAxes = 3;

struct Convolution {
  int64_t members, rows;
  int64_t size[kAxes];    // places of x
  int64_t window[kAxes];  // taps of the kernel
  int64_t out[kAxes];     // places of y
  int64_t stride[kAxes], dilation[kAxes], low[kAxes];
  int64_t groups, channels, filters;  // channels and filters of one group

  int64_t places() const { return size[0] * size[1] * size[2]; }
  int64_t out_places() const { return out[0] * out[1] * out[2]; }
  int64_t taps() const { return window[0] * window[1] * window[2]; }
};

constexpr int64_t kVectors = 2;                // vectors of filters in a panel
constexpr int64_t kPanel = kVectors * kWidth;  // filters in a panel
constexpr int kTile = kWidth == 16 ? 8 : kWidth == 8 ? 6 : 4;  // rows of a tile: as many as registers hold sums of

inline int64_t panels_of(int64_t filters) { return (filters + kPanel - 1) / kPanel; }

// Copies places [first, first + count) of each axis of a picture, zeros where there are none.
inline void copy_block(const float* picture, const int64_t size[kAxes], const int64_t first[kAxes], const int64_t count[kAxes],
                int64_t channels, float* block) {
  const int64_t row = count[2] * channels;
  const int64_t from = std::clamp<int64_t>(-first[2], 0, count[2]);
  const int64_t until = std::clamp<int64_t>(size[2] - first[2], from, count[2]);
  for (int64_t i = 0; i < count[0]; ++i)
    for (int64_t j = 0; j < count[1]; ++j, block += row) {
      const int64_t d = first[0] + i, h = first[1] + j;
      if (d < 0 || d >= size[0] || h < 0 || h >= size[1]) {
        std::fill(block, block + row, 0.0f);
        continue;
      }
      std::fill(block, block + from * channels, 0.0f);
      const float* source = picture + ((d * size[1] + h) * size[2] + first[2] + from) * channels;
      std::copy(source, source + (until - from) * channels, block + from * channels);
      std::fill(block + until * channels, block + row, 0.0f);
    }
}

using Attribute = ffi::Span<const int64_t>;

// Puts a convolution together from the shapes of x, w and y and the settings; an error where they do not fit.
inline ffi::ErrorOr<Convolution> convolution(ffi::Span<const int64_t> x, ffi::Span<const int64_t> w,
                                      ffi::Span<const int64_t> y, Attribute stride, Attribute low, Attribute dilation,
                                      int64_t groups) {
  const auto wrong = [](const char* what) { return ffi::Unexpected(ffi::Error::InvalidArgument(what)); };
  if (x.size() != 6 || w.size() != 6 || y.size() != 6) return wrong("convolution: arrays need six axes");
  if (stride.size() != kAxes || low.size() != kAxes || dilation.size() != kAxes || groups < 1)
    return wrong("convolution: stride, low and dilation need three numbers, groups one");
  Convolution c;
  c.members = x[0], c.rows = x[1], c.groups = groups;
  c.channels = w[4], c.filters = w[5] / groups;
  if (x[5] != c.channels * groups || y[5] != w[5] || c.filters * groups != w[5] || w[0] != x[0] || y[0] != x[0] ||
      y[1] != x[1])
    return wrong("convolution: shapes do not fit");
  for (int a = 0; a < kAxes; ++a) {
    c.size[a] = x[2 + a], c.window[a] = w[1 + a], c.out[a] = y[2 + a];
    c.stride[a] = stride[a], c.low[a] = low[a], c.dilation[a] = dilation[a];
    if (c.stride[a] < 1 || c.dilation[a] < 1 || c.low[a] < 0 || c.window[a] < 1)
      return wrong("convolution: settings out of range");
  }
  return c;
}

template <typename Compute>
ffi::Error with(const ffi::ErrorOr<Convolution>& c, const Compute& compute) {
  if (c.has_error()) return c.error();
  compute(c.value());
  return ffi::Error::Success();
}

inline auto convolution_binding() {
  return binding<2, 1>().Attr<Attribute>("stride").Attr<Attribute>("low").Attr<Attribute>("dilation").Attr<int64_t>("groups");
}

}  // namespace brickwork
