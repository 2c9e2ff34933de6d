"""Convolution: the same weights at every place of a sequence, a picture or a volume."""

from typing import Any

import jax.numpy as jnp
from jax import Array, lax
from jax.typing import DTypeLike
from jaxtyping import Float

from brickwork.bricks.checks import check_activation, check_places
from brickwork.bricks.initializers import initializer, zeros
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.scope import Scope
from brickwork.ops import Axes, Padding, Sizes, activate, conv, conv_transpose
from brickwork.ops.windows import check_padding, ended, laid_out, padded_edges, reaches, sizes


@brick
class Conv(Brick):
    """The same small detectors at every place: fewer weights, and what is learned here is known there.

        y[p, q, f] = activation(b[f] + sum over i, j, c of x[p s + i d, q s + j d, c] W[i, j, c, f])

    with stride s and dilation d, here for pictures; `axes` says over what it slides. Shapes: x (rows, height, width,
    channels), W `weight` (kernel height, kernel width, channels / groups, filters), b `bias` (filters,), y (rows,
    height', width', filters); sequences have (time) and volumes (depth, height, width) in place of (height, width).
    With padding "same" height' is ceil(height / stride). The tap `z` is the value before the nonlinearity. Whole
    numbers (pixels) are converted. Of `Padded` sequences each gives what it would give alone, 0 past its new end.

    Step by step, with padding "causal" and stride 1: `y, memory = conv.step(scope, x, memory)`, x (rows, channels),
    from `memory = conv.memory(rows)`, which holds what the steps so far add to outputs to come.

    Args:
        filters: how many detectors.
        kernel: their size, one number for all axes or one for each: (height, width).
        stride: steps between places.
        padding: "same" (zeros around), "valid" (none), what to add at the sides, ((top, bottom), (left, right)), or for
            sequences "causal" (zeros before only: y at t sees nothing after t).
        dilation: steps between the positions of a detector.
        groups: blocks of channels that see nothing of each other; as many as channels makes it depthwise.
        activation: name of the nonlinearity.
        bias: whether b is there; it starts at zero.
        weights: name of the initialiser of W.
        axes: 1 for sequences, 2 for pictures, 3 for volumes.

    Raises:
        SettingError: a size below 1, filters that groups do not divide, an unknown name, sizes for other axes.
        ShapeError: inputs with other axes, channels that groups do not divide, a picture smaller than the kernel.

    Source: LeCun et al. 1989, "Backpropagation Applied to Handwritten Zip Code Recognition"; of sequences, Waibel et
    al. 1989, "Phoneme Recognition Using Time-Delay Neural Networks"; causal: van den Oord et al. 2016, "WaveNet: A
    Generative Model for Raw Audio", section 2.1; sizes: Dumoulin & Visin 2016, "A guide to convolution arithmetic for
    deep learning".

    >>> import jax, jax.numpy as jnp
    >>> net, x = Conv(8, kernel=3, stride=2), jnp.ones((1, 28, 28, 3))
    >>> net.apply(net.init(jax.random.key(0), x), x).output.shape
    (1, 14, 14, 8)
    """

    padded = "aware"

    filters: int
    kernel: Sizes = 3
    stride: Sizes = 1
    padding: Padding = "same"
    dilation: Sizes = 1
    groups: int = 1
    activation: str = "linear"
    bias: bool = True
    weights: str = "he_normal"
    axes: Axes = 2

    def validate(self) -> None:
        """Check sizes and names."""
        _check(self, "kernel", "stride", "dilation")
        self.require(self.filters >= 1, "filters", "at least 1")
        self.require(self.groups >= 1 and self.filters % self.groups == 0, "groups", f"a divisor of {self.filters}")

    def __call__(
        self, scope: Scope, x: Float[Array, "rows *places channels"] | Padded
    ) -> Float[Array, "rows *places filters"] | Padded:
        """Slide the kernels over everything between rows and channels."""
        values = scope.cast(check_places(x, self.axes))
        weight = self._weight(scope, values.shape)
        settings: dict[str, Any] = {"stride": self.stride, "dilation": self.dilation, "groups": self.groups}
        if not isinstance(x, Padded):
            return _active(self, scope, conv(values, weight, padding=self.padding, **settings))
        (window,), (stride,), (dilation,) = (
            sizes(value, "setting", 1) for value in (self.kernel, self.stride, self.dilation)
        )
        steps = laid_out(x.with_values(values), window, stride, dilation, self.padding)
        return steps.ended(_active(self, scope, conv(steps.values, weight, padding=steps.padding, **settings)))

    def memory(self, rows: int, dtype: DTypeLike = "float32", *, length: int | None = None) -> Any:
        """Return the memory before the first step (rows, steps to come, filters); an empty one unless causal."""
        del length
        return jnp.zeros((rows, self._reach() - 1, self.filters), dtype) if self._streams() else ()

    def step(self, scope: Scope, x: Float[Array, "rows ..."], memory: Any) -> tuple[Any, Any]:
        """Run one step of a causal convolution of sequences; pictures and volumes are no sequences, and run as ever."""
        if not self._streams():
            if self.axes == 1:
                raise SettingError(
                    "Only a causal Conv with stride 1 can run step by step: Conv(..., padding='causal')."
                )
            return self(scope, x), memory
        if x.ndim != 2:
            raise ShapeError(f"a step wants (rows, channels), got {x.shape}; call the brick itself for sequences.")
        if memory.shape != (x.shape[0], self._reach() - 1, self.filters):
            raise ShapeError(f"its memory must be {(x.shape[0], self._reach() - 1, self.filters)}, got {memory.shape}.")
        rows, channels = x.shape
        weight = self._weight(scope, x.shape)
        blocks = weight.reshape(*weight.shape[:2], self.groups, -1)  # (kernel, channels, groups, filters of each)
        shares = jnp.einsum("rgc,kcgf->rkgf", scope.cast(x).reshape(rows, self.groups, channels // self.groups), blocks)
        # The last position of the kernel is for the output now, the one before for that `dilation` steps later.
        shares = shares.reshape(rows, -1, self.filters)[:, ::-1].astype(memory.dtype)
        gap = sizes(self.dilation, "dilation", 1)[0] - 1
        outputs = lax.pad(memory, jnp.zeros((), memory.dtype), ((0, 0, 0), (0, 1, 0), (0, 0, 0))) + lax.pad(
            shares, jnp.zeros((), memory.dtype), ((0, 0, 0), (0, 0, gap), (0, 0, 0))
        )
        return _active(self, scope, scope.cast(outputs[:, 0])), outputs[:, 1:]

    def _streams(self) -> bool:
        """Tell whether an output is known when its input is: it looks back only, or at no other step."""
        alone = self.axes == 1 and self.padding in ("same", "valid") and sizes(self.kernel, "kernel", 1) == (1,)
        return (alone or self.padding == "causal") and sizes(self.stride, "stride", 1) == (1,)

    def _reach(self) -> int:
        return reaches(sizes(self.kernel, "kernel", 1), sizes(self.dilation, "dilation", 1))[0]

    def _weight(self, scope: Scope, shape: tuple[int, ...]) -> Array:
        channels = shape[-1]
        if channels % self.groups:
            raise ShapeError(f"its {self.groups} groups do not divide the {channels} channels of {shape}.")
        shape = (*sizes(self.kernel, "kernel", self.axes), channels // self.groups, self.filters)
        return scope.param("weight", shape, initializer(self.weights))


@brick
class DepthwiseConv(Brick):
    """A convolution in which every channel has detectors of its own and sees no other channel.

        y[p, q, c m + k] = activation(b[c m + k] + sum over i, j of x[p s + i d, q s + j d, c] W[i, j, 0, c m + k])

    for k = 0 ... m - 1: a `Conv` with as many groups as channels. It mixes places but not channels, at a small part of
    the cost. Shapes: x (rows, height, width, channels), W `weight` (kernel height, kernel width, 1, channels m), b
    `bias` (channels m,), y (rows, height', width', channels m); other axes and `Padded` sequences as in `Conv`. The tap
    `z` is the value before the nonlinearity.

    Args:
        kernel: size of the detectors, one number for all axes or one for each.
        stride: steps between places.
        padding: "same", "valid", what to add at the sides, or for sequences "causal"; as in `Conv`.
        dilation: steps between the positions of a detector.
        multiplier: m, how many detectors each channel has.
        activation: name of the nonlinearity.
        bias: whether b is there; it starts at zero.
        weights: name of the initialiser of W.
        axes: 1 for sequences, 2 for pictures, 3 for volumes.

    Raises:
        SettingError: a size below 1, an unknown name, sizes for other axes.
        ShapeError: inputs with other axes, or smaller than the kernel.

    Source: Howard et al. 2017, "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
    section 3.1, equation 3.

    >>> import jax.numpy as jnp
    >>> net, x = DepthwiseConv(multiplier=2), jnp.ones((1, 4, 4, 3))
    >>> net.plan(x).output.shape
    (1, 4, 4, 6)
    """

    padded = "aware"

    kernel: Sizes = 3
    stride: Sizes = 1
    padding: Padding = "same"
    dilation: Sizes = 1
    multiplier: int = 1
    activation: str = "linear"
    bias: bool = True
    weights: str = "he_normal"
    axes: Axes = 2

    def validate(self) -> None:
        """Check sizes and names."""
        _check(self, "kernel", "stride", "dilation")
        self.require(self.multiplier >= 1, "multiplier", "at least 1")

    def __call__(
        self, scope: Scope, x: Float[Array, "rows *places channels"] | Padded
    ) -> Float[Array, "rows *places filters"] | Padded:
        """Slide each channel's kernels over it."""
        channels = check_places(x, self.axes).shape[-1]
        if channels < 1:
            raise ShapeError("it has no channels to convolve.")
        settings = self.settings()
        whole = Conv(channels * settings.pop("multiplier"), groups=channels, **settings)
        return whole(scope, x)


@brick
class SeparableConv(Brick):
    """A convolution in two cheap steps: first every channel over places, then at every place over channels.

        h[p, q, c] = sum over i, j of x[p s + i d, q s + j d, c] D[i, j, c],   y[p, q] = activation(h[p, q] P + b)

    Against a full convolution of k by k positions and f filters it needs about 1/f + 1/k² of the multiplications.
    Shapes: x (rows, height, width, channels), D `depthwise/weight` (kernel height, kernel width, 1, channels m), P
    `pointwise/weight` (1, 1, channels m, filters), b `pointwise/bias` (filters,), y (rows, height', width', filters);
    other axes and `Padded` sequences as in `Conv`. The tap `pointwise/z` is the value before the nonlinearity.

    Args:
        filters: how many outputs at each place.
        kernel: size of the detectors of the first step, one number for all axes or one for each.
        stride: steps between places.
        padding: "same", "valid", what to add at the sides, or for sequences "causal"; as in `Conv`.
        dilation: steps between the positions of a detector.
        multiplier: m, how many detectors each channel has in the first step.
        activation: name of the nonlinearity after the second step; there is none between.
        bias: whether b is there; it starts at zero.
        weights: name of the initialiser of both weights.
        axes: 1 for sequences, 2 for pictures, 3 for volumes.

    Raises:
        SettingError: a size below 1, an unknown name, sizes for other axes.
        ShapeError: inputs with other axes, or smaller than the kernel.

    Source: Chollet 2017, "Xception: Deep Learning with Depthwise Separable Convolutions", section 1.3 (after Sifre
    2014, "Rigid-Motion Scattering for Image Classification"); the count: Howard et al. 2017, "MobileNets", section 3.1.

    >>> import jax.numpy as jnp
    >>> net, x = SeparableConv(8), jnp.ones((1, 4, 4, 3))
    >>> net.plan(x).count                       # 3 x 3 x 3 + 3 x 8 + 8, a full one has 3 x 3 x 3 x 8 + 8 = 224
    59
    """

    padded = "aware"

    filters: int
    kernel: Sizes = 3
    stride: Sizes = 1
    padding: Padding = "same"
    dilation: Sizes = 1
    multiplier: int = 1
    activation: str = "linear"
    bias: bool = True
    weights: str = "he_normal"
    axes: Axes = 2

    def validate(self) -> None:
        """Check sizes and names."""
        _check(self, "kernel", "stride", "dilation")
        self.require(self.filters >= 1, "filters", "at least 1")
        self.require(self.multiplier >= 1, "multiplier", "at least 1")

    def __call__(
        self, scope: Scope, x: Float[Array, "rows *places channels"] | Padded
    ) -> Float[Array, "rows *places filters"] | Padded:
        """Convolve over places, then over channels."""
        over_places = DepthwiseConv(
            self.kernel,
            self.stride,
            self.padding,
            self.dilation,
            self.multiplier,
            bias=False,
            weights=self.weights,
            axes=self.axes,
        )
        over_channels = Conv(
            self.filters, 1, activation=self.activation, bias=self.bias, weights=self.weights, axes=self.axes
        )
        return scope("pointwise", over_channels, scope("depthwise", over_places, x))


@brick
class ConvTranspose(Brick):
    """Spreads every place over a window, and so makes small pictures larger: a convolution run backwards.

        y[p s + i d - low, f] += sum over c of x[p, c] W[i, c, f]   for all p and i,   then activation(y + b)

    along each axis, with stride s and dilation d. It is the transpose of the linear map of a `Conv` with the same
    settings, from `filters` to channels (not its inverse). Shapes: x (rows, height, width, channels), W `weight`
    (kernel height, kernel width, channels / groups, filters), b `bias` (filters,), y (rows, height', width', filters);
    other axes as in `Conv`. With padding "same" height' is height * stride; otherwise (height - 1) stride + reach - top
    - bottom + extra with reach = (kernel - 1) dilation + 1. The tap `z` is the value before the nonlinearity. Of
    `Padded` sequences each gives what it would give alone, 0 past its new end.

    Args:
        filters: how many outputs at each place.
        kernel: size of the windows, one number for all axes or one for each; a multiple of the stride gives every
            place as many neighbours.
        stride: how many times larger.
        padding: "same", "valid" (none), or ((top, bottom), (left, right)): what to take away at the sides.
        dilation: steps between the positions of a window.
        groups: blocks of channels that see nothing of each other.
        extra: places to add below and right, less than the stride: of the sizes that the convolution maps to this one,
            which. PyTorch's output_padding.
        activation: name of the nonlinearity.
        bias: whether b is there; it starts at zero.
        weights: name of the initialiser of W.
        axes: 1 for sequences, 2 for pictures, 3 for volumes.

    Raises:
        SettingError: a size below 1, filters that groups do not divide, extra that is not less than the stride, an
            unknown name, padding "causal".
        ShapeError: inputs with other axes, channels that groups do not divide, padding that leaves nothing.

    Source: Zeiler et al. 2010, "Deconvolutional Networks"; as a layer: Long, Shelhamer & Darrell 2015, "Fully
    Convolutional Networks for Semantic Segmentation", section 3.3; sizes: Dumoulin & Visin 2016, "A guide to
    convolution arithmetic for deep learning", chapter 4. W has the layout of `Conv` here, channels before filters;
    PyTorch and Keras keep that of the convolution which is transposed.

    >>> import jax.numpy as jnp
    >>> net, x = ConvTranspose(8, kernel=4, stride=2), jnp.ones((1, 7, 7, 3))
    >>> net.plan(x).output.shape
    (1, 14, 14, 8)
    """

    padded = "aware"

    filters: int
    kernel: Sizes = 3
    stride: Sizes = 1
    padding: Padding = "same"
    dilation: Sizes = 1
    groups: int = 1
    extra: Sizes = 0
    activation: str = "linear"
    bias: bool = True
    weights: str = "he_normal"
    axes: Axes = 2

    def validate(self) -> None:
        """Check sizes and names."""
        _check(self, "kernel", "stride", "dilation")
        self.require(self.filters >= 1, "filters", "at least 1")
        self.require(self.groups >= 1 and self.filters % self.groups == 0, "groups", f"a divisor of {self.filters}")
        self.require(self.padding != "causal", "padding", "'same', 'valid' or what to take away at the sides")
        extra = sizes(self.extra, "ConvTranspose: setting 'extra'", self.axes, least=0)
        stride = (1,) * self.axes if self.padding == "same" else sizes(self.stride, "stride", self.axes)
        fits = all(more < step for more, step in zip(extra, stride, strict=True))
        self.require(fits, "extra", "less than the stride, and 0 with padding 'same'")

    def __call__(
        self, scope: Scope, x: Float[Array, "rows *places channels"] | Padded
    ) -> Float[Array, "rows *places filters"] | Padded:
        """Spread every place over its window."""
        values = scope.cast(check_places(x, self.axes))
        channels = values.shape[-1]
        if channels % self.groups:
            raise ShapeError(f"its {self.groups} groups do not divide the {channels} channels of {values.shape}.")
        if isinstance(x, Padded):
            values = jnp.where(x.mask[..., None], values, jnp.zeros_like(values))
        shape = (*sizes(self.kernel, "kernel", self.axes), channels // self.groups, self.filters)
        z = conv_transpose(
            values,
            scope.param("weight", shape, initializer(self.weights)),
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
            extra=self.extra,
        )
        y = _active(self, scope, z)
        return ended(y, self._lengths(x.lengths)) if isinstance(x, Padded) else y

    def _lengths(self, lengths: Array) -> Array:
        (stride,), (extra,) = sizes(self.stride, "stride", 1), sizes(self.extra, "extra", 1, least=0)
        if self.padding == "same":
            return lengths * stride
        window, dilation = sizes(self.kernel, "kernel", 1), sizes(self.dilation, "dilation", 1)
        (edges,) = padded_edges((1,), window, (stride,), dilation, self.padding)
        longer = (lengths - 1) * stride + reaches(window, dilation)[0] - sum(edges) + extra
        return jnp.where(lengths > 0, jnp.maximum(longer, 0), 0)


def _check(spec: Conv | DepthwiseConv | SeparableConv | ConvTranspose, *names: str) -> None:
    for name in names:
        sizes(getattr(spec, name), f"{type(spec).__name__}: setting {name!r}", spec.axes)
    check_padding(spec.padding, spec.axes)
    check_activation(spec.activation)
    initializer(spec.weights)


def _active(spec: Conv | ConvTranspose, scope: Scope, z: Array) -> Array:
    if spec.bias:
        z = z + jnp.broadcast_to(scope.param("bias", (spec.filters,), zeros), z.shape)
    return activate(spec.activation, scope.tap("z", z))
