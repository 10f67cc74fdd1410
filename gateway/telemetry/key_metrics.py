"""Metrics by callers' keys and their teams: a listener beside the gateway's own metrics, loaded
only where `server.metrics.by_key` is true.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from gateway.telemetry.counters import FastCollector
from gateway.telemetry.events import Event, RequestEnded

MOST: Final = 200
"""Series of each metric. Keys beyond count together, as `other`, and so do their teams."""
_NONE: Final = "none"
_OTHER: Final = "other"
_REQUESTS: Final = "Requests answered."
_FAILED: Final = "Answers of 5xx, and streams that broke off."
_INPUT: Final = "Tokens of prompts as providers counted them."
_OUTPUT: Final = "Tokens of answers as providers counted them."
_COST: Final = "Cost of answers by the price list, where it is known."


def _no_team(_key_id: str) -> str:
    return ""


class _Cells(NamedTuple):
    """Where one key is counted."""

    requests: list[float]
    failed: list[float]
    input: list[float]
    output: list[float]
    cost: list[float]


class KeyMetrics(FastCollector):
    """A collector and its listener. Requests without a key are of key and team `none`."""

    def __init__(self) -> None:
        super().__init__()
        labels = ("key", "team")
        self._families = tuple(
            self.counter(f"llm_router_key_{name}", about, labels)
            for name, about in (
                ("requests", _REQUESTS),
                ("failed_requests", _FAILED),
                ("input_tokens", _INPUT),
                ("output_tokens", _OUTPUT),
                ("cost_usd", _COST),
            )
        )
        self._cells: dict[tuple[str, str], _Cells] = {}
        self.team_of: Callable[[str], str] = _no_team
        """The team of a key; empty without one."""

    def on_event(self, event: Event) -> None:
        if type(event) is not RequestEnded:
            return
        key_id = event.key_id
        labels = (_NONE, _NONE) if key_id is None else (key_id, self.team_of(key_id) or _NONE)
        cells = self._cells.get(labels) or self._bind(labels)
        cells.requests[0] += 1
        if event.status >= 500 or event.outcome == "stream_aborted":
            cells.failed[0] += 1
        if (usage := event.usage) is not None:
            cells.input[0] += usage.prompt
            cells.output[0] += usage.completion
        if event.cost_nano_usd:
            cells.cost[0] += event.cost_nano_usd / 1e9

    def _bind(self, labels: tuple[str, str]) -> _Cells:
        if len(self._cells) >= MOST - 1:
            labels = _OTHER, _OTHER
        found = self._cells.get(labels)
        if found is None:
            found = self._cells[labels] = _Cells(*(each.series(*labels) for each in self._families))
        return found
