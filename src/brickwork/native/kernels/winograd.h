// Convolution with windows of 3 x 3 and stride 1 by Winograd's method: 16 multiplications where a plain sum takes 36.
#pragma once

#include "convolution.h"

namespace brickwork {

// Tells whether a convolution is one that these compute, and faster than a plain sum.
bool winograd_pays(const Convolution& c);

void winograd_forward(ffi::ThreadPool& pool, const Convolution& c, const float* x, const float* w, float* y);
void winograd_to_inputs(ffi::ThreadPool& pool, const Convolution& c, const float* y, const float* w, float* x);
void winograd_to_kernel(ffi::ThreadPool& pool, const Convolution& c, const float* x, const float* y, float* w);

}  // namespace brickwork
