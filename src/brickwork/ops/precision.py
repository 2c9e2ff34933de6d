"""The type that sums are taken in."""

import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float


def wide_type(dtype: DTypeLike) -> DTypeLike:
    """Return the type to sum numbers of a type in: float32 for bfloat16, float16 and smaller, others themselves."""
    return jnp.float32 if jnp.dtype(dtype).itemsize < 4 else dtype


def accumulated(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return `x` in the type to sum it in; see `wide_type`."""
    return x.astype(wide_type(x.dtype))


def narrow(*arrays: Array) -> bool:
    """Tell whether arrays hold floats of up to 32 bits, which kernels compute with in float32."""
    return all(jnp.issubdtype(a.dtype, jnp.floating) and a.dtype.itemsize <= 4 for a in arrays)
