"""Compiled programs: each is compiled once per shape, off the main thread, and kept on disk.

Compiling is what a user waits for first, so programs that a run will need are compiled side by side, and the main
thread stays free to notice Ctrl-C.
"""

import atexit
import os
import threading
import warnings
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import jax

from brickwork.core.errors import StorageError
from brickwork.core.plan import RUN_ONCE
from brickwork.ops import current_implementation, settled
from brickwork.storage.files import private_folder
from brickwork.train.memory import keep_memory
from brickwork.train.work import work

compile_counts: Counter[str] = Counter()
"""How often a program of each name was compiled (or read from the cache on disk) in this process."""

QUICK = {**RUN_ONCE, "xla_cpu_use_fusion_emitters": False}
"""Compiler options of programs on a CPU that compute little: they are compiled in about a quarter of the time."""

LITTLE, LITTLE_ASKED = 4_000_000, 1_000_000
"""Work of one epoch, or of one call without a loop, up to which a program on a CPU is compiled quickly, not well.

An epoch of it then costs about 2 milliseconds more, and optimising it 2 to 4 seconds: more than a thousand epochs make
up for. A program without a loop of steps, as one that predicts, is smaller and asked many times.
"""

ROOMY = 4096
"""Rows up to which storage is a power of two."""

_CACHE_FOLDER = "jax_compilation_cache_dir"
_LIMIT = 512
_programs: "OrderedDict[Hashable, Program]" = OrderedDict()
_lock = threading.RLock()
_given_up: list[str] = []


class Program:
    """A function compiled for arguments of given shapes; calling it waits for the compiler when it must."""

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        donate: tuple[int, ...],
        once: bool,
        rounds: int,
    ):
        self._compiled: Any = None
        self._done = False
        self._error: BaseException | None = None
        compile_counts[name] += 1
        with settled():
            traced = jax.jit(function, donate_argnums=donate).trace(*args)
            lowered = traced.lower()
        options = _options(once, traced.jaxpr.jaxpr, rounds)
        about = {"args": (lowered, options), "name": f"compile {name}", "daemon": True}
        self._thread = threading.Thread(target=self._compile, **about)
        self._thread.start()

    def _compile(self, lowered: Any, options: dict[str, Any] | None) -> None:
        try:
            try:
                self._compiled = lowered.compile(compiler_options=options)
            except jax.errors.JaxRuntimeError as error:  # another version of the compiler has other options
                if "compile option" not in str(error):
                    raise
                self._compiled = lowered.compile()
        except BaseException as error:  # raised again where the program is called
            self._error = error
        self._done = True

    def ready(self, seconds: float | None = None) -> bool:
        """Wait at most this long for the compiler, and tell whether it is done."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def __call__(self, *args: Any) -> Any:
        """Run the program."""
        if not self._done:
            self.ready()
        if self._error is not None:
            raise self._error
        return self._compiled(*args)


def program(
    name: str,
    function: Callable[..., Any],
    owner: Hashable,
    *args: Any,
    donate: tuple[int, ...] = (),
    once: bool = False,
    rounds: int = 1,
) -> Program:
    """Return the program of a function for arguments like these; compiling starts at once, in the background.

    `owner` stands for everything that the function closes over: equal owners share programs. A program that runs
    `once` is compiled quickly rather than well, and so is one that computes little where a loop whose length is an
    argument goes round `rounds` times. Shapes alone decide, so that a run has the same bits however it is cut.
    """
    use_cache_on_disk()
    leaves, tree = jax.tree.flatten(args)
    how = current_implementation(), bool(jax.config.read("jax_enable_x64"))
    key = (name, owner, how, tree, tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves))
    with _lock:
        found = _programs.get(key)
        if found is None:
            shapes = jax.tree.unflatten(tree, [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves])
            found = _programs[key] = Program(name, function, shapes, donate, once, rounds)
            if len(_programs) > _LIMIT:
                _programs.popitem(last=False)
        else:
            _programs.move_to_end(key)
    return found


def _options(once: bool, jaxpr: Any, rounds: int) -> dict[str, Any] | None:
    """Return the options that a program is compiled with; None for JAX's own."""
    if jax.default_backend() != "cpu":
        return RUN_ONCE if once else None
    return QUICK if once or work(jaxpr, rounds) <= (LITTLE if rounds > 1 else LITTLE_ASKED) else None


def copy(tree: Any) -> Any:
    """Return a copy of a pytree of arrays, that donating the original leaves alone."""
    return program("copy", _copies, "copy", tree)(tree)


def _copies(tree: Any) -> Any:
    return jax.tree.map(jax.numpy.copy, tree)


def use_cache_on_disk() -> None:
    """Let JAX keep every compiled program in a private folder, unless the user has chosen a folder already.

    A compiled program is machine code: the folder must belong to this user alone. BRICKWORK_CACHE names another
    one; an empty BRICKWORK_CACHE switches the cache off. The setting is JAX's own and holds for the whole process.
    Where no folder can be made, a warning says so once, and nothing is kept.
    """
    chosen = os.environ.get("BRICKWORK_CACHE")
    if getattr(jax.config, _CACHE_FOLDER) is not None or chosen == "" or _given_up:
        return
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    try:
        folder = private_folder(Path(chosen) if chosen else home / "brickwork" / "programs")
    except StorageError as error:
        if chosen:
            raise
        _given_up.append(str(error))
        warnings.warn(f"Compiled programs are not kept: {error} BRICKWORK_CACHE may name a folder.", stacklevel=2)
        return
    jax.config.update(_CACHE_FOLDER, str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def compute_at_once() -> None:
    """Let JAX compute on a CPU in the thread that asks, unless JAX_CPU_ENABLE_ASYNC_DISPATCH says otherwise.

    JAX would hand every program to another thread and return before it is done. Brickwork waits for what it asks, and
    the way to another thread and back takes about as long as a small network's answer. The setting is JAX's own and
    holds for the whole process; it has no effect once JAX has computed anything.
    """
    if "JAX_CPU_ENABLE_ASYNC_DISPATCH" not in os.environ:
        jax.config.update("jax_cpu_enable_async_dispatch", False)


compute_at_once()
keep_memory()


def bucket(count: int) -> int:
    """Return a size at least `count`, one of eight per doubling, so that close sizes share a program.

    The smallest such size wastes at most an eighth: 1..16 are themselves, 17 becomes 18, 1258 becomes 1280.
    """
    step = max(1, 1 << max(0, (count - 1).bit_length() - 4))
    return -(-count // step) * step


def room(count: int) -> int:
    """Return how many places to keep for so many rows: few sizes, where room costs next to nothing.

    It is for what rows are gathered from, not for a batch: the smallest power of two from 32 on, up to 4096.
    """
    return bucket(count) if count > ROOMY else max(32, 1 << (count - 1).bit_length())


@atexit.register
def _wait_for_compilers() -> None:
    for pending in list(_programs.values()):
        pending.ready()
