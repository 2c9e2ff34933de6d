// Products of small matrices in registers: a few rows by a panel of columns, summed over everything between.
//
//   to[row][column]  (+)=  sum over i of  left(row, i) * right[i][column of the panel]
//
// The right matrix is laid out panel by panel, [panel][i][column], zeros filling up the last one.
#pragma once

#include <algorithm>

#include "vector.h"

namespace brickwork {

constexpr int64_t kTileColumns = 2 * kWidth;
constexpr int64_t kTileRows = kWidth == 16 ? 8 : 6;  // as many as registers hold sums of

inline int64_t tile_panels(int64_t columns) { return (columns + kTileColumns - 1) / kTileColumns; }
inline int64_t whole_tiles(int64_t columns) { return tile_panels(columns) * kTileColumns; }

// Adds products to the sums of R rows by V vectors of columns. `Across`: the left matrix has its rows in memory one beside
// the other, i below i. From one i to the next, `right` goes `right_step` numbers on: a panel's width, or a matrix's.
template <int R, int V, bool Across>
inline void add_products(const float* left, int64_t step, const float* right, int64_t right_step, int64_t count,
                         Vector (&sum)[R][V]) {
  for (int64_t i = 0; i < count; ++i, right += right_step) {
    Vector value[V];
    for (int v = 0; v < V; ++v) value[v] = load(right + v * kWidth);
    for (int r = 0; r < R; ++r) {
      const float number = Across ? left[i * step + r] : left[r * step + i];
      for (int v = 0; v < V; ++v) sum[r][v] += number * value[v];
    }
  }
}

// Computes one tile of such sums, or adds to it.
template <int R, int V, bool Across, bool Add>
inline void tile(const float* left, int64_t step, const float* right, int64_t right_step, int64_t count, float* to,
                 int64_t to_step) {
  Vector sum[R][V];
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) sum[r][v] = Add ? load(to + r * to_step + v * kWidth) : Vector{};
  add_products<R, V, Across>(left, step, right, right_step, count, sum);
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) store(to + r * to_step + v * kWidth, sum[r][v]);
}

using Tile = void (*)(const float*, int64_t, const float*, int64_t, int64_t, float*, int64_t);

// Tiles by their number of rows, less one.
template <int V, bool Across, bool Add>
constexpr Tile kTileOf[8] = {tile<1, V, Across, Add>, tile<2, V, Across, Add>, tile<3, V, Across, Add>,
                             tile<4, V, Across, Add>, tile<5, V, Across, Add>, tile<6, V, Across, Add>,
                             tile<7, V, Across, Add>, tile<8, V, Across, Add>};

// Lays a matrix out in panels; its rows are `step` numbers apart.
inline void lay_rows(const float* from, int64_t step, int64_t rows, int64_t columns, float* panels) {
  for (int64_t first = 0; first < columns; first += kTileColumns) {
    const int64_t count = std::min(kTileColumns, columns - first);
    for (int64_t i = 0; i < rows; ++i, panels += kTileColumns) {
      const float* row = from + i * step + first;
      if (count == kTileColumns) {
        store(panels, load(row));
        store(panels + kWidth, load(row + kWidth));
      } else {
        for (int64_t c = 0; c < count; ++c) panels[c] = row[c];
        for (int64_t c = count; c < kTileColumns; ++c) panels[c] = 0;
      }
    }
  }
}

// Lays the transpose of a matrix out in panels: its rows, `step` numbers apart, become columns.
inline void lay_columns(const float* from, int64_t step, int64_t rows, int64_t columns, float* panels) {
  for (int64_t first = 0; first < rows; first += kTileColumns, panels += columns * kTileColumns) {
    const int64_t count = std::min(kTileColumns, rows - first);
    for (int64_t r = 0; r < kTileColumns; r += 4) {  // four by four
      const float* row = from + (first + r) * step;
      int64_t c = 0;
      if (r + 4 <= count)
        for (; c + 4 <= columns; c += 4) {
          Four a[4];
          for (int i = 0; i < 4; ++i) a[i] = *reinterpret_cast<const UnalignedFour*>(row + i * step + c);
          for (int i = 0; i < 4; ++i)
            *reinterpret_cast<UnalignedFour*>(panels + (c + i) * kTileColumns + r) = Four{a[0][i], a[1][i], a[2][i], a[3][i]};
        }
      for (; c < columns; ++c)
        for (int64_t i = 0; i < 4; ++i) panels[c * kTileColumns + r + i] = r + i < count ? row[i * step + c] : 0.0f;
    }
  }
}

}  // namespace brickwork
