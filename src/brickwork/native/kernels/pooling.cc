// Largest values under windows, and what follows from where they were found.
//
//   max_pool       y[n, p, c] = max over t of x[n, p s + t - low, c], and at[n, p, c], the place where it was found
//   pool_take      y[n, p, c] = x[n, at[n, p, c], c]
//   pool_put       x[n, i, c] = sum over the places p with at[n, p, c] = i of y[n, p, c]
//
// The last two are linear, and each is the transpose of the other: the derivatives of the first one. Arrays are (rows,
// depth, height, width, channels). Padding never wins; of equals the first place in row order does, and nan always.

#include <algorithm>
#include <limits>

#include "calls.h"
#include "parallel.h"
#include "vector.h"

namespace brickwork {
namespace {

constexpr int kAxes = 3;

struct Windows {
  int64_t rows, channels;
  int64_t size[kAxes], window[kAxes], out[kAxes], stride[kAxes], low[kAxes];

  int64_t places() const { return size[0] * size[1] * size[2]; }
  int64_t out_places() const { return out[0] * out[1] * out[2]; }
};

// Calls visit(place of y, place of x) for every place of y and what its window sees, the places of x in row order.
template <typename Begin, typename Visit, typename End>
inline void each_window(const Windows& w, const Begin& begin, const Visit& visit, const End& end) {
  int64_t place = 0;
  for (int64_t p = 0; p < w.out[0]; ++p)
    for (int64_t q = 0; q < w.out[1]; ++q)
      for (int64_t r = 0; r < w.out[2]; ++r, ++place) {
        const int64_t d = p * w.stride[0] - w.low[0], h = q * w.stride[1] - w.low[1], c = r * w.stride[2] - w.low[2];
        begin(place);
        for (int64_t i = std::max<int64_t>(d, 0); i < std::min(d + w.window[0], w.size[0]); ++i)
          for (int64_t j = std::max<int64_t>(h, 0); j < std::min(h + w.window[1], w.size[1]); ++j)
            for (int64_t k = std::max<int64_t>(c, 0); k < std::min(c + w.window[2], w.size[2]); ++k)
              visit((i * w.size[1] + j) * w.size[2] + k);
        end(place);
      }
}

inline Integers places_at(const int32_t* at, int64_t count) {
  Integers result = {};
  std::memcpy(&result, at, static_cast<size_t>(count) * sizeof(int32_t));
  return result;
}

void max_pool(ffi::ThreadPool& pool, const Windows& w, const float* x, float* y, int32_t* at) {
  parallel_for(pool, w.rows, [&](int64_t row) {
    const float* source = x + row * w.places() * w.channels;
    float* values = y + row * w.out_places() * w.channels;
    int32_t* found = at + row * w.out_places() * w.channels;
    each_vector(w.channels, [&](int64_t c, int64_t count) {
      Vector best;
      Integers where;
      each_window(
          w,
          [&](int64_t) {
            best = filled(-std::numeric_limits<float>::infinity());
            where = Integers{} - 1;
          },
          [&](int64_t place) {
            const Vector value = get(source + place * w.channels + c, count);
            const Integers wins = (value > best) | (value != value) | (where < 0);
            best = wins ? value : best;
            where = wins ? Integers{} + static_cast<int32_t>(place) : where;
          },
          [&](int64_t place) {
            put(values + place * w.channels + c, best, count);
            std::memcpy(found + place * w.channels + c, &where, static_cast<size_t>(count) * sizeof(int32_t));
          });
    });
  });
}

void pool_take(ffi::ThreadPool& pool, const Windows& w, const float* x, const int32_t* at, float* y) {
  parallel_for(pool, w.rows, [&](int64_t row) {
    const float* source = x + row * w.places() * w.channels;
    const int64_t numbers = w.out_places() * w.channels;
    for (int64_t i = 0; i < numbers; i += w.channels)
      for (int64_t c = 0; c < w.channels; ++c) {
        const int64_t place = row * numbers + i + c;
        y[place] = source[at[place] * w.channels + c];
      }
  });
}

void pool_put(ffi::ThreadPool& pool, const Windows& w, const float* y, const int32_t* at, float* x) {
  parallel_for(pool, w.rows, [&](int64_t row) {
    float* dest = x + row * w.places() * w.channels;
    const float* values = y + row * w.out_places() * w.channels;
    const int32_t* found = at + row * w.out_places() * w.channels;
    std::fill(dest, dest + w.places() * w.channels, 0.0f);
    each_vector(w.channels, [&](int64_t c, int64_t count) {
      Vector value;
      Integers where;
      each_window(
          w,
          [&](int64_t place) {
            value = get(values + place * w.channels + c, count);
            where = places_at(found + place * w.channels + c, count);
          },
          [&](int64_t place) {
            float* to = dest + place * w.channels + c;
            put(to, get(to, count) + (where == static_cast<int32_t>(place) ? value : Vector{}), count);
          },
          [](int64_t) {});
    });
  });
}

// ------------------------------------------------------------------------------------------------- what XLA calls

using Attribute = ffi::Span<const int64_t>;

ffi::ErrorOr<Windows> windows(ffi::Span<const int64_t> x, ffi::Span<const int64_t> y, ffi::Span<const int64_t> at,
                              Attribute window, Attribute stride, Attribute low) {
  const auto wrong = [](const char* what) { return ffi::Unexpected(ffi::Error::InvalidArgument(what)); };
  if (x.size() != 5 || y.size() != 5 || at.size() != 5 || !std::equal(y.begin(), y.end(), at.begin()) ||
      x[0] != y[0] || x[4] != y[4])
    return wrong("pooling: shapes do not fit");
  if (window.size() != kAxes || stride.size() != kAxes || low.size() != kAxes)
    return wrong("pooling: window, stride and low need three numbers");
  Windows w;
  w.rows = x[0], w.channels = x[4];
  if (x[1] * x[2] * x[3] > std::numeric_limits<int32_t>::max()) return wrong("pooling: too many places");
  for (int a = 0; a < kAxes; ++a) {
    w.size[a] = x[1 + a], w.out[a] = y[1 + a];
    w.window[a] = window[a], w.stride[a] = stride[a], w.low[a] = low[a];
  }
  return w;
}

ffi::Error max_pool_call(ffi::ThreadPool pool, Numbers x, Result y, ffi::Result<Whole> at,
                         Attribute window, Attribute stride, Attribute low) {
  const auto w = windows(x.dimensions(), y->dimensions(), at->dimensions(), window, stride, low);
  if (w.has_error()) return w.error();
  max_pool(pool, w.value(), x.typed_data(), y->typed_data(), at->typed_data());
  return ffi::Error::Success();
}

ffi::Error pool_take_call(ffi::ThreadPool pool, Numbers x, Whole at, Result y, Attribute window,
                          Attribute stride, Attribute low) {
  const auto w = windows(x.dimensions(), y->dimensions(), at.dimensions(), window, stride, low);
  if (w.has_error()) return w.error();
  pool_take(pool, w.value(), x.typed_data(), at.typed_data(), y->typed_data());
  return ffi::Error::Success();
}

ffi::Error pool_put_call(ffi::ThreadPool pool, Numbers y, Whole at, Result x, Attribute window,
                         Attribute stride, Attribute low) {
  const auto w = windows(x->dimensions(), y.dimensions(), at.dimensions(), window, stride, low);
  if (w.has_error()) return w.error();
  pool_put(pool, w.value(), y.typed_data(), at.typed_data(), x->typed_data());
  return ffi::Error::Success();
}

template <typename Binding>
auto with_windows(Binding&& binding) {
  return std::move(binding).template Attr<Attribute>("window").template Attr<Attribute>("stride").template Attr<Attribute>(
      "low");
}

auto linear_binding() {
  return with_windows(with_arguments<1>(ffi::Ffi::Bind().Ctx<ffi::ThreadPool>()).Arg<Whole>().Ret<Numbers>());
}

}  // namespace

BRICKWORK_KERNEL(brickwork_max_pool, max_pool_call, with_windows(binding<1, 1>().Ret<Whole>()));
BRICKWORK_KERNEL(brickwork_pool_take, pool_take_call, linear_binding());
BRICKWORK_KERNEL(brickwork_pool_put, pool_put_call, linear_binding());

}  // namespace brickwork
