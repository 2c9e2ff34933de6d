"""Floor 1: kernels in C++ for CPUs, called from compiled programs through XLA's foreign function interface.

They are built when the package is installed, once for each kind of processor, and loaded when an op first asks for
them. Without them (no compiler at install time, or `BRICKWORK_NATIVE=off`) ops run on plain XLA: slower, and the same
otherwise.
"""

from brickwork.native.library import TARGETS, available, call, folder, library, loaded_target, why_not

__all__ = ["TARGETS", "available", "call", "folder", "library", "loaded_target", "why_not"]
