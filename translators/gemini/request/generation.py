"""generationConfig: the scalars of a chat request, held against the model's limits."""

from typing import Final, Literal

from translators.capabilities import ModelRecord
from translators.chat.ranges import without_limit
from translators.errors import InvalidRequest
from translators.gemini.speech import spoken
from translators.gemini.wire import GenerationConfig, Logprobs, Speaking
from translators.json_codec import JsonObject
from translators.notes import Report

_SAME: Final[dict[str, Literal["temperature", "topP", "presencePenalty", "frequencyPenalty"]]] = {
    "temperature": "temperature",
    "top_p": "topP",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
_RARE: Final = frozenset({*_SAME, "top_k", "n", "stop", "seed", "logprobs", "modalities"})
"""What most requests say nothing about."""
_TIERS: Final = {"default": "standard", "flex": "flex", "priority": "priority", "fast": "priority"}
_MAX_CANDIDATES: Final = 8
_INT32: Final = 0x7FFFFFFF


def generation_config(body: JsonObject, record: ModelRecord, report: Report) -> GenerationConfig:
    """The scalars. `body` holds only what the model supports. Raises InvalidRequest for several
    choices where there is one.
    """
    rare = not _RARE.isdisjoint(body)
    config: GenerationConfig = {}
    if rare:
        _set(config, body)
    if (limit := body.get("max_completion_tokens", body.get("max_tokens"))) is not None:
        limit = int(limit)
        if limit >= 1:
            config["maxOutputTokens"] = (
                limit
                if limit <= record.max_output_tokens
                else _clamped(limit, body, record, report)
            )
        else:
            without_limit(body, report.emulated)
    if rare:
        _shape(config, body, record, report)
    return config


def _set(config: GenerationConfig, body: JsonObject) -> None:
    for ours, theirs in _SAME.items():
        if ours in body:
            config[theirs] = body[ours]
    if "top_k" in body:
        config["topK"] = int(body["top_k"])


def _shape(config: GenerationConfig, body: JsonObject, record: ModelRecord, report: Report) -> None:
    if "n" in body and (count := body["n"]) > 1:
        config["candidateCount"] = _candidates(int(count), record)
    if "stop" in body and (stops := _stops(body["stop"])):
        config["stopSequences"] = stops
    if "seed" in body:
        config["seed"] = _seed(int(body["seed"]), report)
    if body.get("logprobs"):
        counted: Logprobs = config
        counted.update(_logprobs(body, record, report))
    if "modalities" in body:
        shown: Speaking = config
        shown.update(_modalities(body, record, report))


def service_tier(body: JsonObject, report: Report) -> str | None:
    """`serviceTier`. Auto is left out: Google has no such tier, and no other may be chosen for the
    caller.
    """
    tier = body["service_tier"]
    if tier == "auto":
        return None
    if tier not in _TIERS:
        report.dropped("service_tier", f"Google has no tier like {tier[:40]!r}")
    return _TIERS.get(tier)


def _clamped(limit: int, body: JsonObject, record: ModelRecord, report: Report) -> int:
    asked = "max_completion_tokens" if "max_completion_tokens" in body else "max_tokens"
    report.changed(asked, f"{limit} is more than the model's {record.max_output_tokens}")
    return record.max_output_tokens


def _candidates(count: int, record: ModelRecord) -> int:
    if not record.can("multiple_choices"):
        raise InvalidRequest("This model gives one choice only.", "n", "unsupported_value")
    if count > _MAX_CANDIDATES:
        raise InvalidRequest(
            f"This model gives at most {_MAX_CANDIDATES} choices.", "n", "unsupported_value"
        )
    return count


def _stops(stop: str | list[str]) -> list[str]:
    return [s for s in ([stop] if isinstance(stop, str) else stop) if s]


def _seed(seed: int, report: Report) -> int:
    if -_INT32 - 1 <= seed <= _INT32:
        return seed
    report.changed("seed", f"Gemini takes 32 bits: {seed & _INT32} stands for it")
    return seed & _INT32


def _logprobs(body: JsonObject, record: ModelRecord, report: Report) -> Logprobs:
    top = int(body.get("top_logprobs", 0))
    if record.can("logprobs"):
        return {"responseLogprobs": True, "logprobs": max(top, 1)}
    report.dropped("logprobs", "this model gives no log probabilities")
    if top:
        report.dropped("top_logprobs", "this model gives no log probabilities")
    return {}


def _modalities(body: JsonObject, record: ModelRecord, report: Report) -> Speaking:
    modalities: list[str] = body["modalities"]
    for modality in modalities:
        if modality not in ("text", "image", "audio"):
            raise InvalidRequest(
                f"This provider does not answer with {modality[:40]!r}.",
                "modalities",
                "unsupported_value",
            )
    if "audio" in modalities:
        if "image" in modalities:
            raise InvalidRequest(
                "This provider does not draw and speak in one answer.",
                "modalities",
                "unsupported_value",
            )
        return spoken(body.get("audio"), record, report)
    if "image" not in modalities:
        return {}
    if not record.can("image_output"):
        raise InvalidRequest("This model does not draw.", "modalities", "unsupported_value")
    return {"responseModalities": ["TEXT", "IMAGE"]}
