// The product of a few rows with a matrix, as in the answer to one question.
//
//   result[row][column] = sum over k of  rows[row][k] matrix[k][column],   for every member
//
// The matrix is read once, as it lies in memory, which is what takes time: nothing is laid out. The columns are divided into
// panels as wide as registers hold sums of; the last one overlaps the one before it if it must, so that all are whole
// vectors. Only large matrices are divided among threads: waking one takes longer than a small product.

#include <algorithm>

#include "calls.h"
#include "parallel.h"
#include "vector.h"

namespace brickwork {
namespace {

constexpr int64_t kVectors = kWidth == 4 ? 4 : 8;       // of a panel
constexpr int64_t kAlone = 1 << 18;                     // numbers of a matrix up to which one thread does it

// One row with V vectors of columns, from column `first` on.
template <int V>
inline void panel(int64_t depth, int64_t columns, const float* row, const float* matrix, int64_t first, float* result) {
  Vector sum[V] = {};
  const float* from = matrix + first;
  for (int64_t k = 0; k < depth; ++k, from += columns)
    for (int v = 0; v < V; ++v) sum[v] += row[k] * load(from + v * kWidth);
  for (int v = 0; v < V; ++v) store(result + first + v * kWidth, sum[v]);
}

// Columns [from, until) of one row; both are at least a vector apart.
void multiply(int64_t depth, int64_t columns, const float* row, const float* matrix, int64_t from, int64_t until,
              float* result) {
  int64_t first = from;
  for (; first + kVectors * kWidth <= until; first += kVectors * kWidth)
    panel<kVectors>(depth, columns, row, matrix, first, result);
  for (; first + 2 * kWidth <= until; first += 2 * kWidth) panel<2>(depth, columns, row, matrix, first, result);
  for (; first < until; first += kWidth)
    panel<1>(depth, columns, row, matrix, std::min(first, until - kWidth), result);
}

ffi::Error call(ffi::ThreadPool pool, Numbers rows, Numbers matrix, Result result) {
  const auto a = rows.dimensions(), b = matrix.dimensions();
  if (a.size() != 3 || b.size() != 3 || a[0] != b[0] || a[2] != b[1] || b[2] < kWidth ||
      !fits(*result, {a[0], a[1], b[2]}))
    return wrong("product_of_few: shapes do not fit");
  const int64_t count = a[1], depth = a[2], columns = b[2], vectors = columns / kWidth;
  const int64_t pieces = depth * columns <= kAlone ? 1 : std::min<int64_t>(pool.num_threads(), vectors);
  parallel_for(pool, a[0] * count * pieces, [&](int64_t number) {
    const int64_t piece = number % pieces, row = number / pieces, member = row / count;
    const int64_t until = piece + 1 == pieces ? columns : vectors * (piece + 1) / pieces * kWidth;
    multiply(depth, columns, rows.typed_data() + row * depth, matrix.typed_data() + member * depth * columns,
             vectors * piece / pieces * kWidth, until, result->typed_data() + row * columns);
  });
  return ffi::Error::Success();
}

}  // namespace

BRICKWORK_KERNEL(brickwork_product_of_few, call, binding<2, 1>());

}  // namespace brickwork
