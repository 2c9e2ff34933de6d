"""Which implementation of an op runs: chosen by platform when the program is lowered, or fixed by the user.

An op with several implementations is written once as a table `{name: function}`; all of them compute the same,
to any order of differentiation and under every transformation, and tests compare them with each other.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import jax

from brickwork import native
from brickwork.core.errors import SettingError, nearest

IMPLEMENTATIONS: tuple[str, ...] = ("auto", "here", "xla", "slices", "native")
"""`auto` chooses by platform when lowered, `here` by this process's default platform when traced (one function is
traced, not two), `xla` is XLA's own operation, `slices` is shifted slices and matrix products, `native` a kernel of
ours for CPUs (where they are there: see `brickwork.native`)."""

_chosen = jax.make_user_context("auto")  # part of the key of jit's caches: changing it traces again


@contextmanager
def implementation(name: str) -> Iterator[None]:
    """Fix the implementation of all ops traced inside the `with` block; an op without that one uses `xla`.

    `implementation("xla")` before `jax.export` gives a program without branches by platform. It is also the
    faster choice on a CPU for pure prediction of one network, where no gradient is taken. The choice belongs to
    the current thread, and compiled functions keep one program per choice, so it can be changed at any time.

    Raises `SettingError` for an unknown name.

        with implementation("xla"):
            logits = jax.jit(predict)(variables, pictures)
    """
    if name not in IMPLEMENTATIONS:
        raise SettingError(f"There is no implementation {name!r}. {nearest(name, IMPLEMENTATIONS)}")
    with _chosen(name):
        yield


def prediction() -> AbstractContextManager[None]:
    """Return a block for the computation of outputs alone: without kernels, XLA's own convolution is the fastest there.

    (It is slow in gradients only.)
    """
    return nullcontext() if uses_kernels() else implementation("xla")


def uses_kernels() -> bool:
    """Tell whether ops are computed by kernels on a CPU, where they have some: these are there and not ruled out."""
    return current_implementation() in ("auto", "here", "native") and native.available()


def settled() -> AbstractContextManager[None]:
    """Return a block in which `auto` is `here`: for programs that are compiled for this process's own device."""
    return implementation("here") if current_implementation() == "auto" else nullcontext()


def current_implementation() -> str:
    """Return the name chosen by the innermost `implementation` block of this thread, `"auto"` outside of any."""
    return _chosen.value


def choose(table: Mapping[str, Callable[..., Any]], *arrays: Any) -> Any:
    """Call one function of a table of equal implementations on arrays (or trees of arrays).

    The table has the key `"xla"`, the plain one that works everywhere, and those of faster ones. With `auto`, a
    program that is lowered for a CPU gets `"native"` (where there are kernels), else `"slices"`, and any other the
    plain one; both are traced, one is compiled. Static settings are bound beforehand, as in `functools.partial`.
    """
    name = current_implementation()
    plain = table["xla"]
    if name == "here":
        return (_for_cpu(table) if jax.default_backend() == "cpu" else plain)(*arrays)
    if name == "native":
        return _for_cpu(table)(*arrays)
    if name != "auto":
        return table.get(name, plain)(*arrays)
    here = _for_cpu(table)
    return plain(*arrays) if here is plain else jax.lax.platform_dependent(*arrays, cpu=here, default=plain)


def _for_cpu(table: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    """Return the fastest function of a table on a CPU."""
    if "native" in table and native.available():
        return table["native"]
    return table.get("slices", table["xla"])
