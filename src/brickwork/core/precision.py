"""Which floating-point types a network stores, computes with and returns."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax import Array

from brickwork.core.errors import SettingError
from brickwork.core.spec import Spec, registered

FloatType = Literal["float64", "float32", "bfloat16", "float16"]


@registered
class Precision(Spec):
    """The types of parameters at rest, of the computation, and of the result.

    Mixed precision keeps parameters in float32 and computes in bfloat16 (Micikevicius et al. 2018, "Mixed
    Precision Training"); bfloat16 has float32's range, so no loss scaling is needed.
    """

    kind = "precision"

    param: FloatType = "float32"
    compute: FloatType = "float32"
    output: FloatType = "float32"

    def validate(self) -> None:
        """Check that there is float64 where it is asked for."""
        if "float64" in (self.param, self.compute, self.output) and not jax.config.read("jax_enable_x64"):
            raise SettingError(
                "precision float64 needs JAX's 64-bit mode: set the environment variable JAX_ENABLE_X64=1 at the start."
            )

    @classmethod
    def of(cls, name: "str | Precision") -> "Precision":
        """Return a policy by name: `float32`, `float64`, `bfloat16` or `float16` (parameters stay float32)."""
        if isinstance(name, Precision):
            return name
        wide = "float64" if name == "float64" else "float32"
        return cls.from_settings({"param": wide, "compute": name, "output": wide})


def cast_floats(tree: Any, dtype: Any) -> Any:
    """Return a pytree with its floating-point arrays in another type; whole numbers and keys stay."""

    def cast(leaf: Any) -> Any:
        floating = isinstance(leaf, Array | jax.ShapeDtypeStruct) or hasattr(leaf, "dtype")
        if floating and jnp.issubdtype(leaf.dtype, jnp.floating) and leaf.dtype != dtype:
            return jnp.asarray(leaf, dtype)
        return leaf

    return jax.tree.map(cast, tree)
