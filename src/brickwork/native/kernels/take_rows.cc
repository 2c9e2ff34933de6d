// Rows of an array by their numbers: a batch of examples.
//
//   result[i] = array[numbers[i]],   numbers outside of the array mean its first or last row
//
// The rows of a batch lie anywhere in memory. A row is asked for while the one before is copied.

#include <algorithm>
#include <cstring>

#include "calls.h"
#include "parallel.h"

namespace brickwork {
namespace {

constexpr int64_t kLine = 16;        // numbers of a line of the caches
constexpr int64_t kPiece = 1 << 12;  // numbers that a piece copies at least

ffi::Error take_rows(ffi::ThreadPool pool, Numbers array, Whole numbers, Result result) {
  const int64_t rows = array.dimensions().size() == 2 ? array.dimensions()[0] : 0, width = rows ? array.dimensions()[1] : 0;
  const int64_t taken = static_cast<int64_t>(numbers.element_count());
  if (rows < 1 || numbers.dimensions().size() != 1 || !fits(*result, {taken, width}))
    return wrong("take_rows: shapes do not fit, or there are no rows");
  const int32_t* number = numbers.typed_data();
  const auto row = [&](int64_t i) {
    return array.typed_data() + std::clamp<int64_t>(number[i], 0, rows - 1) * width;
  };
  const auto ask_for = [&](int64_t i) {
    for (int64_t at = 0; at < width; at += kLine) __builtin_prefetch(row(i) + at);
  };
  const int64_t pieces = std::clamp<int64_t>(taken * width / kPiece, 1, std::max<int64_t>(1, taken));
  quick_for(pool, taken * width, pieces, [&](int64_t piece) {
    const int64_t from = taken * piece / pieces, until = taken * (piece + 1) / pieces;
    if (from < until) ask_for(from);
    for (int64_t i = from; i < until; ++i) {
      if (i + 1 < until) ask_for(i + 1);
      std::memcpy(result->typed_data() + i * width, row(i), static_cast<size_t>(width) * sizeof(float));
    }
  });
  return ffi::Error::Success();
}

}  // namespace

BRICKWORK_KERNEL(brickwork_take_rows, take_rows,
                 ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Numbers>().Arg<Whole>().Ret<Numbers>());

}  // namespace brickwork
