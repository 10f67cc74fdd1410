"""translators.openai.answer.stream: chunks pass as the bytes they came in; promises that a server
breaks are mended; ends are proven.
"""

from typing import Any

import pytest

from tests.translators.openai.streams import ENVELOPE, chunk, deltas, feed
from translators.chat.chunks import ChunkWriter, singly
from translators.errors import FailureKind
from translators.json_codec import dumps, loads
from translators.openai import open_stream
from translators.sse import Decoder

STREAM = b"".join(
    [
        chunk({"role": "assistant", "content": ""}, system_fingerprint="fp"),
        chunk({"content": "Hé"}, obfuscation="xx"),
        chunk({"content": "llo"}),
        chunk({}, "stop"),
        chunk(None, usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}),
        b"data: [DONE]\n\n",
    ]
)


def test_a_stream_is_relayed_as_it_is() -> None:
    """Unknown fields survive; id and model are the provider's."""
    stream, text = feed(STREAM)
    assert text + b"data: [DONE]\n\n" == STREAM
    assert (stream.finished, stream.failure, stream.id, stream.model) == (
        True,
        None,
        "chatcmpl-up",
        "gpt-real",
    )


def test_what_a_chunk_without_choices_says_goes_out_with_the_next() -> None:
    """Azure begins with what its filter found in the prompt, under no id and no model: many clients
    read the first choice of each chunk.
    """
    first = (
        b"data:"
        b' {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}]}\n\n'  # noqa: E501
    )
    stream, text = feed(first + STREAM)
    chunks = [loads(line[6:]) for line in text.split(b"\n\n") if line]
    assert [len(each["choices"]) for each in chunks] == [1, 1, 1, 1, 0]
    assert chunks[0]["prompt_filter_results"] == [{"prompt_index": 0}]
    assert {(each["id"], each["model"]) for each in chunks} == {("chatcmpl-up", "gpt-real")}
    assert (stream.id, stream.model) == ("chatcmpl-up", "gpt-real")


def test_what_a_last_chunk_without_choices_says_goes_out_with_the_finish_reason() -> None:
    _, text = feed(
        chunk({"role": "assistant", "content": "a"}),
        chunk({}, "stop"),
        chunk(None, zap=1),
        b"data: [DONE]\n\n",
    )
    assert [loads(line[6:]).get("zap") for line in text.split(b"\n\n") if line] == [None, 1]


@pytest.mark.parametrize(
    "other", [{"id": "another"}, {"model": "another"}, {"object": ""}, {"created": None}]
)
def test_a_stream_has_one_id_and_one_model(other: dict[str, Any]) -> None:
    _, text = feed(
        chunk({"role": "assistant", "content": "a"}),
        chunk({"content": "b"}, **other),
        chunk({}, "stop"),
    )
    chunks = [loads(line[6:]) for line in text.split(b"\n\n") if line]
    assert {(each["id"], each["model"], each["object"]) for each in chunks} == {
        ("chatcmpl-up", "gpt-real", "chat.completion.chunk")
    }
    assert all(isinstance(each["created"], int) for each in chunks)


def test_usage_chunk_is_shown_only_to_who_asked() -> None:
    stream = open_stream(ENVELOPE)
    text = ChunkWriter("x", 1, "m", include_usage=False).write(stream.receive(STREAM))
    assert b'"prompt_tokens"' not in text
    assert b"llo" in text


def test_done_without_a_finish_reason_is_a_truncated_answer() -> None:
    stream, _ = feed(chunk({"content": "a"}), b"data: [DONE]\n\n")
    assert stream.failure is not None
    assert stream.failure.kind is FailureKind.TRUNCATED


@pytest.mark.parametrize(
    ("event", "kind", "status"),
    [
        (
            b'data: {"error":{"message":"boom","type":"server_error","code":null}}\n\n',
            FailureKind.SERVER_ERROR,
            502,
        ),
        (
            b'event: error\ndata: {"error":{"message":"slow","code":"rate_limit_exceeded"}}\n\n',
            FailureKind.RATE_LIMIT,
            429,
        ),
        (b'data: {"error":{"message":"slow","code":503}}\n\n', FailureKind.OVERLOADED, 503),
        (
            b'data: {"object":"error","message":"bad","type":"BadRequestError","code":400}\n\n',
            FailureKind.SERVER_ERROR,
            502,
        ),
        (b'data: {"object":"error","message":"bad","code":422}\n\n', FailureKind.SERVER_ERROR, 502),
        (
            b'data: {"error":{"message":"bad","type":"invalid_request_error","code":400}}\n\n',
            FailureKind.INVALID_REQUEST,
            400,
        ),
        (
            b'data: {"error":{"message":"context length of 9","code":400}}\n\n',
            FailureKind.CONTEXT_LENGTH,
            400,
        ),
        (b'{\n "error": {"message": "tail"}\n}\n', FailureKind.SERVER_ERROR, 502),
        (b"data: {broken\n\n", FailureKind.MALFORMED, 502),
        (b"data: [1]\n\n", FailureKind.MALFORMED, 502),
        (b"<html>oops</html>", FailureKind.MALFORMED, 502),
        (b'{"choices":[1]}', FailureKind.SERVER_ERROR, 502),
        (b'{"choices":[{"message":{"content":"x"}}],"usage":5}', FailureKind.MALFORMED, 502),
        (b'data: {"choices":[],"usage":5}\n\n', FailureKind.MALFORMED, 502),
    ],
)
def test_errors_in_the_stream(event: bytes, kind: FailureKind, status: int) -> None:
    for before in (b"", chunk({"role": "assistant", "content": "a"})):
        stream, text = feed(before, event)
        assert stream.failure is not None
        assert (stream.failure.kind, stream.failure.status, stream.finished) == (
            kind,
            status,
            False,
        )
        assert (b'"a"' in text) == bool(before)


def test_role_comes_once() -> None:
    """A server that repeats the role, and one that leaves it out."""
    _, repeated = feed(
        chunk({"role": "assistant", "content": "a"}),
        chunk({"role": "assistant", "content": "b"}),
        chunk({}, "stop"),
    )
    assert deltas(repeated) == [
        (0, {"role": "assistant", "content": "a"}, None),
        (0, {"content": "b"}, None),
        (0, {}, "stop"),
    ]
    _, missing = feed(chunk({"content": "a"}), chunk({}, "stop"))
    assert deltas(missing)[0] == (0, {"content": "a", "role": "assistant"}, None)


def test_tool_calls_get_dense_indexes_and_ids() -> None:
    """Indexes from 1 with a gap, no index at all, no id: the answer has 0, 1 and ids."""
    _, gap = feed(
        chunk(
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "index": 1,
                        "id": "a",
                        "type": "function",
                        "function": {"name": "functions.f", "arguments": ""},
                    }
                ],
            }
        ),
        chunk({"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]}),
        chunk(
            {
                "tool_calls": [
                    {"index": 3, "type": "function", "function": {"name": "g", "arguments": "{}"}}
                ]
            }
        ),
        chunk({}, "tool_calls"),
    )
    calls = [call for _, delta, _ in deltas(gap) for call in delta.get("tool_calls", ())]
    assert [(c["index"], c.get("id"), c["function"].get("name")) for c in calls] == [
        (0, "a", "f"),
        (0, None, None),
        (1, "call_u_1", "g"),
    ]
    _, none = feed(
        chunk(
            {
                "role": "assistant",
                "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{"}}],
            }
        ),
        chunk({"tool_calls": [{"function": {"arguments": "}"}}]}),
        chunk({"tool_calls": [{"id": "b", "function": {"name": "g", "arguments": "{}"}}]}),
        chunk({}, "tool_calls"),
    )
    calls = [call for _, delta, _ in deltas(none) for call in delta.get("tool_calls", ())]
    assert [c["index"] for c in calls] == [0, 0, 1]


def test_unknown_finish_reason_becomes_stop_and_keeps_its_name() -> None:
    _, text = feed(chunk({"role": "assistant", "content": "a"}), chunk({}, "eos"))
    last = loads(text.split(b"\n\n")[1][6:])["choices"][0]
    assert (last["finish_reason"], last["native_finish_reason"]) == ("stop", "eos")


def test_several_choices_in_one_chunk_are_told_apart() -> None:
    choices = [
        {"index": 0, "delta": {"content": "a"}},
        {"index": 1, "delta": {"content": "b"}, "logprobs": {"x": 1}},
    ]
    both = b"data: " + dumps({"id": "i", "model": "m", "choices": choices, "zap": 2}) + b"\n\n"
    _, text = feed(both, chunk({}, "stop"), chunk({}, "length", 1))
    assert deltas(text) == [
        (0, {"content": "a", "role": "assistant"}, None),
        (1, {"content": "b", "role": "assistant"}, None),
        (0, {}, "stop"),
        (1, {}, "length"),
    ]
    assert b'"zap":2' in text


def test_usage_beside_a_choice_is_told_apart() -> None:
    """Some servers send the usage with the last choice."""
    _, text = feed(
        chunk({"role": "assistant", "content": "a"}, "stop", usage={"prompt_tokens": 1}),
        b"data: [DONE]\n\n",
    )
    assert deltas(text) == [(0, {"role": "assistant", "content": "a"}, "stop")]
    assert loads(text.split(b"\n\n")[1][6:]) == {
        "id": "chatcmpl-up",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-real",
        "choices": [],
        "usage": {"prompt_tokens": 1},
    }


def test_a_running_usage_is_shown_once_at_the_end() -> None:
    """Some servers count with every chunk, also while nothing is said: only the last count is the
    answer's.
    """
    _, text = feed(
        chunk(None, usage={"prompt_tokens": 1}),
        chunk({"role": "assistant", "content": "a"}, usage={"prompt_tokens": 2}),
        chunk({}, "stop", usage={"prompt_tokens": 3}),
        chunk(None, usage={"prompt_tokens": 4}, zap=1),
        b"data: [DONE]\n\n",
    )
    assert [loads(line[6:])["usage"] for line in text.split(b"\n\n") if b'"usage":{' in line] == [
        {"prompt_tokens": 4}
    ]
    assert text.endswith(b'"zap":1}\n\n')


def test_a_json_answer_to_a_stream_request_is_read() -> None:
    stream, text = feed(
        b'{"id":"i","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"all"},"finish_reason":"stop"}]}'
    )
    assert stream.finished
    assert deltas(text) == [(0, {"role": "assistant", "content": "all"}, "stop")]


def test_nothing_after_the_end_is_read() -> None:
    stream, text = feed(STREAM, chunk({"content": "late"}))
    assert b"late" not in text
    assert stream.finished


@pytest.mark.parametrize(
    "choices",
    [
        "x",
        [1],
        [{"delta": 1}],
        [{"delta": {"tool_calls": [1]}}],
        [{"delta": {}, "index": "x"}],
        [{"index": {}}],
        [{"delta": {"content": 1}}],
        [{"delta": {"tool_calls": [{"index": {}}]}}],
        [{"delta": {"tool_calls": [{"id": []}]}}],
        [{"delta": {"tool_calls": [{"function": {"name": 1}}]}}],
        [{"delta": {"function_call": 1}}],
    ],
)
def test_chunks_of_another_form_are_malformed(choices: Any) -> None:
    stream, _ = feed(b"data: " + dumps({"choices": choices}) + b"\n\n")
    assert stream.failure is not None
    assert stream.failure.kind is FailureKind.MALFORMED


def test_a_chunk_without_a_delta_and_a_custom_call() -> None:
    bare = b'data: {"choices":[{"index":0,"finish_reason":null}]}\n\n'
    custom = chunk(
        {
            "tool_calls": [
                {"index": 0, "id": "a", "type": "custom", "custom": {"name": "g", "input": "x"}}
            ]
        }
    )
    _, text = feed(bare, custom, chunk({}, "tool_calls"))
    assert next(delta for _, delta, _ in deltas(text)) == {"role": "assistant"}
    assert b'"custom":{"name":"g","input":"x"}' in text


HEAD = b'"id":"chatcmpl-up","object":"chat.completion.chunk","created":5,"model":"gpt-real"'


@pytest.mark.parametrize(
    "like",
    [
        b'{%s,"choices":[{"index":0,"delta":{"content":"%%s"},"finish_reason":null}]}' % HEAD,
        b'{%s,"content":"x","choices":[{"index":0,"delta":{"content":"%%s"},"finish_reason":null}]}'
        % HEAD,
        b'{%s,"content":"x","choices":[{"index":0,"delta":{"content"'
        b' :"%%s"},"finish_reason":null}]}' % HEAD,
    ],
    ids=["alike", "the key twice", "the key elsewhere"],
)
def test_texts_are_relayed_as_they_came(like: bytes) -> None:
    first = chunk({"role": "assistant", "content": ""})
    texts = [b"data: " + like % text + b"\n\n" for text in (b"a", b"b", b"", b"\\n", b"\xc3\xa9")]
    data = b"".join([first, *texts, chunk({}, "stop"), b"data: [DONE]\n\n"])
    for step in (len(data), 1):
        stream = open_stream(ENVELOPE)
        chunks = [
            each
            for i in range(0, len(data), step)
            for each in singly(stream.receive(data[i : i + step]))
        ]
        assert [each.raw for each in chunks[1:-1]] == [text[6:-2] for text in texts]
        assert [each.delta for each in chunks[1:-1]] == [
            {"content": text} for text in ("a", "b", "", "\n", "é")
        ]
        assert stream.finished


def test_odd_values_are_mended() -> None:
    whole = {"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}}
    _, text = feed(
        chunk({"role": "assistant", "content": [{"type": "text", "text": "x"}]}),
        chunk({"tool_calls": [whole]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": []}}]}),
        chunk({"function_call": {"name": "f", "arguments": {}}}),
        chunk({}, {"odd": 1}),  # type: ignore[arg-type]
        b"data: [DONE]\n\n",
    )
    shown = deltas(text)
    assert shown[0][1]["content"] == "x"
    assert [shown[i][1]["tool_calls"][0]["function"]["arguments"] for i in (1, 2)] == [
        '{"x":1}',
        "[]",
    ]
    assert shown[3][1]["function_call"]["arguments"] == "{}"
    assert shown[4] == (0, {}, "tool_calls")
    assert b'"native_finish_reason":{"odd":1}' in text


def test_an_endless_event_is_given_up() -> None:
    stream = open_stream(ENVELOPE)
    stream._reader.decoder = Decoder(max_event_bytes=100)
    assert stream.receive(b"data: " + b"x" * 200) == []
    assert stream.failure is not None
    assert stream.receive(b"more") == []
    assert stream.receive_eof() == []


def test_names_may_stand_behind_the_choices() -> None:
    event = b'data: {"choices":[{"index":0,"delta":%s,"finish_reason":%s}],%s}\n\n'
    data = event % (b'{"role":"assistant","content":"a"}', b"null", HEAD) + event % (
        b'{"content":"b"}',
        b"null",
        HEAD,
    )
    data += event % (b"{}", b'"stop"', HEAD)
    assert feed(data, b"data: [DONE]\n\n")[1] == data
    other = event % (b'{"content":"c"}', b"null", HEAD.replace(b"chatcmpl-up", b"chatcmpl-other"))
    assert (
        b"other"
        not in feed(
            data.replace(b'{},"finish_reason":"stop"', b'{},"finish_reason":null') + other + data
        )[1]
    )
