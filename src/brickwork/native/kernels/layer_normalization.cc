// Layer normalisation: every row gets mean 0 and variance 1, a scale and an offset; forward and backward.
//
//   y = n scale + offset,   n = (x - mean) rate,   rate = 1 / sqrt(variance + epsilon)
//
//   dx = rate (g - mean of g - n mean of g n),   g = dy scale
//   dscale = sum over rows of dy n,   doffset = sum over rows of dy
//
// Arrays are (members, rows, features), scale and offset (members, features): several networks are one call. Mean and
// rate of every row are kept for backward. Sums over rows are taken piece by piece, pieces added in their order: how many
// there are depends on the number of threads alone. Source: Ba, Kiros and Hinton (2016), "Layer normalization", equation
// 4; the mean is subtracted before squares are summed (Chan, Golub and LeVeque, 1983, equation 1.5).

#include <algorithm>
#include <cmath>

#include "calls.h"
#include "parallel.h"
#include "scratch.h"
#include "vector.h"

namespace brickwork {
namespace {

struct Sizes {
  int64_t members, rows, features;
};

constexpr int64_t kRows = 32;  // rows that a thread takes at a time

void forward(ffi::ThreadPool& pool, const Sizes& s, float epsilon, const float* x, const float* scale,
             const float* offset, float* y, float* kept) {
  const int64_t pieces = (s.rows + kRows - 1) / kRows;
  const float share = 1.0f / static_cast<float>(s.features);
  parallel_for(pool, s.members * pieces, [&](int64_t number) {
    const int64_t member = number / pieces, start = number % pieces * kRows;
    const float* by = scale + member * s.features;
    const float* more = offset + member * s.features;
    for (int64_t row = start; row < std::min(s.rows, start + kRows); ++row) {
      const int64_t at = member * s.rows + row;
      const float* from = x + at * s.features;
      float* to = y + at * s.features;
      Vector total = {};
      each_vector(s.features, [&](int64_t i, int64_t some) { total += get(from + i, some); });
      const float mean = sum_of(total) * share;
      Vector squares = {};
      each_vector(s.features, [&](int64_t i, int64_t some) {
        Vector away = get(from + i, some) - mean;
        for (int64_t lane = some; lane < kWidth; ++lane) away[lane] = 0;
        squares += away * away;
      });
      const float rate = 1.0f / std::sqrt(sum_of(squares) * share + epsilon);
      each_vector(s.features, [&](int64_t i, int64_t some) {
        put(to + i, (get(from + i, some) - mean) * rate * get(by + i, some) + get(more + i, some), some);
      });
      kept[2 * at] = mean, kept[2 * at + 1] = rate;
    }
  });
}

void backward(ffi::ThreadPool& pool, const Sizes& s, const float* x, const float* scale, const float* kept,
              const float* dy, float* dx, float* dscale, float* doffset) {
  const int64_t pieces = std::clamp<int64_t>(2 * pool.num_threads(), 1, std::max<int64_t>(1, s.rows / kRows));
  const int64_t width = (s.features + kWidth - 1) / kWidth * kWidth;
  const float share = 1.0f / static_cast<float>(s.features);
  thread_local Scratch room;
  float* sums = room.room<float>(s.members * pieces * 2 * width);
  parallel_for(pool, s.members * pieces, [&](int64_t number) {
    const int64_t member = number / pieces, piece = number % pieces;
    const float* by = scale + member * s.features;
    float* scales = sums + number * 2 * width;
    float* offsets = scales + width;
    std::fill(scales, scales + 2 * width, 0.0f);
    for (int64_t row = s.rows * piece / pieces; row < s.rows * (piece + 1) / pieces; ++row) {
      const int64_t at = member * s.rows + row;
      const float* from = x + at * s.features;
      const float* slope = dy + at * s.features;
      float* to = dx + at * s.features;
      const float mean = kept[2 * at], rate = kept[2 * at + 1];
      Vector total = {}, product = {};
      each_vector(s.features, [&](int64_t i, int64_t some) {
        const Vector change = get(slope + i, some), g = change * get(by + i, some);
        const Vector n = (get(from + i, some) - mean) * rate;
        total += g;
        product += g * n;
        store(scales + i, load(scales + i) + change * n);
        store(offsets + i, load(offsets + i) + change);
      });
      const float mean_slope = sum_of(total) * share, mean_product = sum_of(product) * share;
      each_vector(s.features, [&](int64_t i, int64_t some) {
        const Vector n = (get(from + i, some) - mean) * rate;
        put(to + i, (get(slope + i, some) * get(by + i, some) - mean_slope - n * mean_product) * rate, some);
      });
    }
  });
  for (int64_t member = 0; member < s.members; ++member)
    for (int64_t i = 0; i < s.features; ++i) {
      float total = 0, product = 0;
      for (int64_t piece = 0; piece < pieces; ++piece) {
        const float* one = sums + (member * pieces + piece) * 2 * width;
        product += one[i], total += one[width + i];
      }
      dscale[member * s.features + i] = product, doffset[member * s.features + i] = total;
    }
}

// ------------------------------------------------------------------------------------------------- what XLA calls

ffi::ErrorOr<Sizes> sizes(Numbers x, Numbers scale) {
  const auto xs = x.dimensions(), ss = scale.dimensions();
  if (xs.size() != 3 || ss.size() != 2 || ss[0] != xs[0] || ss[1] != xs[2])
    return ffi::Unexpected(ffi::Error::InvalidArgument("layer_normalization: shapes do not fit"));
  return Sizes{xs[0], xs[1], xs[2]};
}

ffi::Error forward_call(ffi::ThreadPool pool, Numbers x, Numbers scale, Numbers offset, Result y, Result kept,
                        float epsilon) {
  const auto s = sizes(x, scale);
  if (s.has_error()) return s.error();
  if (offset.element_count() != scale.element_count() || y->element_count() != x.element_count() ||
      count_of(*kept) != s->members * s->rows * 2)
    return wrong("layer_normalization: shapes do not fit");
  forward(pool, *s, epsilon, x.typed_data(), scale.typed_data(), offset.typed_data(), y->typed_data(),
          kept->typed_data());
  return ffi::Error::Success();
}

ffi::Error backward_call(ffi::ThreadPool pool, Numbers x, Numbers scale, Numbers kept, Numbers dy, Result dx,
                         Result dscale, Result doffset) {
  const auto s = sizes(x, scale);
  if (s.has_error()) return s.error();
  if (dy.element_count() != x.element_count() || dx->element_count() != x.element_count() ||
      dscale->element_count() != scale.element_count() || doffset->element_count() != scale.element_count() ||
      count_of(kept) != s->members * s->rows * 2)
    return wrong("layer_normalization: shapes do not fit");
  backward(pool, *s, x.typed_data(), scale.typed_data(), kept.typed_data(), dy.typed_data(), dx->typed_data(),
           dscale->typed_data(), doffset->typed_data());
  return ffi::Error::Success();
}

}  // namespace

BRICKWORK_KERNEL(brickwork_layer_normalization, forward_call, binding<3, 2>().Attr<float>("epsilon"));
BRICKWORK_KERNEL(brickwork_layer_normalization_backward, backward_call, binding<4, 3>());

}  // namespace brickwork
