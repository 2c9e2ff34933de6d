"""Fixed scaling of numbers, such as pixels to [0, 1] and columns to mean 0 and deviation 1."""

from jax import Array
from jaxtyping import Num, Shaped

from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError
from brickwork.core.scope import Scope


@brick
class Rescale(Brick):
    """Multiplies by fixed numbers and adds fixed numbers, to bring inputs to a size that networks learn well from.

        y = x * scale + shift

    With `scale = 1 / deviation` and `shift = -mean / deviation` of the training data it standardises the inputs; at the
    end of a network it turns outputs into the units of the targets. The numbers are settings, not parameters: training
    leaves them alone.

    Shapes: any; a tuple has one number for each feature along the last axis.

    Args:
        scale: a number, or one for each feature.
        shift: a number, or one for each feature.

    Raises:
        ShapeError: there are more or fewer numbers than features.

    Source: LeCun, Bottou, Orr & Müller 1998, "Efficient BackProp", section 4.3.

    >>> import jax, jax.numpy as jnp
    >>> net, x = Rescale(1 / 255), jnp.full((1, 2), 255, jnp.uint8)
    >>> float(net.apply(net.init(jax.random.key(0), x), x).output[0, 0])
    1.0
    """

    padded = "pointwise"

    scale: float | tuple[float, ...] = 1.0
    shift: float | tuple[float, ...] = 0.0

    def __call__(self, scope: Scope, x: Shaped[Array, "*any"]) -> Num[Array, "*any"]:
        """Scale."""
        for name, numbers in (("scale", self.scale), ("shift", self.shift)):
            if isinstance(numbers, tuple) and len(numbers) != x.shape[-1]:
                raise ShapeError(f"Rescale has {len(numbers)} numbers as {name} for {x.shape[-1]} features.")
        x = scope.cast(x)
        return x * scope.constant(self.scale) + scope.constant(self.shift)
