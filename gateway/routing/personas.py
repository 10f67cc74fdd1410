"""A persona laid over a request: its system prompt, its defaults where the caller said nothing, its
limits whatever the caller said.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from gateway.config import Persona
from translators.capabilities import EFFORTS
from translators.chat.passthrough import passed_through
from translators.chat.request import INSTRUCTION_ROLES, ChatRequest
from translators.dialect.inbound import Overlay
from translators.errors import InvalidRequest
from translators.notes import Note, Report
from translators.registry import ASKS_FOR_REASONING, hold_reasoning

_SAME: Final = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
"""Two names of one parameter: a caller who gave either has given both."""
_OPEN_ENDED: Final = frozenset({"max_tokens", "max_completion_tokens", "top_k"})
"""Parameters that servers take a number below 1 for which means that there is no limit."""


NO_OVERLAY: Final = Overlay()
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_NONE: Final[frozenset[str]] = frozenset()


def apply(
    persona: Persona, request: ChatRequest, of_rule: Mapping[str, Any] = _NOTHING
) -> tuple[ChatRequest, tuple[Note, ...]]:
    """The request as the persona sends it, and what its limits changed. Defaults `of_rule` win over
    the persona's own.

    A limit holds for every way to say the same: it is laid on each of them
    (translators.registry.hold_reasoning). A passthrough cannot be held to a limit, as only its
    provider knows what it means. Raises InvalidRequest if `x_provider` names a parameter that the
    persona limits (model, messages, output limits and reasoning are refused there from anyone, see
    translators.chat.passthrough).
    """
    if persona.system_prompt is None and not persona.defaults and not persona.caps and not of_rule:
        return request, ()
    report = Report()
    body = dict(request.body)
    for name, value in (_defaults(persona, of_rule) if of_rule else persona.defaults).items():
        if body.get(name) is None and body.get(_SAME.get(name, name)) is None:
            body[name] = value
    passed = body.get("x_provider")
    for name, limit in persona.caps.items():
        if passed and (at := passed_through(passed, name)) is not None:
            rule = f"the persona limits '{name}', so it is taken by that name only"
            raise InvalidRequest(
                f"'{at[:200]}' is not taken: {rule}.", at[:200], "unsupported_parameter"
            )
        for spelling in (name, _SAME.get(name)):
            if (
                spelling is not None
                and (value := body.get(spelling)) is not None
                and _exceeds(name, value, limit)
            ):
                body[spelling] = limit
                report.changed(spelling, f"the persona's limit is {limit}")
    longest = persona.caps.get("max_tokens", persona.caps.get("max_completion_tokens"))
    if (
        longest is not None
        and body.get("max_tokens") is None
        and body.get("max_completion_tokens") is None
    ):
        body["max_completion_tokens"] = longest
    if persona.caps and not ASKS_FOR_REASONING.isdisjoint(body):
        hold_reasoning(body, persona.caps, report)
    if persona.system_prompt is not None:
        body["messages"] = _with_prompt(persona, body["messages"])
    size = request.size + len(persona.system_prompt or "")
    return (
        ChatRequest(body, size, request.usual_schemas, request.written),
        tuple(report.notes),
    )


def overlay(persona: Persona, request: ChatRequest, applied: ChatRequest) -> Overlay:
    """What `apply` made of a request, for those who write it over the caller's own body."""
    if applied is request:
        return NO_OVERLAY
    before, after = request.body, applied.body
    values: dict[str, Any] = {}
    for name, value in after.items():
        if before.get(name) is not value and name != "messages":
            values[name] = value
    removed = _NONE
    if persona.caps and not before.keys() <= after.keys():  # nothing else takes any out
        removed = frozenset(
            name for name, value in before.items() if value is not None and name not in after
        )
    return Overlay(persona.system_prompt, persona.system_prompt_mode, values, removed)


def _defaults(persona: Persona, of_rule: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        **{
            name: value
            for name, value in persona.defaults.items()
            if _SAME.get(name) not in of_rule
        },
        **of_rule,
    }


def _exceeds(name: str, value: Any, limit: Any) -> bool:
    """A word of a server's own may mean any effort, and -1 or 0 of tokens as many as there are."""
    if isinstance(limit, str):
        return value not in EFFORTS or EFFORTS.index(value) > EFFORTS.index(limit)
    return bool(value > limit or (name in _OPEN_ENDED and value < 1))


def _with_prompt(persona: Persona, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    prompt = {"role": "system", "content": persona.system_prompt}
    given = bool(messages) and messages[0]["role"] in INSTRUCTION_ROLES
    match persona.system_prompt_mode:
        case "default":
            return messages if given else [prompt, *messages]
        case "replace":
            return [prompt, *(m for m in messages if m["role"] not in INSTRUCTION_ROLES)]
        case _:
            return [prompt, *messages]
