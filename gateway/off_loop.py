"""From which size on work on a request is done away from the event loop, by asyncio.to_thread."""

from typing import Final

BIG: Final = 256 * 1024
"""Bytes of a request above which it is worth a thread: a hop costs a tenth of a millisecond, so much JSON takes several."""
