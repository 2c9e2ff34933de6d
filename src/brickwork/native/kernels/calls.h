// What XLA hands to a kernel and gets back, and how a kernel says which of it it takes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "xla/ffi/api/ffi.h"

namespace brickwork {

namespace ffi = xla::ffi;

using Numbers = ffi::Buffer<ffi::F32>;
using Whole = ffi::Buffer<ffi::S32>;
using Result = ffi::Result<Numbers>;

// Tells whether an array has this shape.
template <typename Array>
bool fits(const Array& array, std::initializer_list<int64_t> shape) {
  const auto found = array.dimensions();
  return found.size() == shape.size() && std::equal(shape.begin(), shape.end(), found.begin());
}

inline int64_t count_of(const Numbers& array) { return static_cast<int64_t>(array.element_count()); }

inline ffi::Error wrong(const char* what) { return ffi::Error::InvalidArgument(what); }

// Adds so many arrays of numbers, one at least, to the arguments, or to the results, that a binding names.
template <int Count, typename Binding>
auto with_arguments(Binding&& binding) {
  if constexpr (Count == 1)
    return std::move(binding).template Arg<Numbers>();
  else
    return with_arguments<Count - 1>(std::move(binding).template Arg<Numbers>());
}

template <int Count, typename Binding>
auto with_results(Binding&& binding) {
  if constexpr (Count == 1)
    return std::move(binding).template Ret<Numbers>();
  else
    return with_results<Count - 1>(std::move(binding).template Ret<Numbers>());
}

// The binding of a kernel that takes XLA's threads and so many arrays of numbers, and makes so many.
template <int Arguments, int Results>
auto binding() {
  return with_results<Results>(with_arguments<Arguments>(ffi::Ffi::Bind().Ctx<ffi::ThreadPool>()));
}

}  // namespace brickwork

// Makes a function known outside by name, as a kernel with a binding.
#define BRICKWORK_KERNEL(name, function, ...)                     \
  _Pragma("GCC visibility push(default)")                         \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(name, function, (__VA_ARGS__));   \
  _Pragma("GCC visibility pop") static_assert(true)
