// The largest number of each window over a picture, or the sum; and over whole axes.

#include <limits>

#include "windows.h"

namespace brickwork::inference {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The sum, the largest, or the smallest of numbers that come one after the other; nan if one of them is.
struct Sum {
  Vector found = {};
  void take(Vector x) { found += x; }
  Vector result() const { return found; }
};

template <bool Largest>
struct Extreme {
  Vector found = filled(Largest ? -kInfinity : kInfinity), broken = {};  // broken: the last nan
  void take(Vector x) {
    found = Largest ? larger(found, x) : smaller(found, x);
    broken = x != x ? x : broken;
  }
  Vector result() const { return broken != broken ? broken : found; }
};

// Calls use(of) with the one that a program's number names.
template <typename Use>
void with_kind(int64_t kind, const Use& use) {
  kind == 0 ? use(Sum{}) : kind == 1 ? use(Extreme<true>{}) : use(Extreme<false>{});
}

class Pooling final : public Step {
 public:
  explicit Pooling(Reader& code) : kind_(code.next()), x_(code.address()), y_(code.address()), windows_(code) {}

  void run(const Memory& memory, Crew::Turn& turn) const override {
    const bool shared = windows_.out_places() * windows_.taps() * windows_.channels >= kShared / 4;
    const int64_t rows = windows_.out_height, pieces = shared ? std::min(rows, 2 * turn.threads()) : 1;
    with_kind(kind_, [&](auto kind) {
      turn.each(pieces, [&](int64_t piece) {
        for (int64_t i = rows * piece / pieces; i < rows * (piece + 1) / pieces; ++i)
          row<decltype(kind)>(i, x_.read(memory), y_.write(memory));
      });
    });
  }

 private:
  // The taps of a window at an output that are inside the picture: from the first on, up to the last.
  struct Range {
    int64_t start, from, until;

    Range(const Windows& of, int axis, int64_t output, int64_t size)
        : start(output * of.stride[axis] - of.low[axis]),
          from(start >= 0 ? 0 : (-start + of.dilation[axis] - 1) / of.dilation[axis]),
          until(std::clamp<int64_t>((size - start + of.dilation[axis] - 1) / of.dilation[axis], 0, of.window[axis])) {}
  };

  template <typename Kind>
  void row(int64_t i, const float* x, float* y) const {
    const Windows& of = windows_;
    const Range down(of, 0, i, of.height);
    for (int64_t j = 0; j < of.out_width; ++j) {
      const Range across(of, 1, j, of.width);
      float* to = y + (i * of.out_width + j) * of.channels;
      each_vector(of.channels, [&](int64_t c, int64_t count) {
        Kind all;
        for (int64_t a = down.from; a < down.until; ++a) {
          const float* from = x + (down.start + a * of.dilation[0]) * of.width * of.channels + c;
          for (int64_t b = across.from; b < across.until; ++b)
            all.take(get(from + (across.start + b * of.dilation[1]) * of.channels, count));
        }
        put(to + c, all.result(), count);
      });
    }
  }

  int64_t kind_;
  Address x_, y_;
  Windows windows_;
};

// Over the middle axis of (outer, middle, inner).
class Reduction final : public Step {
 public:
  explicit Reduction(Reader& code) : kind_(code.next()), x_(code.address()), y_(code.address()) {
    outer_ = code.next(), middle_ = code.next(), inner_ = code.next();
  }

  void run(const Memory& memory, Crew::Turn&) const override {
    const float* x = x_.read(memory);
    float* y = y_.write(memory);
    with_kind(kind_, [&](auto kind) {
      using Kind = decltype(kind);
      for (int64_t o = 0; o < outer_; ++o, x += middle_ * inner_, y += inner_) {
        if (inner_ == 1) {
          *y = along<Kind>(x);
          continue;
        }
        each_vector(inner_, [&](int64_t i, int64_t count) {
          Kind all;
          for (int64_t k = 0; k < middle_; ++k) all.take(get(x + k * inner_ + i, count));
          put(y + i, all.result(), count);
        });
      }
    });
  }

 private:
  template <typename Kind>
  float along(const float* x) const {
    Kind vectors, all;
    int64_t k = 0;
    for (; k + kWidth <= middle_; k += kWidth) vectors.take(load(x + k));
    const Vector found = vectors.result();
    for (int64_t i = 0; i < kWidth; ++i) all.take(filled(found[i]));
    for (; k < middle_; ++k) all.take(filled(x[k]));
    return all.result()[0];
  }

  int64_t kind_;
  Address x_, y_;
  int64_t outer_, middle_, inner_;
};

}  // namespace

Made pooling(Reader& code, const float*) { return std::make_unique<Pooling>(code); }

Made reduction(Reader& code, const float*) { return std::make_unique<Reduction>(code); }

}  // namespace brickwork::inference
