"""Whatever stands in an answer, in whatever place: each dialect answers with a completion or
chunks, or says what is wrong.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from translators.chat.chunks import Chunk, ChunkWriter, Collector, singly
from translators.chat.continuation import is_empty, is_empty_stream, is_paused
from translators.chat.stop_sequences import StopCutter, cut_completion
from translators.chat.usage import summed
from translators.dialect import AnswerShape, Envelope
from translators.errors import UpstreamError
from translators.json_codec import dumps
from translators.registry import DIALECTS

SHAPES = [
    AnswerShape(declared_tools=frozenset({"f"}), stop=("a",)),
    AnswerShape(
        declared_tools=frozenset({"f"}),
        custom_tools=frozenset({"f"}),
        legacy_functions=True,
        strip_json_fence=True,
    ),
]
ODD = [
    "null", "true", "0", "7", "-1", "1e400", f'"{"9" * 5000}"', '"x"', "[]", "{}",
    '[null,1,"x",[],{}]', '{"type":{},"name":[],"id":{}}',
    '[{"type":{},"index":{},"id":[],"name":1,"arguments":{}}]',
]  # fmt: skip
HOLE = "\ufffc"

CALL = {"id": "c", "type": "function", "function": {"name": "functions.f", "arguments": "{}"}}
TOKEN = {
    "token": "a",
    "logprob": -1.0,
    "bytes": [97],
    "top_logprobs": [{"token": "b", "logprob": -2.0, "bytes": None}],
}
COUNTED = {
    "prompt_tokens": 3,
    "completion_tokens": 2,
    "prompt_tokens_details": {"cached_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 1},
}
OUTPUT: list[Any] = [
    {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "hm"}],
        "content": [{"type": "reasoning_text", "text": "so"}],
    },
    {
        "type": "message",
        "content": [
            {
                "type": "output_text",
                "text": "abc",
                "annotations": [{"type": "url_citation", "url": "u"}],
                "logprobs": [TOKEN],
            }
        ],
    },
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    {"type": "image_generation_call", "result": "AA", "output_format": "png"},
]
RESPONSE = {
    "id": "r", "object": "response", "status": "completed", "created_at": 1.0, "model": "m",
    "output": OUTPUT, "service_tier": "default",
    "incomplete_details": {"reason": "steered"},
    "moderation": {"input": {"type": "moderation_result", "model": "o"}},
    "usage": {"input_tokens": 3, "input_tokens_details": {"cached_tokens": 1}, "output_tokens": 2},
}  # fmt: skip
CANDIDATE = {
    "index": 0,
    "content": {
        "parts": [
            {"text": "hm", "thought": True},
            {"text": "abc", "thoughtSignature": "S"},
            {
                "functionCall": {
                    "id": "c",
                    "name": "f",
                    "partialArgs": [{"jsonPath": "$.a[0].b", "stringValue": "x"}],
                    "willContinue": True,
                }
            },
            {"functionCall": {"args": {"c": 1}}},
            {"inlineData": {"mimeType": "image/png", "data": "AA"}},
            {"executableCode": {"code": "x"}},
        ]
    },
    "finishReason": "STOP",
    "groundingMetadata": {
        "groundingChunks": [{"web": {"uri": "u", "title": "t"}}],
        "groundingSupports": [
            {
                "segment": {"startIndex": 0, "endIndex": 1, "partIndex": 1, "text": "a"},
                "groundingChunkIndices": [0],
            }
        ],
    },
    "logprobsResult": {
        "chosenCandidates": [{"token": "a", "logProbability": -1.0}],
        "topCandidates": [{"candidates": [{"token": "b"}]}],
    },
}
MESSAGE = {
    "id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use",
    "stop_details": {"explanation": "no"},
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "S"},
        {"type": "text", "text": "abc", "citations": [{"type": "web_search_result_location",
         "url": "https://u", "title": "t"}]},
        {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1},
         "caller": {"type": "direct"}},
    ],
    "usage": {"input_tokens": 3, "output_tokens": 2,
     "output_tokens_details": {"thinking_tokens": 1}, "iterations": [{"type": "message"}]},
}  # fmt: skip
WHOLE: dict[str, Any] = {
    "claude": MESSAGE,
    "gemini": {
        "candidates": [CANDIDATE],
        "usageMetadata": {
            "promptTokenCount": 3,
            "totalTokenCount": 5,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 3}],
        },
        "modelVersion": "m",
    },
    "openai": {
        "id": "i",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "abc",
                    "tool_calls": [CALL],
                    "extra_content": {"google": {"parts": []}},
                },
                "finish_reason": "STOP",
                "logprobs": {"content": [TOKEN], "refusal": None},
                "provider_specific": {"stop_reason": "pause_turn"},
            }
        ],
        "usage": COUNTED,
    },
    "responses": RESPONSE,
}


def spoken(delta: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": "i",
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason, **more}],
    }


LOGPROBS = {"content": [TOKEN], "refusal": None}
STREAMS: dict[str, list[Any]] = {
    "claude": [
        {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "abc"}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": "c", "name": "f", "input": {}},
        },
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": '{"input":"a"}'},
        },
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use"},
            "usage": {"output_tokens": 2},
        },
        {"type": "message_stop"},
    ],
    "gemini": [
        {
            "candidates": [{"content": {"parts": [{"text": "abc"}]}}],
            "usageMetadata": {"promptTokenCount": 3},
        },
        WHOLE["gemini"],
    ],
    "openai": [
        spoken({"role": "assistant", "content": ""}),
        spoken({"content": "abc"}, logprobs=LOGPROBS),
        spoken({"content": "abc"}, logprobs=LOGPROBS),
        spoken(
            {"tool_calls": [{"index": 0, **CALL}], "function_call": {"name": "f", "arguments": ""}}
        ),
        spoken(
            {
                "tool_calls": [{"index": 0, "function": {"arguments": "x"}}],
                "function_call": {"arguments": "x"},
            }
        ),
        spoken({}, "STOP", native_finish_reason="STOP", provider_specific={"stop_reason": "x"}),
        {"id": "i", "choices": [], "usage": COUNTED},
    ],
    "responses": [
        {"type": "response.created", "response": {"id": "r", "model": "m"}},
        {
            "type": "response.output_item.added",
            "output_index": 2,
            "item": {**OUTPUT[2], "arguments": ""},
        },
        {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{"},
        {
            "type": "response.output_text.delta",
            "output_index": 1,
            "content_index": 0,
            "delta": "a",
            "logprobs": [TOKEN],
        },
        {"type": "response.output_item.done", "output_index": 1, "item": OUTPUT[1]},
        {"type": "response.completed", "response": RESPONSE},
    ],
}


def with_holes(document: Any) -> Iterator[Any]:
    """The document once for each place in it, with a hole there."""
    yield HOLE
    for key in (
        document
        if isinstance(document, dict)
        else range(len(document))
        if isinstance(document, list)
        else ()
    ):
        for inner in with_holes(document[key]):
            copy = document.copy()
            copy[key] = inner
            yield copy


def filled(document: Any) -> Iterator[bytes]:
    """The document as JSON, once for each place in it and each odd value there."""
    for holed in with_holes(document):
        before, _, behind = json.dumps(holed).partition(json.dumps(HOLE))
        yield from ((before + odd + behind).encode() for odd in ODD)


def read(text: bytes) -> Any:
    """As a client does that knows no numbers but JSON's."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def envelope(shape: AnswerShape) -> Envelope:
    return Envelope(id="chatcmpl-x", created=1, model="m", call_id="call_x", shape=shape)


@pytest.mark.parametrize("shape", SHAPES, ids=["plain", "legacy"])
@pytest.mark.parametrize("name", WHOLE)
def test_whole_answers(name: str, shape: AnswerShape) -> None:
    for body in filled(WHOLE[name]):
        try:
            completion = DIALECTS[name].parse_response(body, envelope(shape))
        except UpstreamError as error:
            assert error.failure.message  # noqa: PT017 - it is one of two answers
            continue
        assert read(dumps(completion))["choices"]
        is_paused(completion, DIALECTS[name].ENDINGS.paused)
        is_empty(completion, DIALECTS[name].ENDINGS.silent)
        if counted := completion.get("usage"):
            assert read(dumps(summed([counted, counted])))
        cut_completion(completion, ("a",))


@pytest.mark.parametrize("shape", SHAPES, ids=["plain", "legacy"])
@pytest.mark.parametrize("name", STREAMS)
def test_streams(name: str, shape: AnswerShape) -> None:
    events = STREAMS[name]
    for at, event in enumerate(events):
        for odd in filled(event):
            texts = [odd if i == at else json.dumps(each).encode() for i, each in enumerate(events)]
            look_at(name, shape, b"".join(b"data: %s\n\n" % text for text in texts))


def look_at(name: str, shape: AnswerShape, data: bytes) -> None:
    """Read a stream and do with its chunks what the gateway does."""
    stream = DIALECTS[name].open_stream(envelope(shape))
    chunks = [*stream.receive(data), *stream.receive_eof()]
    assert stream.finished != (stream.failure is not None)
    writer = ChunkWriter(stream.id, 1, stream.model, include_usage=True)
    cutter = StopCutter(("a",))
    for shown in (chunks, cutter.receive(singly(chunks))):
        for text in writer.write(shown).split(b"\n\n")[:-1]:
            read(text.removeprefix(b"data: "))
    if stream.finished:
        assert read(dumps(collected(chunks)))["choices"]
        is_empty_stream(chunks, DIALECTS[name].ENDINGS.silent)


def collected(chunks: list[Chunk]) -> dict[str, Any]:
    collector = Collector("i", 1, "m")
    for chunk in chunks:
        collector.add(chunk)
    return collector.completion()
