"""A message of the hub's as a Candidate, and its usage as usageMetadata."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from translators.gemini.inbound.signatures import sealed_signature
from translators.json_codec import JsonObject, loads

_REASONS: Final = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "function_call": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
}
_MALFORMED: Final = "MALFORMED_FUNCTION_CALL"


def finish_reason(reason: str | None, *, refused: bool = False) -> str:
    """Gemini says STOP of calls, too."""
    return "SAFETY" if refused else _REASONS.get(reason or "", "OTHER")


def whole_candidate(choice: Mapping[str, Any], target: str, shows_thoughts: bool) -> JsonObject:
    """The candidate for one choice of a whole answer."""
    message = choice["message"]
    parts: list[JsonObject] = []
    if shows_thoughts and message.get("reasoning_content"):
        parts.append({"text": message["reasoning_content"], "thought": True})
    text, refusal = message.get("content") or "", message.get("refusal") or ""
    parts += [{"text": said} for said in (text, refusal) if said]
    parts += image_parts(message.get("images"))
    return last_candidate(choice, target, parts, text=text, refused=bool(refusal))


def last_candidate(
    choice: Mapping[str, Any], target: str, parts: list[JsonObject], *, text: str, refused: bool
) -> JsonObject:
    """A candidate with all that is told at the end: calls, signed reasoning and why it ended.

    `choice`: with the message as it was gathered. `parts`: what is shown before; `text`: of the
    whole answer. There is always a part: a frame without one empties the history that clients keep.
    """
    message = choice["message"]
    reason, told = finish_reason(choice.get("finish_reason"), refused=refused), None
    calls, broken = _call_parts(message.get("tool_calls") or ())
    if broken is not None:
        calls = []
        told = f"The arguments of {broken} are not a JSON object."
        reason = reason if reason == "MAX_TOKENS" else _MALFORMED
    signature = sealed_signature(message, target)
    parts += calls
    if signature is not None and calls:
        calls[0]["thoughtSignature"] = signature
    elif signature is not None:
        parts.append({"text": "", "thoughtSignature": signature})
    if not parts:
        parts.append({"text": ""})
    candidate: JsonObject = {"content": {"parts": parts, "role": "model"}, "finishReason": reason}
    candidate["index"] = choice["index"]
    if told is not None:
        candidate["finishMessage"] = told
    if (logprobs := choice.get("logprobs")) and logprobs.get("content"):
        candidate["logprobsResult"] = _logprobs(logprobs["content"])
    if annotations := message.get("annotations"):
        grounding = grounding_metadata(annotations, text)
        if grounding:
            candidate["groundingMetadata"] = grounding
    return candidate


def _call_parts(calls: Sequence[Mapping[str, Any]]) -> tuple[list[JsonObject], str | None]:
    """A part for each call, or the name of one whose arguments are no JSON object."""
    parts: list[JsonObject] = []
    for call in calls:
        function = call.get("function") or {}
        name = function.get("name") or ""
        arguments = _arguments(function.get("arguments"))
        if arguments is None:
            return [], name
        made: JsonObject = {"id": call["id"]} if call.get("id") else {}
        parts.append({"functionCall": {**made, "name": name, "args": arguments}})
    return parts, None


def _arguments(written: Any) -> JsonObject | None:
    if not written:
        return {}
    try:
        read = loads(written) if written.__class__ is str else written
    except ValueError:
        return None
    return read if read.__class__ is dict else None


def image_parts(images: Iterable[Mapping[str, Any]] | None) -> list[JsonObject]:
    """Pictures that the model drew; only such as are in the answer itself."""
    parts: list[JsonObject] = []
    for image in images or ():
        url = (image.get("image_url") or {}).get("url")
        if url.__class__ is not str or not url.startswith("data:"):
            continue
        kind, _, data = url[5:].partition(";base64,")
        parts.append({"inlineData": {"mimeType": kind, "data": data}})
    return parts


def usage_metadata(usage: Mapping[str, Any]) -> JsonObject:
    """Reasoning is counted apart; what was cached is a part of the prompt."""
    prompt, written = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    reasoned = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    made: JsonObject = {"promptTokenCount": prompt}
    made["candidatesTokenCount"] = max(written - reasoned, 0)
    if reasoned:
        made["thoughtsTokenCount"] = reasoned
    if cached:
        made["cachedContentTokenCount"] = cached
    total = usage.get("total_tokens")
    made["totalTokenCount"] = prompt + written if total is None else total
    return made


def grounding_metadata(annotations: Iterable[Mapping[str, Any]], text: str) -> JsonObject:
    """Citations: each page once. The hub counts characters, Gemini bytes of UTF-8."""
    pages: dict[tuple[str, str], int] = {}
    supports: list[JsonObject] = []
    for annotation in annotations:
        cited = annotation.get("url_citation")
        if cited.__class__ is not dict or cited.get("url").__class__ is not str:
            continue
        page = pages.setdefault((cited["url"], str(cited.get("title") or "")), len(pages))
        start, end = cited.get("start_index"), cited.get("end_index")
        if start.__class__ is not int or end.__class__ is not int:
            continue
        if not 0 <= start < end <= len(text):
            continue
        begins = len(text[:start].encode())
        segment = {"startIndex": begins, "endIndex": begins + len(text[start:end].encode())}
        where = {**segment, "text": text[start:end]}
        supports.append({"segment": where, "groundingChunkIndices": [page]})
    if not pages:
        return {}
    chunks = [{"web": {"uri": uri, "title": title}} for uri, title in pages]
    return {"groundingChunks": chunks, "groundingSupports": supports}


def _logprobs(tokens: Sequence[Mapping[str, Any]]) -> JsonObject:
    chosen = [_token(token) for token in tokens]
    top = [
        {"candidates": [_token(each) for each in token.get("top_logprobs") or ()]}
        for token in tokens
    ]
    return {"chosenCandidates": chosen, "topCandidates": top}


def _token(token: Mapping[str, Any]) -> JsonObject:
    return {"token": token.get("token"), "logProbability": token.get("logprob")}
