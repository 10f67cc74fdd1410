"""How many files and connections this process may have open: each request takes two, its caller's
and its provider's.
"""

import logging
import resource
from typing import Final

FEW: Final = 4096
"""Below this it is worth a word."""
ENOUGH: Final = 65_536

_log: Final = logging.getLogger("llm_router")


def raise_limit() -> None:
    """Raise our own limit as far as we may, up to ENOUGH; say so, and what to do if that is little.
    Workers inherit it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            wanted = soft
        else:
            _log.info(
                "%d files and connections may be open at a time: the limit was %d, and was raised",
                wanted,
                soft,
            )
        soft = wanted
    if soft != resource.RLIM_INFINITY and soft < FEW:
        _log.warning(
            "at most %d files and connections may be open at a time, two for each request: raise"
            " the limit (ulimit -n)",
            soft,
        )


def for_callers() -> int:
    """The number of a descriptor from which on no caller is let in: as many are left for the
    providers' connections.

    A new descriptor gets the lowest number that is free, so its number tells how many are open.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return ENOUGH if soft == resource.RLIM_INFINITY else soft // 2
