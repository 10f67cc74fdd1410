"""What a persona and a model's record change in a relayed body: instruction and
generationConfig."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from translators.capabilities import EFFORTS, Effort, ModelRecord, Thinking
from translators.dialect.inbound import Overlay
from translators.gemini.inbound.generation import AT, HUB_NAMES
from translators.gemini.inbound.normalization import camel_case
from translators.gemini.inbound.values import read_number
from translators.gemini.request.thinking import Wish, thinking_config
from translators.json_codec import JsonObject, dumps_str
from translators.notes import Note, Report
from translators.splices import (
    Edit,
    Member,
    cut_all,
    elements,
    known_text,
    members,
    only_value,
    skip_space,
    written,
)

_NAMES: Final = {
    **{hub: at.rpartition(".")[2] for hub, at in HUB_NAMES.items()},
    "max_tokens": "maxOutputTokens",
    "n": "candidateCount",
    "stop": "stopSequences",
}
"""The hub's parameters by their names in generationConfig."""
_HUB: Final = {theirs: hub for hub, theirs in _NAMES.items() if hub != "max_tokens"}
_SAMPLING: Final = frozenset({"temperature", "top_p", "top_k"})
_THINKING: Final = "thinkingConfig"


def added_members(
    text: str, at: int, found: list[Member], gone: int, added: Mapping[str, Any]
) -> list[Edit]:
    """Edits that put members at the beginning of the object at `at`, of whose members so many
    go."""
    if not added:
        return []
    written = ",".join([f"{dumps_str(name)}:{dumps_str(value)}" for name, value in added.items()])
    if found:
        return [
            Edit(found[0].start, found[0].start, f"{written}," if len(found) > gone else written)
        ]
    inside = skip_space(text, at) + 1
    return [Edit(inside, inside, written)]


def instruction_edits(
    text: str, member: Member | None, overlay: Overlay, added: dict[str, Any]
) -> list[Edit]:
    """The persona's instruction, before the caller's own, in place of it, or only where it is."""
    prompt = {"text": overlay.system_prompt}
    if member is None or member.value in (None, "", {}, []):
        if member is None:
            added["systemInstruction"] = {"parts": [prompt]}
            return []
        return [_replaced(member, {"parts": [prompt]})]
    if overlay.system_prompt_mode == "default":
        return []
    if overlay.system_prompt_mode == "replace":
        return [_replaced(member, {"parts": [prompt]})]
    if member.value.__class__ is dict:
        inner = next(
            (each for each in members(text, member.value_start) if each.name == "parts"), None
        )
        if inner is not None and inner.value.__class__ is list:
            listed = elements(text, inner.value_start)
            place = listed[0].start if listed else skip_space(text, inner.value_start) + 1
            return [Edit(place, place, dumps_str(prompt) + ("," if listed else ""))]
        own = inner.value if inner is not None else member.value
    else:
        own = member.value
    parts = own if own.__class__ is list else [own]
    told = [{"text": part} if part.__class__ is str else part for part in parts]
    return [_replaced(member, {"parts": [prompt, *told]})]


def generation_edits(
    text: str,
    member: Member | None,
    overlay: Overlay,
    record: ModelRecord,
    added: dict[str, Any],
    report: Report,
) -> list[Edit]:
    """The persona's parameters, and those that the model does not take."""
    given = member is not None and member.value.__class__ is dict
    found = members(text, member.value_start) if given and member is not None else []
    config = {camel_case(each.name): each for each in found}
    values = _overlaid(overlay, config, record, report)
    gone: list[int] = []
    edits: list[Edit] = []
    for i, each in enumerate(found):
        name = camel_case(each.name)
        if name in values:
            edits.append(_replaced(each, values.pop(name)))
        elif _is_refused(name, each, overlay, record, report):
            gone.append(i)
        elif name == "maxOutputTokens" and _exceeds(each.value, record.max_output_tokens):
            most = record.max_output_tokens
            report.changed(f"{AT}.{name}", f"{each.value} is more than the model's {most}")
            edits.append(_replaced(each, most))
        elif name == _THINKING and (held := _held_thinking(each, record, report)) is not None:
            edits += [_replaced(each, held)] if held else []
            gone += [] if held else [i]
    edits += cut_all(text, found, gone)
    if not values:
        return edits
    if member is None:
        added[AT] = values
        return edits
    return (
        [*edits, *added_members(text, member.value_start, found, len(gone), values)]
        if given
        else [_replaced(member, values)]
    )


def with_additions(
    text: str,
    document: Mapping[str, Any],
    overlay: Overlay,
    record: ModelRecord,
    report: Report,
) -> str | None:
    """The text with what the persona says and the caller does not, which says nothing that the
    model does not take (see `keeps_settings`). None where the persona edits what the caller wrote,
    or its place is not quickly found.
    """
    first = ""
    if overlay.system_prompt is not None:
        if "systemInstruction" in document:
            return None
        first = f'"systemInstruction":{{"parts":[{{"text":{known_text(overlay.system_prompt)}}}]}},'
    at, values = None, JsonObject()
    if overlay.values:
        config = document.get(AT)
        at = only_value(text, AT) if config else None
        if config is None or at is None:
            return None
        values = _overlaid(overlay, {}, record, report)
        if not values.keys().isdisjoint(config):
            return None
    begin = 1 if text.startswith('{"') else skip_space(text, skip_space(text, 0) + 1)
    if at is None or not values:
        return f"{text[:begin]}{first}{text[begin:]}"
    inside = at + 1 if text.startswith('{"', at) else skip_space(text, at + 1)
    settings = written(values)[1:-1]
    return f"{text[:begin]}{first}{text[begin:inside]}{settings},{text[inside:]}"


def keeps_settings(config: Any, record: ModelRecord) -> bool:
    """Whether a model takes everything in a generationConfig as it is, as far as is quickly
    told."""
    if config is None:
        return True
    if config.__class__ is not dict or _THINKING in config:
        return False
    if _exceeds(config.get("maxOutputTokens"), record.max_output_tokens):
        return False
    return not [name for name in config if name in _HUB and _refuses(_HUB[name], record)]


def _overlaid(
    overlay: Overlay, config: Mapping[str, Member], record: ModelRecord, report: Report
) -> JsonObject:
    """What the persona sets, in the words of generationConfig."""
    values: JsonObject = {}
    for hub, value in overlay.values.items():
        if (name := _NAMES.get(hub)) is not None:
            if not _refuses(hub, record):
                values[name] = [value] if hub == "stop" and value.__class__ is str else value
        elif hub == "reasoning_effort":
            thinking = _thinking_for(value, config.get(_THINKING), record, report)
            if thinking is not None:
                values[_THINKING] = thinking
    most = record.max_output_tokens
    if _exceeds(values.get("maxOutputTokens"), most):
        values["maxOutputTokens"] = most
    return values


def _thinking_for(
    effort: Any, member: Member | None, record: ModelRecord, report: Report
) -> JsonObject | None:
    if effort not in EFFORTS:
        return None
    shown = False
    if member is not None and member.value.__class__ is dict:
        own = {camel_case(name): value for name, value in member.value.items()}
        shown = own.get("includeThoughts") is True
    made, notes = _thinking_of(effort, shown, record.thinking)
    report.notes += notes
    return made


@lru_cache(maxsize=256)  # the models of a configuration are few, and nobody changes what is made
def _thinking_of(
    effort: Effort, shown: bool, thinking: Thinking
) -> tuple[JsonObject | None, tuple[Note, ...]]:
    """What the model is told, and what is to be told of it."""
    report = Report()
    made = thinking_config(Wish(effort, include_thoughts=shown), thinking, report)
    return None if made is None else dict(made), tuple(report.notes)


def _refuses(hub: str, record: ModelRecord) -> bool:
    return hub in record.unsupported or (hub in _SAMPLING and record.sampling != "full")


def _is_refused(
    name: str, member: Member, overlay: Overlay, record: ModelRecord, report: Report
) -> bool:
    hub = _HUB.get(name)
    if hub is None or member.value is None:
        return False
    if _refuses(hub, record):
        report.dropped(f"{AT}.{name}", "this model does not take it")
        return True
    return hub in overlay.removed


def _exceeds(value: Any, most: int) -> bool:
    if value.__class__ is int:
        return bool(value > most)
    number = read_number(value)
    return number.__class__ in (int, float) and number > most


def _held_thinking(member: Member, record: ModelRecord, report: Report) -> JsonObject | None:
    """The nearest that the model takes; `{}` if it takes none, None where it takes what is
    asked."""
    if member.value.__class__ is not dict:
        return None
    own = {camel_case(name): value for name, value in member.value.items()}
    level = own.get("thinkingLevel")
    kind, thinking = record.thinking.kind, record.thinking
    if kind == "none":
        report.dropped(f"{AT}.{_THINKING}", "this model does not reason")
        return {}
    if level.__class__ is not str or level.lower() not in EFFORTS:
        return None
    effort: Effort = EFFORTS[EFFORTS.index(level.lower())]
    if kind == "level" and (effort in thinking.levels or not thinking.levels):
        return None
    wish = Wish(effort, None, own.get("includeThoughts") is True, f"{AT}.{_THINKING}.thinkingLevel")
    made = thinking_config(wish, thinking, report)
    return {} if made is None else dict(made)


def _replaced(member: Member, value: Any) -> Edit:
    return Edit(member.value_start, member.end, dumps_str(value))
