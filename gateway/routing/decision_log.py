"""Decisions that were made, kept without content: what was asked, what was planned, what came of
it. And read back to be made again.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from json.encoder import encode_basestring as quoted
from operator import attrgetter
from typing import Any, Final, NamedTuple

from gateway.config import NOTHING, Persona
from gateway.routing.candidates import Candidate
from gateway.routing.documents import DecisionDocument, FactsDocument, OutcomeDocument
from gateway.routing.facts import NONE, Caller, Facts, Prompt
from gateway.routing.plan import Plan, plan_document
from gateway.routing.requirements import Requirement
from gateway.telemetry.events import AttemptEnded, RequestEnded, Usage
from gateway.telemetry.ids import unique
from translators.capabilities import Capability
from translators.json_codec import dumps_str, loads

KEPT: Final = 1000
_MOST_CHARACTERS: Final = 200
"""Of a header's or metadata's value that a rule names."""


class Outcome(NamedTuple):
    """What came of a decision."""

    attempts: tuple[AttemptEnded, ...]
    provider: str | None
    model: str | None
    usage: Usage | None
    status: int
    outcome: str
    error_code: str | None
    resumed: tuple[dict[str, Any], ...]
    cache: str | None = None
    """As in RequestEnded."""


class DecisionRecord:
    """One decision. `attempts` and what follows become known later."""

    __slots__ = ("_kept", "_plan", "ended", "id", "moment", "request_id")

    def __init__(self, name: str, moment: datetime, plan: Plan, request_id: str) -> None:
        self.id = name
        self.moment = moment
        """UTC."""
        self.request_id = request_id
        self.ended: Outcome | None = None
        """What came of it, once that is known."""
        self._plan: Plan | None = plan
        self._kept: tuple[Any, ...] = ()

    @property
    def plan(self) -> Plan:
        """What was planned, made again from what is kept of it once the request is over."""
        return _unpacked(self._kept) if self._plan is None else self._plan

    def close(self, ended: RequestEnded, resumed: Sequence[dict[str, Any]]) -> None:
        """The request is over: keep what came of it, and nothing of its content any more."""
        plan = self._plan
        if plan is None:
            return
        facts, persona = plan.facts, plan.policy.persona
        if persona is None or persona.looks_at == NOTHING:
            facts.forget(NONE, NONE)
        else:
            facts.forget(*_seen(facts, persona))
        self._kept, self._plan = _packed(plan), None
        self.ended = Outcome(
            ended.attempts, ended.provider, ended.model, ended.usage,
            ended.status, ended.outcome, ended.error_code, tuple(resumed),
            ended.cache,
        )  # fmt: skip

    def outcome(self) -> OutcomeDocument:
        """What came of it, as JSON without content; nothing as long as that is not known."""
        ended = self.ended
        if ended is None:
            return {}
        attempts, usage = ended.attempts, ended.usage
        served = next((a for a in reversed(attempts) if a.outcome == "ok"), None)
        if (
            served is None and ended.outcome == "ok"
        ):  # an answer that was shown although it lacks something
            served = next(
                (
                    a
                    for a in reversed(attempts)
                    if (a.provider, a.model) == (ended.provider, ended.model)
                ),
                None,
            )
        return {
            "attempts": [
                {
                    "target": f"{a.provider}/{a.model}",
                    "why": a.why,
                    "outcome": a.outcome,
                    "ms": round(a.seconds * 1000, 2),
                }
                for a in attempts
            ],
            "served": (
                f"{ended.provider}/{ended.model}"
                if ended.cache == "hit"
                else None
                if served is None
                else f"{served.provider}/{served.model}"
            ),
            "resumed": [
                {
                    "provider": r["provider"],
                    "model": r["model"],
                    "after_characters": r["after_characters"],
                }
                for r in ended.resumed
            ],
            "prompt_tokens": None if usage is None else usage.prompt,
            "completion_tokens": None if usage is None else usage.completion,
            "status": ended.status,
            "outcome": ended.outcome,
            "error_code": ended.error_code,
            **({} if ended.cache is None else {"cache": ended.cache}),
        }


_OF_PLAN: Final = attrgetter("policy", "revision", "pinned", "retry_in", "near_limit")
_OF_PROMPT: Final = attrgetter("size", "known", "exact")
_OF_FACTS: Final = attrgetter(
    "requirements", "features", "max_tokens", "answers", "stream", "forces_tool", "metadata",
    "caller", "conversation", "settled", "open_schema", "tools", "natives", "spoken",
)  # fmt: skip
_OF_CANDIDATE: Final = attrgetter(
    "ref", "provider", "model",
    "verdict", "reasons", "score", "cost", "prompt_tokens", "output", "share",
)  # fmt: skip


def _packed(plan: Plan) -> tuple[Any, ...]:
    """All that is to be kept of a plan in one object: as some twenty, those of the decisions that
    are kept would be what the garbage collector spends its time on.
    """
    facts = plan.facts
    packed: tuple[Any, ...] = _OF_PLAN(plan) + _OF_PROMPT(facts.prompt) + _OF_FACTS(facts)
    for candidate in plan.candidates:
        packed += _OF_CANDIDATE(candidate)
    return packed


def _unpacked(packed: tuple[Any, ...]) -> Plan:
    (
        policy, revision, pinned, retry_in, near_limit, size, known, exact,
        requirements, features, max_tokens, answers, stream, forces_tool, metadata,
        caller, conversation, settled, open_schema, tools, natives, spoken, *rest,
    ) = packed  # fmt: skip
    facts = Facts(
        requirements, features, Prompt(None, size, known, exact), max_tokens, answers, stream,
        forces_tool, metadata, caller, conversation, settled, None, open_schema, tools, natives,
        spoken,
    )  # fmt: skip
    candidates = []
    while rest:
        candidate = Candidate(*rest[:3])
        (
            candidate.verdict, candidate.reasons, candidate.score, candidate.cost,
            candidate.prompt_tokens, candidate.output, candidate.share,
        ) = rest[3:10]  # fmt: skip
        candidates.append(candidate)
        del rest[:10]
    return Plan(policy, facts, tuple(candidates), revision, pinned, retry_in, near_limit)


def compact(name: str, plan: Plan) -> dict[str, Any]:
    """The decision called `name` as the log line has it: enough to decide again."""
    shown: dict[str, Any] = loads(log_fragment(name, plan))
    return shown


def log_fragment(name: str, plan: Plan) -> str:
    """The same as JSON text, by hand as all of the log line (gateway.telemetry.request_log)."""
    policy = plan.policy
    targets = tuple(
        [
            c.name if c.verdict != "rejected" else f"{c.name} ({'; '.join(c.reasons)})"
            for c in plan.candidates
        ]
    )
    planned = _planned(
        plan.revision,
        policy.strategy,
        targets,
        None if policy.rule is None else policy.rule.name,
        plan.pinned,
    )
    return f'{{"id":{quoted(name)}{planned},"facts":{_facts_text(plan.facts, policy.persona)}}}'


@lru_cache(maxsize=1024)
def _planned(
    revision: str, strategy: str, targets: tuple[str, ...], rule: str | None, pinned: str | None
) -> str:
    """What many decisions share."""
    shown: dict[str, Any] = {"revision": revision, "strategy": strategy, "targets": targets}
    if rule is not None:
        shown["rule"] = rule
    if pinned is not None:
        shown["pinned"] = pinned
    return f",{dumps_str(shown)[1:-1]}"


class DecisionLog:
    """The last decisions of a running gateway. `maker`: an even number of hexadecimal digits that
    their ids begin with.
    """

    def __init__(self, maker: str = "") -> None:
        self._begin, self._rest = f"dec_{maker}", 20 - len(maker)
        self._records: OrderedDict[str, DecisionRecord] = OrderedDict()

    def __len__(self) -> int:
        return len(self._records)

    def add(self, plan: Plan, moment: datetime, request_id: str) -> DecisionRecord:
        record = DecisionRecord(self._begin + unique(self._rest), moment, plan, request_id)
        self._records[record.id] = record
        if len(self._records) > KEPT:
            self._records.popitem(last=False)
        return record

    def find(self, name: str) -> DecisionRecord | None:
        return self._records.get(name)


def record_document(record: DecisionRecord) -> DecisionDocument:
    """A decision as JSON: what `GET /api/v1/decisions/{id}` answers, and what `llm-router replay`
    reads.
    """
    return {
        "id": record.id,
        "time": record.moment.isoformat(timespec="milliseconds"),
        "request_id": record.request_id,
        "facts": facts_document(record.plan.facts, record.plan.policy.persona),
        **plan_document(record.plan),
        **record.outcome(),
    }


def facts_document(facts: Facts, persona: Persona | None) -> FactsDocument:
    """What a decision was made from; of headers and metadata only what the persona's rules look at.
    What is not there is left out.
    """
    document: FactsDocument = loads(_facts_text(facts, persona))
    return document


def _facts_text(facts: Facts, persona: Persona | None) -> str:
    caller, prompt, tokens = facts.caller, facts.prompt, facts.prompt.known
    text = f'{{{_wanted(facts.requirements, facts.features)},"bytes":{prompt.size}'
    if tokens:
        text += f',"tokens":{tokens}'
    if prompt.exact:
        text += ',"exact":true'
    if most := facts.max_tokens:
        text += f',"max_tokens":{most}'
    text += f',"n":{facts.answers}'
    if facts.stream:
        text += ',"stream":true'
    if facts.forces_tool:
        text += ',"forces_tool":true'
    if key := caller.key_id:
        text += f',"key":{quoted(key)}'
    if conversation := facts.conversation:
        text += f',"conversation":{quoted(conversation)}'
    if facts.settled:
        text += ',"settled":true'
    if facts.tools:
        text += f',"tools":{facts.tools}'
    if facts.spoken:
        text += f',"spoken":{quoted(facts.spoken)}'
    if facts.natives:
        text += f',"natives":{dumps_str(facts.natives)}'
    if facts.open_schema:
        text += ',"open_schema":true'
    if persona is not None and persona.looks_at != NOTHING:
        for name, seen in zip(("headers", "metadata"), _seen(facts, persona), strict=True):
            if seen:
                text += f',"{name}":{dumps_str(seen)}'
    return f"{text}}}"


@lru_cache(maxsize=128)
def _wanted(needs: tuple[Requirement, ...], features: frozenset[str]) -> str:
    """What many requests share: it takes 2 µs to write."""
    text = f'"needs":{dumps_str({need.capability: need.cause for need in needs})}'
    return f'{text},"features":{dumps_str(sorted(features))}' if features else text


def _seen(facts: Facts, persona: Persona) -> tuple[dict[str, str], dict[str, str]]:
    """The headers and the metadata that the persona's conditions look at, as far as the request has
    them.
    """
    headers, metadata = persona.looks_at
    return (
        {
            name: _sayable(value[:_MOST_CHARACTERS])
            for name in headers
            if (value := facts.header(name)) is not None
        },
        {
            name: value[:_MOST_CHARACTERS]
            for name in metadata
            if (value := facts.metadata.get(name)).__class__ is str
        },
    )


def _sayable(value: str) -> str:
    """A header's value as JSON can say it: bytes that are no UTF-8 have come as lone surrogates."""
    return value.encode("utf-8", "replace").decode()


def read_facts(document: Mapping[str, Any]) -> Facts:
    """The facts that `facts_document` wrote. Raises KeyError, TypeError, AttributeError or
    ValueError for anything else.
    """
    needs: Mapping[Capability, str] = document["needs"]
    tokens, most = document.get("tokens"), document.get("max_tokens")
    key, conversation = document.get("key"), document.get("conversation")
    prompt = Prompt(
        None,
        int(document.get("bytes", 0)),
        None if tokens is None else int(tokens),
        bool(document.get("exact", False)),
    )
    return Facts(
        requirements=tuple(Requirement(name, str(cause)) for name, cause in needs.items()),
        features=frozenset(document.get("features", ())),
        prompt=prompt,
        max_tokens=None if most is None else int(most),
        answers=int(document.get("n", 1)),
        stream=bool(document.get("stream", False)),
        forces_tool=bool(document.get("forces_tool", False)),
        metadata=_texts(document.get("metadata", {})),
        caller=Caller(
            key_id=None if key is None else str(key), headers=_texts(document.get("headers", {}))
        ),
        conversation=None if conversation is None else str(conversation),
        settled=bool(document.get("settled", False)),
        schema={} if needs.get("json_schema") == "response_format" else None,
        open_schema=bool(document.get("open_schema", False)),
        tools=int(document.get("tools", 0)),
        natives=tuple(map(str, document.get("natives", ()))),
        spoken=str(document.get("spoken", "")),
    )


def _texts(document: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in document.items()}


def not_recorded(facts: Mapping[str, Any], persona: Persona) -> Iterable[str]:
    """Headers and metadata that the persona's rules look at, and the record does not have: as if
    the request had not carried them.
    """
    headers, metadata = persona.looks_at
    yield from (f"header {name}" for name in headers if name not in facts.get("headers", {}))
    yield from (f"metadata {name}" for name in metadata if name not in facts.get("metadata", {}))
