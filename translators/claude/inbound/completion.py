"""A whole answer: the events that a stream of it would have, added up."""

from collections.abc import Iterator
from typing import Any, Final

from translators.chat.chunks import Chunk
from translators.chat.plain_answer import only_text
from translators.chat.wire import Completion
from translators.claude.arguments import RAW
from translators.claude.inbound.answer_context import AnswerContext
from translators.claude.inbound.events import AnswerEvents, Events, message_id
from translators.claude.inbound.tokens import RESPONSES
from translators.claude.inbound.usage import usage_of
from translators.claude.inbound.writer import write_events
from translators.dialect.inbound import AnswerFacts
from translators.json_codec import JsonObject, dumps, loads

_LATE: Final = ("reasoning_content", "reasoning")


def message_of(completion: Completion, answer: AnswerFacts, context: AnswerContext) -> JsonObject:
    """The message that a whole chat.completion is."""
    if not context.stops and (text := only_text(completion)) is not None:
        return _one_text(text, completion, answer, context)
    events = AnswerEvents(context)
    events.begin(answer)
    for chunk in _chunks(completion):
        events.receive(chunk)
    events.end()
    return add_up(events.take())


def _one_text(
    text: str, completion: Completion, answer: AnswerFacts, context: AnswerContext
) -> JsonObject:
    """The same of an answer that is nothing but a text."""
    counted, cut = completion.get("usage"), completion["choices"][0]["finish_reason"] == "length"
    prompt = answer.prompt_tokens() if counted is None else 1
    return {
        "id": message_id(answer),
        "type": "message",
        "role": "assistant",
        "model": context.model,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "max_tokens" if cut else "end_turn",
        "stop_sequence": None,
        "usage": usage_of(counted, prompt, len(text)),
    }


def nothing_said(answer: AnswerFacts, context: AnswerContext, stream: bool) -> bytes:
    """An answer without content, which its limit ended."""
    events = AnswerEvents(context)
    events.begin(answer)
    events.receive(Chunk({}, "length"))
    events.end()
    taken = events.take()
    return write_events(taken) if stream else dumps(add_up(taken))


def _chunks(completion: Any) -> Iterator[Chunk]:
    """The completion as a provider could have streamed it."""
    choice = completion["choices"][0]
    message = choice["message"]
    for name in _LATE:
        if message.get(name):
            yield Chunk({"reasoning_content": message[name]})
            break
    if items := _reasoning_items(message.get("provider_content")):
        signed: Any = {"signed_reasoning": {"format": RESPONSES, "data": items}}
        yield Chunk(signed)
    for name in ("content", "annotations", "refusal", "images", "audio"):
        if message.get(name):
            said: Any = {name: message[name]}
            yield Chunk(said)
    calls: Any = [{"index": i, **c} for i, c in enumerate(message.get("tool_calls") or ())]
    if calls:
        yield Chunk({"tool_calls": calls})
    yield Chunk({}, choice.get("finish_reason"), choice=choice)
    if completion.get("usage") is not None:
        yield Chunk(usage=completion["usage"])


def _reasoning_items(content: Any) -> list[JsonObject]:
    if content.__class__ is not dict or content.get("format") != RESPONSES:
        return []
    blocks = content.get("blocks")
    return [block for block in blocks if block.get("type") == "reasoning"] if blocks else []


def add_up(events: Events) -> JsonObject:
    """The message of a stream's events."""
    message: JsonObject = {}
    inputs: list[str] = []
    for event in events:
        kind = event["type"]
        if kind == "message_start":
            message = dict(event["message"])
        elif kind == "content_block_start":
            message["content"].append(dict(event["content_block"]))
            inputs = []
        elif kind == "content_block_delta":
            _add(message["content"][-1], event["delta"], inputs)
        elif kind == "content_block_stop" and inputs:
            message["content"][-1]["input"] = "".join(inputs)
        elif kind == "message_delta":
            message |= event["delta"]
            message["usage"] = event["usage"]
    cut = message.get("stop_reason") == "max_tokens"
    for block in message["content"]:
        if block.get("input").__class__ is str:
            block["input"] = _input(block["input"], cut)
    return {**{k: v for k, v in message.items() if k != "usage"}, "usage": message["usage"]}


def _add(block: JsonObject, delta: JsonObject, inputs: list[str]) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "citations_delta":
            block.setdefault("citations", []).append(delta["citation"])
        case _:
            inputs.append(delta["partial_json"])


def _input(text: str, cut: bool) -> JsonObject:
    try:
        value = loads(text)
    except ValueError:
        value = None
    if value.__class__ is dict:
        found: JsonObject = value
        return found
    return {} if cut else {RAW: text}
