// Convolution with windows of 3 x 3 and stride 1 by Winograd's method, with tiles of 2 x 2 or of 4 x 4 outputs.
//
// See `winograd_method.h`; a bias, another array and relu come behind. Windows are transformed when the program is made, in
// double precision. With 4 x 4 outputs rounding adds five or six times as much as in a plain sum, 2e-6 of outputs of about 1: little enough for answers, whose derivatives nobody takes.

#include "../scratch.h"
#include "../tiles.h"
#include "../winograd_method.h"
#include "windows.h"

namespace brickwork::inference {
namespace {

// Tiles of so many outputs each way.
template <int Outputs>
class Winograd final : public Step {
 public:
  explicit Winograd(Convolved&& given)
      : is_(std::move(given)), down_(tiles(is_.windows.out_height)), across_(tiles(is_.windows.out_width)) {
    const int64_t channels = is_.windows.channels, filters = is_.filters;
    weights_.resize(static_cast<size_t>(kPlaces * channels * filters));
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t f = 0; f < filters; ++f) {
        const int64_t first = f / kColumns * kColumns, wide = std::min(kColumns, filters - first);
        const auto& g = WinogradMethod<Outputs>::kWindow;
        for (int i = 0; i < kSide; ++i)
          for (int j = 0; j < kSide; ++j) {
            double sum = 0;
            for (int a = 0; a < kWinogradTaps; ++a)
              for (int b = 0; b < kWinogradTaps; ++b)
                sum += g[i][a] * g[j][b] * static_cast<double>(is_.weights[((a * kWinogradTaps + b) * channels + c) * filters + f]);
            const int64_t place = i * kSide + j;
            weights_[static_cast<size_t>((place * filters + first) * channels + c * wide + f - first)] = static_cast<float>(sum);
          }
      }
    is_.weights = nullptr;
  }

  // How long it takes, in vectors multiplied and added.
  static double time(const Convolved& one) {
    const double tile = kPlaces * static_cast<double>(one.windows.channels * one.filters) +
                        kTransformed * static_cast<double>(one.windows.channels + one.filters);
    const double read = kPlaces * static_cast<double>(one.windows.channels * one.filters);
    return (static_cast<double>(tiles(one.windows.out_height) * tiles(one.windows.out_width)) * tile + 2 * read) / kWidth;
  }

  void run(const Memory& memory, Crew::Turn& turn) const override {
    const float *x = is_.x.read(memory), *add = is_.finish.added.read(memory);
    float* y = is_.y.write(memory);
    const int64_t total = down_ * across_, panels = (is_.filters + kColumns - 1) / kColumns;
    const Pieces pieces(total / 4, panels, turn.threads());
    turn.each(pieces.count(), [&](int64_t number) {
      const int64_t i = number / pieces.panels, j = number % pieces.panels;
      const int64_t from = total * i / pieces.places, until = total * (i + 1) / pieces.places;
      const int64_t first = panels * j / pieces.panels * kColumns;
      const int64_t last = std::min(is_.filters, panels * (j + 1) / pieces.panels * kColumns);
      const int64_t channels = is_.windows.channels, filters = last - first;
      const int64_t most = together(channels, filters);
      thread_local Scratch room;
      float* v = room.room<float>(kPlaces * (apart(most, channels) + apart(most, filters)));
      float* m = v + kPlaces * apart(most, channels);
      const int64_t rounds = (until - from + most - 1) / most;
      for (int64_t round = 0; round < rounds; ++round) {
        const int64_t begin = from + (until - from) * round / rounds, end = from + (until - from) * (round + 1) / rounds;
        const int64_t some = end - begin, in = apart(some, channels), out = apart(some, filters);
        for (int64_t tile = 0; tile < some; ++tile) transform(x, begin + tile, v + tile * channels, in);
        for (int place = 0; place < kPlaces; ++place)
          multiply(v + place * in, channels, some, weights_.data() + (place * is_.filters + first) * channels, filters,
                   m + place * out);
        for (int64_t tile = 0; tile < some; ++tile)
          for (int64_t f = 0; f < filters; f += kWidth)
            put_outputs(m + tile * filters + f, out, begin + tile, first + f, add, y);
      }
    });
  }

 private:
  static constexpr int kSide = Outputs + 2, kPlaces = kSide * kSide;
  static constexpr double kTransformed = Outputs == 2 ? 80 : 240;  // of one vector of a tile
  static constexpr int64_t kBytes = 128 * 1024;                    // of what is transformed at a time

  static int64_t tiles(int64_t outputs) { return (outputs + Outputs - 1) / Outputs; }
  // A line apart from multiples of a page, where places of a tile would take each other's room in the first cache.
  static int64_t apart(int64_t some, int64_t features) { return some * features + kWidth; }
  static int64_t together(int64_t channels, int64_t filters) {
    const int64_t tile = kPlaces * (channels + filters) * static_cast<int64_t>(sizeof(float));
    return std::max(kTileRows, kBytes / tile / kTileRows * kTileRows);
  }

  // Transforms the inputs of one tile: to[place * step + channel].
  void transform(const float* x, int64_t tile, float* to, int64_t step) const {
    const Windows& of = is_.windows;
    const int64_t top = tile / across_ * Outputs - of.low[0], left = tile % across_ * Outputs - of.low[1];
    const int64_t row = of.width * of.channels;
    if (top >= 0 && left >= 0 && top + kSide <= of.height && left + kSide <= of.width) {
      const float* from = x + top * row + left * of.channels;
      each_vector(from, row, to, step, [](const float* at, int, int) { return load(at); });
      return;
    }
    const float* from = x + top * row + left * of.channels;  // of which places outside are not read
    each_vector(from, row, to, step, [&](const float* at, int i, int j) {
      const bool there = top + i >= 0 && top + i < of.height && left + j >= 0 && left + j < of.width;
      return there ? load(at) : Vector{};
    });
  }

  template <typename Load>
  void each_vector(const float* from, int64_t row, float* to, int64_t step, const Load& load_at) const {
    const int64_t channels = is_.windows.channels;
    for (int64_t c = 0; c < channels; c += kWidth) {
      Vector half[kPlaces];
      for (int j = 0; j < kSide; ++j) {
        Vector column[kSide];
        for (int i = 0; i < kSide; ++i) column[i] = load_at(from + i * row + j * channels + c, i, j);
        WinogradMethod<Outputs>::inputs(column, 1, half + j, kSide);
      }
      for (int i = 0; i < kSide; ++i) {
        Vector line[kSide];
        WinogradMethod<Outputs>::inputs(half + i * kSide, 1, line, 1);
        for (int j = 0; j < kSide; ++j) store(to + (i * kSide + j) * step + c, line[j]);
      }
    }
  }

  // to[row][filter] = sum over channels of left[row][channel] times a panel's weights.
  static void multiply(const float* left, int64_t channels, int64_t rows, const float* right, int64_t filters, float* to) {
    const int64_t groups = (rows + kTileRows - 1) / kTileRows;
    for (int64_t first = 0; first < filters; first += kColumns) {
      const int64_t wide = std::min(kColumns, filters - first);
      const Tile* by_rows = wide > kWidth ? kTileOf<2, false, false> : kTileOf<1, false, false>;
      for (int64_t group = 0; group < groups; ++group) {
        const int64_t row = rows * group / groups, some = rows * (group + 1) / groups - row;
        by_rows[some - 1](left + row * channels, channels, right + first * channels, wide, channels,
                          to + row * filters + first, filters);
      }
    }
  }

  void put_outputs(const float* m, int64_t step, int64_t tile, int64_t filter, const float* add, float* y) const {
    Vector half[Outputs * kSide];
    for (int j = 0; j < kSide; ++j) {
      Vector column[kSide];
      for (int i = 0; i < kSide; ++i) column[i] = load(m + (i * kSide + j) * step);
      WinogradMethod<Outputs>::outputs(column, 1, half + j, kSide);
    }
    const Windows& of = is_.windows;
    const int64_t top = tile / across_ * Outputs, left = tile % across_ * Outputs;
    const Vector bias = load(is_.bias.data() + filter);
    for (int i = 0; i < Outputs && top + i < of.out_height; ++i) {
      Vector line[Outputs];
      WinogradMethod<Outputs>::outputs(half + i * kSide, 1, line, 1);
      for (int j = 0; j < Outputs && left + j < of.out_width; ++j) {
        const int64_t at = ((top + i) * of.out_width + left + j) * is_.filters + filter;
        store(y + at, is_.finish(line[j], bias, add == nullptr ? nullptr : add + at, kWidth));
      }
    }
  }

  Convolved is_;
  int64_t down_, across_;
  Kept weights_;
};

}  // namespace

Made winograd(Convolved& given) {
  const Windows& of = given.windows;
  const bool window = of.window[0] == kWinogradTaps && of.window[1] == kWinogradTaps && of.low[0] < kWinogradTaps && of.low[1] < kWinogradTaps;
  const bool steps = of.stride[0] == 1 && of.stride[1] == 1 && of.dilation[0] == 1 && of.dilation[1] == 1;
  const bool vectors = kWidth >= 8 && of.channels % kWidth == 0 && given.filters % kWidth == 0;
  if (!window || !steps || !vectors) return nullptr;
  const double plain = static_cast<double>(given.multiplications()) / kWidth;
  const double two = Winograd<2>::time(given), four = Winograd<4>::time(given);
  if (std::min(two, four) >= plain) return nullptr;
  if (two < four) return std::make_unique<Winograd<2>>(std::move(given));
  return std::make_unique<Winograd<4>>(std::move(given));
}

}  // namespace brickwork::inference
