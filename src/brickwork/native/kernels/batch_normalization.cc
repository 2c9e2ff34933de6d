// Batch normalisation, and its derivative.
//
//   mean[c] = sum of w x / T,   variance[c] = sum of w (x - mean)^2 / T,   T = sum of w
//   y = (x - mean) / sqrt(variance + epsilon) scale[c] + offset[c]
//
// over rows n and places p of x (rows, places, channels), where w[n] is 0 or 1: rows of weight 0 are not read for the
// moments. The rows are summed in pieces of a fixed number, the pieces in their order.

#include <algorithm>
#include <cmath>

#include "calls.h"
#include "parallel.h"
#include "scratch.h"
#include "vector.h"

namespace brickwork {
namespace {

struct Shape {
  int64_t rows, places, channels;
};

constexpr int64_t kPieces = 8;  // into which rows are divided, whatever the number of threads

// For each piece of rows, and each vector of channels: compute(piece, first row, last row, channel, how many).
template <typename Compute>
void by_rows(ffi::ThreadPool& pool, const Shape& s, const Compute& compute) {
  const int64_t pieces = std::min(kPieces, std::max<int64_t>(1, s.rows));
  parallel_for(pool, pieces, [&](int64_t piece) {
    compute(piece, s.rows * piece / pieces, s.rows * (piece + 1) / pieces);
  });
}

// Sums terms of the rows that count into sums[number][channel]: term(at, channel, count, part) adds what stands at
// x[at ... at + count) and in like arrays. V vectors of channels are summed side by side, from channel c on.
template <int Sums, int V, typename Term>
inline void sum_block(const Shape& s, int64_t from, int64_t until, const float* weights, float* sums, int64_t c,
                      int64_t count, const Term& term) {
  Vector total[V][Sums] = {};
  for (int64_t row = from; row < until; ++row) {
    if (weights != nullptr && weights[row] == 0) continue;
    // The sums of a row apart: adding small numbers to a large one costs digits. Two of each, so as not to wait.
    Vector part[2][V][Sums] = {};
    int64_t place = row * s.places;
    const int64_t end = place + s.places;
    for (; place + 2 <= end; place += 2)
      for (int way = 0; way < 2; ++way)
        for (int v = 0; v < V; ++v)
          term((place + way) * s.channels + c + v * kWidth, c + v * kWidth, count, part[way][v]);
    if (place < end)
      for (int v = 0; v < V; ++v) term(place * s.channels + c + v * kWidth, c + v * kWidth, count, part[0][v]);
    for (int v = 0; v < V; ++v)
      for (int i = 0; i < Sums; ++i) total[v][i] += part[0][v][i] + part[1][v][i];
  }
  for (int v = 0; v < V; ++v)
    for (int i = 0; i < Sums; ++i) put(sums + i * s.channels + c + v * kWidth, total[v][i], count);
}

template <int Sums, typename Term>
inline void sum_places(const Shape& s, int64_t from, int64_t until, const float* weights, float* sums,
                       const Term& term) {
  int64_t c = 0;
  for (; c + 2 * kWidth <= s.channels; c += 2 * kWidth)
    sum_block<Sums, 2>(s, from, until, weights, sums, c, kWidth, term);
  for (; c < s.channels; c += kWidth)
    sum_block<Sums, 1>(s, from, until, weights, sums, c, std::min(kWidth, s.channels - c), term);
}

void add_up(int64_t pieces, int64_t numbers, const float* parts, float* sums) {
  std::fill(sums, sums + numbers, 0.0f);
  for (int64_t piece = 0; piece < pieces; ++piece)
    for (int64_t i = 0; i < numbers; ++i) sums[i] += parts[piece * numbers + i];
}

float total_weight(const Shape& s, const float* weights) {
  if (weights == nullptr) return static_cast<float>(s.rows * s.places);
  int64_t rows = 0;
  for (int64_t row = 0; row < s.rows; ++row) rows += weights[row] != 0;
  return static_cast<float>(rows * s.places);
}

void forward(ffi::ThreadPool& pool, const Shape& s, const float* x, const float* weights, const float* scale,
             const float* offset, float epsilon, float* y, float* mean, float* variance, float* inverse) {
  const int64_t pieces = std::min(kPieces, std::max<int64_t>(1, s.rows));
  thread_local Scratch room;
  float* parts = room.room<float>(pieces * s.channels + 2 * s.channels);
  float* factor = parts + pieces * s.channels;
  const float total = std::max(total_weight(s, weights), 1.0f);
  by_rows(pool, s, [&](int64_t piece, int64_t from, int64_t until) {
    sum_places<1>(s, from, until, weights, parts + piece * s.channels,
                  [&](int64_t at, int64_t, int64_t count, Vector* part) { part[0] += get(x + at, count); });
  });
  add_up(pieces, s.channels, parts, mean);
  for (int64_t c = 0; c < s.channels; ++c) mean[c] /= total;
  by_rows(pool, s, [&](int64_t piece, int64_t from, int64_t until) {
    sum_places<1>(s, from, until, weights, parts + piece * s.channels,
                  [&](int64_t at, int64_t c, int64_t count, Vector* part) {
                    const Vector apart = get(x + at, count) - get(mean + c, count);
                    part[0] += apart * apart;
                  });
  });
  add_up(pieces, s.channels, parts, variance);
  for (int64_t c = 0; c < s.channels; ++c) {
    variance[c] /= total;
    inverse[c] = 1.0f / std::sqrt(variance[c] + epsilon);
    factor[c] = inverse[c] * scale[c];
  }
  by_rows(pool, s, [&](int64_t, int64_t from, int64_t until) {
    for (int64_t place = from * s.places; place < until * s.places; ++place)
      each_vector(s.channels, [&](int64_t c, int64_t count) {
        const int64_t at = place * s.channels + c;
        put(y + at, (get(x + at, count) - get(mean + c, count)) * get(factor + c, count) + get(offset + c, count), count);
      });
  });
}

// From the cotangents of y, mean and variance those of x, scale and offset.
void backward(ffi::ThreadPool& pool, const Shape& s, const float* x, const float* weights, const float* scale,
              const float* mean, const float* inverse, const float* dy, const float* dmean, const float* dvariance,
              float* dx, float* dscale, float* doffset) {
  const int64_t pieces = std::min(kPieces, std::max<int64_t>(1, s.rows));
  thread_local Scratch room;
  float* parts = room.room<float>((2 * pieces + 5) * s.channels);
  float* sums = parts + pieces * 2 * s.channels;  // of dy, and of dy (x - mean)
  float* shift = sums + 2 * s.channels;
  float* slope = shift + s.channels;
  float* factor = slope + s.channels;
  const float total = std::max(total_weight(s, weights), 1.0f);
  by_rows(pool, s, [&](int64_t piece, int64_t from, int64_t until) {
    sum_places<2>(s, from, until, nullptr, parts + piece * 2 * s.channels,
                  [&](int64_t at, int64_t c, int64_t count, Vector* part) {
                    const Vector d = get(dy + at, count);
                    part[0] += d;
                    part[1] += d * (get(x + at, count) - get(mean + c, count));
                  });
  });
  add_up(pieces, 2 * s.channels, parts, sums);
  for (int64_t c = 0; c < s.channels; ++c) {
    const float apart = sums[s.channels + c];
    doffset[c] = sums[c];
    dscale[c] = apart * inverse[c];
    factor[c] = scale[c] * inverse[c];
    shift[c] = (dmean[c] - scale[c] * inverse[c] * sums[c]) / total;
    slope[c] = (2 * dvariance[c] - scale[c] * inverse[c] * inverse[c] * inverse[c] * apart) / total;
  }
  by_rows(pool, s, [&](int64_t, int64_t from, int64_t until) {
    for (int64_t row = from; row < until; ++row) {
      const bool counts = weights == nullptr || weights[row] != 0;
      for (int64_t place = row * s.places; place < (row + 1) * s.places; ++place)
        each_vector(s.channels, [&](int64_t c, int64_t count) {
          const int64_t at = place * s.channels + c;
          Vector d = get(factor + c, count) * get(dy + at, count);
          if (counts) d += get(shift + c, count) + get(slope + c, count) * (get(x + at, count) - get(mean + c, count));
          put(dx + at, d, count);
        });
    }
  });
}

// ------------------------------------------------------------------------------------------------- what XLA calls

// Returns the weights, null where there are none: an array of none of them stands for that.
const float* some(const Numbers& weights) { return weights.element_count() ? weights.typed_data() : nullptr; }

ffi::Error forward_call(ffi::ThreadPool pool, Numbers x, Numbers weights, Numbers scale, Numbers offset, Result y,
                        Result mean, Result variance, Result inverse, float epsilon) {
  if (x.dimensions().size() != 3) return wrong("batch_normalization: x needs three axes");
  const Shape s{x.dimensions()[0], x.dimensions()[1], x.dimensions()[2]};
  if (count_of(scale) != s.channels || count_of(offset) != s.channels || !(count_of(weights) == 0 || count_of(weights) == s.rows) ||
      count_of(*mean) != s.channels || count_of(*variance) != s.channels || count_of(*inverse) != s.channels ||
      count_of(*y) != s.rows * s.places * s.channels)
    return wrong("batch_normalization: shapes do not fit");
  forward(pool, s, x.typed_data(), some(weights), scale.typed_data(), offset.typed_data(), epsilon, y->typed_data(),
          mean->typed_data(), variance->typed_data(), inverse->typed_data());
  return ffi::Error::Success();
}

ffi::Error backward_call(ffi::ThreadPool pool, Numbers x, Numbers weights, Numbers scale, Numbers mean,
                         Numbers inverse, Numbers dy, Numbers dmean, Numbers dvariance, Result dx, Result dscale,
                         Result doffset) {
  if (x.dimensions().size() != 3) return wrong("batch_normalization: x needs three axes");
  const Shape s{x.dimensions()[0], x.dimensions()[1], x.dimensions()[2]};
  for (const Numbers* one : {&scale, &mean, &inverse, &dmean, &dvariance, &*dscale, &*doffset})
    if (count_of(*one) != s.channels) return wrong("batch_normalization: shapes do not fit");
  if (!(count_of(weights) == 0 || count_of(weights) == s.rows) || count_of(dy) != s.rows * s.places * s.channels ||
      count_of(*dx) != s.rows * s.places * s.channels)
    return wrong("batch_normalization: shapes do not fit");
  backward(pool, s, x.typed_data(), some(weights), scale.typed_data(), mean.typed_data(), inverse.typed_data(),
           dy.typed_data(), dmean.typed_data(), dvariance.typed_data(), dx->typed_data(), dscale->typed_data(),
           doffset->typed_data());
  return ffi::Error::Success();
}

}  // namespace

BRICKWORK_KERNEL(brickwork_batch_normalization, forward_call, binding<4, 4>().Attr<float>("epsilon"));
BRICKWORK_KERNEL(brickwork_batch_normalization_backward, backward_call, binding<8, 3>());

}  // namespace brickwork
