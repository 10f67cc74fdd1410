"""A persona's limits on reasoning, laid on every form in which a caller can ask for it beside `reasoning_effort`."""

from collections.abc import Mapping
from typing import Any, Final

from translators.dialect import EFFORT_TOKENS, EFFORTS, Effort, Report

_OFTEN: Final = EFFORTS.index("high")
"""What models do who are told to reason, and not how much: a limit below must be told to them."""
_OFF: Final = ("disabled", "between_tools")


def hold_reasoning(body: dict[str, Any], caps: Mapping[str, Any], report: Report) -> None:
    """Hold `thinking`, `reasoning` and Google's `thinking_config` in `body` to `caps`; `body` is changed, the objects in it are not.

    A budget is held to the tokens that stand for the effort, and to the answer's own limit.
    """
    effort: Effort | None = caps.get("reasoning_effort")
    max_tokens: int | None = caps.get("max_tokens", caps.get("max_completion_tokens"))
    if effort == "none":
        _switch_off(body, report)
        return
    most = min((n for n in (EFFORT_TOKENS[effort] if effort is not None else None, max_tokens) if n is not None), default=None)
    if most is None:
        return
    if (thinking := body.get("thinking")).__class__ is dict:
        body["thinking"] = _held(thinking, "thinking.budget_tokens", most, report)
        unsaid = thinking.get("type") not in _OFF and thinking.get("budget_tokens") is None and body.get("reasoning_effort") is None
        if effort is not None and unsaid and EFFORTS.index(effort) < _OFTEN:
            body["reasoning_effort"] = effort
            report.changed("thinking", _limit(effort))
    if (reasoning := body.get("reasoning")).__class__ is dict and reasoning:
        body["reasoning"] = _hold_effort(_held(reasoning, "reasoning.max_tokens", most, report), effort, report)
    for holder, at in _google(body):
        holder["thinking_config"] = _hold_google(holder["thinking_config"], at, effort, most, report)


def _limit(value: object) -> str:
    return f"the persona's limit is {value}"


def _held(asked: dict[str, Any], param: str, most: int, report: Report) -> dict[str, Any]:
    """`asked` with the budget in it held to `most`."""
    name = param.rpartition(".")[2]
    budget = asked.get(name)
    unlimited = budget == -1 and not param.endswith("thinking_budget")  # Google's own is held by `_hold_google`
    if budget.__class__ not in (int, float) or (budget <= most and not unlimited):
        return asked
    report.changed(param, _limit(most))
    return {**asked, name: most}


def _hold_effort(reasoning: dict[str, Any], effort: Effort | None, report: Report) -> dict[str, Any]:
    if effort is None or reasoning.get("enabled") is False:
        return reasoning
    asked = reasoning.get("effort")
    unsaid = asked is None and reasoning.get("max_tokens") is None and EFFORTS.index(effort) < _OFTEN
    unknown = asked is not None and asked not in EFFORTS  # a server's own word, which may mean any effort
    if unsaid or unknown or (asked is not None and EFFORTS.index(asked) > EFFORTS.index(effort)):
        report.changed("reasoning.effort", _limit(effort))
        return {**reasoning, "effort": effort}
    return reasoning


def _hold_google(config: dict[str, Any], at: str, effort: Effort | None, most: int, report: Report) -> dict[str, Any]:
    config = _held(config, f"{at}.thinking_budget", most, report)
    if effort is None:
        return config
    level = str(config.get("thinking_level")).lower()
    if level in EFFORTS and EFFORTS.index(level) > EFFORTS.index(effort):
        report.changed(f"{at}.thinking_level", _limit(effort))
        return {**config, "thinking_level": effort}
    if config.get("thinking_budget") == -1:  # as much as the model likes
        report.changed(f"{at}.thinking_budget", _limit(most))
        return {**config, "thinking_budget": most}
    return config


def _google(body: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """The objects with a `thinking_config`, copied into `body` so that they may be changed, each with the path of the config."""
    found: list[tuple[dict[str, Any], str]] = []
    places = [(body, "google", "google")]
    if (extra := body.get("extra_body")).__class__ is dict:
        body["extra_body"] = extra = dict(extra)
        places.append((extra, "google", "extra_body.google"))
    for owner, name, at in places:
        google = owner.get(name)
        if google.__class__ is dict and google.get("thinking_config").__class__ is dict:
            owner[name] = copied = dict(google)
            found.append((copied, f"{at}.thinking_config"))
    return found


def _switch_off(body: dict[str, Any], report: Report) -> None:
    """No reasoning at all: other forms go, and `reasoning_effort` says it for every dialect."""
    asked = [name for name in ("thinking", "reasoning") if body.get(name) is not None]
    for name in asked:
        del body[name]
        report.changed(name, _limit("none"))
    for holder, at in _google(body):
        del holder["thinking_config"]
        asked.append(at)
        report.changed(at, _limit("none"))
    if asked:
        body["reasoning_effort"] = "none"
