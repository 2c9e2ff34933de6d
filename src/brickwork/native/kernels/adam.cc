// Adam's update of all parameters at once, in place: one pass over memory, on all threads.
//
//   m' = b1 m + (1 - b1) g,   v' = b2 v + (1 - b2) g^2
//   p' = p - rate ((m' / c1) / (sqrt(v' / c2) + epsilon) + decay p)
//
// where c1 = 1 - b1^t and c2 = 1 - b2^t are the corrections of step t. The first axis of everything are members: networks
// that are trained side by side, each with a rate and a step of its own. As separate loops of one thread each it takes two
// to three times as long, and is most of a training step of a network of dense layers.

#include <algorithm>
#include <cmath>
#include <vector>

#include "calls.h"
#include "parallel.h"
#include "vector.h"

namespace brickwork {
namespace {

struct Settings {
  const float *rate, *correction1, *correction2;  // one for each member
  float beta1, beta2, epsilon;
};

inline Vector root(Vector x) {
  Vector result;
  for (int64_t i = 0; i < kWidth; ++i) result[i] = std::sqrt(x[i]);
  return result;
}

void update(const Settings& s, int64_t member, float decay, int64_t count, const float* g, const float* p, const float* m,
            const float* v, float* new_p, float* new_m, float* new_v) {
  const float scale1 = 1 / s.correction1[member], scale2 = 1 / s.correction2[member];  // divisions are what takes long
  const float rate = s.rate[member];
  each_vector(count, [&](int64_t i, int64_t some) {
    const Vector gradient = get(g + i, some), old = get(p + i, some);
    const Vector mean = s.beta1 * get(m + i, some) + (1 - s.beta1) * gradient;
    const Vector square = s.beta2 * get(v + i, some) + (1 - s.beta2) * (gradient * gradient);
    const Vector step = mean * scale1 / (root(square * scale2) + s.epsilon) + decay * old;
    put(new_m + i, mean, some);
    put(new_v + i, square, some);
    put(new_p + i, old - rate * step, some);
  });
}

// What a thread takes at a time: about as many numbers as fit into the nearest cache.
constexpr int64_t kPiece = 8192;

struct Array {
  int64_t count, pieces, first_piece;  // numbers and pieces of each member
  const float *g, *p, *m, *v;
  float *new_p, *new_m, *new_v;
};

// Arguments: rate, c1, c2 (members,), and for each array g, p, m, v; results: for each p, m, v.
ffi::Error adam(ffi::ThreadPool pool, ffi::RemainingArgs arguments, ffi::RemainingRets results, float beta1,
                float beta2, float epsilon, ffi::Span<const float> decays) {
  const size_t arrays = decays.size();
  if (arguments.size() != 3 + 4 * arrays || results.size() != 3 * arrays) return wrong("adam: arrays do not fit");
  using Numbers = ffi::Buffer<ffi::F32>;
  const float* numbers[3];
  int64_t members = -1;
  for (size_t i = 0; i < 3; ++i) {
    auto some = arguments.get<Numbers>(i);
    if (some.has_error()) return some.error();
    numbers[i] = some->typed_data();
    if (members < 0) members = static_cast<int64_t>(some->element_count());
    if (members != static_cast<int64_t>(some->element_count()) || members < 1)
      return wrong("adam: there is one rate, and two corrections, for each member");
  }
  const Settings settings{numbers[0], numbers[1], numbers[2], beta1, beta2, epsilon};
  std::vector<Array> all(arrays);
  int64_t pieces = 0;
  for (size_t i = 0; i < arrays; ++i) {
    const float* given[4];
    float* made[3];
    int64_t count = -1;
    for (size_t j = 0; j < 4; ++j) {
      auto one = arguments.get<Numbers>(3 + 4 * i + j);
      if (one.has_error()) return one.error();
      given[j] = one->typed_data();
      if (count < 0) count = static_cast<int64_t>(one->element_count());
      if (count != static_cast<int64_t>(one->element_count())) return wrong("adam: shapes do not fit");
    }
    for (size_t j = 0; j < 3; ++j) {
      auto one = results.get<Numbers>(3 * i + j);
      if (one.has_error()) return one.error();
      if (count != static_cast<int64_t>((*one)->element_count())) return wrong("adam: shapes do not fit");
      made[j] = (*one)->typed_data();
    }
    if (count % members) return wrong("adam: arrays do not fit the number of members");
    const int64_t each = (count / members + kPiece - 1) / kPiece;
    all[i] = {count / members, each, pieces, given[0], given[1], given[2], given[3], made[0], made[1], made[2]};
    pieces += members * each;
  }
  // Small arrays go along with their neighbours, a stretch of pieces for every turn.
  quick_for(pool, pieces * kPiece, pieces, [&](int64_t piece) {
    const auto after = std::upper_bound(all.begin(), all.end(), piece,
                                        [](int64_t number, const Array& one) { return number < one.first_piece; });
    size_t index = static_cast<size_t>(after - all.begin()) - 1;
    const Array& one = all[index];
    const int64_t member = (piece - one.first_piece) / one.pieces, place = (piece - one.first_piece) % one.pieces * kPiece;
    const int64_t from = member * one.count + place, count = std::min(kPiece, one.count - place);
    update(settings, member, decays[index], count, one.g + from, one.p + from, one.m + from, one.v + from,
           one.new_p + from, one.new_m + from, one.new_v + from);
  });
  return ffi::Error::Success();
}

}  // namespace

BRICKWORK_KERNEL(brickwork_adam, adam,
                 ffi::Ffi::Bind()
                     .Ctx<ffi::ThreadPool>()
                     .RemainingArgs()
                     .RemainingRets()
                     .Attr<float>("beta1")
                     .Attr<float>("beta2")
                     .Attr<float>("epsilon")
                     .Attr<ffi::Span<const float>>("decays"));

}  // namespace brickwork
