"""Metrics of streams: what was written, and how long callers waited between two pieces."""

from typing import Final

from gateway.telemetry.counters import FastCollector
from gateway.telemetry.events import CHUNK_SECONDS, Streamed

_BYTES: Final = "Bytes of streams, comments aside."
_CHUNKS: Final = "Pieces that streams were written in: what one read from the provider gave."
_WAITS: Final = "Time between two pieces of a stream."

Cells = tuple[list[float], list[float], list[float]]


class StreamMetrics:
    """By persona and target (`provider/model`), whose names its caller has checked."""

    def __init__(self, fast: FastCollector) -> None:
        labels = ["persona", "target"]
        self._bytes = fast.counter("llm_router_stream_bytes", _BYTES, labels)
        self._chunks = fast.counter("llm_router_stream_chunks", _CHUNKS, labels)
        self._waits = fast.histogram(
            "llm_router_time_per_output_chunk_seconds", _WAITS, labels, CHUNK_SECONDS
        )

    def cells(self, persona: str, target: str) -> Cells:
        """Where streams of one kind are counted."""
        return (
            self._bytes.series(persona, target),
            self._chunks.series(persona, target),
            self._waits.series(persona, target),
        )


def count_stream(cells: Cells, streamed: Streamed) -> None:
    """A stream is over."""
    size, chunks, waits = cells
    size[0] += streamed.size
    chunks[0] += streamed.pieces
    for place, more in enumerate(streamed.waits):
        waits[place] += more
