"""How the process gets and gives back memory."""

import ctypes
from typing import Final

_MMAP_THRESHOLD: Final = -3
"""M_MMAP_THRESHOLD in glibc's malloc.h."""
BIG_BLOCK: Final = 8 * 1024 * 1024


def keep_big_blocks_apart() -> None:
    """Blocks of 8 MB and more get a mapping of their own: a text or a buffer of tens of megabytes
    grows by moving its pages, and goes back to the system once it is free. glibc raises that size
    to 32 MB by itself; up to there growing is copying, in which no other thread runs.

    Without glibc it does nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, BIG_BLOCK)
