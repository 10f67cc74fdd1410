"""A provider's model rows, completed by the rows they are `like`, and read as models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.config.errors import Place, Problem, Source, shown, unknown
from gateway.config.lint.models import model_complaints
from gateway.config.providers import Model, Provider
from gateway.config.schema import HIDDEN, Validator, keys_of
from translators.capabilities import ModelRecord

_RECORD_KEYS: Final = keys_of(ModelRecord)
_KEYS: Final = _RECORD_KEYS | keys_of(Model) | {"like"}
_MODEL: Final = Validator(Model, _KEYS)

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

    def read(self, name: str, provider: Provider | None, rows: Mapping[str, Any]) -> tuple[dict[str, Model], list[Problem]]:
        """The models of the provider `name`; those with problems are left out. `provider` is None where its row cannot be read."""
        models: dict[str, Model] = {}
        problems: list[Problem] = []
        for id_ in rows:
            model, complaints = self._model(name, provider, rows, id_)
            problems += complaints
            if model is not None:
                models[id_] = model
        return models, problems

    def _model(self, name: str, provider: Provider | None, rows: Mapping[str, Any], id_: str) -> tuple[Model | None, list[Problem]]:
        completed, problem = self._completed(name, rows, id_)
        if problem is not None:
            return None, [problem]
        record = facts_of_host(provider.base_url) if provider is not None and provider.dialect == "openai" else {}
        record = {**record, **{key: value for key, value in completed.values.items() if key in _RECORD_KEYS}}
        rest = {key: value for key, value in completed.values.items() if key not in _RECORD_KEYS}
        model, complaints = _MODEL.read({**rest, HIDDEN + "id": id_, HIDDEN + "record": record})
        if model is not None:
            complaints += model_complaints(model, provider)
        at: Place = ("providers", name, "models", id_)
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
