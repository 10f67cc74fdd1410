"""An answer of one text is known in one look, and what is known of it is what a whole reading of it
gives."""

from random import Random
from typing import Any

import pytest

from translators.claude.answer.response import parse_response
from translators.claude.inbound import relay_stream
from translators.claude.inbound.relay_answer import _of_text, relayed_completion
from translators.dialect import Envelope
from translators.errors import UpstreamError
from translators.json_codec import dumps
from translators.splices import known_name, known_text

_ENVELOPE = Envelope("chatcmpl-own", 7, "asked", "call_own")
_READ = ("id", "created", "model", "usage")
_FIELDS: dict[str, list[Any]] = {
    "type": ["message", "message", "error", None],
    "id": ["msg_1", "msg_1", "", 1, None],
    "model": ["served", "served", "", 1, None],
    "content": [
        [{"type": "text", "text": "said"}],
        [{"type": "text", "text": "said"}],
        [{"type": "text", "text": "said", "citations": []}],
        [{"type": "tool_use", "id": "t", "name": "f", "input": {}}],
        [{"type": "thinking", "thinking": "so", "signature": "s"}, {"type": "text", "text": "x"}],
        [],
        None,
    ],
    "stop_reason": [
        "end_turn", "max_tokens", "stop_sequence", "refusal", "pause_turn", "new", "", None, [],
    ],
    "usage": [
        {"input_tokens": 3, "output_tokens": 2},
        {"input_tokens": 3, "cache_read_input_tokens": 4, "cache_creation": {"x": 1}},
        {"input_tokens": 1, "server_tool_use": {"web_search_requests": 2}, "speed": "fast"},
        None,
        1,
    ],
    "error": [None, None, None, {"message": "m"}],
}  # fmt: skip


def _message(random: Random) -> dict[str, Any]:
    drawn = {
        name: random.choice(values[: random.choice((2, 9))]) for name, values in _FIELDS.items()
    }
    return {name: value for name, value in drawn.items() if value is not None}


def _told(read: Any, body: bytes) -> object:
    try:
        completion = read(body)
    except UpstreamError as error:
        return error.failure
    choice = completion["choices"][0]
    return choice["message"], choice["finish_reason"], [completion.get(name) for name in _READ]


def test_one_look_gives_what_a_whole_reading_gives() -> None:
    random, seen = Random(14), 0
    for _ in range(2000):
        message: Any = _message(random)
        body = dumps(message)
        at_once = _told(lambda body: relayed_completion(body, _ENVELOPE, "asked"), body)
        assert at_once == _told(lambda body: parse_response(body, _ENVELOPE), body), message
        seen += _of_text(message, _ENVELOPE) is not None
    assert 100 < seen < 1000


@pytest.mark.parametrize("gap", ["", " ", "\n"])
def test_the_models_name_is_the_one_that_was_asked(gap: str) -> None:
    text = (
        f'{{"id":"m","model":{gap}"served","type":"message","content":[],"stop_reason":"end_turn"}}'
    )
    shown = relayed_completion(text.encode(), _ENVELOPE, 'a "b"').raw
    assert text.replace('"served"', '"a \\"b\\""').encode() == shown


@pytest.mark.parametrize(("served", "asked"), [("s" * 300, "asked"), ("served", "a" * 300)])
def test_a_name_that_is_too_long_to_be_one_is_put_in_and_not_kept(served: str, asked: str) -> None:
    body = dumps({"id": "m", "model": served, "type": "message", "stop_reason": "end_turn"})
    kept = relay_stream._named.cache_info().misses
    shown = relay_stream.renamed_message(body, served, asked)
    assert shown == body.replace(dumps(served), dumps(asked))
    assert relay_stream._named.cache_info().misses == kept
    texts = known_text.cache_info().misses
    assert known_name("n" * 300) == dumps("n" * 300).decode()
    assert known_text.cache_info().misses == texts
