"""What a metric is, and the metric made of a user's own function."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Shaped

from brickwork.core.batch import Padded
from brickwork.core.errors import SettingError, ShapeError, unwritten
from brickwork.core.spec import Spec, registered, resolve, snake_case
from brickwork.metrics.sums import Sums, as_rows, count_of, counted, floating, ratio, weighed
from brickwork.ops.precision import accumulated

metric = registered


class Metric(Spec):
    """A number that tells how good outputs are: frozen settings, `sums` on the device, `result` on the host.

    Write `@metric` above a subclass. One that is a mean over rows only needs `values(outputs, targets)`; others
    override `sums` and `result`.
    """

    kind: ClassVar[str] = "metric"
    higher_is_better: ClassVar[bool]

    @property
    def name(self) -> str:
        """The name to report it by."""
        return snake_case(type(self).__name__)

    def fitted(self, targets: Any, question: str = "other") -> "Metric":
        """Return the metric with what it needs to know about the training targets, before programs are compiled.

        `question` is the loss's: "class", "flags" or "number". On the host, with NumPy targets.
        """
        del targets, question
        return self

    def values(self, outputs: Float[Array, "rows ..."], targets: Shaped[Array, "rows ..."]) -> Float[Array, " rows"]:
        """Return the number of each row, whose weighted mean the metric is.

        `outputs` are (rows,) or (rows, k), `targets` (rows,) or (rows, k): positions of sequences are rows here.
        """
        del outputs, targets
        raise SettingError(
            f"{type(self).__name__} has no values(self, outputs, targets): write it, or sums and result."
        )

    def sums(self, outputs: Any, targets: Any, weight: Float[Array, " rows"] | None = None) -> Sums:
        """Return the sums of a batch: pure, rows of weight 0 count nowhere, whatever they hold.

        `outputs` are (rows, k), (rows,), or have axes between (time, pixels), whose positions count like rows; of
        `Padded` outputs (rows, time, ...) the real positions count. `weight` is (rows,), by default 1.

        Raises `ShapeError` when outputs and targets do not belong together.
        """
        outputs, targets, weight = as_rows(outputs, targets, weight)
        values = self.values(outputs, targets)
        if values.shape != weight.shape:
            raise ShapeError(f"{self.name}: values must have the shape {weight.shape}, one a row; got {values.shape}.")
        return {"total": weighed(values, weight), **counted("count", jnp.sum(weight))}

    def result(self, sums: Mapping[str, Any]) -> float:
        """Return the metric from sums over everything measured; nan when no row counted."""
        return ratio(float(sums["total"]), count_of(sums, "count"))


M = TypeVar("M", bound=Metric)


def knowing_flags(metric: M, question: str) -> M:
    """Return a metric with a setting `multi_label` that knows whether rows of targets are flags, as a loss says."""
    known = metric.settings()["multi_label"] is not None or question == "other"
    return metric if known else metric.replace(multi_label=question == "flags")


class RowMetric(Metric):
    """A metric that needs all rows at once, on the host, as NumPy arrays; it has no sums."""

    def sums(self, outputs: Any, targets: Any, weight: Any = None) -> Sums:
        """Raise: there are none."""
        del outputs, targets, weight
        raise SettingError(f"{self.name} is no sum over rows: gather them and call result_rows.")

    def result(self, sums: Mapping[str, Any]) -> float:
        """Raise: there are no sums."""
        del sums
        raise SettingError(f"{self.name} is no sum over rows: gather them and call result_rows.")

    def result_rows(self, outputs: Any, targets: Any, weight: Any = None) -> float:
        """Return the metric of all rows; those of weight 0 count nowhere."""
        del outputs, targets, weight
        raise unwritten(self, "result_rows(self, outputs, targets, weight)")


@dataclasses.dataclass(frozen=True)
class FunctionMetric(Metric):
    """The mean of a function `(outputs, targets) -> one number per row`; it has the function's name.

    For `Padded` outputs the function gets the values (rows, time, ...) and returns one number per position. Higher is
    taken as better, unless the function has an attribute `higher_is_better = False`. It cannot be stored.
    """

    function: Callable[..., Any]
    higher_is_better = True

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise SettingError(f"A metric function is called with (outputs, targets), got {self.function!r}.")
        object.__setattr__(self, "higher_is_better", bool(getattr(self.function, "higher_is_better", True)))

    @property
    def name(self) -> str:
        """The name of the function."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def sums(self, outputs: Any, targets: Any, weight: Float[Array, " rows"] | None = None) -> Sums:
        """Return the sums of what the function returns, or raise `ShapeError` when it is not one number per row."""
        mask: Bool[Array, "rows time"] | None = None
        if isinstance(outputs, Padded):
            mask, outputs = outputs.mask, outputs.values
            if isinstance(targets, Padded):
                mask, targets = mask & targets.mask, targets.values
        values = jnp.asarray(self.function(outputs, targets))
        values = accumulated(values) if floating(values) else values.astype(jnp.float32)
        leading = jnp.shape(jax.tree.leaves(outputs)[0])
        axes = 1 if mask is None else 2
        if values.ndim < axes or values.shape != leading[: values.ndim]:
            raise ShapeError(
                f"The metric {self.name!r} returned shape {values.shape} for outputs {leading}: it must return one "
                f"number per {'row' if mask is None else 'position'}, without taking the mean."
            )
        values = values.mean(axis=tuple(range(axes, values.ndim)))
        weight = jnp.ones(leading[:1], values.dtype) if weight is None else weight.astype(values.dtype)
        if mask is not None:
            weight = jnp.where(mask, weight[:, None], jnp.zeros((), values.dtype)).reshape(-1)
            values = values.reshape(-1)
        return {"total": weighed(values, weight), **counted("count", jnp.sum(weight))}


def resolve_metric(value: Any) -> Metric:
    """Return a metric from its name, a metric as it is, or the user's own function as a `FunctionMetric`.

    Raises `SettingError` for anything else; a mistyped name suggests the nearest.
    """
    if isinstance(value, type) and issubclass(value, Metric):
        return value()
    if callable(value) and not isinstance(value, Metric | type):
        return FunctionMetric(value)
    return resolve(Metric, value)
