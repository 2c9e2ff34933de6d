// Recurrent networks swept over time: the long short-term memory and the gated recurrent unit, and their transposes.
//
// Arrays are (members, rows, time, features) and (members, rows, features); several networks are one call. Rows do not
// see each other, so every thread sweeps over all steps of rows of its own, without waiting for the others: U is streamed
// from the caches that all share, which costs little beside the products of even a few rows. A sum does not depend on how
// rows are divided.
//
// Forward, with z = x + (s h) U and gates in blocks (`ops/recurrent.py` has the equations):
//   lstm  i, f, g, o = sigmoid, sigmoid, tanh, sigmoid of z;   c' = f c + i g;   h' = o tanh(c')
//   gru   r, q = sigmoid of z;   m = ((s h) U + a) in the third block;   n = tanh(x + r m);   h' = (1 - q) n + q h
// Backward goes through the steps in the opposite order, from what forward has kept. What it returns is the gradient of z
// at every step: that of U is one product over all steps, a kernel of its own.

#include <algorithm>
#include <vector>

#include "calls.h"
#include "functions.h"
#include "parallel.h"
#include "packed.h"
#include "scratch.h"
#include "vector.h"

namespace brickwork {
namespace {

struct Sizes {
  int64_t members, rows, time, hidden;
  bool reverse;
};

// Runs a sweep: `piece(member, from, until, laid)` for rows of its own, with the matrix laid out for each member. Entry
// (k, column) of member m's matrix is at u[m * depth * columns + k * down + column * right].
template <typename Piece>
void divided(ffi::ThreadPool& pool, const Sizes& s, const Matrix& matrix, const float* u, int64_t depth, int64_t columns,
             int64_t down, int64_t right, const Piece& piece) {
  thread_local Scratch room;
  float* laid = room.room<float>(s.members * matrix.size());
  parallel_for(pool, s.members * matrix.panels(), [&](int64_t number) {
    const int64_t member = number / matrix.panels();
    matrix.lay_out(number % matrix.panels(), u + member * depth * columns, columns, down, right,
                   laid + member * matrix.size());
  });
  const int64_t pieces = std::clamp<int64_t>(pool.num_threads(), 1, std::max<int64_t>(1, s.rows));
  parallel_for(pool, s.members * pieces, [&](int64_t number) {
    const int64_t member = number / pieces, one = number % pieces;
    const int64_t from = s.rows * one / pieces, until = s.rows * (one + 1) / pieces;
    if (from < until)
      piece(member * s.rows + from, member * s.rows + until, laid + member * matrix.size());
  });
}

// Calls step(t, rows) for every step that some of these rows have, first to last or last to first.
template <typename Step>
void over_time(const Sizes& s, const int32_t* lengths, int64_t from, int64_t until, bool last_first, const Step& step) {
  std::vector<int64_t> running;
  for (int64_t number = 0; number < s.time; ++number) {
    const int64_t t = last_first ? s.time - 1 - number : number;
    running.clear();
    for (int64_t row = from; row < until; ++row)
      if (t < lengths[row]) running.push_back(row);
    if (!running.empty()) step(t, running);
  }
}

// Sets what lies past the ends of rows to 0.
void clear_past_ends(const Sizes& s, const int32_t* lengths, int64_t from, int64_t until, int64_t width, float* array) {
  for (int64_t row = from; row < until; ++row) {
    const int64_t length = std::clamp<int64_t>(lengths[row], 0, s.time);
    std::fill(array + (row * s.time + length) * width, array + (row + 1) * s.time * width, 0.0f);
  }
}

// Where the cell before step t of a row is: among those after every step, or the first of all.
const float* cell_before(const Sizes& s, const int32_t* lengths, int64_t row, int64_t t, const float* cells,
                         const float* first) {
  const int64_t before = s.reverse ? t + 1 : t - 1;
  const bool none = s.reverse ? before >= std::min<int64_t>(lengths[row], s.time) : before < 0;
  return none ? first + row * s.hidden : cells + (row * s.time + before) * s.hidden;
}

// s h for every row that runs, in rows of `to`; h itself at its step of `kept`, where that is wanted.
void recall(const Sizes& s, int64_t t, const std::vector<int64_t>& running, const float* h, const float* scale,
            float* kept, float* to, std::vector<const float*>& places) {
  places.clear();
  for (int64_t row : running) {
    const float *state = h + row * s.hidden, *by = scale + row * s.hidden;
    for (int64_t unit = 0; unit < s.hidden; ++unit) to[unit] = state[unit] * by[unit];
    if (kept) std::copy(state, state + s.hidden, kept + (row * s.time + t) * s.hidden);
    places.push_back(to);
    to += s.hidden;
  }
}

// ------------------------------------------------------------------------------------------------------------ lstm

struct Kept {  // what backward needs of every step, or nothing
  float *gates, *cells, *before;
};

void lstm_forward(ffi::ThreadPool& pool, const Sizes& s, const float* x, const float* h0, const float* c0,
                  const float* u, const float* scale, const int32_t* lengths, float* y, float* h, float* c, Kept kept) {
  const int64_t hidden = s.hidden, width = 4 * hidden;
  const Matrix matrix(hidden, width);
  divided(pool, s, matrix, u, hidden, width, width, 1, [&](int64_t from, int64_t until, const float* laid) {
    thread_local Scratch sum_room, recalled_room;
    float* sums = sum_room.room<float>((until - from) * matrix.width() + kWidth);
    float* recalled = recalled_room.room<float>((until - from) * hidden);
    std::copy(h0 + from * hidden, h0 + until * hidden, h + from * hidden);
    std::copy(c0 + from * hidden, c0 + until * hidden, c + from * hidden);
    clear_past_ends(s, lengths, from, until, hidden, y);
    if (kept.gates) {
      clear_past_ends(s, lengths, from, until, width, kept.gates);
      clear_past_ends(s, lengths, from, until, hidden, kept.cells);
      clear_past_ends(s, lengths, from, until, hidden, kept.before);
    }
    std::vector<const float*> places;
    over_time(s, lengths, from, until, s.reverse, [&](int64_t t, const std::vector<int64_t>& running) {
      recall(s, t, running, h, scale, kept.before, recalled, places);
      matrix.multiply(places.data(), static_cast<int64_t>(running.size()), laid, sums);
      const float* sum = sums;
      for (int64_t row : running) {
        const int64_t step = row * s.time + t;
        for (int64_t unit = 0; unit < hidden; unit += kWidth) {
          const int64_t some = hidden - unit;
          const float *z = sum + unit, *add = x + step * width + unit;
          const Vector i = sigmoid(load(z) + get(add, some));
          const Vector f = sigmoid(load(z + hidden) + get(add + hidden, some));
          const Vector g = tanh(load(z + 2 * hidden) + get(add + 2 * hidden, some));
          const Vector o = sigmoid(load(z + 3 * hidden) + get(add + 3 * hidden, some));
          const Vector cell = f * get(c + row * hidden + unit, some) + i * g;
          const Vector out = o * tanh(cell);
          put(c + row * hidden + unit, cell, some);
          put(h + row * hidden + unit, out, some);
          put(y + step * hidden + unit, out, some);
          if (!kept.gates) continue;
          float* gates = kept.gates + step * width + unit;
          put(gates, i, some);
          put(gates + hidden, f, some);
          put(gates + 2 * hidden, g, some);
          put(gates + 3 * hidden, o, some);
          put(kept.cells + step * hidden + unit, cell, some);
        }
        sum += matrix.width();
      }
    });
  });
}

void lstm_backward(ffi::ThreadPool& pool, const Sizes& s, const float* dy, const float* dh_last, const float* dc_last,
                   const float* u, const float* scale, const int32_t* lengths, const float* c0, const float* all_gates,
                   const float* cells, float* dx, float* dh, float* dc) {
  const int64_t hidden = s.hidden, width = 4 * hidden;
  const Matrix matrix(width, hidden);  // the transpose of U
  divided(pool, s, matrix, u, width, hidden, 1, width, [&](int64_t from, int64_t until, const float* laid) {
    thread_local Scratch sum_room;
    float* sums = sum_room.room<float>((until - from) * matrix.width() + kWidth);
    std::copy(dh_last + from * hidden, dh_last + until * hidden, dh + from * hidden);
    std::copy(dc_last + from * hidden, dc_last + until * hidden, dc + from * hidden);
    clear_past_ends(s, lengths, from, until, width, dx);
    std::vector<const float*> places;
    over_time(s, lengths, from, until, !s.reverse, [&](int64_t t, const std::vector<int64_t>& running) {
      places.clear();
      for (int64_t row : running) {
        const int64_t step = row * s.time + t;
        const float* before = cell_before(s, lengths, row, t, cells, c0);
        for (int64_t unit = 0; unit < hidden; unit += kWidth) {
          const int64_t some = hidden - unit;
          const float* gates = all_gates + step * width + unit;
          const Vector i = get(gates, some), f = get(gates + hidden, some);
          const Vector g = get(gates + 2 * hidden, some), o = get(gates + 3 * hidden, some);
          const Vector bent = tanh(get(cells + step * hidden + unit, some));
          const Vector of_h = get(dh + row * hidden + unit, some) + get(dy + step * hidden + unit, some);
          const Vector of_c = get(dc + row * hidden + unit, some) + of_h * o * (1.0f - bent * bent);
          float* to = dx + step * width + unit;
          put(to, of_c * g * i * (1.0f - i), some);
          put(to + hidden, of_c * get(before + unit, some) * f * (1.0f - f), some);
          put(to + 2 * hidden, of_c * i * (1.0f - g * g), some);
          put(to + 3 * hidden, of_h * bent * o * (1.0f - o), some);
          put(dc + row * hidden + unit, of_c * f, some);
        }
        places.push_back(dx + step * width);
      }
      matrix.multiply(places.data(), static_cast<int64_t>(running.size()), laid, sums);
      const float* sum = sums;
      for (int64_t row : running) {
        for (int64_t unit = 0; unit < hidden; ++unit) dh[row * hidden + unit] = sum[unit] * scale[row * hidden + unit];
        sum += matrix.width();
      }
    });
  });
}

// ------------------------------------------------------------------------------------------------------------- gru

void gru_forward(ffi::ThreadPool& pool, const Sizes& s, const float* x, const float* h0, const float* u, const float* a,
                 const float* scale, const int32_t* lengths, float* y, float* h, Kept kept) {
  const int64_t hidden = s.hidden, width = 3 * hidden;
  const Matrix matrix(hidden, width);
  divided(pool, s, matrix, u, hidden, width, width, 1, [&](int64_t from, int64_t until, const float* laid) {
    thread_local Scratch sum_room, recalled_room;
    float* sums = sum_room.room<float>((until - from) * matrix.width() + kWidth);
    float* recalled = recalled_room.room<float>((until - from) * hidden);
    const float* bias = a + from / s.rows * hidden;
    std::copy(h0 + from * hidden, h0 + until * hidden, h + from * hidden);
    clear_past_ends(s, lengths, from, until, hidden, y);
    if (kept.gates) {
      clear_past_ends(s, lengths, from, until, 4 * hidden, kept.gates);
      clear_past_ends(s, lengths, from, until, hidden, kept.before);
    }
    std::vector<const float*> places;
    over_time(s, lengths, from, until, s.reverse, [&](int64_t t, const std::vector<int64_t>& running) {
      recall(s, t, running, h, scale, kept.before, recalled, places);
      matrix.multiply(places.data(), static_cast<int64_t>(running.size()), laid, sums);
      const float* sum = sums;
      for (int64_t row : running) {
        const int64_t step = row * s.time + t;
        for (int64_t unit = 0; unit < hidden; unit += kWidth) {
          const int64_t some = hidden - unit;
          const float *z = sum + unit, *add = x + step * width + unit;
          const Vector r = sigmoid(load(z) + get(add, some));
          const Vector q = sigmoid(load(z + hidden) + get(add + hidden, some));
          const Vector m = load(z + 2 * hidden) + get(bias + unit, some);
          const Vector n = tanh(r * m + get(add + 2 * hidden, some));
          const Vector out = (1.0f - q) * n + q * get(h + row * hidden + unit, some);
          put(h + row * hidden + unit, out, some);
          put(y + step * hidden + unit, out, some);
          if (!kept.gates) continue;
          float* gates = kept.gates + step * 4 * hidden + unit;
          put(gates, r, some);
          put(gates + hidden, q, some);
          put(gates + 2 * hidden, n, some);
          put(gates + 3 * hidden, m, some);
        }
        sum += matrix.width();
      }
    });
  });
}

// dx is the gradient of x, dq that of (s h) U + a: they differ in the third block.
void gru_backward(ffi::ThreadPool& pool, const Sizes& s, const float* dy, const float* dh_last, const float* u,
                  const float* scale, const int32_t* lengths, const float* all_gates, const float* all_before, float* dx,
                  float* dq, float* dh) {
  const int64_t hidden = s.hidden, width = 3 * hidden;
  const Matrix matrix(width, hidden);  // the transpose of U
  divided(pool, s, matrix, u, width, hidden, 1, width, [&](int64_t from, int64_t until, const float* laid) {
    thread_local Scratch sum_room;
    float* sums = sum_room.room<float>((until - from) * matrix.width() + kWidth);
    std::copy(dh_last + from * hidden, dh_last + until * hidden, dh + from * hidden);
    clear_past_ends(s, lengths, from, until, width, dx);
    clear_past_ends(s, lengths, from, until, width, dq);
    std::vector<const float*> places;
    over_time(s, lengths, from, until, !s.reverse, [&](int64_t t, const std::vector<int64_t>& running) {
      places.clear();
      for (int64_t row : running) {
        const int64_t step = row * s.time + t;
        const float* before = all_before + step * hidden;
        for (int64_t unit = 0; unit < hidden; unit += kWidth) {
          const int64_t some = hidden - unit;
          const float* gates = all_gates + step * 4 * hidden + unit;
          const Vector r = get(gates, some), q = get(gates + hidden, some);
          const Vector n = get(gates + 2 * hidden, some), m = get(gates + 3 * hidden, some);
          const Vector of_h = get(dh + row * hidden + unit, some) + get(dy + step * hidden + unit, some);
          const Vector of_n = of_h * (1.0f - q) * (1.0f - n * n);
          const Vector of_r = of_n * m * r * (1.0f - r);
          const Vector of_q = of_h * (get(before + unit, some) - n) * q * (1.0f - q);
          float *to = dx + step * width + unit, *also = dq + step * width + unit;
          put(to, of_r, some);
          put(to + hidden, of_q, some);
          put(to + 2 * hidden, of_n, some);
          put(also, of_r, some);
          put(also + hidden, of_q, some);
          put(also + 2 * hidden, of_n * r, some);
          put(dh + row * hidden + unit, of_h * q, some);
        }
        places.push_back(dq + step * width);
      }
      matrix.multiply(places.data(), static_cast<int64_t>(running.size()), laid, sums);
      const float* sum = sums;
      for (int64_t row : running) {
        for (int64_t unit = 0; unit < hidden; ++unit) dh[row * hidden + unit] += sum[unit] * scale[row * hidden + unit];
        sum += matrix.width();
      }
    });
  });
}

// ------------------------------------------------------------------------------------------------- what XLA calls

// Sizes from an array (members, rows, time, blocks * hidden); hidden 0, which no array has, where that does not fit.
Sizes sizes_of(ffi::Span<const int64_t> x, int64_t blocks, bool reverse) {
  if (x.size() != 4 || x[3] % blocks != 0) return {0, 0, 0, 0, reverse};
  return {x[0], x[1], x[2], x[3] / blocks, reverse};
}

Kept kept_in(const Sizes& s, Result& gates, Result* cells, Result& before) {
  if (gates->dimensions()[2] != s.time || s.time == 0) return {nullptr, nullptr, nullptr};
  return {gates->typed_data(), cells ? (*cells)->typed_data() : nullptr, before->typed_data()};
}

ffi::Error lstm_call(ffi::ThreadPool pool, Numbers x, Numbers h0, Numbers c0, Numbers u, Numbers scale, Whole lengths,
                     Result y, Result h, Result c, Result gates, Result cells, Result before, int64_t reverse) {
  const Sizes s = sizes_of(x.dimensions(), 4, reverse);
  const int64_t n = s.hidden, kept = gates->dimensions().size() == 4 ? gates->dimensions()[2] : -1;
  if (!fits(x, {s.members, s.rows, s.time, 4 * n}) || !fits(h0, {s.members, s.rows, n}) ||
      !fits(c0, {s.members, s.rows, n}) || !fits(u, {s.members, n, 4 * n}) || !fits(scale, {s.members, s.rows, n}) ||
      !fits(lengths, {s.members, s.rows}) || !fits(*y, {s.members, s.rows, s.time, n}) ||
      !fits(*h, {s.members, s.rows, n}) || !fits(*c, {s.members, s.rows, n}) || (kept != 0 && kept != s.time) ||
      !fits(*gates, {s.members, s.rows, kept, 4 * n}) || !fits(*cells, {s.members, s.rows, kept, n}) ||
      !fits(*before, {s.members, s.rows, kept, n}))
    return wrong("recurrent sweep: shapes do not fit");
  lstm_forward(pool, s, x.typed_data(), h0.typed_data(), c0.typed_data(), u.typed_data(), scale.typed_data(),
               lengths.typed_data(), y->typed_data(), h->typed_data(), c->typed_data(),
               kept_in(s, gates, &cells, before));
  return ffi::Error::Success();
}

ffi::Error lstm_backward_call(ffi::ThreadPool pool, Numbers dy, Numbers dh_last, Numbers dc_last, Numbers u, Numbers scale,
                          Whole lengths, Numbers c0, Numbers gates, Numbers cells, Result dx, Result dh, Result dc,
                          int64_t reverse) {
  const Sizes s = sizes_of(dx->dimensions(), 4, reverse);
  const int64_t n = s.hidden;
  if (!fits(*dx, {s.members, s.rows, s.time, 4 * n}) || !fits(dy, {s.members, s.rows, s.time, n}) ||
      !fits(dh_last, {s.members, s.rows, n}) || !fits(dc_last, {s.members, s.rows, n}) ||
      !fits(u, {s.members, n, 4 * n}) || !fits(scale, {s.members, s.rows, n}) || !fits(lengths, {s.members, s.rows}) ||
      !fits(c0, {s.members, s.rows, n}) || !fits(gates, {s.members, s.rows, s.time, 4 * n}) ||
      !fits(cells, {s.members, s.rows, s.time, n}) || !fits(*dh, {s.members, s.rows, n}) ||
      !fits(*dc, {s.members, s.rows, n}))
    return wrong("recurrent sweep: shapes do not fit");
  lstm_backward(pool, s, dy.typed_data(), dh_last.typed_data(), dc_last.typed_data(), u.typed_data(),
                scale.typed_data(), lengths.typed_data(), c0.typed_data(), gates.typed_data(), cells.typed_data(),
                dx->typed_data(), dh->typed_data(), dc->typed_data());
  return ffi::Error::Success();
}

ffi::Error gru_call(ffi::ThreadPool pool, Numbers x, Numbers h0, Numbers u, Numbers a, Numbers scale, Whole lengths,
                    Result y, Result h, Result gates, Result before, int64_t reverse) {
  const Sizes s = sizes_of(x.dimensions(), 3, reverse);
  const int64_t n = s.hidden, kept = gates->dimensions().size() == 4 ? gates->dimensions()[2] : -1;
  if (!fits(x, {s.members, s.rows, s.time, 3 * n}) || !fits(h0, {s.members, s.rows, n}) ||
      !fits(u, {s.members, n, 3 * n}) || !fits(a, {s.members, n}) || !fits(scale, {s.members, s.rows, n}) ||
      !fits(lengths, {s.members, s.rows}) || !fits(*y, {s.members, s.rows, s.time, n}) ||
      !fits(*h, {s.members, s.rows, n}) || (kept != 0 && kept != s.time) ||
      !fits(*gates, {s.members, s.rows, kept, 4 * n}) || !fits(*before, {s.members, s.rows, kept, n}))
    return wrong("recurrent sweep: shapes do not fit");
  gru_forward(pool, s, x.typed_data(), h0.typed_data(), u.typed_data(), a.typed_data(), scale.typed_data(),
              lengths.typed_data(), y->typed_data(), h->typed_data(), kept_in(s, gates, nullptr, before));
  return ffi::Error::Success();
}

ffi::Error gru_backward_call(ffi::ThreadPool pool, Numbers dy, Numbers dh_last, Numbers u, Numbers scale, Whole lengths,
                         Numbers gates, Numbers before, Result dx, Result dq, Result dh, int64_t reverse) {
  const Sizes s = sizes_of(dx->dimensions(), 3, reverse);
  const int64_t n = s.hidden;
  if (!fits(*dx, {s.members, s.rows, s.time, 3 * n}) || !fits(*dq, {s.members, s.rows, s.time, 3 * n}) ||
      !fits(dy, {s.members, s.rows, s.time, n}) || !fits(dh_last, {s.members, s.rows, n}) ||
      !fits(u, {s.members, n, 3 * n}) || !fits(scale, {s.members, s.rows, n}) || !fits(lengths, {s.members, s.rows}) ||
      !fits(gates, {s.members, s.rows, s.time, 4 * n}) || !fits(before, {s.members, s.rows, s.time, n}) ||
      !fits(*dh, {s.members, s.rows, n}))
    return wrong("recurrent sweep: shapes do not fit");
  gru_backward(pool, s, dy.typed_data(), dh_last.typed_data(), u.typed_data(), scale.typed_data(),
               lengths.typed_data(), gates.typed_data(), before.typed_data(), dx->typed_data(), dq->typed_data(),
               dh->typed_data());
  return ffi::Error::Success();
}

}  // namespace

template <int Arguments>
auto of_rows_with_lengths() {  // the lengths of the rows come behind the first of the arguments
  return with_arguments<Arguments>(ffi::Ffi::Bind().Ctx<ffi::ThreadPool>()).template Arg<Whole>();
}

BRICKWORK_KERNEL(brickwork_lstm, lstm_call, with_results<6>(of_rows_with_lengths<5>()).Attr<int64_t>("reverse"));
BRICKWORK_KERNEL(brickwork_lstm_backward, lstm_backward_call,
                 with_results<3>(with_arguments<3>(of_rows_with_lengths<5>())).Attr<int64_t>("reverse"));
BRICKWORK_KERNEL(brickwork_gru, gru_call, with_results<4>(of_rows_with_lengths<5>()).Attr<int64_t>("reverse"));
BRICKWORK_KERNEL(brickwork_gru_backward, gru_backward_call,
                 with_results<3>(with_arguments<2>(of_rows_with_lengths<4>())).Attr<int64_t>("reverse"));

}  // namespace brickwork
