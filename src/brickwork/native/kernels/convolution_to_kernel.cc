// From inputs and outputs of a convolution to its kernel: see `convolution.h`.
//
// To-kernel sums over places instead: a tile is a few pairs of tap and channel by a few vectors of filters. Every
// thread sums over pictures of its own, in an order that depends on the number of threads alone.

#include "convolution.h"

#include <vector>

#include "scratch.h"
#include "winograd.h"

namespace brickwork {
namespace {

struct Rows {  // the rows of places that are summed over: where each starts in the blocks of x
  std::vector<int64_t> start;
  int64_t length, step;  // places of a row, and numbers from one to the next in x
};

// Adds to M pairs of tap and channel by V vectors of filters: sums[m][filter] += sum over places of x * y.
template <int M, int V>
inline void kernel_tile(const Rows& rows, const float* x, const int64_t* pairs, const float* y, float* sums) {
  int64_t pair[M];
  for (int m = 0; m < M; ++m) pair[m] = pairs[m];
  Vector sum[M][V];
  for (int m = 0; m < M; ++m)
    for (int v = 0; v < V; ++v) sum[m][v] = load(sums + m * kPanel + v * kWidth);
  for (int64_t start : rows.start) {
    const float* at = x + start;
    for (int64_t place = 0; place < rows.length; ++place, at += rows.step, y += kPanel) {
      Vector value[V];
      for (int v = 0; v < V; ++v) value[v] = load(y + v * kWidth);
      for (int m = 0; m < M; ++m)
        for (int v = 0; v < V; ++v) sum[m][v] += at[pair[m]] * value[v];
    }
  }
  for (int m = 0; m < M; ++m)
    for (int v = 0; v < V; ++v) store(sums + m * kPanel + v * kWidth, sum[m][v]);
}

using KernelTile = void (*)(const Rows&, const float*, const int64_t*, const float*, float*);

template <int V>
constexpr KernelTile kKernelTiles[8] = {kernel_tile<1, V>, kernel_tile<2, V>, kernel_tile<3, V>, kernel_tile<4, V>,
                                        kernel_tile<5, V>, kernel_tile<6, V>, kernel_tile<7, V>, kernel_tile<8, V>};

// Where every filter has a channel of its own: sums[tap][channel] += sum over places of x * y.
void depthwise_sums(const Rows& rows, const float* x, const std::vector<int64_t>& taps, const float* y,
                    int64_t channels, float* sums) {
  for (size_t t = 0; t < taps.size(); ++t)
    for (int64_t c = 0; c < channels; c += kWidth) {
      const int64_t some = std::min(kWidth, channels - c);
      Vector total = {};
      const float* other = y + c;
      for (int64_t start : rows.start) {
        const float* at = x + start + taps[t] + c;
        for (int64_t place = 0; place < rows.length; ++place, at += rows.step, other += channels)
          total += some == kWidth ? load(at) * load(other) : load_some(at, some) * load_some(other, some);
      }
      float* sum = sums + static_cast<int64_t>(t) * channels + c;
      if (some == kWidth)
        store(sum, load(sum) + total);
      else
        store_some(sum, load_some(sum, some) + total, some);
    }
}

void to_kernel(ffi::ThreadPool& pool, const Convolution& c, const float* x, const float* y, float* w) {
  const int64_t channels = c.channels * c.groups, filters = c.filters * c.groups;
  const bool own_filters = c.channels == 1 && c.filters == 1;
  const int64_t panels = own_filters ? 1 : panels_of(c.filters);
  const int64_t group_pairs = c.taps() * c.channels;
  const int64_t group_sums = own_filters ? c.taps() : group_pairs * panels * kPanel;
  const int64_t kernel_sums = c.groups * group_sums;
  const int64_t kernel_numbers = group_pairs * filters;
  if (c.members * kernel_numbers == 0) return;

  // What windows see of a picture: with zeros around it, or the picture itself where none are needed.
  int64_t first[kAxes], count[kAxes];
  bool inside = true;
  for (int a = 0; a < kAxes; ++a) {
    first[a] = -c.low[a];
    count[a] = (c.out[a] - 1) * c.stride[a] + (c.window[a] - 1) * c.dilation[a] + 1;
    inside = inside && first[a] >= 0 && first[a] + count[a] <= c.size[a];
  }
  const int64_t block = inside ? c.places() * channels : count[0] * count[1] * count[2] * channels;
  const int64_t step[kAxes] = {(inside ? c.size[1] * c.size[2] : count[1] * count[2]) * channels,
                               (inside ? c.size[2] : count[2]) * channels, channels};

  // Each piece sums over rows of its own. Small pictures are summed over several at a time.
  const int64_t pieces = std::clamp<int64_t>(pool.num_threads(), 1, std::max<int64_t>(1, c.rows));
  const int64_t together = std::clamp<int64_t>(256 / std::max<int64_t>(1, c.out_places()), 1, 16);
  std::vector<int64_t> pairs, taps;
  for (int64_t i = 0; i < c.window[0]; ++i)
    for (int64_t j = 0; j < c.window[1]; ++j)
      for (int64_t k = 0; k < c.window[2]; ++k) {
        taps.push_back(i * c.dilation[0] * step[0] + j * c.dilation[1] * step[1] + k * c.dilation[2] * step[2]);
        for (int64_t channel = 0; channel < c.channels; ++channel) pairs.push_back(taps.back() + channel);
      }
  thread_local Scratch sum_room;
  float* all_sums = sum_room.room<float>(c.members * pieces * kernel_sums);

  parallel_for(pool, c.members * pieces, [&](int64_t number) {
    const int64_t member = number / pieces, piece = number % pieces;
    float* sums = all_sums + number * kernel_sums;
    std::fill(sums, sums + kernel_sums, 0.0f);
    thread_local Scratch block_room, y_room;
    thread_local Rows rows;
    rows.length = c.out[2];
    rows.step = c.stride[2] * channels;
    const int64_t until = c.rows * (piece + 1) / pieces;
    for (int64_t row = c.rows * piece / pieces; row < until; row += together) {
      const int64_t some = std::min(together, until - row);
      const float* pictures = x + (member * c.rows + row) * c.places() * channels;
      if (!inside) {
        float* blocks = block_room.room<float>(some * block);
        for (int64_t n = 0; n < some; ++n)
          copy_block(pictures + n * c.places() * channels, c.size, first, count, channels, blocks + n * block);
        pictures = blocks;
      }
      rows.start.clear();
      for (int64_t n = 0; n < some; ++n)
        for (int64_t i = 0; i < c.out[0]; ++i)
          for (int64_t j = 0; j < c.out[1]; ++j)
            rows.start.push_back(n * block + i * c.stride[0] * step[0] + j * c.stride[1] * step[1]);
      const float* values = y + (member * c.rows + row) * c.out_places() * filters;
      if (own_filters) {
        depthwise_sums(rows, pictures, taps, values, filters, sums);
        continue;
      }
      // y by panels of filters, in the order in which they are read.
      const int64_t places = some * c.out_places();
      float* laid = y_room.room<float>(places * kPanel);
      for (int64_t group = 0; group < c.groups; ++group)
        for (int64_t panel = 0; panel < panels; ++panel) {
          const int64_t filter = panel * kPanel, width = std::min(kPanel, c.filters - filter);
          const float* from = values + group * c.filters + filter;
          for (int64_t place = 0; place < places; ++place, from += filters) {
            float* to = laid + place * kPanel;
            if (width == kPanel) {
              for (int64_t v = 0; v < kPanel; v += kWidth) store(to + v, load(from + v));
            } else {
              for (int64_t f = 0; f < width; ++f) to[f] = from[f];
              for (int64_t f = width; f < kPanel; ++f) to[f] = 0;
            }
          }
          const KernelTile* tiles = width <= kWidth ? kKernelTiles<1> : kKernelTiles<2>;
          float* mine = sums + group * group_sums + panel * group_pairs * kPanel;
          for (int64_t pair = 0; pair < group_pairs; pair += kTile)
            tiles[std::min<int64_t>(kTile, group_pairs - pair) - 1](
                rows, pictures + group * c.channels, pairs.data() + pair, laid, mine + pair * kPanel);
        }
    }
  });

  // The sums of all pieces, added up in their order.
  parallel_for(pool, c.members * c.groups, [&](int64_t number) {
    const int64_t member = number / c.groups, group = number % c.groups;
    float* to = w + member * kernel_numbers;
    const float* from = all_sums + member * pieces * kernel_sums + group * group_sums;
    for (int64_t pair = 0; pair < group_pairs; ++pair)
      for (int64_t filter = 0; filter < c.filters; ++filter) {
        int64_t place = own_filters ? 0 : (filter / kPanel * group_pairs + pair) * kPanel + filter % kPanel;
        if (own_filters) place = pair * c.groups + group - group * group_sums;
        float total = 0;
        for (int64_t piece = 0; piece < pieces; ++piece) total += from[piece * kernel_sums + place];
        to[pair * filters + group * c.filters + filter] = total;
      }
  });
}

ffi::Error kernel_call(ffi::ThreadPool pool, Numbers x, Numbers y, Result w, Attribute stride, Attribute low,
                       Attribute dilation, int64_t groups) {
  return with(convolution(x.dimensions(), w->dimensions(), y.dimensions(), stride, low, dilation, groups),
              [&](const Convolution& c) {
                if (winograd_pays(c)) return winograd_to_kernel(pool, c, x.typed_data(), y.typed_data(), w->typed_data());
                to_kernel(pool, c, x.typed_data(), y.typed_data(), w->typed_data());
              });
}

}  // namespace

BRICKWORK_KERNEL(brickwork_convolution_to_kernel, kernel_call, convolution_binding());

}  // namespace brickwork
