"""What the process keeps of the memory that programs are done with."""

import ctypes
import os

_TRIM, _MAP = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h

LARGEST = 2**28
"""Bytes up to which an array's, or a program's, memory is kept for the next one."""


def keep_memory() -> bool:
    """Let the C library keep freed memory for the next program instead of giving it back; tell whether it does.

    A program asks for all the memory that it computes in at once. Memory that the C library of GNU gives back comes
    anew from the system the next time, page by page, each filled with zeros first: a tenth of a small transformer's
    training step. Pieces up to `LARGEST` come from memory that stays now, twice as much of it at most while it is free.

    The setting holds for the whole process. Environment variables of that library (MALLOC_TRIM_THRESHOLD_,
    MALLOC_MMAP_THRESHOLD_, GLIBC_TUNABLES) go before it; with another C library nothing is done.
    """
    if any(name in os.environ for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")):
        return False
    try:
        if "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""):
            return False
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, ValueError):  # no GNU, or no such name
        return False
    return all(mallopt(parameter, size) == 1 for parameter, size in ((_MAP, LARGEST), (_TRIM, 2 * LARGEST)))
