// The product of many rows with a matrix, and a bias: a layer of weights. The same with the matrix's transpose: what comes
// back through such a layer.
//
//   y[row][column] = bias[column] + sum over k of  x[row][k] w[k][column]        x[row][k] = sum over c of  y[row][c] w[k][c]
//
// for every member. The matrix is laid out in panels of two vectors of columns. A thread takes a band of rows through all
// panels in blocks of depth; a tile of rows asks for the memory of its results before it sums, since it is seldom in a
// cache. XLA's own product is about as fast, but adds the bias in a pass of its own, on one thread inside a compiled loop,
// and lays a transpose out on one thread, too.

#include <algorithm>

#include "calls.h"
#include "parallel.h"
#include "scratch.h"
#include "tiles.h"

namespace brickwork {
namespace {

constexpr int64_t kDeep = 512;  // depth of a block
constexpr int64_t kBand = 32;   // rows of a band

struct Product {
  int64_t members, rows, depth, columns;

  int64_t panels() const { return tile_panels(columns); }
  int64_t panel_size() const { return depth * kTileColumns; }
};

// Some rows by `count` columns of a panel, in one block of depth: the first one begins with the bias.
template <int R, bool Whole>
void tile_of(const Product& p, const float* x, const float* panel, int64_t deep, const float* bias, int64_t count,
             float* y) {
  Vector sum[R][2];
  const int64_t some[2] = {Whole ? kWidth : count, Whole ? kWidth : std::max<int64_t>(0, count - kWidth)};
  if (bias != nullptr) {
    for (int v = 0; v < 2; ++v) {
      const Vector start = Whole ? load(bias + v * kWidth) : get(bias + v * kWidth, some[v]);
      for (int r = 0; r < R; ++r) sum[r][v] = start;
    }
  } else {
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < 2; ++v) {
        const float* from = y + r * p.columns + v * kWidth;
        sum[r][v] = Whole ? load(from) : get(from, some[v]);
      }
  }
  add_products<R, 2, false>(x, p.depth, panel, kTileColumns, deep, sum);
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < 2; ++v) {
      float* to = y + r * p.columns + v * kWidth;
      if (Whole)
        store(to, sum[r][v]);
      else
        put(to, sum[r][v], some[v]);
    }
}

using TileOf = void (*)(const Product&, const float*, const float*, int64_t, const float*, int64_t, float*);

template <bool Whole>
constexpr TileOf kTiles[8] = {tile_of<1, Whole>, tile_of<2, Whole>, tile_of<3, Whole>, tile_of<4, Whole>,
                              tile_of<5, Whole>, tile_of<6, Whole>, tile_of<7, Whole>, tile_of<8, Whole>};

// Rows [from, until) with one panel, a block of depth from k on.
void multiply(const Product& p, const float* x, const float* panel, int64_t k, int64_t first, int64_t from, int64_t until,
              const float* bias, float* y) {
  const int64_t count = std::min(kTileColumns, p.columns - first), deep = std::min(kDeep, p.depth - k);
  const auto* tiles = count == kTileColumns ? kTiles<true> : kTiles<false>;
  for (int64_t row = from; row < until; row += kTileRows) {
    const int64_t rows = std::min(kTileRows, until - row);
    float* to = y + row * p.columns + first;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < count; i += 16) __builtin_prefetch(to + r * p.columns + i, 1);
    tiles[rows - 1](p, x + row * p.depth + k, panel + k * kTileColumns, deep, k ? nullptr : bias + first, count, to);
  }
}

// `lay` lays out one panel: lay(member, first column, how many, where).
template <typename Lay>
void product(ffi::ThreadPool& pool, const Product& p, const float* x, const Lay& lay, const float* bias, float* y) {
  thread_local Scratch laid_room;
  float* laid = laid_room.room<float>(p.members * p.panels() * p.panel_size());
  parallel_for(pool, p.members * p.panels(), [&](int64_t number) {
    const int64_t first = number % p.panels() * kTileColumns;
    lay(number / p.panels(), first, std::min(kTileColumns, p.columns - first), laid + number * p.panel_size());
  });
  const int64_t bands = (p.rows + kBand - 1) / kBand;
  parallel_for(pool, p.members * bands, [&](int64_t number) {
    const int64_t from = number % bands * kBand, member = number / bands, until = std::min(p.rows, from + kBand);
    const float* panels = laid + member * p.panels() * p.panel_size();
    for (int64_t k = 0; k == 0 || k < p.depth; k += kDeep)
      for (int64_t panel = 0; panel < p.panels(); ++panel)
        multiply(p, x + member * p.rows * p.depth, panels + panel * p.panel_size(), k, panel * kTileColumns, from, until,
                 bias + member * p.columns, y + member * p.rows * p.columns);
  });
}

ffi::Error call(ffi::ThreadPool pool, Numbers x, Numbers w, Numbers bias, Result y) {
  const auto a = x.dimensions(), b = w.dimensions();
  if (a.size() != 3 || b.size() != 3 || a[0] != b[0] || a[2] != b[1] || !fits(bias, {a[0], b[2]}) ||
      !fits(*y, {a[0], a[1], b[2]}))
    return wrong("product: shapes do not fit");
  if (y->element_count() == 0) return ffi::Error::Success();
  const Product p{a[0], a[1], a[2], b[2]};
  const auto lay = [&](int64_t member, int64_t first, int64_t count, float* to) {
    lay_rows(w.typed_data() + member * p.depth * p.columns + first, p.columns, p.depth, count, to);
  };
  product(pool, p, x.typed_data(), lay, bias.typed_data(), y->typed_data());
  return ffi::Error::Success();
}

ffi::Error to_inputs_call(ffi::ThreadPool pool, Numbers y, Numbers w, Result x) {
  const auto a = y.dimensions(), b = w.dimensions();
  if (a.size() != 3 || b.size() != 3 || a[0] != b[0] || a[2] != b[2] || !fits(*x, {a[0], a[1], b[1]}))
    return wrong("product_to_inputs: shapes do not fit");
  if (x->element_count() == 0) return ffi::Error::Success();
  const Product p{a[0], a[1], a[2], b[1]};
  const auto lay = [&](int64_t member, int64_t first, int64_t count, float* to) {
    lay_columns(w.typed_data() + (member * p.columns + first) * p.depth, p.depth, count, p.depth, to);
  };
  thread_local Scratch zeros_room;
  float* zeros = zeros_room.room<float>(p.members * p.columns);
  std::fill(zeros, zeros + p.members * p.columns, 0.0f);
  product(pool, p, y.typed_data(), lay, zeros, x->typed_data());
  return ffi::Error::Success();
}

}  // namespace

BRICKWORK_KERNEL(brickwork_product, call, binding<3, 1>());
BRICKWORK_KERNEL(brickwork_product_to_inputs, to_inputs_call, binding<2, 1>());

}  // namespace brickwork
