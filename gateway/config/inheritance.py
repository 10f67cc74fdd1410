"""A provider's model rows, completed by the rows they are `like`, and read as models."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from gateway.config.errors import Complaint, Place, Problem, Source, shown, unknown
from gateway.config.providers import Model, Provider
from gateway.config.schema import HIDDEN, Validator, keys_of
from translators.capabilities import ModelRecord

_RECORD_KEYS: Final = keys_of(ModelRecord)
_KEYS: Final = _RECORD_KEYS | keys_of(Model) | {"like"}
_MODEL: Final = Validator(Model, _KEYS)

_OPENAIS_HOSTS: Final = (
    ".api.openai.com", ".openai.azure.com", ".cognitiveservices.azure.com",
    ".services.ai.azure.com", ".openai.azure.us",
)  # fmt: skip
"""How hosts end that serve OpenAI's own API, with a dot before each."""
_OPENAIS_FACTS: Final[Mapping[str, Any]] = {
    "message_fields": [], "ranges": "openai", "call_id_form": "short", "max_tools": 128,
    "media_in_tool_results": False,
}  # fmt: skip
"""What holds for models there unless their row says otherwise, as for the family `openai-api`."""

_UNKNOWN_WINDOW: Final = 8192
"""Tokens, for a model of embeddings without a known limit. No input is checked against it."""

Chain = Sequence[tuple[Place, Mapping[str, Any]]]
"""A row and the rows that it is like, each with its place, the nearest first."""


def facts_of_host(provider: Provider | None) -> Mapping[str, Any]:
    """What is known of a model of the dialect `openai` by where it is served."""
    if provider is None or provider.dialect != "openai":
        return {}
    host = f".{urlsplit(provider.base_url).hostname}"
    return _OPENAIS_FACTS if host.endswith(_OPENAIS_HOSTS) else {}


class ReadModel(NamedTuple):
    """A row of a model, read."""

    id: str
    chain: Chain
    model: Model | None
    """None if it is invalid."""
    problems: list[Problem]


class ModelReader:
    """Reads the models of every provider of one file."""

    def __init__(self, source: Source, families: Mapping[str, Any]) -> None:
        self._source = source
        self._families = families

    def check_families(self) -> Iterator[Problem]:
        """Families that are no mappings, and keys that no model has."""
        for name, row in self._families.items():
            at: Place = ("families", name)
            if not isinstance(row, dict):
                yield self._no_mapping(at, row)
                continue
            for key in row:
                if key not in _KEYS:
                    yield self._source.problem((*at, key), unknown("key", key, _KEYS))

    def read(
        self, name: str, provider: Provider | None, rows: Mapping[str, Any]
    ) -> Iterator[ReadModel]:
        """The models of the provider `name`. `provider` is None if it is invalid."""
        for id_ in rows:
            chain, problem = self._chain(name, rows, id_)
            if problem is not None:
                yield ReadModel(id_, chain, None, [problem])
                continue
            values = _completed({**facts_of_host(provider), **_laid_over_each_other(chain)})
            record = {key: values.pop(key) for key in [*values] if key in _RECORD_KEYS}
            model, complaints = _MODEL.read(
                {**values, HIDDEN + "id": id_, HIDDEN + "record": record}
            )
            yield ReadModel(id_, chain, model, self.problems(chain, complaints))

    def problems(self, chain: Chain, complaints: Iterable[Complaint]) -> list[Problem]:
        """Complaints about a completed row, each where what it complains of was written."""
        placed = [(_written_at(chain, place), message) for place, message in complaints]
        return self._source.problems((), placed)

    def _chain(
        self, provider: str, rows: Mapping[str, Any], name: str
    ) -> tuple[Chain, Problem | None]:
        """The row `name` of the provider, the one it is like, and so on."""
        chain: list[tuple[Place, Mapping[str, Any]]] = []
        at: Place = ("providers", provider, "models", name)
        row = rows[name]
        while True:
            if not isinstance(row, dict):
                return (), self._no_mapping(at, row)
            seen = [place for place, _ in chain]
            if at in seen:
                return (), self._circle(seen[seen.index(at) :])
            chain.append((at, row))
            if "like" not in row:
                return chain, None
            other = row["like"]
            known = {**rows, **self._families}
            if not isinstance(other, str) or other not in known:
                wrong = unknown("family or model", other, known)
                return (), self._source.problem((*at, "like"), wrong)
            family = other in self._families
            at = ("families", other) if family else ("providers", provider, "models", other)
            row = known[other]

    def _no_mapping(self, at: Place, row: Any) -> Problem:
        return self._source.problem(at, f"must be a mapping of keys to values, not {shown(row)}")

    def _circle(self, places: list[Place]) -> Problem:
        """The same problem for every model that leads into the circle."""
        names = [str(place[-1]) for place in places]
        first = names.index(min(names))
        told = " → ".join([*names[first:], *names[:first], names[first]])
        return self._source.problem((*places[first], "like"), f"goes round in a circle: {told}")


def _laid_over_each_other(chain: Chain) -> dict[str, Any]:
    """What the rows say together: `thinking` is laid over key by key, everything else whole."""
    values: dict[str, Any] = {}
    for _, row in reversed(chain):
        below = values.get("thinking")
        values |= {key: value for key, value in row.items() if key != "like"}
        if isinstance(below, dict) and isinstance(values["thinking"], dict):
            values["thinking"] = {**below, **values["thinking"]}
    return values


def _completed(values: dict[str, Any]) -> dict[str, Any]:
    """The row with what a model of embeddings does not need to say: it writes no answer, and only
    its inputs have a price."""
    embedding = values.get("embedding")
    if not isinstance(embedding, dict):
        return values
    longest = embedding.get("max_input_tokens")
    window = longest if isinstance(longest, int) and longest > 0 else _UNKNOWN_WINDOW
    values = {"context_window": window, "max_output_tokens": 1, **values}
    if isinstance(prices := values.get("prices"), list):
        values["prices"] = [{"output": 0, **p} if isinstance(p, dict) else p for p in prices]
    return values


def _written_at(chain: Chain, inside: Place) -> Place:
    """Where a place of the completed row was written; all of `thinking`: furthest up."""
    holders = [(at, row) for at, row in chain if inside and inside[0] in row]
    if inside[:1] == ("thinking",):
        merged = list(takewhile(lambda holder: isinstance(holder[1]["thinking"], dict), holders))
        said = [(at, row) for at, row in merged if inside[1:] and inside[1] in row["thinking"]]
        holders = said or merged[-1:] or holders
    return (holders or chain)[0][0] + inside
