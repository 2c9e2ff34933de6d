// The products of a layer with a small batch: some rows with a matrix, forward and both ways back.
//
//   forward     y[row][column] = bias[column] + sum over k of  x[row][k] w[k][column]
//   to inputs   x[row][k]      = sum over columns of  y[row][column] w[k][column]
//   to weights  w[k][column]   = sum over rows of  x[row][k] y[row][column],   bias[column] = sum over rows of y[row][column]
//
// for every member. All three, and the update of weights, divide the matrix by its rows k in the same way, so that each core
// finds its part of weights, gradients and moments in its own cache: a training step of a small network takes two thirds of the
// time. The matrix is read as it lies, or a block of it is laid out when it is read. Columns are a multiple of a vector.

#include <algorithm>

#include "calls.h"
#include "parallel.h"
#include "scratch.h"
#include "tiles.h"

namespace brickwork {
namespace {

constexpr int64_t kDeep = 128;  // rows of the matrix that stay in a first cache while all tiles see them

constexpr int64_t kFar = 256;   // columns from which on rows of a block take each other's room in the first cache

struct Product {
  int64_t members, rows, depth, columns;

  int64_t pieces() const { return std::clamp<int64_t>(depth / 192, 1, 4); }
  int64_t start(int64_t piece) const { return depth * piece / pieces() / 8 * 8; }
  int64_t end(int64_t piece) const { return piece + 1 == pieces() ? depth : start(piece + 1); }
};

template <bool Across>
const Tile* tiles_of(int64_t wide, bool add) {
  if (wide > kWidth) return add ? kTileOf<2, Across, true> : kTileOf<2, Across, false>;
  return add ? kTileOf<1, Across, true> : kTileOf<1, Across, false>;
}

void forward(ffi::ThreadPool& pool, const Product& p, const float* x, const float* w, const float* bias, float* y) {
  const int64_t pieces = p.pieces(), size = p.rows * p.columns;
  thread_local Scratch room;
  float* parts = room.room<float>(p.members * pieces * size);
  quick_for(pool, p.members * p.depth * p.columns, p.members * pieces, [&](int64_t number) {
    const int64_t member = number / pieces, piece = number % pieces;
    const float *left = x + member * p.rows * p.depth, *right = w + member * p.depth * p.columns;
    float* to = parts + number * size;
    for (int64_t k = p.start(piece), until = p.end(piece); k < until; k += kDeep)
      for (int64_t first = 0; first < p.columns; first += kTileColumns) {
        const Tile* tiles = tiles_of<false>(p.columns - first, k != p.start(piece));
        const int64_t deep = std::min(kDeep, until - k), wide = std::min(kTileColumns, p.columns - first);
        const float* block = right + k * p.columns + first;
        float laid[kDeep * kTileColumns];
        if (p.columns >= kFar) {
          for (int64_t i = 0; i < deep; ++i)
            for (int64_t c = 0; c < wide; c += kWidth) store(laid + i * wide + c, load(block + i * p.columns + c));
          block = laid;
        }
        const int64_t step = p.columns >= kFar ? wide : p.columns;
        for (int64_t row = 0; row < p.rows; row += kTileRows)
          tiles[std::min(kTileRows, p.rows - row) - 1](left + row * p.depth + k, p.depth, block, step, deep,
                                                       to + row * p.columns + first, p.columns);
      }
  });
  for (int64_t member = 0; member < p.members; ++member)
    for (int64_t row = 0; row < p.rows; ++row)
      for (int64_t c = 0; c < p.columns; c += kWidth) {
        const int64_t at = row * p.columns + c;
        Vector sum = load(bias + member * p.columns + c);
        for (int64_t piece = 0; piece < pieces; ++piece) sum += load(parts + (member * pieces + piece) * size + at);
        store(y + member * size + at, sum);
      }
}

void to_inputs(ffi::ThreadPool& pool, const Product& p, const float* y, const float* w, float* x) {
  const int64_t panels = tile_panels(p.rows), pieces = p.pieces(), laid_size = panels * p.columns * kTileColumns;
  thread_local Scratch room;
  float* laid = room.room<float>(p.members * laid_size);
  for (int64_t member = 0; member < p.members; ++member)
    lay_columns(y + member * p.rows * p.columns, p.columns, p.rows, p.columns, laid + member * laid_size);
  quick_for(pool, p.members * p.depth * p.columns, p.members * pieces, [&](int64_t number) {
    const int64_t member = number / pieces, piece = number % pieces;
    for (int64_t k = p.start(piece), until = p.end(piece); k < until; k += kTileRows)
      for (int64_t panel = 0; panel < panels; ++panel) {
        const int64_t some = std::min(kTileRows, until - k), first = panel * kTileColumns;
        float sums[kTileRows * kTileColumns];
        tiles_of<false>(kTileColumns, false)[some - 1](
            w + (member * p.depth + k) * p.columns, p.columns, laid + member * laid_size + panel * p.columns * kTileColumns,
            kTileColumns, p.columns, sums, kTileColumns);
        float* to = x + (member * p.rows + first) * p.depth + k;
        for (int64_t row = 0; row < std::min(kTileColumns, p.rows - first); ++row)
          for (int64_t i = 0; i < some; ++i) to[row * p.depth + i] = sums[i * kTileColumns + row];
      }
  });
}

void to_weights(ffi::ThreadPool& pool, const Product& p, const float* x, const float* y, float* w, float* totals) {
  const int64_t pieces = p.pieces();
  quick_for(pool, p.members * p.depth * p.columns, p.members * pieces, [&](int64_t number) {
    const int64_t member = number / pieces, piece = number % pieces;
    const float *left = x + member * p.rows * p.depth, *right = y + member * p.rows * p.columns;
    for (int64_t k = p.start(piece), until = p.end(piece); k < until; k += kTileRows)
      for (int64_t first = 0; first < p.columns; first += kTileColumns)
        tiles_of<true>(p.columns - first, false)[std::min(kTileRows, until - k) - 1](
            left + k, p.depth, right + first, p.columns, p.rows, w + (member * p.depth + k) * p.columns + first, p.columns);
    if (piece == 0)
      for (int64_t c = 0; c < p.columns; c += kWidth) {
        Vector sum = {};
        for (int64_t row = 0; row < p.rows; ++row) sum += load(right + row * p.columns + c);
        store(totals + member * p.columns + c, sum);
      }
  });
}

ffi::Error forward_call(ffi::ThreadPool pool, Numbers x, Numbers w, Numbers bias, Result y) {
  const auto a = x.dimensions(), b = w.dimensions();
  if (a.size() != 3 || b.size() != 3 || a[0] != b[0] || a[2] != b[1] || b[2] % kWidth != 0 || !fits(bias, {a[0], b[2]}) ||
      !fits(*y, {a[0], a[1], b[2]}))
    return wrong("product_of_some: shapes do not fit");
  if (y->element_count() == 0) return ffi::Error::Success();
  forward(pool, {a[0], a[1], a[2], b[2]}, x.typed_data(), w.typed_data(), bias.typed_data(), y->typed_data());
  return ffi::Error::Success();
}

ffi::Error to_inputs_call(ffi::ThreadPool pool, Numbers y, Numbers w, Result x) {
  const auto a = y.dimensions(), b = w.dimensions();
  if (a.size() != 3 || b.size() != 3 || a[0] != b[0] || a[2] != b[2] || b[2] % kWidth != 0 || !fits(*x, {a[0], a[1], b[1]}))
    return wrong("product_of_some_to_inputs: shapes do not fit");
  if (x->element_count() == 0) return ffi::Error::Success();
  to_inputs(pool, {a[0], a[1], b[1], b[2]}, y.typed_data(), w.typed_data(), x->typed_data());
  return ffi::Error::Success();
}

ffi::Error to_weights_call(ffi::ThreadPool pool, Numbers x, Numbers y, Result w, Result totals) {
  const auto a = x.dimensions(), b = y.dimensions();
  if (a.size() != 3 || b.size() != 3 || a[0] != b[0] || a[1] != b[1] || b[2] % kWidth != 0 ||
      !fits(*w, {a[0], a[2], b[2]}) || !fits(*totals, {a[0], b[2]}))
    return wrong("product_of_some_to_weights: shapes do not fit");
  if (totals->element_count() == 0) return ffi::Error::Success();
  to_weights(pool, {a[0], a[1], a[2], b[2]}, x.typed_data(), y.typed_data(), w->typed_data(), totals->typed_data());
  return ffi::Error::Success();
}

}  // namespace

BRICKWORK_KERNEL(brickwork_product_of_some, forward_call, binding<3, 1>());
BRICKWORK_KERNEL(brickwork_product_of_some_to_inputs, to_inputs_call, binding<2, 1>());
BRICKWORK_KERNEL(brickwork_product_of_some_to_weights, to_weights_call, binding<2, 2>());

}  // namespace brickwork
