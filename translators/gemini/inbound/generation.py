"""`generationConfig` as the hub's parameters."""

from collections.abc import Callable
from typing import Any, Final

from translators.chat.stop_sequences import OwnSequences
from translators.chat.validation_errors import not_one_of, wrong_type
from translators.errors import InvalidRequest
from translators.gemini.inbound.losses import Found
from translators.gemini.inbound.parts import DETAILS
from translators.gemini.inbound.schema import json_schema
from translators.gemini.inbound.values import array, flag, integer, number, record, strings, word
from translators.json_codec import JsonObject

AT: Final = "generationConfig"
_Read = Callable[[JsonObject, str, str], Any]
SCALARS: Final[dict[str, tuple[str, _Read]]] = {
    "temperature": ("temperature", number),
    "topP": ("top_p", number),
    "topK": ("top_k", integer),
    "seed": ("seed", integer),
    "presencePenalty": ("presence_penalty", number),
    "frequencyPenalty": ("frequency_penalty", number),
    "maxOutputTokens": ("max_completion_tokens", integer),
}
"""By their names here: the hub's name, and what reads the value."""
HUB_NAMES: Final = {hub: f"{AT}.{name}" for name, (hub, _) in SCALARS.items()}
_NATIVE: Final = frozenset({"responseFormat", "speechConfig", "imageConfig", "translationConfig"})
"""They change the kind of answer."""
_LOST: Final = frozenset({
    "audioTimestamp", "audioTranscriptionConfig", "enableEnhancedCivicAnswers",
    "enableAffectiveDialog", "routingConfig", "modelSelectionConfig", "modelConfig",
})  # fmt: skip
_SCHEMAS: Final = ("responseSchema", "responseJsonSchema")
_MOST_STOPS: Final = 5
_LEVELS: Final = {
    "MINIMAL": "minimal", "LOW": "low", "MEDIUM": "medium", "HIGH": "high", "XHIGH": "xhigh",
}  # fmt: skip
_UNSAID: Final = "THINKING_LEVEL_UNSPECIFIED"
_EFFORTS: Final = ((1024, "minimal"), (2048, "low"), (10_000, "medium"), (16_384, "high"))
"""Up to which budget, which effort."""
_KNOWN: Final = frozenset({
    *SCALARS, *_NATIVE, *_LOST, *_SCHEMAS, "candidateCount", "stopSequences", "responseMimeType",
    "responseLogprobs", "logprobs", "responseModalities", "thinkingConfig", "mediaResolution",
})  # fmt: skip


def parameters_of(config: JsonObject, found: Found) -> JsonObject:
    """The hub's parameters that `generationConfig` asks for. Raises InvalidRequest."""
    made: JsonObject = {}
    for name, value in config.items():
        if value is None:
            continue
        if (scalar := SCALARS.get(name)) is not None:
            hub, read = scalar
            made[hub] = read(config, name, AT)
        elif name in _NATIVE:
            found.native(f"{AT}.{name}")
        elif name in _LOST:
            found.dropped(f"{AT}.{name}", "only Gemini can be told so")
        elif name not in _KNOWN:
            found.unknown(f"{AT}.{name}", name)
    if SCALARS.keys() >= config.keys():
        return made
    if (count := integer(config, "candidateCount", AT)) is not None and count != 1:
        made["n"] = count
    for part in (
        _stop(config),
        _form(config, found),
        _logprobs(config),
        _modalities(config, found),
    ):
        made.update(part)
    made.update(_thinking(config, found))
    return made


def detail_of(config: JsonObject) -> str | None:
    """`low` or `high` for every picture, if it is said."""
    return DETAILS.get(word(config, "mediaResolution", AT) or "")


def _stop(config: JsonObject) -> JsonObject:
    sequences = [sequence for sequence in strings(config, "stopSequences", AT) if sequence]
    if len(sequences) > _MOST_STOPS:
        rule = f"expected at most {_MOST_STOPS} stop sequences, but got {len(sequences)}"
        at = f"{AT}.stopSequences"
        raise InvalidRequest(f"Invalid '{at}': {rule}.", at, "array_above_max_length")
    return {"stop": OwnSequences(sequences)} if sequences else {}


def _form(config: JsonObject, found: Found) -> JsonObject:
    kind = config.get("responseMimeType")
    if kind is not None and kind.__class__ is not str:
        raise wrong_type(f"{AT}.responseMimeType", "a string", kind)
    schemas = [(name, config[name]) for name in _SCHEMAS if config.get(name) is not None]
    if len(schemas) > 1:
        rule = "Only one of response_schema and response_json_schema may be set."
        raise InvalidRequest(rule, f"{AT}.{schemas[1][0]}", "invalid_value")
    if kind == "text/x.enum":
        found.native(f"{AT}.responseMimeType")
        return {}
    if kind not in (None, "", "text/plain", "application/json"):
        allowed = ("text/plain", "application/json", "text/x.enum")
        raise not_one_of(f"{AT}.responseMimeType", kind, allowed)
    for name, schema in schemas:
        if schema.__class__ is not dict:
            raise wrong_type(f"{AT}.{name}", "an object", schema)
        described = {"name": "response", "schema": json_schema(schema), "strict": False}
        return {"response_format": {"type": "json_schema", "json_schema": described}}
    return {"response_format": {"type": "json_object"}} if kind == "application/json" else {}


def _logprobs(config: JsonObject) -> JsonObject:
    if not flag(config, "responseLogprobs", AT):
        return {}
    most = integer(config, "logprobs", AT)
    return {"logprobs": True} if most is None else {"logprobs": True, "top_logprobs": most}


def _modalities(config: JsonObject, found: Found) -> JsonObject:
    named = [str(modality).upper() for modality in array(config, "responseModalities", AT)]
    if "AUDIO" in named:
        found.native(f"{AT}.responseModalities")
        return {}
    if "IMAGE" not in named:
        return {}
    return {"modalities": [name.lower() for name in named if name in ("TEXT", "IMAGE")]}


def _thinking(config: JsonObject, found: Found) -> JsonObject:
    at = f"{AT}.thinkingConfig"
    thinking = record(config, "thinkingConfig", AT) or {}
    found.shows_thoughts = flag(thinking, "includeThoughts", at) is True
    for name in thinking:
        if name not in ("thinkingLevel", "thinkingBudget", "includeThoughts"):
            found.unknown(f"{at}.{name}", name)
    level, budget = word(thinking, "thinkingLevel", at), integer(thinking, "thinkingBudget", at)
    effort: str | None = None
    if level is not None and level != _UNSAID:
        effort = _LEVELS.get(level)
        if effort is None:
            raise not_one_of(f"{at}.thinkingLevel", level, tuple(_LEVELS))
    elif budget is not None:
        effort = _effort(budget)
    made: JsonObject = {} if effort is None else {"reasoning_effort": effort}
    if found.shows_thoughts:
        shown = {"summary": "auto"}
        made["reasoning"] = shown if effort is None else {"effort": effort, **shown}
    return made


def _effort(budget: int) -> str | None:
    """None for a budget below 0: the model decides."""
    if budget <= 0:
        return "none" if budget == 0 else None
    return next((effort for most, effort in _EFFORTS if budget <= most), "xhigh")
