// One row times a matrix: y[column] = finish(sum over k of x[k] w[k][column]).
//
// Reading the matrix is what takes time. It is laid out in panels of columns, each read from front to back; a panel's sums
// over k are divided among so many registers that no addition waits for the one before it.

#include <algorithm>
#include <vector>

#include "step.h"

namespace brickwork::inference {
namespace {

constexpr int64_t kWide = 4;  // vectors of columns in a panel, but for the last ones
constexpr int64_t kSums = 8;  // additions that are under way at a time

// V vectors of columns: sums of every S-th k, which are added up at the end.
template <int V>
inline void panel(const float* x, const float* w, int64_t depth, Vector* result) {
  constexpr int S = kSums / V;
  Vector sum[S][V] = {};
  int64_t k = 0;
  for (; k + S <= depth; k += S, w += S * V * kWidth)
    for (int s = 0; s < S; ++s)
      for (int v = 0; v < V; ++v) sum[s][v] += x[k + s] * load(w + (s * V + v) * kWidth);
  for (; k < depth; ++k, w += V * kWidth)
    for (int v = 0; v < V; ++v) sum[0][v] += x[k] * load(w + v * kWidth);
  for (int v = 0; v < V; ++v) {
    result[v] = sum[0][v];
    for (int s = 1; s < S; ++s) result[v] += sum[s][v];
  }
}

class Product final : public Step {
 public:
  Product(Reader& code, const float* constants) : x_(code.address()), y_(code.address()), finish_(code) {
    depth_ = code.next(), columns_ = code.next();
    const Memory memory{nullptr, constants, nullptr, nullptr};
    const float* weights = code.address().read(memory);
    const float* bias = code.address().read(memory);
    for (int64_t first = 0; first < columns_;) {
      const int64_t left = (columns_ - first + kWidth - 1) / kWidth;
      const int64_t vectors = left >= kWide ? kWide : left >= 2 ? 2 : 1, wide = vectors * kWidth;
      panels_.push_back({first, vectors, static_cast<int64_t>(weights_.size())});
      const int64_t count = std::min(wide, columns_ - first);
      weights_.resize(weights_.size() + static_cast<size_t>(depth_ * wide), 0.0f);
      float* to = weights_.data() + panels_.back().weights;
      for (int64_t k = 0; k < depth_; ++k, to += wide) std::copy_n(weights + k * columns_ + first, count, to);
      first += wide;
    }
    bias_.assign(panels_.size() * kWide * kWidth, 0.0f);
    if (bias != nullptr) std::copy(bias, bias + columns_, bias_.begin());
  }

  void run(const Memory& memory, Crew::Turn& turn) const override {
    const float *x = x_.read(memory), *add = finish_.added.read(memory);
    float* y = y_.write(memory);
    const int64_t panels = static_cast<int64_t>(panels_.size());
    const int64_t pieces = depth_ * columns_ < kShared ? 1 : std::min(panels, 2 * turn.threads());
    turn.each(pieces, [&](int64_t piece) {
      for (int64_t number = panels * piece / pieces; number < panels * (piece + 1) / pieces; ++number) {
        const Panel& one = panels_[static_cast<size_t>(number)];
        Vector sums[kWide];
        const float* w = weights_.data() + one.weights;
        one.vectors == kWide ? panel<kWide>(x, w, depth_, sums)
                             : one.vectors == 2 ? panel<2>(x, w, depth_, sums) : panel<1>(x, w, depth_, sums);
        for (int64_t v = 0; v < one.vectors; ++v) {
          const int64_t at = one.first + v * kWidth, count = std::min(kWidth, columns_ - at);
          put(y + at, finish_(sums[v], load(bias_.data() + at), add == nullptr ? nullptr : add + at, count), count);
        }
      }
    });
  }

 private:
  struct Panel {
    int64_t first, vectors, weights;  // its first column, how wide it is, where its weights begin
  };

  Address x_, y_;
  Finish finish_;
  int64_t depth_, columns_;
  std::vector<Panel> panels_;
  Kept weights_, bias_;
};

}  // namespace

Made product(Reader& code, const float* constants) { return std::make_unique<Product>(code, constants); }

}  // namespace brickwork::inference
