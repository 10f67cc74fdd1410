"""How hard the model is to reason, and the sampling that it refuses meanwhile."""

from typing import Final

from translators.capabilities import EFFORTS, ModelRecord, effort_in, nearest_effort
from translators.chat.parameters import NO_OPS
from translators.notes import Report
from translators.openai.wire import RequestBody

SAMPLING: Final = (
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
)
"""What GPT-5 and later refuse while they reason."""
_NONE: Final = ("none", "default")
"""Efforts that ask for nothing which a model that does not reason would lack."""


def settle_reasoning(body: RequestBody, record: ModelRecord, report: Report) -> None:
    """Say in `body`, a copy of the caller's, how the model is to reason in the words it takes."""
    if "reasoning" in body and record.ranges == "openai":
        _read_reasoning(body, report)
    _choose_effort(body, record, report)


def _read_reasoning(body: RequestBody, report: Report) -> None:
    """`reasoning` as OpenRouter has it, in this API's words; `reasoning_effort` wins if both are
    given.
    """
    reasoning = body.pop("reasoning")
    if not reasoning:
        return
    effort = effort_in(reasoning)
    if effort is not None:
        body.setdefault("reasoning_effort", effort)
    for name, value in reasoning.items():
        if value and not (name == "enabled" or (name == "effort" and effort is not None)):
            report.dropped(f"reasoning.{name}", "this API takes an effort only")


def _choose_effort(body: RequestBody, record: ModelRecord, report: Report) -> None:
    """Snap reasoning_effort to the model's levels, switch reasoning off where tools demand it, drop
    sampling where reasoning forbids it.

    A word that is none of the hub's efforts is the server's own, and is left as it is.
    """
    thinking = record.thinking
    asked = body.get("reasoning_effort")
    if asked is not None and thinking.kind != "effort":
        del body["reasoning_effort"]
        if asked not in _NONE:
            report.dropped("reasoning_effort", "this model does not reason")
        return
    if asked is not None and asked in EFFORTS:
        taken = nearest_effort(asked, thinking.levels)
        if taken != asked:
            report.changed("reasoning_effort", f"this model takes {taken!r}, not {asked!r}")
            body["reasoning_effort"] = taken
    active = body.get("reasoning_effort", "" if thinking.on_by_default else "none") != "none"
    if active and record.tools_with_reasoning == "effort_none" and _has_function_tools(body):
        if asked is not None:
            report.changed(
                "reasoning_effort",
                "on Chat Completions this model calls function tools only without reasoning",
            )
        else:
            report.emulated(
                "reasoning_effort",
                "set to 'none': on Chat Completions this model calls function tools only without"
                " reasoning",
            )
        body["reasoning_effort"] = "none"
        active = False
    if record.sampling == "refused" or (record.sampling == "unless_reasoning" and active):
        drop(body, SAMPLING, report, "this model refuses it while it reasons")


def _has_function_tools(body: RequestBody) -> bool:
    return bool(body.get("functions")) or any(
        tool.get("type") == "function" for tool in body.get("tools") or ()
    )


def drop(body: RequestBody, names: tuple[str, ...] | list[str], report: Report, why: str) -> None:
    """Take parameters out of `body`; those that ask for what every server does anyway are no
    loss."""
    for name in names:
        if name in body:
            value = body.pop(name)
            if value not in NO_OPS.get(name, ()):
                report.dropped(name, why)
