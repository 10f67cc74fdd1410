"""A provider's model rows, completed by the rows they are `like`, and read as models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.config.errors import RECORD_KEYS, Place, Problem, Source, Validator, keys_of, shown, unknown
from gateway.config.lint.models import concurrency_complaints, model_complaints
from gateway.config.schema import ModelRow, ProviderRow
from gateway.config.values import Model
from translators.capabilities import ModelRecord

_KEYS: Final = RECORD_KEYS | keys_of(ModelRow) | {"like"}
_RECORD: Final = Validator(ModelRecord, _KEYS)
_REST: Final = Validator(ModelRow, _KEYS)

_OPENAIS_HOSTS: Final = (
    ".api.openai.com", ".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com", ".openai.azure.us",
)  # fmt: skip
"""How the hosts end where OpenAI's own API is served, by OpenAI or by Azure, with a dot before each name."""
_OPENAIS_FACTS: Final[Mapping[str, Any]] = {
    "message_fields": [], "ranges": "openai", "call_id_form": "short", "max_tools": 128, "media_in_tool_results": False,
}  # fmt: skip
"""The facts of a model there whose row says nothing else: the family `openai-api` of the shipped file has the same."""


def facts_of_host(base_url: str) -> Mapping[str, Any]:
    """What is known of a model of the dialect `openai` by where it is served."""
    return _OPENAIS_FACTS if f".{urlsplit(base_url).hostname}".endswith(_OPENAIS_HOSTS) else {}


@dataclass(slots=True)
class _Completed:
    """A row with everything it takes over. `origins` says where each key was really written."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Place, Place] = field(default_factory=dict)

    def written_at(self, own: Place, inside: Place) -> Place:
        """The place in the file of `inside`, a place in the completed row."""
        for length in range(len(inside), 0, -1):
            if (origin := self.origins.get(inside[:length])) is not None:
                return origin + inside[length:]
        return own + inside

    def lay_over(self, row: Mapping[str, Any], at: Place) -> None:
        """Take the keys of `row`, written at `at`; `thinking` is laid over key by key, everything else whole."""
        for key, value in row.items():
            if key == "like":
                continue
            below = self.values.get(key)
            if key == "thinking" and isinstance(value, dict) and isinstance(below, dict):
                self.values[key] = {**below, **value}
                self.origins.update({(key, inner): (*at, key, inner) for inner in value})
            else:
                self.values[key] = value
                self.origins = {place: origin for place, origin in self.origins.items() if place[0] != key}
                self.origins[(key,)] = (*at, key)


class ModelReader:
    """Reads the models of every provider of one file."""

    def __init__(self, source: Source, families: Mapping[str, Any]) -> None:
        self._source = source
        self._families = families

    def check_families(self) -> list[Problem]:
        """Families that are no mappings, and keys that no model can have: also in families that nobody is like."""
        problems = []
        for name, row in self._families.items():
            at: Place = ("families", name)
            if not isinstance(row, dict):
                problems.append(self._source.problem(at, f"must be a mapping of keys to values, not {shown(row)}"))
                continue
            problems += [self._source.problem((*at, key), unknown("key", key, _KEYS)) for key in row if key not in _KEYS]
        return problems

    def read(
        self, provider: str, row: ProviderRow | None, base_url: str, rows: Mapping[str, Any]
    ) -> tuple[dict[str, Model], list[Problem]]:
        """The models of one provider, which is at `base_url`; those with problems are left out. `row` is None where it cannot be read."""
        models: dict[str, Model] = {}
        problems: list[Problem] = []
        known = facts_of_host(base_url) if row is not None and row.dialect == "openai" else {}
        for name in rows:
            model, complaints = self._model(provider, row, rows, name, known)
            problems += complaints
            if model is not None:
                models[name] = model
        return models, problems

    def _model(
        self, provider: str, row: ProviderRow | None, rows: Mapping[str, Any], name: str, known: Mapping[str, Any]
    ) -> tuple[Model | None, list[Problem]]:
        at: Place = ("providers", provider, "models", name)
        completed, problem = self._completed(provider, rows, name)
        if problem is not None:
            return None, [problem]
        values = completed.values
        record, complaints = _RECORD.read({**known, **{k: v for k, v in values.items() if k in RECORD_KEYS}})
        rest, more = _REST.read({k: v for k, v in values.items() if k not in RECORD_KEYS})
        complaints += more
        model = None
        if record is not None and rest is not None:
            model = Model(
                id=name,
                record=record,
                cost_tier=rest.cost_tier,
                prices=rest.prices,
                token_factor=rest.token_factor,
                retirement=rest.retirement,
                region=rest.region,
                concurrency=rest.concurrency,
            )
            complaints += model_complaints(model, row.dialect if row is not None else None)
            complaints += concurrency_complaints(model, row.concurrency if row is not None else None)
        problems = [self._source.problem(completed.written_at(at, place), message) for place, message in complaints]
        return (None if problems else model), problems

    def _completed(self, provider: str, rows: Mapping[str, Any], name: str) -> tuple[_Completed, Problem | None]:
        """The row `name` laid over the one it is like, and so on."""
        chain: list[tuple[Place, Mapping[str, Any]]] = []
        at: Place = ("providers", provider, "models", name)
        row = rows[name]
        while True:
            if not isinstance(row, dict):
                return _Completed(), self._source.problem(at, f"must be a mapping of keys to values, not {shown(row)}")
            seen = [place for place, _ in chain]
            if at in seen:
                return _Completed(), self._circle(seen[seen.index(at) :])
            chain.append((at, row))
            if "like" not in row:
                break
            other = row["like"]
            if not isinstance(other, str) or (other not in self._families and other not in rows):
                known = [*self._families, *rows]
                return _Completed(), self._source.problem((*at, "like"), unknown("family or model", other, known))
            family = other in self._families
            at = ("families", other) if family else ("providers", provider, "models", other)
            row = self._families[other] if family else rows[other]
        completed = _Completed()
        for place, taken in reversed(chain):
            completed.lay_over(taken, place)
        return completed, None

    def _circle(self, places: list[Place]) -> Problem:
        """The same problem for every model that leads into the circle: told from its first name in the alphabet."""
        names = [str(place[-1]) for place in places]
        first = names.index(min(names))
        told = " → ".join([*names[first:], *names[:first], names[first]])
        return self._source.problem((*places[first], "like"), f"goes round in a circle: {told}")
