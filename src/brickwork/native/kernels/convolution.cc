// Convolution forward, and from outputs to inputs: see `convolution.h`.
//
// Forward and to-inputs are one algorithm. A thread takes one picture, or a band of its rows, copies what the windows
// see of it into a block with zeros around it, and computes tiles of a few places by a few vectors of filters, whose
// sums stay in registers over all taps and channels:
//
//   sum[place][vector] += block[start of place + offset of tap + channel] * weights[tap][channel][vector]
//
// A place may start anywhere in the block, so tiles run on over the ends of rows, and the places of a strided transpose
// are several such problems (phases), each with the taps that reach it. The weights are laid out beforehand, panel by
// panel of filters, in the order in which they are read.

#include "convolution.h"

#include <vector>

#include "scratch.h"
#include "winograd.h"

namespace brickwork {
namespace {

constexpr int64_t kBand = 192 * 1024;  // bytes of a block that a core's second cache holds with some room

// -------------------------------------------------------------------------------------- where places and taps lie

// One axis of the map from a source (with zeros around it) to a destination. Destination place i is reached by the taps
// of its phase, and sees the source at start(i) + offset(tap).
struct Axis {
  int64_t source, dest, taps, stride, dilation, low, phases;
  bool transposed;

  int64_t phase(int64_t i) const { return transposed ? (i + low) % stride : 0; }
  int64_t start(int64_t i) const { return transposed ? (i + low) / stride : i * stride; }
  int64_t tap_phase(int64_t t) const { return transposed ? (t * dilation) % stride : 0; }
  int64_t reach() const { return transposed ? (taps - 1) * dilation / stride : (taps - 1) * dilation; }
  int64_t offset(int64_t t) const { return transposed ? reach() - t * dilation / stride : t * dilation; }
  // Where in the source the place `start + 0` lies.
  int64_t shift() const { return transposed ? -reach() : -low; }
};

struct Map {
  Axis axis[kAxes];
  int64_t channels, filters, groups;  // summed over, and computed, of one group
  bool transposed;
};

Map forward_map(const Convolution& c) {
  Map map{{}, c.channels, c.filters, c.groups, false};
  for (int a = 0; a < kAxes; ++a)
    map.axis[a] = {c.size[a], c.out[a], c.window[a], c.stride[a], c.dilation[a], c.low[a], 1, false};
  return map;
}

Map transposed_map(const Convolution& c) {
  Map map{{}, c.filters, c.channels, c.groups, true};
  for (int a = 0; a < kAxes; ++a)
    map.axis[a] = {c.out[a], c.size[a], c.window[a], c.stride[a], c.dilation[a], c.low[a], c.stride[a], true};
  return map;
}

// ---------------------------------------------------------------------------------------------------------- weights

// The taps of one phase: their places in the window, in the order in which panels hold them.
std::vector<int64_t> taps_of_phase(const Map& map, const int64_t phase[kAxes]) {
  std::vector<int64_t> taps;
  const Axis* a = map.axis;
  for (int64_t i = 0; i < a[0].taps; ++i)
    for (int64_t j = 0; j < a[1].taps; ++j)
      for (int64_t k = 0; k < a[2].taps; ++k)
        if (a[0].tap_phase(i) == phase[0] && a[1].tap_phase(j) == phase[1] && a[2].tap_phase(k) == phase[2])
          taps.push_back((i * a[1].taps + j) * a[2].taps + k);
  return taps;
}

// Lays the weights of some taps of a group out as [panel][tap][channel][filter of the panel], zeros filling it up.
void lay_out(const Map& map, const std::vector<int64_t>& taps, const float* w, int64_t group, float* panels) {
  const int64_t channels = map.channels, filters = map.filters, all = filters * map.groups;
  const int64_t kernel_row = map.transposed ? channels * map.groups : all;  // numbers between two rows of the kernel
  for (int64_t first = 0; first < filters; first += kPanel) {
    const int64_t count = std::min(kPanel, filters - first);
    for (int64_t tap : taps) {
      if (!map.transposed) {
        const float* from = w + tap * channels * kernel_row + group * filters + first;
        for (int64_t c = 0; c < channels; ++c, from += kernel_row, panels += kPanel) {
          for (int64_t f = 0; f < count; ++f) panels[f] = from[f];
          for (int64_t f = count; f < kPanel; ++f) panels[f] = 0;
        }
      } else {  // rows and columns of every tap's matrix change places
        const float* from = w + (tap * filters + first) * kernel_row + group * channels;
        for (int64_t c = 0; c < channels; ++c, panels += kPanel) {
          for (int64_t f = 0; f < count; ++f) panels[f] = from[f * kernel_row + c];
          for (int64_t f = count; f < kPanel; ++f) panels[f] = 0;
        }
      }
    }
  }
}

// -------------------------------------------------------------------------------------------------------- the tile

// Computes P places by V vectors of filters.
template <int P, int V>
inline void tile(const float* const* at, const int64_t* offsets, int64_t taps, int64_t channels, const float* weights,
                 float* const* to, int64_t count) {
  const float* start[P];
  for (int p = 0; p < P; ++p) start[p] = at[p];
  Vector sum[P][V];
  for (int p = 0; p < P; ++p)
    for (int v = 0; v < V; ++v) sum[p][v] = Vector{};
  for (int64_t t = 0; t < taps; ++t) {
    const int64_t first = offsets[t];
    for (int64_t c = first; c < first + channels; ++c, weights += kPanel) {
      Vector w[V];
      for (int v = 0; v < V; ++v) w[v] = load(weights + v * kWidth);
      for (int p = 0; p < P; ++p)
        for (int v = 0; v < V; ++v) sum[p][v] += start[p][c] * w[v];
    }
  }
  for (int p = 0; p < P; ++p)
    for (int v = 0; v < V; ++v) {
      if ((v + 1) * kWidth <= count)
        store(to[p] + v * kWidth, sum[p][v]);
      else
        store_some(to[p] + v * kWidth, sum[p][v], count - v * kWidth);
    }
}

using Tile = void (*)(const float* const*, const int64_t*, int64_t, int64_t, const float*, float* const*, int64_t);

template <int V>
constexpr Tile kTiles[8] = {tile<1, V>, tile<2, V>, tile<3, V>, tile<4, V>,
                            tile<5, V>, tile<6, V>, tile<7, V>, tile<8, V>};

// One vector of channels of one place of a convolution in which every channel has a filter of its own.
inline void depthwise(const float* at, const int64_t* offsets, const int64_t* taps, int64_t tap_count, const float* w,
                      int64_t channels, float* to) {
  int64_t c = 0;
  for (; c + 2 * kWidth <= channels; c += 2 * kWidth) {
    Vector a = {}, b = {};
    for (int64_t t = 0; t < tap_count; ++t) {
      const float* x = at + offsets[t] + c;
      const float* k = w + taps[t] * channels + c;
      a += load(x) * load(k);
      b += load(x + kWidth) * load(k + kWidth);
    }
    store(to + c, a);
    store(to + c + kWidth, b);
  }
  for (; c < channels; c += kWidth) {
    const int64_t some = std::min(kWidth, channels - c);
    Vector a = {};
    for (int64_t t = 0; t < tap_count; ++t) a += load_some(at + offsets[t] + c, some) * load_some(w + taps[t] * channels + c, some);
    store_some(to + c, a, some);
  }
}

struct Places {  // of one phase within a band: where each starts in the block, and where its result goes
  std::vector<int64_t> start, to;
};

// -------------------------------------------------------------------------------------- forward, and to the inputs

void convolve(ffi::ThreadPool& pool, const Convolution& c, const Map& map, const float* source_array,
              const float* kernels, float* dest_array) {
  const Axis* axis = map.axis;
  const int64_t source_size[kAxes] = {axis[0].source, axis[1].source, axis[2].source};
  const int64_t source_channels = map.channels * map.groups, dest_channels = map.filters * map.groups;
  const int64_t source_places = source_size[0] * source_size[1] * source_size[2];
  const int64_t dest_places = axis[0].dest * axis[1].dest * axis[2].dest;
  const bool own_filters = map.channels == 1 && map.filters == 1;  // a filter for each channel
  if (c.members * c.rows * dest_places * dest_channels == 0) return;

  // The weights of every phase, laid out once.
  struct Phase {
    std::vector<int64_t> taps;
    int64_t weights;  // where its panels begin
  };
  std::vector<Phase> phases;
  int64_t weight_count = 0;
  const int64_t tap_numbers = map.channels * panels_of(map.filters) * kPanel;
  for (int64_t i = 0; i < axis[0].phases; ++i)
    for (int64_t j = 0; j < axis[1].phases; ++j)
      for (int64_t k = 0; k < axis[2].phases; ++k) {
        const int64_t phase[kAxes] = {i, j, k};
        phases.push_back({taps_of_phase(map, phase), weight_count});
        weight_count += static_cast<int64_t>(phases.back().taps.size()) * tap_numbers;
      }
  const int64_t kernel_numbers = c.taps() * map.channels * map.filters * map.groups;
  thread_local Scratch panel_room;
  float* panels = nullptr;
  if (!own_filters) {
    panels = panel_room.room<float>(c.members * map.groups * weight_count);
    parallel_for(pool, c.members * map.groups, [&](int64_t piece) {
      const float* w = kernels + piece / map.groups * kernel_numbers;
      for (const Phase& phase : phases)
        lay_out(map, phase.taps, w, piece % map.groups, panels + piece * weight_count + phase.weights);
    });
  }

  // Bands of rows along the first axis that has any, as small as the cache and the number of threads ask for.
  const int long_axis = axis[0].dest > 1 ? 0 : 1;
  const int64_t lines = axis[long_axis].dest;
  const int64_t pictures = c.members * c.rows;
  const int64_t picture_bytes = source_places * source_channels * static_cast<int64_t>(sizeof(float));
  const int64_t wanted = std::max((picture_bytes + kBand - 1) / kBand, (2 * pool.num_threads() + pictures - 1) / pictures);
  const int64_t band = (lines + std::clamp<int64_t>(wanted, 1, lines) - 1) / std::clamp<int64_t>(wanted, 1, lines);
  const int64_t bands = (lines + band - 1) / band;

  parallel_for(pool, pictures * bands, [&](int64_t piece) {
    const int64_t picture = piece / bands, member = picture / c.rows;
    int64_t from[kAxes] = {0, 0, 0}, until[kAxes] = {axis[0].dest, axis[1].dest, axis[2].dest};
    from[long_axis] = piece % bands * band;
    until[long_axis] = std::min(lines, from[long_axis] + band);

    // What the band sees of the source.
    int64_t first[kAxes], count[kAxes];
    bool inside = true;
    for (int a = 0; a < kAxes; ++a) {
      const int64_t start = axis[a].start(from[a]);
      first[a] = start + axis[a].shift();
      count[a] = axis[a].start(until[a] - 1) - start + axis[a].reach() + 1;
      inside = inside && first[a] >= 0 && first[a] + count[a] <= source_size[a];
    }
    const float* block = source_array + picture * source_places * source_channels;
    int64_t step[kAxes] = {source_size[1] * source_size[2] * source_channels, source_size[2] * source_channels,
                           source_channels};
    if (inside) {
      block += first[0] * step[0] + first[1] * step[1] + first[2] * step[2];
    } else {
      thread_local Scratch room;
      float* copy = room.room<float>(count[0] * count[1] * count[2] * source_channels);
      copy_block(block, source_size, first, count, source_channels, copy);
      block = copy;
      step[1] = count[2] * source_channels;
      step[0] = count[1] * step[1];
    }

    // The places of every phase.
    thread_local std::vector<Places> places;
    places.resize(std::max(places.size(), phases.size()));
    for (size_t i = 0; i < phases.size(); ++i) places[i].start.clear(), places[i].to.clear();
    for (int64_t i = from[0]; i < until[0]; ++i)
      for (int64_t j = from[1]; j < until[1]; ++j) {
        const int64_t row_phase = (axis[0].phase(i) * axis[1].phases + axis[1].phase(j)) * axis[2].phases;
        const int64_t start = (axis[0].start(i) - axis[0].start(from[0])) * step[0] +
                              (axis[1].start(j) - axis[1].start(from[1])) * step[1];
        const int64_t to = (i * axis[1].dest + j) * axis[2].dest;
        for (int64_t k = from[2]; k < until[2]; ++k) {
          Places& one = places[static_cast<size_t>(row_phase + axis[2].phase(k))];
          one.start.push_back(start + (axis[2].start(k) - axis[2].start(from[2])) * step[2]);
          one.to.push_back((to + k) * dest_channels);
        }
      }

    float* dest = dest_array + picture * dest_places * dest_channels;
    thread_local std::vector<int64_t> offsets;
    for (size_t number = 0; number < phases.size(); ++number) {
      const Phase& phase = phases[number];
      const Places& mine = places[number];
      const int64_t total = static_cast<int64_t>(mine.start.size());
      const int64_t taps = static_cast<int64_t>(phase.taps.size());
      offsets.clear();
      for (int64_t tap : phase.taps)
        offsets.push_back(axis[2].offset(tap % axis[2].taps) * step[2] +
                          axis[1].offset(tap / axis[2].taps % axis[1].taps) * step[1] +
                          axis[0].offset(tap / axis[2].taps / axis[1].taps) * step[0]);
      if (own_filters) {
        const float* w = kernels + member * kernel_numbers;
        for (int64_t place = 0; place < total; ++place)
          depthwise(block + mine.start[place], offsets.data(), phase.taps.data(), taps, w, dest_channels,
                    dest + mine.to[place]);
        continue;
      }
      for (int64_t group = 0; group < map.groups; ++group) {
        const float* weights = panels + (member * map.groups + group) * weight_count + phase.weights;
        for (int64_t filter = 0; filter < map.filters; filter += kPanel, weights += taps * map.channels * kPanel) {
          const int64_t filters = std::min(kPanel, map.filters - filter);
          const Tile* tiles = filters <= kWidth ? kTiles<1> : kTiles<2>;
          for (int64_t place = 0; place < total; place += kTile) {
            const int64_t some = std::min<int64_t>(kTile, total - place);
            const float* at[kTile];
            float* to[kTile];
            for (int64_t p = 0; p < some; ++p) {
              at[p] = block + mine.start[place + p] + group * map.channels;
              to[p] = dest + mine.to[place + p] + group * map.filters + filter;
            }
            tiles[some - 1](at, offsets.data(), taps, map.channels, weights, to, filters);
          }
        }
      }
    }
  });
}

ffi::Error forward_call(ffi::ThreadPool pool, Numbers x, Numbers w, Result y, Attribute stride, Attribute low,
                        Attribute dilation, int64_t groups) {
  return with(convolution(x.dimensions(), w.dimensions(), y->dimensions(), stride, low, dilation, groups),
              [&](const Convolution& c) {
                if (winograd_pays(c)) return winograd_forward(pool, c, x.typed_data(), w.typed_data(), y->typed_data());
                convolve(pool, c, forward_map(c), x.typed_data(), w.typed_data(), y->typed_data());
              });
}

ffi::Error inputs_call(ffi::ThreadPool pool, Numbers y, Numbers w, Result x, Attribute stride, Attribute low,
                       Attribute dilation, int64_t groups) {
  return with(convolution(x->dimensions(), w.dimensions(), y.dimensions(), stride, low, dilation, groups),
              [&](const Convolution& c) {
                if (winograd_pays(c)) return winograd_to_inputs(pool, c, y.typed_data(), w.typed_data(), x->typed_data());
                convolve(pool, c, transposed_map(c), y.typed_data(), w.typed_data(), x->typed_data());
              });
}

}  // namespace

BRICKWORK_KERNEL(brickwork_convolution, forward_call, convolution_binding());
BRICKWORK_KERNEL(brickwork_convolution_to_inputs, inputs_call, convolution_binding());

}  // namespace brickwork
