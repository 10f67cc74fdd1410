"""How hard Claude thinks: the caller's effort in the form the model takes, and what may not stand
beside it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, Literal

from translators.capabilities import EFFORT_TOKENS, EFFORTS, Effort, Thinking
from translators.claude.request.context import Translation
from translators.claude.wire import THINKING, ThinkingConfig, Turn
from translators.json_codec import JsonObject

_PREFERENCE: Final[dict[Effort, tuple[Effort, ...]]] = {
    "none": ("low", "medium", "high"),
    "minimal": ("low", "medium", "high"),
    "low": ("low", "medium", "high"),
    "medium": ("medium", "high", "low"),
    "high": ("high", "xhigh", "max", "medium", "low"),
    "xhigh": ("xhigh", "max", "high", "medium", "low"),
    "max": ("max", "xhigh", "high", "medium", "low"),
}
"""For each effort asked, the efforts that stand for it, best first."""


@dataclass(slots=True)
class Asked:
    """What the caller wants, from whichever parameter says it. Nobody changes it."""

    param: str
    effort: Effort | None = None
    budget: int | None = None
    on: bool = False
    """Reasoning was asked for without saying how much."""
    hidden: bool = False
    """The reasoning itself shall not be shown."""
    verbatim: ThinkingConfig | None = None


_UNASKED: Final = Asked("reasoning")
_ASKING: Final = frozenset({"reasoning_effort", "thinking", "reasoning"})


@dataclass(slots=True)
class Plan:
    """`thinking` and `output_config.effort` as they are sent, and the parameter to name if they
    must be taken back.
    """

    thinking: ThinkingConfig | None
    effort: Effort | None
    param: str

    @property
    def active(self) -> bool:
        return _kind(self.thinking) in ("enabled", "adaptive")


def plan_thinking(
    body: JsonObject, max_tokens: int, forced: bool, turns: list[Turn], translation: Translation
) -> Plan:
    """What to send, after everything that may not stand beside it has been looked at."""
    thinking = translation.target.record.thinking
    asked = _UNASKED if _ASKING.isdisjoint(body) else read_asked(body)
    plan = _PLANS.get(thinking.kind, _cannot)(asked, thinking, translation)
    kind, cap = _kind(plan.thinking), thinking.off_max_effort
    if forced and kind == "adaptive" and asked == Asked(asked.param):
        return Plan(
            None, None, asked.param
        )  # nobody asked for it, and a forced call is made without
    if kind == "enabled":
        _hold_budget(plan, max_tokens, forced, turns, translation)
    if (
        cap is not None
        and kind in ("disabled", "between_tools")
        and plan.effort is not None
        and _rank(plan.effort) > _rank(cap)
    ):
        translation.report.changed(
            "reasoning_effort", f"without thinking this model takes efforts up to {cap!r}"
        )
        plan.effort = cap
    return plan


def _kind(thinking: ThinkingConfig | None) -> str | None:
    return None if thinking is None else thinking.get("type")


def read_asked(body: JsonObject) -> Asked:
    """The caller's wish: `thinking` in Claude's own words, else `reasoning_effort`, else
    `reasoning` as OpenRouter has it.
    """
    effort = body.get("reasoning_effort")
    if (verbatim := body.get("thinking")) is not None:
        return Asked("thinking", effort, verbatim=verbatim)
    reasoning = body.get("reasoning") or {}
    if effort is None and not reasoning:
        return _UNASKED
    hidden = reasoning.get("exclude") is True
    if effort is not None:
        return Asked("reasoning_effort", effort, hidden=hidden)
    effort = reasoning.get("effort")
    if effort in EFFORTS:
        return Asked("reasoning", effort, hidden=hidden)
    if reasoning.get("enabled") is False:
        return Asked("reasoning", "none")
    budget = reasoning.get("max_tokens")
    if budget.__class__ is int and budget > 0:
        return Asked("reasoning", _effort_of(budget), budget, hidden=hidden)
    return Asked("reasoning", on=bool(reasoning), hidden=hidden)


def _effort_of(budget: int) -> Effort:
    return next(
        (effort for effort in ("low", "medium", "high") if budget <= EFFORT_TOKENS[effort]), "xhigh"
    )


def _rank(effort: Effort) -> int:
    return EFFORTS.index(effort)


def _cannot(asked: Asked, thinking: Thinking, translation: Translation) -> Plan:
    if asked.verbatim is not None or asked.on or asked.effort not in (None, "none"):
        translation.report.dropped(asked.param, "this model does not think")
    return Plan(None, None, asked.param)


def _verbatim(asked: Asked, thinking: Thinking, translation: Translation) -> Plan:
    effort = _level(
        None if asked.effort == "none" else asked.effort, thinking, translation, "reasoning_effort"
    )
    return Plan(asked.verbatim, effort, asked.param)


def _budget(asked: Asked, thinking: Thinking, translation: Translation) -> Plan:
    """Models that are told how many tokens they may think."""
    if asked.verbatim is not None:
        return _verbatim(asked, thinking, translation)
    effort: Effort | None = "medium" if asked.on else asked.effort
    if effort is None or effort == "none":
        return Plan(
            {"type": "disabled"}
            if effort == "none" and thinking.switch_off == "disabled"
            else None,
            None,
            asked.param,
        )
    budget = asked.budget or EFFORT_TOKENS[effort]
    held = max(thinking.min_budget, min(budget, thinking.max_budget or budget))
    if held != budget:
        translation.report.changed(
            asked.param, f"{budget} thinking tokens are outside of the model's range: {held}"
        )
    shown: ThinkingConfig = {"type": "enabled", "budget_tokens": held, "display": _display(asked)}
    return Plan(shown, _level(effort, thinking, translation, asked.param), asked.param)


def _adaptive(asked: Asked, thinking: Thinking, translation: Translation) -> Plan:
    """Models that decide themselves how much to think, within an effort."""
    if asked is _UNASKED:
        return Plan(
            {"type": "adaptive", "display": _display(asked)} if thinking.on_by_default else None,
            None,
            asked.param,
        )
    if asked.verbatim is not None:
        return _verbatim(asked, thinking, translation)
    if asked.effort == "none":
        return _off(asked, thinking, translation)
    shown: ThinkingConfig = {"type": "adaptive", "display": _display(asked)}
    return Plan(shown, _level(asked.effort, thinking, translation, asked.param), asked.param)


def _off(asked: Asked, thinking: Thinking, translation: Translation) -> Plan:
    if thinking.switch_off in ("disabled", "between_tools"):
        return Plan({"type": thinking.switch_off}, None, asked.param)
    if thinking.switch_off == "omit":
        return Plan(None, None, asked.param)
    effort = _nearest("none", thinking)
    translation.report.changed(
        asked.param, "reasoning cannot be disabled on this model: it is asked for the least"
    )
    return Plan(None, effort, asked.param)


def _level(
    effort: Effort | None, thinking: Thinking, translation: Translation, param: str
) -> Effort | None:
    """The effort that stands for the one asked, if the model takes efforts at all."""
    taken = None if effort is None else _nearest(effort, thinking)
    if taken is not None and taken != effort:
        translation.report.changed(param, f"this model takes {taken!r}, not {effort!r}")
    return taken


def _nearest(effort: Effort, thinking: Thinking) -> Effort | None:
    return next((level for level in _PREFERENCE[effort] if level in thinking.levels), None)


def _display(asked: Asked) -> Literal["summarized", "omitted"]:
    """Without this the newer models answer with empty thinking blocks."""
    return "omitted" if asked.hidden else "summarized"


_PLANS: Final[dict[str, Callable[[Asked, Thinking, Translation], Plan]]] = {
    "budget": _budget,
    "adaptive": _adaptive,
}


def _hold_budget(
    plan: Plan, max_tokens: int, forced: bool, turns: list[Turn], translation: Translation
) -> None:
    """A budget lies below max_tokens, and leaves no room for a forced tool or for a tool loop that
    began without thinking.
    """
    thinking = plan.thinking
    least = translation.record.thinking.min_budget or EFFORT_TOKENS["minimal"]
    reason = None
    if forced:
        reason = "this model does not think when it is made to call a tool"
    elif _loop_without_thinking(turns):
        reason = "the tool calls of this turn came back without the thinking before them"
    elif max_tokens <= least:
        reason = f"thinking needs more than {least} tokens, and max_tokens is {max_tokens}"
    if reason is not None:
        translation.report.dropped(plan.param, reason)
        plan.thinking = None
        return
    budget = None if thinking is None else thinking.get("budget_tokens")
    if (
        thinking is not None
        and isinstance(budget, int)
        and budget.__class__ is int
        and budget >= max_tokens
    ):
        plan.thinking = {**thinking, "budget_tokens": max_tokens - 1}
        translation.report.changed(
            plan.param, f"the thinking budget of {budget} tokens must be less than max_tokens"
        )


def _loop_without_thinking(turns: list[Turn]) -> bool:
    """Whether the conversation stands inside a tool loop whose assistant turns have lost their
    thinking blocks.
    """
    loop = takewhile(
        lambda turn: turn.role != "user" or turn.blocks[0]["type"] == "tool_result", reversed(turns)
    )
    kinds = {block["type"] for turn in loop for block in turn.blocks}
    return "tool_use" in kinds and not kinds & THINKING
