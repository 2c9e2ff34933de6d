// Two products of matrices. First: a few rows with a matrix that is laid out once and used many times, as at every step of
// a sequence.
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

// Second: sums[row][column] = sum over k of  left[k][row] right[k][column],  for many k, as in the gradient of weights.
//
// `left` is laid out in blocks of k, of tiles of a few rows, once for all panels of columns. A block of it stays in a
// core's second cache while panels see it; of `right`, a panel of the block stays in the first while all tiles see it.
class SumOverSteps {
 public:
  SumOverSteps(int64_t steps, int64_t rows, int64_t columns) : steps_(steps), rows_(rows), columns_(columns) {}

  int64_t blocks() const { return (steps_ + kBlock - 1) / kBlock; }
  int64_t panels() const { return (columns_ + kPanel - 1) / kPanel; }
  // Numbers that `left` takes laid out, and that the work on so many panels takes.
  int64_t left_size() const { return steps_ * tiles() * kRows; }
  int64_t room_size(int64_t panels) const { return kBlock * kPanel + panels * tiles() * kRows * kPanel; }

  // Lays out one block of `left`.
  void lay_out(int64_t block, const float* left, float* laid) const {
    const int64_t start = block * kBlock, until = std::min(steps_, start + kBlock);
    float* to = laid + start * tiles() * kRows;
    for (int64_t first = 0; first < rows_; first += kRows) {
      const int64_t count = std::min(kRows, rows_ - first);
      for (int64_t k = start; k < until; ++k, to += kRows) {
        for (int64_t r = 0; r < count; ++r) to[r] = left[k * rows_ + first + r];
        for (int64_t r = count; r < kRows; ++r) to[r] = 0;
      }
    }
  }

  // Computes the columns of some panels.
  void compute(int64_t from, int64_t until, const float* laid, const float* right, float* room, float* result) const {
    float *block = room, *sums = room + kBlock * kPanel;
    const int64_t panel_sums = tiles() * kRows * kPanel;
    std::fill(room, room + room_size(until - from), 0.0f);
    for (int64_t start = 0; start < steps_; start += kBlock) {
      const int64_t deep = std::min(kBlock, steps_ - start);
      for (int64_t panel = from; panel < until; ++panel) {
        const int64_t first = panel * kPanel, count = std::min(kPanel, columns_ - first);
        for (int64_t k = 0; k < deep; ++k) {
          const float* source = right + (start + k) * columns_ + first;
          for (int64_t v = 0; v < count; v += kWidth)
            store(block + k * kPanel + v, count - v >= kWidth ? load(source + v) : load_some(source + v, count - v));
        }
        const float* left = laid + start * tiles() * kRows;
        float* to = sums + (panel - from) * panel_sums;
        for (int64_t tile = 0; tile < tiles(); ++tile, left += deep * kRows, to += kRows * kPanel)
          add(left, block, deep, to);
      }
    }
    for (int64_t panel = from; panel < until; ++panel) {
      const int64_t first = panel * kPanel, count = std::min(kPanel, columns_ - first);
      const float* at = sums + (panel - from) * panel_sums;
      for (int64_t row = 0; row < rows_; ++row, at += kPanel) std::copy(at, at + count, result + row * columns_ + first);
    }
  }

 private:
  static constexpr int64_t kVectors = 2, kPanel = kVectors * kWidth, kBlock = 128;
  static constexpr int64_t kRows = kWidth == 16 ? 8 : kWidth == 8 ? 6 : 4;

  int64_t tiles() const { return (rows_ + kRows - 1) / kRows; }

  static void add(const float* left, const float* right, int64_t deep, float* sums) {
    Vector sum[kRows][kVectors];
    for (int r = 0; r < kRows; ++r)
      for (int v = 0; v < kVectors; ++v) sum[r][v] = load(sums + r * kPanel + v * kWidth);
    for (int64_t k = 0; k < deep; ++k, left += kRows, right += kPanel) {
      Vector values[kVectors];
      for (int v = 0; v < kVectors; ++v) values[v] = load(right + v * kWidth);
      for (int r = 0; r < kRows; ++r)
        for (int v = 0; v < kVectors; ++v) sum[r][v] += left[r] * values[v];
    }
    for (int r = 0; r < kRows; ++r)
      for (int v = 0; v < kVectors; ++v) store(sums + r * kPanel + v * kWidth, sum[r][v]);
  }

  int64_t steps_, rows_, columns_;
};

}  // namespace brickwork
