"""Memory of passes on a CPU."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_MOST_TRIM = 2**31 - 1
_MOST_MMAP = 32 * 2**20
"""The largest that glibc takes."""


def keep_freed_memory() -> None:
    """Have glibc keep what is freed, up to 2 GiB at the top of the heap, and larger blocks than it does by itself.

    A pass frees its activations and the next one wants as many again: given back to the system in between, every page
    of them would be faulted in anew (an eighth of a forward pass on the sample).
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_TRIM_THRESHOLD, _MOST_TRIM)
        mallopt(_M_MMAP_THRESHOLD, _MOST_MMAP)
