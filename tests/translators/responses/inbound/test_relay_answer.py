"""A response of one text is known in one look, and what is known of it is what a whole reading
gives."""

from random import Random
from typing import Any

from translators.dialect import Envelope
from translators.errors import UpstreamError
from translators.json_codec import dumps
from translators.responses.answer.response import parse_response
from translators.responses.inbound.relay_answer import _of_text, relayed_completion

_ENVELOPE = Envelope("chatcmpl-own", 7, "asked", "call_own")
_READ = ("id", "model", "usage")
_TEXT = {"type": "output_text", "text": "said", "annotations": []}
_MESSAGE = {"type": "message", "id": "m", "role": "assistant", "content": [_TEXT]}
_CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
_FIELDS: dict[str, list[Any]] = {
    "id": ["resp_1", "resp_1", "", 1, None],
    "model": ["served", "served", "", 1, None],
    "status": ["completed", "completed", "incomplete", "failed", "cancelled", "queued", None],
    "incomplete_details": [None, None, {"reason": "max_output_tokens"}, {"reason": "steered"}],
    "output": [
        [_MESSAGE],
        [_MESSAGE],
        [{**_MESSAGE, "content": [{"type": "refusal", "refusal": "no"}]}],
        [{**_MESSAGE, "content": [_TEXT, _TEXT]}],
        [{**_MESSAGE, "phase": "commentary"}],
        [{"type": "reasoning", "id": "r", "summary": []}, _MESSAGE],
        [_CALL],
        [],
        None,
    ],
    "usage": [
        {"input_tokens": 3, "output_tokens": 2},
        {"input_tokens": 3, "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 2}},
        None,
        1,
    ],
    "error": [None, None, None, {"message": "m"}],
}


def _response(random: Random) -> dict[str, Any]:
    drawn = {
        name: random.choice(values[: random.choice((2, 9))]) for name, values in _FIELDS.items()
    }
    return {name: value for name, value in drawn.items() if value is not None}


def _told(read: Any, body: bytes) -> object:
    try:
        completion = read(body, _ENVELOPE)
    except UpstreamError as error:
        return error.failure
    choice = completion["choices"][0]
    return choice["message"], choice["finish_reason"], [completion.get(name) for name in _READ]


def test_one_look_gives_what_a_whole_reading_gives() -> None:
    random, seen = Random(14), 0
    for _ in range(2000):
        response: Any = _response(random)
        body = dumps(response)
        assert _told(relayed_completion, body) == _told(parse_response, body), response
        if response.get("output").__class__ is list:
            seen += _of_text(response, _ENVELOPE) is not None
    assert 100 < seen < 1500
