"""TLS contexts, one for each set of files: made in a thread when they are first needed, and anew
when the files have changed.
"""

import asyncio
import contextlib
import os
import ssl

from gateway.config import TlsFiles, tls_context

_Stamp = tuple[int, ...]


class Contexts:
    """A certificate that is replaced on disk holds for the next connection."""

    def __init__(self) -> None:
        self._made: dict[TlsFiles | None, tuple[_Stamp, asyncio.Future[ssl.SSLContext]]] = {}

    async def get(self, files: TlsFiles | None) -> ssl.SSLContext:
        """Raises ValueError naming a file that cannot be used, unless an earlier one could."""
        stamp = _stamp(files)
        known = self._made.get(files)
        if known is None or known[0] != stamp:
            made = asyncio.get_running_loop().run_in_executor(None, tls_context, files)
            self._made[files] = (stamp, made)
            try:
                return await asyncio.shield(made)
            except ValueError:
                if known is None:
                    del self._made[files]
                    raise
                self._made[files] = (stamp, known[1])  # until the files change once more
                return await asyncio.shield(known[1])
        return await asyncio.shield(known[1])


def _stamp(files: TlsFiles | None) -> _Stamp:
    times: list[int] = []
    for file in () if files is None else files.files:
        with contextlib.suppress(OSError):
            times.append(os.stat(file).st_mtime_ns)
    return tuple(times)
