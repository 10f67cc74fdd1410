"""A persona's limits on reasoning, laid on every form in which a caller can ask for it beside
`reasoning_effort`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from translators.capabilities import EFFORT_TOKENS, EFFORTS, Effort
from translators.json_codec import JsonObject
from translators.notes import Report

_OFTEN: Final = EFFORTS.index("high")
"""What models do who are told to reason, and not how much: a limit below must be told to them."""
_OFF: Final = ("disabled", "between_tools")


class Form(Protocol):
    """One provider's own way to ask for reasoning inside of a chat request. `body` is changed, the
    objects in it are not.
    """

    def hold(self, body: JsonObject, effort: Effort | None, most: int, report: Report) -> None:
        """Hold it to an effort and to so many tokens."""

    def switch_off(self, body: JsonObject, report: Report) -> bool:
        """Take it out; whether it was there."""


def hold_reasoning(
    body: JsonObject, caps: Mapping[str, Any], report: Report, forms: Sequence[Form]
) -> None:
    """Hold `thinking`, `reasoning` and what other `forms` there are in `body` to `caps`; `body` is
    changed, the objects in it are not.

    A budget is held to the tokens that stand for the effort, and to the answer's own limit.
    """
    effort: Effort | None = caps.get("reasoning_effort")
    max_tokens: int | None = caps.get("max_tokens", caps.get("max_completion_tokens"))
    if effort == "none":
        _switch_off(body, report, forms)
        return
    most = min(
        (
            n
            for n in (EFFORT_TOKENS[effort] if effort is not None else None, max_tokens)
            if n is not None
        ),
        default=None,
    )
    if most is None:
        return
    if (thinking := body.get("thinking")).__class__ is dict:
        body["thinking"] = _held(thinking, "thinking.budget_tokens", most, report)
        unsaid = (
            thinking.get("type") not in _OFF
            and thinking.get("budget_tokens") is None
            and body.get("reasoning_effort") is None
        )
        if effort is not None and unsaid and EFFORTS.index(effort) < _OFTEN:
            body["reasoning_effort"] = effort
            report.changed("thinking", limit(effort))
    if (reasoning := body.get("reasoning")).__class__ is dict and reasoning:
        body["reasoning"] = _hold_effort(
            _held(reasoning, "reasoning.max_tokens", most, report), effort, report
        )
    for form in forms:
        form.hold(body, effort, most, report)


def limit(value: object) -> str:
    """Why a value was changed."""
    return f"the persona's limit is {value}"


def _held(asked: JsonObject, param: str, most: int, report: Report) -> JsonObject:
    """`asked` with the budget in it held to `most`; -1 stands for no limit."""
    name = param.rpartition(".")[2]
    budget = asked.get(name)
    if budget.__class__ not in (int, float) or (budget <= most and budget != -1):
        return asked
    report.changed(param, limit(most))
    return {**asked, name: most}


def _hold_effort(reasoning: JsonObject, effort: Effort | None, report: Report) -> JsonObject:
    if effort is None or reasoning.get("enabled") is False:
        return reasoning
    asked = reasoning.get("effort")
    unsaid = (
        asked is None and reasoning.get("max_tokens") is None and EFFORTS.index(effort) < _OFTEN
    )
    unknown = (
        asked is not None and asked not in EFFORTS
    )  # a server's own word, which may mean any effort
    if unsaid or unknown or (asked is not None and EFFORTS.index(asked) > EFFORTS.index(effort)):
        report.changed("reasoning.effort", limit(effort))
        return {**reasoning, "effort": effort}
    return reasoning


def _switch_off(body: JsonObject, report: Report, forms: Sequence[Form]) -> None:
    """No reasoning at all: other forms go, and `reasoning_effort` says it for every dialect."""
    asked = [name for name in ("thinking", "reasoning") if body.get(name) is not None]
    for name in asked:
        del body[name]
        report.changed(name, limit("none"))
    others = [form.switch_off(body, report) for form in forms]
    if asked or any(others):
        body["reasoning_effort"] = "none"
