"""How much the model is to reason, and whether it says what it thought."""

from dataclasses import dataclass
from typing import Final

from translators.capabilities import Effort, effort_in, nearest_effort
from translators.json_codec import JsonObject
from translators.responses.request.context import Translation
from translators.responses.wire import ReasoningConfig

SUMMARIES: Final = ("auto", "concise", "detailed")


@dataclass(frozen=True, slots=True)
class Plan:
    """`sent` is the request's `reasoning`; `active` whether the model reasons, told to or by
    itself.
    """

    sent: ReasoningConfig | None
    active: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    param: str
    effort: Effort | None = None
    summary: str | None = None


_BY_ITSELF: Final = Plan(None, True)
_NOT_AT_ALL: Final = Plan(None, False)


def plan_reasoning(body: JsonObject, translation: Translation) -> Plan:
    """`reasoning_effort`, else `reasoning` as OpenRouter has it, held against the efforts the model
    takes.
    """
    thinking, report = translation.record.thinking, translation.report
    if (
        "reasoning_effort" not in body and "reasoning" not in body
    ):  # as in most requests: there is nothing to weigh
        return _BY_ITSELF if thinking.kind == "effort" and thinking.on_by_default else _NOT_AT_ALL
    asked = _read(body, translation)
    if thinking.kind != "effort":
        if asked.effort not in (None, "none") or asked.summary is not None:
            report.dropped(asked.param, "this model does not reason")
        return Plan(None, False)
    effort = asked.effort
    if effort is not None:
        effort = nearest_effort(effort, thinking.levels)
        if effort != asked.effort:
            report.changed(asked.param, f"this model takes {effort!r}, not {asked.effort!r}")
    active = thinking.on_by_default if effort is None else effort != "none"
    sent: ReasoningConfig = {}
    if effort is not None:
        sent["effort"] = effort
    if active and asked.summary is not None:
        sent["summary"] = asked.summary
    return Plan(sent or None, active)


def _read(body: JsonObject, translation: Translation) -> _Asked:
    """Who asks for an effort gets a summary of the reasoning, unless it is to be hidden."""
    effort, reasoning = body.get("reasoning_effort"), body.get("reasoning") or {}
    param = "reasoning_effort"
    if effort is None and reasoning:
        effort, param = effort_in(reasoning), "reasoning"
        if reasoning.get("max_tokens") is not None:
            translation.report.dropped(
                "reasoning.max_tokens", "OpenAI takes no budget for reasoning"
            )
    wanted = reasoning.get("summary")
    summary = (
        wanted
        if wanted in SUMMARIES
        else "auto"
        if effort not in (None, "none") or reasoning.get("enabled") is True
        else None
    )
    return _Asked(param, effort, None if reasoning.get("exclude") is True else summary)
