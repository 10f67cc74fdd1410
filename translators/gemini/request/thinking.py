"""How a caller's wish for reasoning becomes a thinkingConfig: a token budget or a level, as the
model takes it, never both.
"""

from dataclasses import dataclass
from typing import Final

from translators.capabilities import EFFORTS, Effort, Thinking
from translators.errors import InvalidRequest
from translators.gemini.wire import ThinkingConfig
from translators.json_codec import JsonObject
from translators.notes import Report

_BUDGETS: Final[dict[Effort, int]] = {
    "minimal": 512, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 32768,
}  # fmt: skip
"""Tokens that stand for an effort, as Google's own compatible endpoint has them; before the model's
limits."""

DYNAMIC: Final = -1
"""The budget that leaves the choice to the model."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller asks for, an effort or a budget, and the name of the parameter it came
    from."""

    effort: Effort | None = None
    budget: int | None = None
    include_thoughts: bool = False
    param: str = "reasoning_effort"


def thinking_config(wish: Wish, thinking: Thinking, report: Report) -> ThinkingConfig | None:
    """`generationConfig.thinkingConfig`, or None to send nothing: the model then reasons as it does
    by default.
    """
    config: ThinkingConfig = {}
    match thinking.kind:
        case "budget":
            config = _budget(wish, thinking, report)
        case "level":
            config = _level(wish, thinking, report)
        case _:
            if wish.effort not in (None, "none") or wish.budget not in (None, 0):
                report.dropped(wish.param, "this model does not reason")
            return None
    if wish.include_thoughts:
        config["includeThoughts"] = True
    return config or None


def _budget(wish: Wish, thinking: Thinking, report: Report) -> ThinkingConfig:
    if wish.budget is not None:
        wanted = wish.budget
    elif wish.effort is None:
        return {}
    elif wish.effort == "none":
        wanted = 0
    elif wish.effort == "minimal" and thinking.min_budget:
        wanted = thinking.min_budget
    else:
        wanted = _BUDGETS[wish.effort]
    given = _within_limits(wanted, thinking)
    if given != wanted:
        report.changed(
            wish.param,
            f"this model reasons with {thinking.min_budget} to {thinking.max_budget} tokens:"
            f" {given} stands for it",
        )
    return {"thinkingBudget": given}


def _within_limits(budget: int, thinking: Thinking) -> int:
    if budget == DYNAMIC or (budget == 0 and thinking.switch_off == "zero"):
        return budget
    return max(thinking.min_budget, min(budget, thinking.max_budget))


def _level(wish: Wish, thinking: Thinking, report: Report) -> ThinkingConfig:
    if wish.budget == DYNAMIC:
        return {}
    asked = _effort_of(wish.budget) if wish.budget is not None else wish.effort
    if asked is None:
        return {}
    if asked == "none" and thinking.switch_off == "zero":
        return {"thinkingBudget": 0}
    if not thinking.levels:
        report.dropped(wish.param, "this model reasons as it likes")
        return {}
    given = nearest_level(asked, thinking.levels)
    if given != asked or wish.budget is not None:
        report.changed(
            wish.param, f"this model takes a level of reasoning: {given!r} stands for it"
        )
    return {"thinkingLevel": given.upper()}


def _effort_of(budget: int) -> Effort:
    """The weakest effort that reaches a budget."""
    if budget == 0:
        return "none"
    return next(
        (effort for effort, tokens in _BUDGETS.items() if budget <= tokens and effort != "minimal"),
        "high",
    )


def nearest_level(asked: Effort, levels: tuple[Effort, ...]) -> Effort:
    """`asked` if the model has it, else the nearest; of two equally near the stronger one."""
    rank = EFFORTS.index(asked)
    return min(levels, key=lambda level: (abs(EFFORTS.index(level) - rank), -EFFORTS.index(level)))


def wish_of(effort: Effort | None, config: JsonObject | None) -> Wish | None:
    """The caller's wish, from `reasoning_effort` and Google's own `thinking_config`, which wins;
    None without one. Raises InvalidRequest.

    Thoughts are shown to a caller who asked for an effort, or for the thoughts themselves.
    """
    if effort is None and config is None:
        return None
    at = "google.thinking_config"
    shown = effort not in (None, "none")
    if config is None:
        return Wish(effort, include_thoughts=shown)
    include = config.get("include_thoughts")
    if include is not None:
        if include.__class__ is not bool:
            raise InvalidRequest(
                f"Invalid type for '{at}.include_thoughts': expected a boolean.",
                f"{at}.include_thoughts",
                "invalid_type",
            )
        shown = include
    budget, level = config.get("thinking_budget"), config.get("thinking_level")
    if budget is not None and level is not None:
        raise InvalidRequest(
            "'thinking_budget' and 'thinking_level' cannot be given together.", at, "invalid_value"
        )
    if budget is not None:
        if budget.__class__ is not int or budget < DYNAMIC:
            raise InvalidRequest(
                f"Invalid '{at}.thinking_budget': expected -1, 0 or more.",
                f"{at}.thinking_budget",
                "invalid_value",
            )
        return Wish(budget=budget, include_thoughts=shown, param=f"{at}.thinking_budget")
    if level is not None:
        name = str(level).lower()
        if name not in EFFORTS[1:]:
            raise InvalidRequest(
                f"Invalid value: {str(level)[:40]!r} is no thinking level.",
                f"{at}.thinking_level",
                "invalid_value",
            )
        return Wish(
            EFFORTS[EFFORTS.index(name)], include_thoughts=shown, param=f"{at}.thinking_level"
        )
    return Wish(effort, include_thoughts=shown)
