"""Freed memory goes back to the system: a long song takes no more than a short one."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable


def _trimmer() -> Callable[[int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    # In musl there is no such function, and no need for it.
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim


_trim = _trimmer()


def give_back_freed_memory() -> None:
    """Have the C library return freed memory to the system, where it keeps that otherwise.

    Notes
    -----
    glibc keeps what nets free in pieces that the next chunk's tensors do not fit into: without
    this, a stub net's memory went from 133 MB for a minute of sound to 254 MB for 40 (ours,
    benchmarks/long_file.py). The call takes milliseconds, and a chunk takes seconds.
    """
    if _trim is not None:
        _trim(0)
