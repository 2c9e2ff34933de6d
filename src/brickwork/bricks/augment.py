"""Augmentation inside the network: pictures are changed at random while training, and pass as they are otherwise."""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from brickwork.bricks.checks import check_pictures
from brickwork.core.brick import Brick, brick
from brickwork.core.scope import Scope
from brickwork.ops.precision import wide_type


@brick
class RandomAffine(Brick):
    """Turns, scales, shears and shifts every picture a little, each at random, while training.

    A pixel of the new picture at p (from the centre) is read from the old one at A p + t, between its four
    neighbours (bilinear); beyond the border there is 0. A = rotation(r) diag(sx, sy) shear(h), with r, sx - 1,
    sy - 1, h and t drawn evenly from plus or minus the settings.

    Shapes: (rows, height, width, channels) to the same.

    Args:
        rotate: most degrees to turn by.
        scale: most relative change of height and of width (0.1: 90% to 110%).
        shear: most slant, in pixels across for each pixel down.
        shift: most pixels to move by, in each direction.

    Raises:
        SettingError: a negative setting.
        ShapeError: the input is no picture with channels.

    Source: Simard, Steinkraus, Platt 2003, "Best Practices for Convolutional Neural Networks", section 2.

    >>> import jax, jax.numpy as jnp
    >>> net, x = RandomAffine(rotate=10, shift=1.0), jnp.ones((2, 8, 8, 1))
    >>> net.apply(net.init(jax.random.key(0), x), x, training=True, key=jax.random.key(1)).output.shape
    (2, 8, 8, 1)
    """

    rotate: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    shift: float = 0.0

    def validate(self) -> None:
        """Check ranges."""
        for name in ("rotate", "scale", "shear", "shift"):
            self.require(getattr(self, name) >= 0, name, "0 or more")
        self.require(self.scale < 1, "scale", "less than 1")

    def __call__(
        self, scope: Scope, x: Float[Array, "rows height width channels"]
    ) -> Float[Array, "rows height width channels"]:
        """Change each picture while training."""
        check_pictures(x)
        x = scope.cast(x)
        if not scope.training:
            return x
        limits = jnp.radians(self.rotate), self.scale, self.scale, self.shear, self.shift, self.shift
        dtype = wide_type(x.dtype)
        draws = jax.random.uniform(scope.key(), (6, x.shape[0]), dtype, -1.0, 1.0)
        turn, wide, high, shear, down, right = scope.tap("draws", draws * jnp.asarray(limits, dtype)[:, None])
        cos, sin = jnp.cos(turn), jnp.sin(turn)
        wide, high = 1 + wide, 1 + high
        # rotation @ diag(high, wide) @ [[1, 0], [shear, 1]], acting on (down, right)
        matrix = jnp.stack(
            [
                jnp.stack([cos * high - sin * wide * shear, -sin * wide]),
                jnp.stack([sin * high + cos * wide * shear, cos * wide]),
            ]
        )
        return jax.vmap(_read, (0, 2, 1))(x, matrix, jnp.stack([down, right]))


def _read(
    picture: Float[Array, "height width channels"], matrix: Float[Array, "2 2"], shift: Float[Array, "2"]
) -> Float[Array, "height width channels"]:
    """Read a picture at transformed places, bilinearly, with 0 beyond the border."""
    height, width, _ = picture.shape
    centre = jnp.asarray([(height - 1) / 2, (width - 1) / 2], shift.dtype)
    grid = jnp.stack(jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij"), -1).astype(shift.dtype)
    places = (grid - centre) @ matrix.T + shift + centre  # (height, width, 2)
    low = jnp.floor(places)
    part = places - low
    framed = jnp.pad(picture, ((1, 1), (1, 1), (0, 0)))
    total = jnp.zeros_like(picture)
    for down in (0, 1):
        for right in (0, 1):
            row = jnp.clip(low[..., 0] + down + 1, 0, height + 1).astype(jnp.int32)
            column = jnp.clip(low[..., 1] + right + 1, 0, width + 1).astype(jnp.int32)
            share = jnp.abs(1 - down - part[..., 0]) * jnp.abs(1 - right - part[..., 1])
            total = total + framed[row, column] * share[..., None].astype(picture.dtype)
    return total
