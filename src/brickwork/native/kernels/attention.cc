// Attention without a matrix of scores in memory, forward and backward.
//
//   p[i, j] = exp(scale q[i] . k[j] - top[i]) / total[i]        y[i] = sum over j of p[i, j] v[j]
//
// where query i sees all keys, or (causal) those with j <= i. A thread takes one head of keys of one row of the batch,
// and a few queries at a time: their scores against all keys that they see stay in its first cache. The top and the
// reciprocal of the total of every query are kept for backward, which computes the same scores again:
//
//   dp[i, j] = dy[i] . v[j]      ds[i, j] = scale p[i, j] (dp[i, j] - dy[i] . y[i])
//   dq[i] = sum over j of ds[i, j] k[j]      dk[j] = sum over i of ds[i, j] q[i]      dv[j] = sum over i of p[i, j] dy[i]
//
// Every sum is taken in an order that depends on shapes alone. Source: Dao et al. (2022), "FlashAttention", section 3.1
// and appendix B.4 (rows of scores are kept whole here, so a softmax needs no second look at what came before).

#include <algorithm>
#include <cmath>
#include <limits>

#include "calls.h"
#include "functions.h"
#include "parallel.h"
#include "scratch.h"
#include "tiles.h"

namespace brickwork {
namespace {

constexpr int64_t kBlock = 24 * 1024;  // scores that are kept at a time for sums over queries

struct Attention {
  int64_t batch, queries, keys, heads, key_heads, size, value_size;
  bool causal;
  float scale;

  int64_t shared() const { return heads / key_heads; }
  // How many heads of keys a thread takes at a time: those of a whole row of the batch, whose numbers lie side by side
  // in memory, if there are enough rows.
  int64_t together(int64_t threads) const { return batch >= 4 * threads ? key_heads : 1; }
  // How many keys queries up to `last` see.
  int64_t seen(int64_t last) const { return causal ? std::min(keys, last + 1) : keys; }
};

// Computes scores of some queries, [query][key], before they are scaled; returns how long a row is that any of them sees,
// in whole vectors.
int64_t scores_of(const Attention& a, const float* q, int64_t first, int64_t count, const float* key_panels,
                  float* scores, int64_t step) {
  const int64_t seen = a.seen(first + count - 1), row = a.heads * a.size;
  for (int64_t key = 0; key < seen; key += kTileColumns)
    kTileOf<2, false, false>[count - 1](q + first * row, row, key_panels + key * a.size, kTileColumns, a.size, scores + key,
                                        step);
  return (seen + kWidth - 1) / kWidth * kWidth;
}

// The numbers of a vector that belong to the first so many, and others in the place of the rest.
inline Vector among(Vector value, int64_t count, float others) {
  if (count >= kWidth) return value;
  Integers place;
  for (int i = 0; i < kWidth; ++i) place[i] = i;
  return place < static_cast<int32_t>(count) ? value : filled(others);
}

// Scales a row of scores of which the query sees so many, the rest become -infinity; returns the largest.
float scaled(float* scores, int64_t length, int64_t seen, float scale) {
  Vector top = filled(-std::numeric_limits<float>::infinity());
  for (int64_t i = 0; i < length; i += kWidth) {
    const Vector score = among(load(scores + i) * scale, seen - i, -std::numeric_limits<float>::infinity());
    store(scores + i, score);
    top = larger(score, top);
  }
  return largest_of(top);
}

// Replaces numbers by exp(number - top) and returns their sum.
float exponentials(float* numbers, int64_t length, float top) {
  Vector total = {};
  for (int64_t i = 0; i < length; i += kWidth) {
    const Vector power = exp(load(numbers + i) - top);
    store(numbers + i, power);
    total += power;
  }
  return sum_of(total);
}

// Multiplies rows [row][i] with panels laid out for `size` columns, and writes rows of exactly that size.
void products(const float* rows, int64_t step, int64_t count, int64_t inner, const float* panels, int64_t panel_rows,
              int64_t size, float* to, int64_t to_step) {
  for (int64_t first = 0; first < size; first += kTileColumns, panels += panel_rows * kTileColumns) {
    if (first + kTileColumns <= size) {
      kTileOf<2, false, false>[count - 1](rows, step, panels, kTileColumns, inner, to + first, to_step);
      continue;
    }
    float padded[kTileRows * kTileColumns];
    kTileOf<2, false, false>[count - 1](rows, step, panels, kTileColumns, inner, padded, kTileColumns);
    for (int64_t r = 0; r < count; ++r)
      std::copy(padded + r * kTileColumns, padded + r * kTileColumns + size - first, to + r * to_step + first);
  }
}

void head_forward(const Attention& a, int64_t b, int64_t key_head, const float* q, const float* k, const float* v,
                  float* y, float* kept) {
  const int64_t key_row = a.key_heads * a.size, value_row = a.key_heads * a.value_size, out_row = a.heads * a.value_size;
  const int64_t step = whole_tiles(a.keys);
  thread_local Scratch room;
  float* key_panels = room.room<float>(step * a.size + a.keys * whole_tiles(a.value_size) + kTileRows * step);
  float* value_panels = key_panels + step * a.size;
  float* scores = value_panels + a.keys * whole_tiles(a.value_size);
  lay_columns(k + b * a.keys * key_row + key_head * a.size, key_row, a.keys, a.size, key_panels);
  lay_rows(v + b * a.keys * value_row + key_head * a.value_size, value_row, a.keys, a.value_size, value_panels);
  for (int64_t head = key_head * a.shared(); head < (key_head + 1) * a.shared(); ++head)
    for (int64_t first = 0; first < a.queries; first += kTileRows) {
      const int64_t count = std::min(kTileRows, a.queries - first);
      const float* queries = q + b * a.queries * a.heads * a.size + head * a.size;
      const int64_t length = scores_of(a, queries, first, count, key_panels, scores, step);
      float* mine = kept + ((b * a.heads + head) * a.queries + first) * 2;
      for (int64_t i = 0; i < count; ++i) {
        float* row = scores + i * step;
        float top = scaled(row, length, a.seen(first + i), a.scale);
        if (top == -std::numeric_limits<float>::infinity()) top = 0;
        const float total = exponentials(row, length, top);
        mine[2 * i] = top, mine[2 * i + 1] = total == 0 ? 0 : 1 / total;
      }
      float* out = y + (b * a.queries + first) * out_row + head * a.value_size;
      products(scores, step, count, a.seen(first + count - 1), value_panels, a.keys, a.value_size, out, out_row);
      for (int64_t i = 0; i < count; ++i, out += out_row) {
        const float factor = mine[2 * i + 1];
        each_vector(a.value_size, [=](int64_t at, int64_t some) { put(out + at, get(out + at, some) * factor, some); });
      }
    }
}

// Asks for memory that is read soon, in an order that the processor does not foresee.
void fetch(const float* from, int64_t count) {
  for (int64_t i = 0; i < count; i += 16) __builtin_prefetch(from + i);
}

void forward(ffi::ThreadPool& pool, const Attention& a, const float* q, const float* k, const float* v, float* y,
             float* kept) {
  const int64_t key_row = a.key_heads * a.size, value_row = a.key_heads * a.value_size;
  const int64_t together = a.together(pool.num_threads());
  parallel_for(pool, a.batch * a.key_heads / together, [&](int64_t piece) {
    const int64_t b = piece * together / a.key_heads;
    if (together == a.key_heads) {
      fetch(k + b * a.keys * key_row, a.keys * key_row);
      fetch(v + b * a.keys * value_row, a.keys * value_row);
      fetch(q + b * a.queries * a.heads * a.size, a.queries * a.heads * a.size);
    }
    for (int64_t key_head = piece * together % a.key_heads, last = key_head + together; key_head < last; ++key_head)
      head_forward(a, b, key_head, q, k, v, y, kept);
  });
}

// Adds sums over queries [first, first + count) of left[query][key] right[query][column] to sums[panel][key][column].
void add_over_queries(const Attention& a, int64_t first, int64_t count, const float* left, int64_t step,
                      const float* panels, int64_t size, float* sums) {
  const int64_t seen = a.seen(first + count - 1);  // what lies behind was never written
  for (int64_t column = 0; column < size; column += kTileColumns) {
    const float* right = panels + column * a.queries;
    float* to = sums + column * a.keys;
    for (int64_t key = 0; key < seen; key += kTileRows) {
      const int64_t start = a.causal ? std::max<int64_t>(0, key - first) : 0;
      kTileOf<2, true, true>[std::min(kTileRows, seen - key) - 1](
          left + start * step + key, step, right + (first + start) * kTileColumns, kTileColumns, count - start,
          to + key * kTileColumns, kTileColumns);
    }
  }
}

void write_sums(const float* sums, int64_t rows, int64_t size, float* to, int64_t step) {
  for (int64_t column = 0; column < size; column += kTileColumns)
    for (int64_t row = 0; row < rows; ++row, sums += kTileColumns)
      std::copy(sums, sums + std::min(kTileColumns, size - column), to + row * step + column);
}

float dot(const float* left, const float* right, int64_t count) {
  Vector total = {};
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) total += load(left + i) * load(right + i);
  if (i < count) total += load_some(left + i, count - i) * load_some(right + i, count - i);
  return sum_of(total);
}

void head_backward(const Attention& a, int64_t b, int64_t key_head, const float* q, const float* k, const float* v,
                   const float* y, const float* kept, const float* dy, float* dq, float* dk, float* dv) {
  const int64_t row = a.heads * a.size, out_row = a.heads * a.value_size;
  const int64_t key_row = a.key_heads * a.size, value_row = a.key_heads * a.value_size;
  const int64_t key_step = whole_tiles(a.keys), size = whole_tiles(a.size), value_size = whole_tiles(a.value_size);
  const int64_t step = key_step + 16;  // rows that a sum goes down lie in other lines of the first cache
  const int64_t block = std::clamp<int64_t>(kBlock / std::max<int64_t>(1, step) / kTileRows, 1, 16) * kTileRows;
  thread_local Scratch room;
  float* key_columns = room.room<float>(key_step * (a.size + a.value_size) + a.keys * (2 * size + value_size) +
                                        a.queries * (size + value_size) + 2 * block * step);
  float* value_columns = key_columns + key_step * a.size;
  float* key_rows = value_columns + key_step * a.value_size;
  float* query_rows = key_rows + a.keys * size;
  float* dy_rows = query_rows + a.queries * size;
  float* key_sums = dy_rows + a.queries * value_size;
  float* value_sums = key_sums + a.keys * size;
  float* weights = value_sums + a.keys * value_size;
  float* slopes = weights + block * step;

  const float* keys = k + b * a.keys * key_row + key_head * a.size;
  lay_columns(keys, key_row, a.keys, a.size, key_columns);
  lay_rows(keys, key_row, a.keys, a.size, key_rows);
  lay_columns(v + b * a.keys * value_row + key_head * a.value_size, value_row, a.keys, a.value_size, value_columns);
  std::fill(key_sums, key_sums + a.keys * (size + value_size), 0.0f);
  for (int64_t head = key_head * a.shared(); head < (key_head + 1) * a.shared(); ++head) {
    const float* queries = q + b * a.queries * row + head * a.size;
    const float* out = y + b * a.queries * out_row + head * a.value_size;
    const float* slope = dy + b * a.queries * out_row + head * a.value_size;
    const float* numbers = kept + (b * a.heads + head) * a.queries * 2;
    lay_rows(queries, row, a.queries, a.size, query_rows);
    lay_rows(slope, out_row, a.queries, a.value_size, dy_rows);
    for (int64_t start = 0; start < a.queries; start += block) {
      const int64_t until = std::min(a.queries, start + block);
      for (int64_t first = start; first < until; first += kTileRows) {
        const int64_t count = std::min(kTileRows, until - first), seen = a.seen(first + count - 1);
        float* p = weights + (first - start) * step;
        float* ds = slopes + (first - start) * step;
        const int64_t length = scores_of(a, queries, first, count, key_columns, p, step);
        for (int64_t key = 0; key < seen; key += kTileColumns)
          kTileOf<2, false, false>[count - 1](slope + first * out_row, out_row, value_columns + key * a.value_size,
                                              kTileColumns, a.value_size, ds + key, step);
        for (int64_t i = 0; i < count; ++i) {
          const int64_t at = first + i;
          const Vector top = filled(numbers[2 * at]), factor = filled(numbers[2 * at + 1]);
          const Vector mean = filled(dot(out + at * out_row, slope + at * out_row, a.value_size));
          const Vector scale = filled(a.scale);
          for (int64_t j = 0; j < length; j += kWidth) {
            const Vector power = exp(load(p + i * step + j) * scale - top);
            const Vector weight = among(power, a.seen(at) - j, 0) * factor;
            store(p + i * step + j, weight);
            store(ds + i * step + j, weight * (load(ds + i * step + j) - mean) * scale);
          }
        }
        products(ds, step, count, seen, key_rows, a.keys, a.size,
                 dq + (b * a.queries + first) * row + head * a.size, row);
      }
      add_over_queries(a, start, until - start, weights, step, dy_rows, a.value_size, value_sums);
      add_over_queries(a, start, until - start, slopes, step, query_rows, a.size, key_sums);
    }
  }
  write_sums(key_sums, a.keys, a.size, dk + b * a.keys * key_row + key_head * a.size, key_row);
  write_sums(value_sums, a.keys, a.value_size, dv + b * a.keys * value_row + key_head * a.value_size, value_row);
}

void backward(ffi::ThreadPool& pool, const Attention& a, const float* q, const float* k, const float* v, const float* y,
              const float* kept, const float* dy, float* dq, float* dk, float* dv) {
  const int64_t key_row = a.key_heads * a.size, value_row = a.key_heads * a.value_size;
  const int64_t together = a.together(pool.num_threads());
  parallel_for(pool, a.batch * a.key_heads / together, [&](int64_t piece) {
    const int64_t b = piece * together / a.key_heads;
    if (together == a.key_heads) {
      fetch(k + b * a.keys * key_row, a.keys * key_row);
      fetch(v + b * a.keys * value_row, a.keys * value_row);
      fetch(q + b * a.queries * a.heads * a.size, a.queries * a.heads * a.size);
      fetch(dy + b * a.queries * a.heads * a.value_size, a.queries * a.heads * a.value_size);
      fetch(y + b * a.queries * a.heads * a.value_size, a.queries * a.heads * a.value_size);
    }
    for (int64_t key_head = piece * together % a.key_heads, last = key_head + together; key_head < last; ++key_head)
      head_backward(a, b, key_head, q, k, v, y, kept, dy, dq, dk, dv);
  });
}

// ------------------------------------------------------------------------------------------------- what XLA calls

// Puts the sizes together from the arrays; no heads where they do not fit.
Attention sizes_of(Numbers q, Numbers k, Numbers v, int64_t causal, float scale) {
  Attention a{};
  const auto qs = q.dimensions(), ks = k.dimensions(), vs = v.dimensions();
  if (qs.size() != 4 || ks.size() != 4 || vs.size() != 4) return a;
  if (ks[0] != qs[0] || vs[0] != qs[0] || vs[1] != ks[1] || vs[2] != ks[2] || ks[3] != qs[3]) return a;
  if (ks[2] < 1 || qs[2] % ks[2]) return a;
  return {qs[0], qs[1], ks[1], qs[2], ks[2], qs[3], vs[3], causal != 0, scale};
}

ffi::Error forward_call(ffi::ThreadPool pool, Numbers q, Numbers k, Numbers v, Result y, Result kept, int64_t causal,
                        float scale) {
  const Attention a = sizes_of(q, k, v, causal, scale);
  if (!a.heads || count_of(*y) != a.batch * a.queries * a.heads * a.value_size ||
      count_of(*kept) != a.batch * a.heads * a.queries * 2)
    return wrong("attention: shapes do not fit");
  forward(pool, a, q.typed_data(), k.typed_data(), v.typed_data(), y->typed_data(), kept->typed_data());
  return ffi::Error::Success();
}

ffi::Error backward_call(ffi::ThreadPool pool, Numbers q, Numbers k, Numbers v, Numbers y, Numbers kept, Numbers dy,
                         Result dq, Result dk, Result dv, int64_t causal, float scale) {
  const Attention a = sizes_of(q, k, v, causal, scale);
  if (!a.heads || y.element_count() != dy.element_count() || dq->element_count() != q.element_count() ||
      dk->element_count() != k.element_count() || dv->element_count() != v.element_count() ||
      count_of(y) != a.batch * a.queries * a.heads * a.value_size ||
      count_of(kept) != a.batch * a.heads * a.queries * 2)
    return wrong("attention: shapes do not fit");
  backward(pool, a, q.typed_data(), k.typed_data(), v.typed_data(), y.typed_data(), kept.typed_data(), dy.typed_data(),
           dq->typed_data(), dk->typed_data(), dv->typed_data());
  return ffi::Error::Success();
}

}  // namespace

BRICKWORK_KERNEL(brickwork_attention, forward_call, binding<3, 2>().Attr<int64_t>("causal").Attr<float>("scale"));
BRICKWORK_KERNEL(brickwork_attention_backward, backward_call, binding<6, 3>().Attr<int64_t>("causal").Attr<float>("scale"));

}  // namespace brickwork
