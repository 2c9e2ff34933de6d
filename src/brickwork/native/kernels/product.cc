// The product of many rows with a matrix, and a bias: a layer of weights.
//
//   y[row][column] = bias[column] + sum over k of  x[row][k] w[k][column],   for every member
//
// The matrix is laid out in panels of two vectors of columns. A thread takes a band of rows through a panel in blocks of
// depth, which stay in the first cache for all of its rows. XLA's own product is as fast, but adds the bias in a pass of
// its own, on one thread inside a compiled loop.

#include <algorithm>

#include "calls.h"
#include "parallel.h"
#include "scratch.h"
#include "tiles.h"

namespace brickwork {
namespace {

constexpr int64_t kDeep = 128;  // depth of a block
constexpr int64_t kBand = 64;   // rows of a band

struct Product {
  int64_t rows, depth, columns;

  int64_t panels() const { return tile_panels(columns); }
  int64_t panel_size() const { return depth * kTileColumns; }
};

// Rows [from, until) with one panel.
void multiply(const Product& p, const float* x, const float* panel, int64_t number, int64_t from, int64_t until,
              const float* bias, float* y) {
  const int64_t first = number * kTileColumns, count = std::min(kTileColumns, p.columns - first);
  const bool whole = count == kTileColumns;
  thread_local Scratch room;
  float* to = whole ? y + from * p.columns + first : room.room<float>(kBand * kTileColumns);
  const int64_t step = whole ? p.columns : kTileColumns;
  const Vector start[2] = {get(bias + first, count), get(bias + first + kWidth, std::max<int64_t>(0, count - kWidth))};
  for (int64_t row = 0; row < until - from; ++row)
    for (int v = 0; v < 2; ++v) store(to + row * step + v * kWidth, start[v]);
  for (int64_t k = 0; k < p.depth; k += kDeep)
    for (int64_t row = from; row < until; row += kTileRows)
      kTileOf<2, false, true>[std::min(kTileRows, until - row) - 1](
          x + row * p.depth + k, p.depth, panel + k * kTileColumns, kTileColumns, std::min(kDeep, p.depth - k),
          to + (row - from) * step, step);
  if (!whole)
    for (int64_t row = from; row < until; ++row, to += kTileColumns)
      std::copy(to, to + count, y + row * p.columns + first);
}

ffi::Error call(ffi::ThreadPool pool, Numbers x, Numbers w, Numbers bias, Result y) {
  const auto a = x.dimensions(), b = w.dimensions();
  if (a.size() != 3 || b.size() != 3 || a[0] != b[0] || a[2] != b[1] || !fits(bias, {a[0], b[2]}) ||
      !fits(*y, {a[0], a[1], b[2]}))
    return wrong("product: shapes do not fit");
  if (y->element_count() == 0) return ffi::Error::Success();
  const Product p{a[1], a[2], b[2]};
  thread_local Scratch laid_room;
  float* laid = laid_room.room<float>(a[0] * p.panels() * p.panel_size());
  parallel_for(pool, a[0] * p.panels(), [&](int64_t number) {
    const int64_t first = number % p.panels() * kTileColumns;
    lay_rows(w.typed_data() + number / p.panels() * p.depth * p.columns + first, p.columns, p.depth,
             std::min(kTileColumns, p.columns - first), laid + number * p.panel_size());
  });
  const int64_t bands = (p.rows + kBand - 1) / kBand;
  parallel_for(pool, a[0] * bands, [&](int64_t number) {
    const int64_t band = number % bands, member = number / bands;
    for (int64_t panel = 0; panel < p.panels(); ++panel)
      multiply(p, x.typed_data() + member * p.rows * p.depth, laid + (member * p.panels() + panel) * p.panel_size(), panel,
               band * kBand, std::min(p.rows, (band + 1) * kBand), bias.typed_data() + member * p.columns,
               y->typed_data() + member * p.rows * p.columns);
  });
  return ffi::Error::Success();
}

}  // namespace

BRICKWORK_KERNEL(brickwork_product, call, binding<3, 1>());

}  // namespace brickwork
