// The product of a few rows with a matrix that is laid out once and used many times, as at every step of a sequence.
//
//   sums[row][column] = sum over k of  rows[row][k] matrix[k][column]
//
// The matrix lies in blocks of depth, of panels of columns: what a tile of rows reads follows in memory, and a panel of a
// block stays in a core's first cache for all tiles. Tiles keep their sums in registers.
#pragma once

#include <algorithm>
#include <cstdint>

#include "vector.h"

namespace brickwork {

class Matrix {
 public:
  Matrix(int64_t depth, int64_t columns) : depth_(depth), panels_((columns + kPanel - 1) / kPanel) {}

  // Numbers that the matrix takes laid out, and that a row of sums takes: whole panels.
  int64_t size() const { return depth_ * width(); }
  int64_t width() const { return panels_ * kPanel; }
  int64_t panels() const { return panels_; }

  // Lays out one panel of matrix[k][column] = from[k * down + column * right] with so many columns, zeros behind them.
  void lay_out(int64_t panel, const float* from, int64_t columns, int64_t down, int64_t right, float* laid) const {
    const int64_t first = panel * kPanel, count = std::min(kPanel, columns - first);
    for (int64_t start = 0; start < depth_; start += kBlock) {
      const int64_t until = std::min(depth_, start + kBlock);
      float* to = laid + start * width() + panel * (until - start) * kPanel;
      for (int64_t k = start; k < until; ++k, to += kPanel) {
        const float* row = from + k * down + first * right;
        for (int64_t column = 0; column < count; ++column) to[column] = row[column * right];
        for (int64_t column = count; column < kPanel; ++column) to[column] = 0;
      }
    }
  }

  // Computes the sums of `count` rows, each at its place, into rows of `width()` numbers.
  void multiply(const float* const* rows, int64_t count, const float* laid, float* sums) const {
    if (depth_ == 0) std::fill(sums, sums + count * width(), 0.0f);
    const int64_t tiles = (count + kRows - 1) / kRows;
    for (int64_t start = 0; start < depth_; start += kBlock) {
      const int64_t deep = std::min(kBlock, depth_ - start);
      for (int64_t panel = 0; panel < panels_; ++panel, laid += deep * kPanel)
        for (int64_t number = 0; number < tiles; ++number) {  // tiles of about the same size
          const int64_t row = count * number / tiles, until = count * (number + 1) / tiles;
          kTiles[until - row - 1](rows + row, start, deep, laid, sums + row * width() + panel * kPanel, width());
        }
    }
  }

 private:
  static constexpr int64_t kVectors = 2;  // vectors of columns in a panel
  static constexpr int64_t kPanel = kVectors * kWidth;
  static constexpr int64_t kBlock = 256;  // depth of a block: a panel of it takes half of a first cache
  static constexpr int64_t kRows = kWidth == 16 ? 8 : kWidth == 8 ? 6 : 4;  // as many as registers hold sums of

  template <int R>
  static void tile(const float* const* rows, int64_t start, int64_t deep, const float* laid, float* sums, int64_t width) {
    const float* at[R];
    Vector sum[R][kVectors];
    for (int r = 0; r < R; ++r) {
      at[r] = rows[r] + start;
      for (int v = 0; v < kVectors; ++v) sum[r][v] = start ? load(sums + r * width + v * kWidth) : Vector{};
    }
    for (int64_t k = 0; k < deep; ++k, laid += kPanel) {
      Vector weights[kVectors];
      for (int v = 0; v < kVectors; ++v) weights[v] = load(laid + v * kWidth);
      for (int r = 0; r < R; ++r)
        for (int v = 0; v < kVectors; ++v) sum[r][v] += at[r][k] * weights[v];
    }
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < kVectors; ++v) store(sums + r * width + v * kWidth, sum[r][v]);
  }

  using Tile = void (*)(const float* const*, int64_t, int64_t, const float*, float*, int64_t);
  static constexpr Tile kTiles[8] = {tile<1>, tile<2>, tile<3>, tile<4>, tile<5>, tile<6>, tile<7>, tile<8>};

  int64_t depth_, panels_;
};

}  // namespace brickwork
