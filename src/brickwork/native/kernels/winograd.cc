// Winograd's method for windows of 3 x 3 and stride 1: see `winograd.h`.
//
// Two by two outputs y see four by four inputs d. With g a window of 3 x 3, * number by number and ' the transpose,
//
//   y = A' [ (G g G') * (B' d B) ] A      (the matrices are in `winograd_method.h`)
//
// Summed over channels, the middle is a product of matrices for each of the 16 places of a transformed tile: tiles by channels
// with channels by filters. To the inputs is the same with the window turned round and transposed. To the kernel turns the
// formula round: g = G' [ sum over tiles of (A y A') * (B' d B) ] G, 16 products that sum over tiles.
//
// A thread takes a band of a picture, copies it with zeros around it, and goes through it a few tiles at a time, so that what
// is transformed stays in its own caches. Sums are the same whatever the number of threads, but for the kernel, whose sums
// over pictures of each thread are added up in their order. Only 1, 1/2 and -1 occur: what rounding adds is about as small as
// in a plain sum.

#include "winograd.h"

#include <vector>

#include "scratch.h"
#include "tiles.h"
#include "winograd_method.h"

namespace brickwork {
namespace {

constexpr int64_t kTaps = 9, kPlaces = 16;       // of a window, and of a transformed tile
constexpr int64_t kBand = 192 * 1024;            // bytes of a band with its zeros: some of a core's second cache
constexpr int64_t kTransformed = 256 * 1024;     // and of what is transformed at a time
constexpr int64_t kChannels = 256, kLeast = 16;  // most channels, and least outputs, that it is worth for
constexpr int64_t kTiles = 32;                   // least tiles of all pictures, that transforming windows is worth for

// A correlation of pictures with windows: what is seen of a source, and what is made of it.
struct Plane {
  int64_t height, width, low[2];  // of the source, and its zeros before
  int64_t out_height, out_width;
  int64_t channels, filters;

  int64_t tiles_down() const { return (out_height + 1) / 2; }
  int64_t tiles_across() const { return (out_width + 1) / 2; }
  int64_t source() const { return height * width * channels; }
  int64_t dest() const { return out_height * out_width * filters; }
  int64_t transformed_kernel() const { return kPlaces * channels * filters; }

  // How many rows of tiles a band has, and how many tiles are transformed at a time.
  int64_t band() const {
    const int64_t row = 2 * (2 * tiles_across() + 2) * channels * static_cast<int64_t>(sizeof(float));
    return std::clamp<int64_t>(kBand / row - 1, 1, tiles_down());
  }
  // A line apart from multiples of a page, where the places of a tile would take each other's room in the first cache.
  static int64_t apart(int64_t tiles, int64_t features) { return tiles * features + kWidth; }
  int64_t together() const {
    const int64_t tile = kPlaces * (channels + filters) * static_cast<int64_t>(sizeof(float));
    return std::clamp<int64_t>(kTransformed / tile / 8 * 8, 16, 64);
  }
};

Plane forward_plane(const Convolution& c) {
  return {c.size[1], c.size[2], {c.low[1], c.low[2]}, c.out[1], c.out[2], c.channels, c.filters};
}

Plane transposed_plane(const Convolution& c) {
  return {c.out[1], c.out[2], {2 - c.low[1], 2 - c.low[2]}, c.size[1], c.size[2], c.filters, c.channels};
}

// -------------------------------------------------------------------------------------------------- transformations

// Of a line of vectors, `step` apart: A y, G g, G' p; the others are in `winograd_method.h`.
inline void spread_outputs(const Vector* y, int y_step, Vector* m, int step) {
  m[0] = y[0], m[step] = y[0] + y[y_step], m[2 * step] = y[0] - y[y_step], m[3 * step] = -y[y_step];
}

inline void spread_taps(const Vector* g, int g_step, Vector* u, int step) {
  const Vector outer = (g[0] + g[2 * g_step]) * 0.5f, middle = g[g_step] * 0.5f;
  u[0] = g[0], u[step] = outer + middle, u[2 * step] = outer - middle, u[3 * step] = g[2 * g_step];
}

inline void sum_taps(const Vector* p, int step, Vector* g, int g_step) {
  const Vector both = (p[step] + p[2 * step]) * 0.5f;
  g[0] = p[0] + both, g[g_step] = (p[step] - p[2 * step]) * 0.5f, g[2 * g_step] = both + p[3 * step];
}

// Transforms vectors of channels of one tile of the inputs: to[place * step + channel].
inline void transform_inputs(const float* from, int64_t row, int64_t channels, float* to, int64_t step) {
  for (int64_t c = 0; c < channels; c += kWidth) {
    Vector d[kPlaces];
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j) d[4 * i + j] = load(from + i * row + j * channels + c);
    for (int j = 0; j < 4; ++j) WinogradMethod<2>::inputs(d + j, 4, d + j, 4);
    for (int i = 0; i < 4; ++i) WinogradMethod<2>::inputs(d + 4 * i, 1, d + 4 * i, 1);
    for (int place = 0; place < kPlaces; ++place) store(to + place * step + c, d[place]);
  }
}

// Transforms the window of one channel and one vector of filters.
inline void transform_window(Vector* g, Vector* u) {
  Vector half[12];
  for (int j = 0; j < 3; ++j) spread_taps(g + j, 3, half + j, 3);
  for (int i = 0; i < 4; ++i) spread_taps(half + 3 * i, 1, u + 4 * i, 1);
}

// Lays all windows out as [place][panel of filters][channel][filter of the panel]; the last panel may be one vector wide.
// Going to the inputs, windows are turned round, and channels and filters change places.
void transform_kernel(ffi::ThreadPool& pool, const Plane& p, bool transposed, const float* w, float* u) {
  constexpr int64_t kPiece = 8;  // channels
  parallel_for(pool, (p.channels + kPiece - 1) / kPiece, [&](int64_t piece) {
    for (int64_t c = piece * kPiece; c < std::min(p.channels, (piece + 1) * kPiece); ++c)
      for (int64_t f = 0; f < p.filters; f += kWidth) {
        Vector g[kTaps], transformed[kPlaces];
        for (int64_t t = 0; t < kTaps; ++t)
          if (transposed)
            for (int64_t i = 0; i < kWidth; ++i) g[t][i] = w[((kTaps - 1 - t) * p.filters + f + i) * p.channels + c];
          else
            g[t] = load(w + (t * p.channels + c) * p.filters + f);
        transform_window(g, transformed);
        const int64_t first = f / kTileColumns * kTileColumns, wide = std::min(kTileColumns, p.filters - first);
        float* to = u + first * p.channels + c * wide + f - first;
        for (int64_t place = 0; place < kPlaces; ++place, to += p.channels * p.filters) store(to, transformed[place]);
      }
  });
}

// ---------------------------------------------------------------------------------------------------- bands and tiles

// A band of a picture with its zeros, and where its tiles lie.
struct Band {
  int64_t from, until, across;  // rows of tiles, and tiles in a row
  const float* block;
  int64_t row;  // numbers of a row of the block

  int64_t tiles() const { return (until - from) * across; }
};

Band band_of(const Plane& p, const float* picture, int64_t from, int64_t until, Scratch& room) {
  const int64_t size[kAxes] = {1, p.height, p.width}, first[kAxes] = {0, 2 * from - p.low[0], -p.low[1]};
  const int64_t count[kAxes] = {1, 2 * (until - from) + 2, 2 * p.tiles_across() + 2};
  float* block = room.room<float>(count[1] * count[2] * p.channels);
  copy_block(picture, size, first, count, p.channels, block);
  return {from, until, p.tiles_across(), block, count[2] * p.channels};
}

// Transforms `some` tiles of a band from a number on: v[place][tile][channel].
void transform_tiles(const Plane& p, const Band& band, int64_t first, int64_t some, float* v) {
  for (int64_t i = 0; i < some; ++i) {
    const int64_t down = (first + i) / band.across, across = (first + i) % band.across;
    transform_inputs(band.block + 2 * down * band.row + 2 * across * p.channels, band.row, p.channels,
                     v + i * p.channels, Plane::apart(some, p.channels));
  }
}

// Calls compute(i, j, at) for those of the four outputs of a tile that are there: `at` is where output (i, j) begins.
template <typename Compute>
inline void each_output(const Plane& p, const Band& band, int64_t tile, const Compute& compute) {
  const int64_t down = 2 * (band.from + tile / band.across), across = 2 * (tile % band.across);
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j)
      if (down + i < p.out_height && across + j < p.out_width)
        compute(i, j, ((down + i) * p.out_width + across + j) * p.filters);
}

// One matrix by panels of filters: to[row][filter] (+)= sum of left(row, i) right(i, filter), rows in tiles.
template <bool Across, bool Add>
inline void multiply(const float* left, int64_t step, int64_t rows, const float* right, bool panels, int64_t count,
                     int64_t filters, float* to) {
  for (int64_t first = 0; first < filters; first += kTileColumns) {
    const int64_t wide = std::min(kTileColumns, filters - first);
    const Tile* tiles = wide > kWidth ? kTileOf<2, Across, Add> : kTileOf<1, Across, Add>;
    const float* panel = panels ? right + first * count : right + first;
    for (int64_t row = 0; row < rows; row += kTileRows)
      tiles[std::min(kTileRows, rows - row) - 1](left + (Across ? row : row * step), step, panel,
                                                 panels ? wide : filters, count, to + row * filters + first, filters);
  }
}

// --------------------------------------------------------------------------------------------------- the three maps

void correlate(ffi::ThreadPool& pool, const Convolution& c, const Plane& p, bool transposed, const float* source,
               const float* w, float* dest) {
  thread_local Scratch kernel_room;
  float* kernels = kernel_room.room<float>(c.members * p.transformed_kernel());
  for (int64_t member = 0; member < c.members; ++member)
    transform_kernel(pool, p, transposed, w + member * kTaps * p.channels * p.filters,
                     kernels + member * p.transformed_kernel());
  const int64_t lines = p.tiles_down(), pictures = c.members * c.rows;
  const int64_t wanted = (2 * pool.num_threads() + pictures - 1) / pictures;  // bands, for all threads to have work
  const int64_t band_lines = std::min(p.band(), (lines + wanted - 1) / std::max<int64_t>(1, wanted));
  const int64_t bands = (lines + band_lines - 1) / band_lines, together = p.together();
  parallel_for(pool, pictures * bands, [&](int64_t number) {
    const int64_t picture = number / bands, from = number % bands * band_lines;
    thread_local Scratch band_room, room;
    const Band band = band_of(p, source + picture * p.source(), from, std::min(lines, from + band_lines), band_room);
    const float* u = kernels + picture / c.rows * p.transformed_kernel();
    float* y = dest + picture * p.dest();
    float* v = room.room<float>(kPlaces * (Plane::apart(together, p.channels) + Plane::apart(together, p.filters)));
    float* m = v + kPlaces * Plane::apart(together, p.channels);
    for (int64_t first = 0; first < band.tiles(); first += together) {
      const int64_t some = std::min(together, band.tiles() - first);
      const int64_t in = Plane::apart(some, p.channels), out = Plane::apart(some, p.filters);
      transform_tiles(p, band, first, some, v);
      for (int64_t place = 0; place < kPlaces; ++place)
        multiply<false, false>(v + place * in, p.channels, some, u + place * p.channels * p.filters, true,
                               p.channels, p.filters, m + place * out);
      for (int64_t i = 0; i < some; ++i)
        for (int64_t f = 0; f < p.filters; f += kWidth) {
          Vector sums[kPlaces], half[8], four[4];
          for (int64_t place = 0; place < kPlaces; ++place) sums[place] = load(m + place * out + i * p.filters + f);
          for (int j = 0; j < 4; ++j) WinogradMethod<2>::outputs(sums + j, 4, half + j, 4);
          for (int k = 0; k < 2; ++k) WinogradMethod<2>::outputs(half + 4 * k, 1, four + 2 * k, 1);
          each_output(p, band, first + i, [&](int k, int j, int64_t at) { store(y + at + f, four[2 * k + j]); });
        }
    }
  });
}

}  // namespace

bool winograd_pays(const Convolution& c) {
  const bool plain = c.size[0] == 1 && c.window[0] == 1 && c.low[0] == 0 && c.groups == 1 && c.out[0] == 1;
  const bool window = c.window[1] == 3 && c.window[2] == 3 && c.low[1] <= 2 && c.low[2] <= 2;
  const bool steps = c.stride[1] == 1 && c.stride[2] == 1 && c.dilation[1] == 1 && c.dilation[2] == 1;
  const bool vectors = kWidth >= 8 && c.channels % kWidth == 0 && c.filters % kWidth == 0;
  return plain && window && steps && vectors && std::max(c.channels, c.filters) <= kChannels &&
         c.out_places() >= kLeast && c.places() >= kLeast && c.rows * c.out_places() >= 4 * kTiles && c.members * c.rows * c.channels * c.filters > 0;
}

void winograd_forward(ffi::ThreadPool& pool, const Convolution& c, const float* x, const float* w, float* y) {
  correlate(pool, c, forward_plane(c), false, x, w, y);
}

void winograd_to_inputs(ffi::ThreadPool& pool, const Convolution& c, const float* y, const float* w, float* x) {
  correlate(pool, c, transposed_plane(c), true, y, w, x);
}

void winograd_to_kernel(ffi::ThreadPool& pool, const Convolution& c, const float* x, const float* y, float* w) {
  const Plane p = forward_plane(c);
  const int64_t pieces = std::clamp<int64_t>(pool.num_threads(), 1, c.rows);
  const int64_t lines = p.tiles_down(), band_lines = p.band(), together = p.together();
  thread_local Scratch sum_room;
  float* all_sums = sum_room.room<float>(c.members * pieces * p.transformed_kernel());
  parallel_for(pool, c.members * pieces, [&](int64_t number) {
    const int64_t member = number / pieces, piece = number % pieces;
    float* sums = all_sums + number * p.transformed_kernel();
    std::fill(sums, sums + p.transformed_kernel(), 0.0f);
    thread_local Scratch band_room, room;
    float* v = room.room<float>(kPlaces * (Plane::apart(together, p.channels) + Plane::apart(together, p.filters)));
    float* s = v + kPlaces * Plane::apart(together, p.channels);  // the slopes of the outputs, transformed
    for (int64_t row = c.rows * piece / pieces; row < c.rows * (piece + 1) / pieces; ++row)
      for (int64_t from = 0; from < lines; from += band_lines) {
        const int64_t picture = member * c.rows + row;
        const Band band = band_of(p, x + picture * p.source(), from, std::min(lines, from + band_lines), band_room);
        const float* slopes = y + picture * p.dest();
        for (int64_t first = 0; first < band.tiles(); first += together) {
          const int64_t some = std::min(together, band.tiles() - first);
          const int64_t in = Plane::apart(some, p.channels), out = Plane::apart(some, p.filters);
          transform_tiles(p, band, first, some, v);
          for (int64_t i = 0; i < some; ++i)
            for (int64_t f = 0; f < p.filters; f += kWidth) {
              Vector four[4] = {}, half[8], spread[kPlaces];
              each_output(p, band, first + i, [&](int k, int j, int64_t at) { four[2 * k + j] = load(slopes + at + f); });
              for (int j = 0; j < 2; ++j) spread_outputs(four + j, 2, half + j, 2);
              for (int k = 0; k < 4; ++k) spread_outputs(half + 2 * k, 1, spread + 4 * k, 1);
              for (int64_t place = 0; place < kPlaces; ++place) store(s + place * out + i * p.filters + f, spread[place]);
            }
          for (int64_t place = 0; place < kPlaces; ++place)
            multiply<true, true>(v + place * in, p.channels, p.channels, s + place * out, false,
                                 some, p.filters, sums + place * p.channels * p.filters);
        }
      }
  });
  // The sums of all pieces, added up in their order, and transformed back.
  parallel_for(pool, c.members * p.channels, [&](int64_t number) {
    const int64_t member = number / p.channels, channel = number % p.channels;
    for (int64_t f = 0; f < p.filters; f += kWidth) {
      Vector total[kPlaces] = {}, half[12], taps[kTaps];
      for (int64_t piece = 0; piece < pieces; ++piece)
        for (int64_t place = 0; place < kPlaces; ++place)
          total[place] += load(all_sums + (member * pieces + piece) * p.transformed_kernel() +
                               (place * p.channels + channel) * p.filters + f);
      for (int j = 0; j < 4; ++j) sum_taps(total + j, 4, half + j, 4);
      for (int i = 0; i < 3; ++i) sum_taps(half + 4 * i, 1, taps + 3 * i, 1);
      for (int64_t tap = 0; tap < kTaps; ++tap)
        store(w + ((member * kTaps + tap) * p.channels + channel) * p.filters + f, taps[tap]);
    }
  });
}

}  // namespace brickwork
