"""Relays: what a Gemini target is sent of a caller's body, and what a caller is shown of its
answer.
"""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.translators.gemini.models import record
from translators.chat.chunks import Relayed, RelayedCompletion
from translators.chat.request import ChatRequest
from translators.dialect import Envelope, Target
from translators.dialect.inbound import Overlay
from translators.errors import FailureKind, UpstreamError
from translators.gemini.inbound.normalization import camel_case
from translators.gemini.inbound.relay import Relay
from translators.gemini.inbound.relay_answer import RelayStream
from translators.gemini.inbound.signatures import sealed_signature
from translators.gemini.request.thought_signatures import SENTINEL
from translators.json_codec import dumps, loads

ANY = ChatRequest({"model": "m", "messages": []})
ENVELOPE = Envelope("chatcmpl-1", 1_795_000_000, "asked")
BODY = (
    '{ "contents" : [ {"role":"user","parts":[{"text":"a\\u00e9"}]} ] ,\n "x":1.50,'
    ' "generationConfig":{"temperature" : 1.0} }'
)
SEALED = sealed_signature(
    {"thinking_blocks": [{"type": "thinking", "thinking": "t", "signature": "sig"}]}, "claude/c"
)


NO_OVERLAY = Overlay()


def in_one_spelling(text: str) -> dict[str, Any]:
    """What a text says, as far down as a relay looks into it."""
    found = {camel_case(name): value for name, value in loads(text).items()}
    if isinstance(config := found.get("generationConfig"), dict):
        found["generationConfig"] = {camel_case(name): value for name, value in config.items()}
    return found


def sent(
    text: str, overlay: Overlay = NO_OVERLAY, model: str = "gemini-3.5-flash", **facts: Any
) -> tuple[str, list[str]]:
    target = Target("gemini", "gemini", "https://g.example", model, record(model, facts), "key")
    built = Relay(in_one_spelling(text), text.encode(), True, overlay).build_request(ANY, target)
    return built.body.decode(), [f"{note.kind} {note.param}" for note in built.notes]


def test_a_body_goes_out_as_it_came() -> None:
    assert sent(BODY) == (BODY, [])


@pytest.mark.parametrize("looked_through", ["", ', "note":"a signature"'])
@pytest.mark.parametrize(
    ("overlay", "first", "settings_"),
    [
        (Overlay("Bo."), '"systemInstruction":{"parts":[{"text":"Bo."}]},', ""),
        (Overlay(values={"max_tokens": 9}), "", '"maxOutputTokens":9,'),
        (
            Overlay("Bo.", values={"reasoning_effort": "high", "seed": 7, "user": "u"}),
            '"systemInstruction":{"parts":[{"text":"Bo."}]},',
            '"thinkingConfig":{"thinkingLevel":"HIGH"},"seed":7,',
        ),
    ],
)
def test_what_a_persona_adds_stands_before_what_the_caller_says(
    overlay: Overlay, first: str, settings_: str, looked_through: str
) -> None:
    """Whether a body is quickly seen to need nothing else, or looked through for it."""
    said = ' {"contents":[{"parts":[{"text":"x"}]}], "generationConfig" : { "topP":0.5 }'
    text = f"{said}{looked_through}}}"
    expected = text.replace('{"contents', f'{{{first}"contents').replace(
        '"topP"', f'{settings_}"topP"'
    )
    assert sent(text, overlay) == (expected, [])


def test_url_and_key() -> None:
    target = Target(
        "gemini", "gemini", "https://g.example", "gemini-x", record("gemini-3.5-flash", {}), "key"
    )
    whole, streamed = (
        Relay({"contents": "x"}, b'{"contents":"x"}', stream, Overlay()).build_request(ANY, target)
        for stream in (False, True)
    )
    assert (whole.url, whole.stream) == (
        "https://g.example/v1beta/models/gemini-x:generateContent",
        False,
    )
    assert (streamed.url, streamed.stream) == (
        "https://g.example/v1beta/models/gemini-x:streamGenerateContent?alt=sse",
        True,
    )
    assert whole.headers["x-goog-api-key"] == "key"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
UNKNOWN = st.dictionaries(st.from_regex(r"x[A-Za-z]{1,8}", fullmatch=True), VALUES, max_size=4)
CHUNKS = st.sampled_from([None, 1, 2])


@settings(max_examples=300, deadline=None)
@given(UNKNOWN, UNKNOWN, UNKNOWN, CHUNKS, st.booleans())
def test_what_no_table_knows_is_sent_as_it_came(
    top: Any, part: Any, config: Any, indent: int | None, named: bool
) -> None:
    """Only `model` goes; the order, the spaces and the form of numbers stay."""
    contents = [{"role": "user", "parts": [{"text": "hi", **part}], **part}]
    body = {**top, "contents": contents, "generationConfig": {"seed": 4, **config}}
    expected = json.dumps(body, indent=indent)
    written = json.dumps({**body, "model": "m"} if named else body, indent=indent)
    text, notes = sent(written)
    assert (json.loads(text), notes) == (json.loads(expected), [])
    if not named:
        assert text == expected


@pytest.mark.parametrize(
    ("given_", "mode", "expected"),
    [
        (
            '{"contents":"x"}',
            "prepend",
            '{"systemInstruction":{"parts":[{"text":"P"}]},"contents":"x"}',
        ),
        (
            '{"system_instruction":{"parts":[ {"text":"C"}]}}',
            "prepend",
            '{"system_instruction":{"parts":[ {"text":"P"},{"text":"C"}]}}',
        ),
        (
            '{"systemInstruction":{"parts":[]}}',
            "prepend",
            '{"systemInstruction":{"parts":[{"text":"P"}]}}',
        ),
        (
            '{"systemInstruction":"C"}',
            "prepend",
            '{"systemInstruction":{"parts":[{"text":"P"},{"text":"C"}]}}',
        ),
        (
            '{"systemInstruction":{"parts":[{"text":"C"}]}}',
            "default",
            '{"systemInstruction":{"parts":[{"text":"C"}]}}',
        ),
        ('{"systemInstruction":null}', "default", '{"systemInstruction":{"parts":[{"text":"P"}]}}'),
        (
            '{"systemInstruction":{"parts":[{"text":"C"}]}}',
            "replace",
            '{"systemInstruction":{"parts":[{"text":"P"}]}}',
        ),
    ],
)
def test_a_personas_instruction(given_: str, mode: str, expected: str) -> None:
    assert sent(given_, Overlay("P", mode))[0] == expected


@pytest.mark.parametrize(
    ("given_", "values", "expected"),
    [
        ("{}", {"max_completion_tokens": 9}, '{"generationConfig":{"maxOutputTokens":9}}'),
        (
            '{"generationConfig":{}}',
            {"temperature": 0.5},
            '{"generationConfig":{"temperature":0.5}}',
        ),
        (
            '{"generation_config":{"max_output_tokens": 99, "seed":1}}',
            {"max_tokens": 9, "top_p": 0.5},
            '{"generation_config":{"topP":0.5,"max_output_tokens": 9, "seed":1}}',
        ),
        (
            '{"generationConfig":{"thinkingConfig":{"includeThoughts":true}}}',
            {"reasoning_effort": "low"},
            '{"generationConfig":{"thinkingConfig":{"thinkingLevel":"LOW","includeThoughts":true}}}',
        ),
        ("{}", {"stop": "S", "messages": []}, '{"generationConfig":{"stopSequences":["S"]}}'),
        ('{"model":"a"}', {"seed": 3}, '{"generationConfig":{"seed":3}}'),
    ],
)
def test_a_personas_parameters(given_: str, values: dict[str, Any], expected: str) -> None:
    assert json.loads(sent(given_, Overlay(values=values))[0]) == json.loads(expected)


def test_what_the_persona_takes_out() -> None:
    text, _ = sent(
        '{"generationConfig":{"temperature":1,"seed":2}}',
        Overlay(removed=frozenset({"temperature"})),
    )
    assert text == '{"generationConfig":{"seed":2}}'


@pytest.mark.parametrize(
    ("config", "model", "expected", "notes"),
    [
        (
            {"temperature": 1, "topK": 4, "seed": 2},
            "gemini-3.8-flash",
            {"seed": 2},
            ["temperature", "topK"],
        ),
        ({"frequencyPenalty": 1}, "gemini-3.5-flash", {}, ["frequencyPenalty"]),
        (
            {"maxOutputTokens": "99999999"},
            "gemini-3.5-flash",
            {"maxOutputTokens": 65_536},
            ["maxOutputTokens"],
        ),
        (
            {"thinkingConfig": {"thinkingLevel": "MINIMAL"}},
            "gemini-3.8-flash",
            {"thinkingConfig": {"thinkingLevel": "LOW"}},
            ["thinkingConfig.thinkingLevel"],
        ),
        (
            {"thinkingConfig": {"thinking_level": "high"}},
            "gemini-3.5-flash",
            {"thinkingConfig": {"thinking_level": "high"}},
            [],
        ),
        (
            {"thinkingConfig": {"thinkingLevel": "LOW"}},
            "gemini-2.5-flash",
            {"thinkingConfig": {"thinkingBudget": 1024}},
            [],
        ),
    ],
)
def test_values_that_the_model_does_not_take(
    config: Any, model: str, expected: Any, notes: list[str]
) -> None:
    text, told = sent(json.dumps({"generationConfig": config}), model=model)
    assert json.loads(text) == {"generationConfig": expected}
    assert [note.partition("generationConfig.")[2] for note in told] == notes


def history(*parts: Any) -> str:
    return json.dumps(
        {
            "contents": [
                {"role": "user", "parts": [{"text": "q"}]},
                {"role": "model", "parts": list(parts)},
            ]
        }
    )


def model_parts(text: str) -> Any:
    return json.loads(text)["contents"][1]["parts"]


def test_gemini_gets_its_own_signatures_only() -> None:
    text, notes = sent(
        history(
            {"text": "a", "thoughtSignature": SEALED},
            {"thoughtSignature": SEALED},
            {"text": "b", "thoughtSignature": "R29v"},
        )
    )
    assert model_parts(text) == [
        {"text": "a"},
        {"text": ""},
        {"text": "b", "thoughtSignature": "R29v"},
    ]
    assert notes == []


@pytest.mark.parametrize(
    ("model", "stand_in"), [("gemini-3.5-flash", True), ("gemini-2.5-flash", False)]
)
def test_a_first_call_that_is_unsigned_gets_the_stand_in_where_one_is_demanded(
    model: str, stand_in: bool
) -> None:
    calls = [
        {"functionCall": {"name": "f"}, "thoughtSignature": SEALED},
        {"functionCall": {"name": "g"}},
    ]
    text, _ = sent(history(*calls), model=model)
    first = {"functionCall": {"name": "f"}, **({"thoughtSignature": SENTINEL} if stand_in else {})}
    assert model_parts(text) == [first, {"functionCall": {"name": "g"}}]
    unsigned, _ = sent(history(calls[1]), model=model)
    assert model_parts(unsigned) == [
        {"functionCall": {"name": "g"}, **({"thoughtSignature": SENTINEL} if stand_in else {})}
    ]


def test_no_signature_is_sent_once_they_were_refused() -> None:
    text, _ = sent(
        history({"text": "b", "thoughtSignature": "R29v"}), Overlay(keeps_reasoning=False)
    )
    assert model_parts(text) == [{"text": "b"}]


def frame(text: str | None = None, reason: str | None = None, **more: Any) -> bytes:
    candidate: dict[str, Any] = {
        "content": {"parts": [] if text is None else [{"text": text}]},
        "index": 0,
    }
    if reason:
        candidate["finishReason"] = reason
    return b"data: " + dumps({"candidates": [candidate], **more}) + b"\r\n\r\n"


ERROR = b'{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}'
USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
WHOLE = (
    frame("a\u2028")
    + frame(None)
    + frame("b", "STOP", usageMetadata=USAGE, modelVersion="served", responseId="r1", novel=1.50)
)


def stream(*pieces: bytes) -> tuple[RelayStream, list[Any]]:
    reader = RelayStream(ENVELOPE)
    chunks = [chunk for piece in pieces for chunk in reader.receive(piece)]
    return reader, [*chunks, *reader.receive_eof()]


@pytest.mark.parametrize("ending", [b"\r\n", b"\n", b"\r"])
def test_frames_are_shown_as_they_came_wherever_they_are_cut(ending: bytes) -> None:
    data = WHOLE.replace(b"\r\n", ending)
    for cut in range(len(data)):
        reader, chunks = stream(data[:cut], data[cut:])
        raws = [chunk.raw for chunk in chunks if isinstance(chunk, Relayed)]
        assert b"".join(raws).rstrip() == data.rstrip()
        assert (reader.finished, reader.failure, reader.model, reader.id) == (
            True,
            None,
            "served",
            "r1",
        )
        assert [chunk.commits for chunk in chunks][:3] == [True, False, True]


def test_what_a_stream_tells() -> None:
    reader, chunks = stream(WHOLE)
    assert [chunk.finish_reason for chunk in chunks] == [None, None, "stop", None]
    assert (reader.usage_so_far or {})["total_tokens"] == 5
    assert chunks[-1].usage == reader.usage_so_far


def test_a_stream_byte_by_byte_and_cut_short() -> None:
    assert facts(*stream(*(WHOLE[i : i + 1] for i in range(len(WHOLE))))) == facts(*stream(WHOLE))
    for end in range(WHOLE.rindex(b"}")):
        reader, _ = stream(WHOLE[:end])
        assert (reader.finished, reader.failure is not None) == (False, True)


def facts(reader: RelayStream, chunks: list[Any]) -> Any:
    return reader.finished, [
        (chunk.raw, chunk.commits, chunk.finish_reason, chunk.usage) for chunk in chunks
    ]


def test_a_blocked_prompt_is_an_answer() -> None:
    reader, chunks = stream(b'data: {"promptFeedback":{"blockReason":"SAFETY"}}\r\n\r\n')
    assert (reader.finished, [chunk.finish_reason for chunk in chunks]) == (
        True,
        ["content_filter"],
    )


def test_a_stream_that_ends_before_its_reason_is_cut() -> None:
    reader, _ = stream(frame("a"))
    assert reader.failure is not None
    assert (reader.failure.kind, reader.finished) == (FailureKind.TRUNCATED, False)


@pytest.mark.parametrize("data", [b"data: " + ERROR + b"\r\n\r\n", ERROR])
def test_an_error_in_a_stream_is_no_frame(data: bytes) -> None:
    reader, chunks = stream(frame("a"), data)
    assert len(chunks) == 1
    assert reader.failure is not None
    assert reader.failure.kind is FailureKind.OVERLOADED


def test_a_whole_answer_is_shown_as_it_came() -> None:
    body = (
        b'{ "candidates": [], "promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata":'
        b' {"promptTokenCount":3}, "n": 1.0 }'
    )
    made = Relay({}, b"{}", False, Overlay()).parse_response(body, ENVELOPE)
    assert isinstance(made, RelayedCompletion)
    assert (made.raw, made["choices"][0]["finish_reason"], made["usage"]["prompt_tokens"]) == (
        body,
        "content_filter",
        3,
    )


@pytest.mark.parametrize("body", [b"[]", b"<html>", b'{"error":{"code":500,"message":"x"}}'])
def test_what_is_no_answer_fails(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        Relay({}, b"{}", False, Overlay()).parse_response(body, ENVELOPE)


@pytest.mark.parametrize(
    ("status", "shown"), [(400, True), (401, False), (429, False), (500, False)]
)
def test_google_is_quoted_only_where_the_request_was_at_fault(status: int, shown: bool) -> None:
    body = dumps({"error": {"code": status, "message": "no", "status": "INVALID_ARGUMENT"}})
    failure = Relay({}, b"{}", False, Overlay()).parse_error(status, {}, body)
    assert (failure.body == body) is shown


def text_frame(text: str, written: int, reason: str = "", end: bytes = b"\r\n\r\n") -> bytes:
    """One as Google writes it."""
    ending = f',"finishReason":{dumps(reason).decode()}' if reason else ""
    parts = f'[{{"text":{dumps(text).decode()}}}]'
    said = f'{{"content":{{"parts":{parts},"role":"model"}}{ending},"index":0}}'
    details = '[{"modality":"TEXT","tokenCount":7}]'
    counts = (
        f'"promptTokenCount":7,"candidatesTokenCount":{written},"promptTokensDetails":{details}'
    )
    total = f'"totalTokenCount":{7 + written}'
    beside = '"modelVersion":"served","responseId":"r"'
    document = f'{{"candidates":[{said}],"usageMetadata":{{{counts},{total}}},{beside}}}'
    return b"data: " + document.encode() + end


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(), min_size=1, max_size=8), st.lists(st.integers(1, 400), max_size=6))
def test_texts_that_follow_each_other_are_shown_and_counted(
    texts: list[str], sizes: list[int]
) -> None:
    frames = [text_frame(text, 3 * n) for n, text in enumerate(texts)]
    data = b"".join([*frames, text_frame("", 99, "STOP")])
    stream, shown, at = RelayStream(ENVELOPE), [], 0
    for size in [*sizes, len(data)]:
        shown += stream.receive(data[at : at + size])
        at += size
        whole = sum(len(b"".join(frames[:n])) <= at for n in range(1, len(frames) + 1))
        if whole > 0 and at < len(b"".join(frames)):
            assert (stream.usage_so_far or {}).get("completion_tokens") == 3 * (whole - 1)
    shown += stream.receive_eof()
    assert b"".join([chunk.raw or b"" for chunk in shown]) == data
    assert [chunk.finish_reason for chunk in shown if chunk.finish_reason] == ["stop"]
    usage: Any = stream.usage_so_far
    assert usage["completion_tokens"] == 99
    assert usage["prompt_tokens_details"]["text_tokens"] == 7
    assert stream.finished


@given(st.lists(st.text(), min_size=1, max_size=8))
def test_frames_that_come_alone_are_shown_and_counted(texts: list[str]) -> None:
    stream = RelayStream(ENVELOPE)
    for n, text in enumerate(texts):
        frame = text_frame(text, 3 * n)
        shown = stream.receive(frame)
        assert [(chunk.raw, chunk.commits) for chunk in shown] == [(frame, True)]
        assert (stream.usage_so_far or {}).get("completion_tokens") == 3 * n


@pytest.mark.parametrize(
    "broken",
    [
        text_frame("b", 2).replace(b'"b"', b'"\x01"'),
        text_frame("b", 2).replace(b'"b"', b'"\\x"'),
        text_frame("b", 2).replace(b'"b"', b'"\xff"'),
        text_frame("b", 2).replace(b":2,", b":02,"),
        text_frame("b", 2).replace(b":2,", b":,"),
        text_frame("b", 2).replace(b'"totalTokenCount"', b"totalTokenCount"),
    ],
)
def test_a_text_that_is_not_json_breaks_the_stream_where_it_stands(broken: bytes) -> None:
    stream = RelayStream(ENVELOPE)
    before = text_frame("a", 1) + text_frame("aa", 1)
    shown = stream.receive(before + broken + text_frame("c", 3))
    assert b"".join([chunk.raw or b"" for chunk in shown]) == before
    assert stream.failure is not None
    alone = RelayStream(ENVELOPE)
    assert len(alone.receive(text_frame("a", 1))) == 1
    assert (alone.receive(broken), alone.failure) == ([], stream.failure)


def test_texts_whose_counts_are_of_other_things_are_read() -> None:
    stream = RelayStream(ENVELOPE)
    other = text_frame("c", 5).replace(
        b'"promptTokenCount":7,', b'"promptTokenCount":7,"thoughtsTokenCount":4,'
    )
    stream.receive(text_frame("a", 1) + text_frame("b", 2) + other + text_frame("d", 6, "STOP"))
    usage: Any = stream.usage_so_far
    assert usage["completion_tokens"] == 6
    stream = RelayStream(ENVELOPE)
    stream.receive(text_frame("a", 1) + text_frame("b", 2) + other)
    usage = stream.usage_so_far
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 4
