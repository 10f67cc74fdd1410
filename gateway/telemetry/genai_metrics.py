"""The metrics of OpenTelemetry's conventions for generative AI, for dashboards that were made for
other gateways: a listener beside the gateway's own metrics, loaded only where
`server.metrics.gen_ai` is true.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from gateway.telemetry import genai_names as names
from gateway.telemetry.counters import FastCollector
from gateway.telemetry.events import Event, RequestEnded

_OTHER: Final = "other"
_TOKENS: Final = tuple(4**n for n in range(14))
_SECONDS: Final = (
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
)  # fmt: skip
_FIRST: Final = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip
_EACH: Final = (
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5,
)  # fmt: skip
"""The conventions' own bounds."""


class _Cells(NamedTuple):
    """Where one kind of request is observed."""

    input: list[float]
    output: list[float]
    duration: list[float]
    first: list[float]
    each: list[float]


class GenAiMetrics(FastCollector):
    """A collector and its listener. Requests that no provider was asked for are not among them."""

    def __init__(self) -> None:
        super().__init__()
        labels = names.METRIC_LABELS
        self._tokens = self.histogram(
            names.METRIC_TOKENS, "Tokens of requests.", [*labels, names.TOKEN_TYPE], _TOKENS
        )
        self._duration = self.histogram(
            names.METRIC_DURATION, "Duration of requests.", labels, _SECONDS
        )
        self._first = self.histogram(
            names.METRIC_FIRST_TOKEN, "Time to the first content of streams.", labels, _FIRST
        )
        self._each = self.histogram(
            names.METRIC_OUTPUT_TOKEN,
            "Time for each output token of a stream after its first content.",
            labels,
            _EACH,
        )
        self._personas: frozenset[str] = frozenset()
        self._targets: frozenset[tuple[str, str]] = frozenset()
        self._urls: Mapping[str, str] = {}
        self._cells: dict[tuple[bool, str | None, str, str], _Cells] = {}

    def apply_config(
        self,
        personas: Iterable[str],
        targets: Iterable[tuple[str, str]],
        urls: Mapping[str, str],
    ) -> None:
        """These may be labels, beside those that could be before. `urls`: of each provider."""
        self._personas |= frozenset(personas)
        self._targets |= frozenset(targets)
        self._urls = {**self._urls, **urls}
        self._cells.clear()

    def on_event(self, event: Event) -> None:
        if type(event) is not RequestEnded or event.provider is None or event.model is None:
            return
        kind = (event.api == names.EMBEDDINGS, event.persona, event.provider, event.model)
        cells = self._cells.get(kind) or self._bind(event, event.provider, event.model)
        self._duration.observe(cells.duration, event.seconds)
        if (usage := event.usage) is not None:
            self._tokens.observe(cells.input, usage.prompt)
            self._tokens.observe(cells.output, usage.completion)
        if (first := event.first_chunk_seconds) is not None:
            self._first.observe(cells.first, first)
            if usage is not None and usage.completion > 1 and event.outcome == "ok":
                self._each.observe(cells.each, (event.seconds - first) / (usage.completion - 1))

    def _bind(self, event: RequestEnded, provider: str, model: str) -> _Cells:
        known = (provider, model) in self._targets
        operation = names.EMBEDDINGS if event.api == names.EMBEDDINGS else names.CHAT
        host = urlsplit(self._urls.get(provider, "").partition("{")[0]).hostname or ""
        persona = event.persona if event.persona in self._personas else None
        served = (names.provider_name(provider, host), model) if known else (_OTHER, _OTHER)
        labels = (operation, served[0], persona or _OTHER, served[1], served[1])
        cells = _Cells(
            self._tokens.series(*labels, "input"),
            self._tokens.series(*labels, "output"),
            self._duration.series(*labels),
            self._first.series(*labels),
            self._each.series(*labels),
        )
        if known and persona is not None:
            self._cells[operation == names.EMBEDDINGS, persona, provider, model] = cells
        return cells
