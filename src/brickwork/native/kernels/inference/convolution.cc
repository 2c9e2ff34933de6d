// Convolution as a plain sum: y[place][filter] = finish(sum over taps and channels of x[...] w[tap][channel][filter]).
//
// The picture is copied with zeros around it where windows reach over its edges. Then tiles of places by panels of filters
// keep their sums in registers and read each weight once for all places of the tile.

#include "../scratch.h"
#include "../tiles.h"
#include "windows.h"

namespace brickwork::inference {
namespace {

template <int P, int V>
inline void sums(const float* block, const int64_t* starts, const int64_t* offsets, int64_t runs, int64_t run,
                 const float* w, Vector (*result)[2]) {
  const float* at[P];
  for (int p = 0; p < P; ++p) at[p] = block + starts[p];
  Vector sum[P][V] = {};
  for (int64_t t = 0; t < runs; ++t)
    for (int64_t c = offsets[t]; c < offsets[t] + run; ++c, w += V * kWidth) {
      Vector weights[V];
      for (int v = 0; v < V; ++v) weights[v] = load(w + v * kWidth);
      for (int p = 0; p < P; ++p)
        for (int v = 0; v < V; ++v) sum[p][v] += at[p][c] * weights[v];
    }
  for (int p = 0; p < P; ++p)
    for (int v = 0; v < V; ++v) result[p][v] = sum[p][v];
}

using Sums = void (*)(const float*, const int64_t*, const int64_t*, int64_t, int64_t, const float*, Vector (*)[2]);

template <int V>
constexpr Sums kSums[8] = {sums<1, V>, sums<2, V>, sums<3, V>, sums<4, V>, sums<5, V>, sums<6, V>, sums<7, V>, sums<8, V>};

class Convolution final : public Step {
 public:
  explicit Convolution(Convolved&& given) : is_(std::move(given)) {
    const Windows& of = is_.windows;
    row_ = (of.inside() ? of.width : of.reach(1)) * of.channels;
    const bool neighbours = of.dilation[1] == 1;  // a row of the window lies in one piece
    run_ = neighbours ? of.window[1] * of.channels : of.channels;
    for (int64_t i = 0; i < of.window[0]; ++i)
      for (int64_t j = 0; j < (neighbours ? 1 : of.window[1]); ++j)
        offsets_.push_back(i * of.dilation[0] * row_ + j * of.dilation[1] * of.channels);
    for (int64_t i = 0; i < of.out_height; ++i)
      for (int64_t j = 0; j < of.out_width; ++j)
        starts_.push_back(i * of.stride[0] * row_ + j * of.stride[1] * of.channels);
    const int64_t depth = of.taps() * of.channels;
    for (int64_t first = 0; first < is_.filters; first += kColumns) {
      const int64_t wide = is_.filters - first <= kWidth ? kWidth : kColumns;
      const size_t at = weights_.size();
      weights_.resize(at + static_cast<size_t>(depth * wide), 0.0f);
      float* to = weights_.data() + at;
      for (int64_t k = 0; k < depth; ++k, to += wide)
        std::copy_n(is_.weights + k * is_.filters + first, std::min(wide, is_.filters - first), to);
    }
    is_.weights = nullptr;
  }

  void run(const Memory& memory, Crew::Turn& turn) const override {
    const Windows& of = is_.windows;
    const float *block = is_.x.read(memory), *add = is_.finish.added.read(memory);
    float* y = is_.y.write(memory);
    if (!of.inside()) {
      thread_local Scratch room;
      float* copy = room.room<float>(of.reach(0) * row_);
      pad(block, copy);
      block = copy;
    }
    const int64_t places = of.out_places(), tiles = (places + kTileRows - 1) / kTileRows;
    const int64_t panels = (is_.filters + kColumns - 1) / kColumns, depth = of.taps() * of.channels;
    const Pieces pieces(tiles, panels, is_.multiplications() < kShared ? 1 : turn.threads());
    turn.each(pieces.count(), [&](int64_t number) {
      const int64_t i = number / pieces.panels, j = number % pieces.panels;
      for (int64_t panel = panels * j / pieces.panels; panel < panels * (j + 1) / pieces.panels; ++panel) {
        const int64_t first = panel * kColumns, count = std::min(kColumns, is_.filters - first);
        const Sums* sums = count > kWidth ? kSums<2> : kSums<1>;
        const float* w = weights_.data() + first * depth;
        const Vector bias[2] = {load(is_.bias.data() + first), load(is_.bias.data() + first + (count > kWidth ? kWidth : 0))};
        for (int64_t tile = tiles * i / pieces.places; tile < tiles * (i + 1) / pieces.places; ++tile) {
          const int64_t place = places * tile / tiles, some = places * (tile + 1) / tiles - place;  // about equal
          Vector found[kTileRows][2];
          sums[some - 1](block, starts_.data() + place, offsets_.data(), static_cast<int64_t>(offsets_.size()), run_, w, found);
          for (int64_t p = 0; p < some; ++p)
            for (int64_t v = 0; v * kWidth < count; ++v) {
              const int64_t at = (place + p) * is_.filters + first + v * kWidth, few = count - v * kWidth;
              put(y + at, is_.finish(found[p][v], bias[v], add == nullptr ? nullptr : add + at, few), few);
            }
        }
      }
    });
  }

 private:
  // Copies the picture with zeros around it.
  void pad(const float* x, float* to) const {
    const Windows& of = is_.windows;
    const int64_t row = of.width * of.channels, low = of.low[1] * of.channels;
    const int64_t copied = std::clamp<int64_t>(row_ - low, 0, row);
    for (int64_t i = 0; i < of.reach(0); ++i, to += row_) {
      const int64_t from = i - of.low[0];
      if (from < 0 || from >= of.height) {
        std::fill(to, to + row_, 0.0f);
        continue;
      }
      std::fill(to, to + std::min(low, row_), 0.0f);
      std::copy(x + from * row, x + from * row + copied, to + low);
      if (low + copied < row_) std::fill(to + low + copied, to + row_, 0.0f);
    }
  }

  Convolved is_;
  int64_t row_, run_;  // numbers of a row of the block, and of what of a window lies in one piece
  std::vector<int64_t> offsets_, starts_;
  Kept weights_;
};

}  // namespace

Made convolution(Reader& code, const float* constants) {
  Convolved given(code, constants);
  if (Made made = winograd(given)) return made;
  return std::make_unique<Convolution>(std::move(given));
}

}  // namespace brickwork::inference
