"""`thinking` and effort of a relayed body, as the model's record knows that it takes them."""

from typing import Any, Final

from translators.capabilities import EFFORT_TOKENS, ModelRecord, nearest_effort
from translators.dialect.inbound import Overlay
from translators.json_codec import JsonObject
from translators.notes import Report
from translators.splices import Body, Edit, cut, last, members, written

_BUDGETS: Final = {"low": 2048, "medium": 8192}
_LARGE: Final = 16_384
_LEAST: Final = 1024
_BY_BUDGET: Final = ((2048, "low"), (10_000, "medium"))
_NOT_TAKEN: Final = "this model does not take it so"

Config = JsonObject | None
"""The value of `thinking`; None: none is sent."""


def fit_thinking(
    body: Body, overlay: Overlay, record: ModelRecord, lost_reasoning: bool, report: Report
) -> None:
    """Edit what the persona sets and what the record knows to be refused; anything else stays."""
    given = body.value("thinking")
    if given is None and not body.has("output_config") and "reasoning_effort" not in overlay.values:
        return
    config: Config = given if given.__class__ is dict else None
    output = body.value("output_config")
    asked = output.get("effort") if output.__class__ is dict else None
    effort = overlay.values.get("reasoning_effort")
    wanted = config if effort is None else _of_persona(config, effort, record)
    level = asked if effort in (None, "none") else effort
    if (
        wanted is not None
        and wanted.get("type") == "enabled"
        and record.thinking.kind == "adaptive"
    ):
        level = level or _level(wanted.get("budget_tokens"))
    fitted = _fitted(wanted, level, record, body.value("max_tokens"))
    if lost_reasoning and fitted is not None and fitted.get("type") == "enabled":
        fitted = None
    if fitted != config:
        if fitted is None:
            body.cut("thinking")
        else:
            body.put("thinking", fitted)
        report.changed("thinking", _NOT_TAKEN if effort is None else "the persona says so")
    _fit_effort(body, asked, level, record, report)


def _of_persona(config: Config, effort: Any, record: ModelRecord) -> Config:
    """The configuration for the persona's effort."""
    if effort == "none":
        return {"type": "disabled"}
    kind = None if config is None else config.get("type")
    if kind == "enabled" and config is not None:
        return {**config, "budget_tokens": min(_tokens(config), _budget(effort))}
    if kind == "adaptive":
        return config
    if record.thinking.kind == "budget":
        return {"type": "enabled", "budget_tokens": _budget(effort)}
    return {"type": "adaptive"}


def _tokens(config: JsonObject) -> int:
    tokens = config.get("budget_tokens")
    return tokens if tokens.__class__ is int else _LARGE


def _budget(effort: Any) -> int:
    return max(_LEAST, EFFORT_TOKENS.get(effort, _LARGE))


def _level(budget: Any) -> str:
    if budget.__class__ is not int:
        return "high"
    return next((word for most, word in _BY_BUDGET if budget <= most), "high")


def _fitted(config: Config, level: Any, record: ModelRecord, limit: Any) -> Config:
    """What the model takes in place of a form that it is known to refuse."""
    if config is None:
        return None
    thinking = record.thinking
    match config.get("type"), thinking.kind:
        case (("adaptive" | "enabled"), "none"):
            return None
        case "adaptive", "budget":
            most = limit - 1 if limit.__class__ is int else _LARGE
            budget = min(_BUDGETS.get(level or "medium", _LARGE), most)
            return {"type": "enabled", "budget_tokens": budget} if budget >= _LEAST else None
        case "enabled", "adaptive":
            rest = {k: v for k, v in config.items() if k not in ("type", "budget_tokens")}
            return {"type": "adaptive", **rest}
        case (("disabled" | "between_tools"), _):
            return _off(config, thinking.switch_off)
    return config


def _off(config: JsonObject, switch_off: str) -> Config:
    if switch_off == config["type"] or switch_off == "omit":
        return config if config["type"] == "disabled" else None
    return {"type": switch_off} if switch_off in ("disabled", "between_tools") else None


def _fit_effort(body: Body, asked: Any, level: Any, record: ModelRecord, report: Report) -> None:
    levels = record.thinking.levels
    effort = nearest_effort(level, levels) if level is not None and levels else None
    if effort == asked:
        return
    member = body.get("output_config")
    if member is None or member.value.__class__ is not dict:
        if effort is not None:
            body.put("output_config", {"effort": effort})
        return
    inner = members(body.text, member.value_start)
    place = last(inner, "effort")
    if effort is None and place is not None:
        if len(member.value) == 1:
            body.cut("output_config")
        else:
            body.edits.append(cut(body.text, place.start, place.end))
    elif place is not None:
        body.edits.append(Edit(place.value_start, place.end, written(effort)))
    elif effort is not None:
        at = member.value_start + 1
        comma = "," if inner else ""
        body.edits.append(Edit(at, at, f'"effort":{written(effort)}{comma}'))
    report.changed("output_config.effort", _NOT_TAKEN)
