// Windows over a picture: of a convolution, and of pooling.
#pragma once

#include <algorithm>
#include <vector>

#include "step.h"

namespace brickwork::inference {

struct Windows {
  int64_t height, width, channels;
  int64_t out_height, out_width;
  int64_t window[2], stride[2], dilation[2], low[2];

  explicit Windows(Reader& code) : height(code.next()), width(code.next()), channels(code.next()) {
    out_height = code.next(), out_width = code.next();
    for (int64_t* numbers : {window, stride, dilation, low})
      for (int a = 0; a < 2; ++a) numbers[a] = code.next();
  }

  int64_t taps() const { return window[0] * window[1]; }
  int64_t out_places() const { return out_height * out_width; }
  // Sizes of the picture with as many zeros around it as its windows reach over.
  int64_t reach(int axis) const {
    const int64_t out = axis == 0 ? out_height : out_width;
    return (out - 1) * stride[axis] + (window[axis] - 1) * dilation[axis] + 1;
  }
  // Whether no window reaches over an edge.
  bool inside() const { return low[0] == 0 && low[1] == 0 && reach(0) <= height && reach(1) <= width; }
};

// A convolution's code: windows, how many filters, and what comes behind.
struct Convolved {
  Address x, y;
  Finish finish;
  Windows windows;
  int64_t filters;
  Kept bias;  // for whole vectors of filters

  Convolved(Reader& code, const float* constants)
      : x(code.address()), y(code.address()), finish(code), windows(code), filters(code.next()) {
    const Memory memory{nullptr, constants, nullptr, nullptr};
    weights = code.address().read(memory);
    const float* given = code.address().read(memory);
    bias.assign(static_cast<size_t>((filters + 2 * kWidth) / kWidth * kWidth), 0.0f);
    if (given != nullptr) std::copy(given, given + filters, bias.begin());
  }

  const float* weights;  // (window, channels, filters), while the program is made

  int64_t multiplications() const { return windows.out_places() * windows.taps() * windows.channels * filters; }
};

// Makes a convolution with windows of 3 x 3 by Winograd's method; nothing where a plain sum is faster.
Made winograd(Convolved& given);

// Columns of filters that a tile takes at a time.
constexpr int64_t kColumns = 2 * kWidth;

// The pieces of a region: ranges of places by ranges of panels. Panels are only divided where places are few.
struct Pieces {
  int64_t places, panels;

  Pieces(int64_t tiles, int64_t panel_count, int64_t threads)
      : places(threads == 1 ? 1 : std::clamp<int64_t>(tiles / 2, 1, 2 * threads)),
        panels(places >= threads ? 1 : std::min(panel_count, (threads + places - 1) / places)) {}
  int64_t count() const { return places * panels; }
};

}  // namespace brickwork::inference
