"""translators.chat.chunks: writing chunks, adding them up, knowing which one commits."""

from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from translators.chat.chunks import Chunk, ChunkWriter, Collector
from translators.json_codec import loads

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def write(*chunks: Chunk, include_usage: bool = False) -> list[Any]:
    text = ChunkWriter("chatcmpl-1", 5, "m", include_usage).write(chunks)
    return [loads(line.removeprefix(b"data: ")) for line in text.split(b"\n\n") if line]


def test_a_delta_as_openai_writes_it() -> None:
    assert write(Chunk({"role": "assistant", "content": "é"})) == [
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 5,
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "delta": {"role": "assistant", "content": "é"},
                    "logprobs": None,
                    "finish_reason": None,
                }
            ],
        }
    ]


def test_finish_extra_fields_and_usage() -> None:
    """With include_usage every chunk has `usage`, null but in the last."""
    finish = Chunk(
        {},
        "stop",
        1,
        choice={"native_finish_reason": "STOP", "logprobs": {"content": []}},
        top={"service_tier": "default"},
    )
    first, last = write(finish, Chunk(usage=USAGE), include_usage=True)
    assert first["choices"] == [
        {
            "index": 1,
            "delta": {},
            "finish_reason": "stop",
            "native_finish_reason": "STOP",
            "logprobs": {"content": []},
        }
    ]
    assert (first["usage"], first["service_tier"]) == (None, "default")
    assert (last["choices"], last["usage"]) == ([], USAGE)
    assert [ChatCompletionChunk.model_validate(c).object for c in (first, last)] == [
        "chat.completion.chunk"
    ] * 2


def test_usage_is_written_only_if_asked_for() -> None:
    assert write(Chunk(usage=USAGE)) == []
    assert write(Chunk(usage=USAGE, raw=b'{"choices":[],"usage":{}}')) == []


def test_raw_chunks_pass_as_they_are() -> None:
    writer = ChunkWriter("x", 1, "m", False)
    assert (
        writer.write([Chunk({"content": "a"}, raw=b'{"zap":1}'), Chunk(raw=b'{"choices":[]}')])
        == b'data: {"zap":1}\n\ndata: {"choices":[]}\n\n'
    )


def test_line_separators_are_escaped() -> None:
    text = ChunkWriter("x", 1, "m", False).write([Chunk({"content": "a\u2028b\u2029c\u0085d–"})])
    assert rb"a\u2028b\u2029c\u0085d" in text
    assert loads(text[6:])["choices"][0]["delta"]["content"] == "a\u2028b\u2029c\u0085d–"


@pytest.mark.parametrize(
    ("chunk", "commits"),
    [
        (Chunk({"role": "assistant", "content": ""}), False),
        (Chunk({"content": "x"}), True),
        (Chunk({"reasoning_content": "x"}), True),
        (Chunk({"tool_calls": [{}]}), True),
        (Chunk({"refusal": "no"}), True),
        (Chunk({}, "stop"), True),
        (Chunk(usage=USAGE), False),
    ],
)
def test_which_chunk_commits(chunk: Chunk, commits: bool) -> None:
    assert chunk.commits == commits


def test_chunks_add_up_to_a_completion() -> None:
    """Text, reasoning, two tool calls in pieces, a second choice, usage: the object the SDK would
    have got.
    """
    collector = Collector("chatcmpl-1", 5, "m")
    for chunk in (
        Chunk({"role": "assistant", "content": ""}),
        Chunk({"reasoning_content": "th"}),
        Chunk({"reasoning_content": "ink"}),
        Chunk({"content": "Hel"}, choice={"logprobs": {"content": [1], "refusal": None}}),
        Chunk({"content": "lo"}, choice={"logprobs": {"content": [2], "refusal": None}}),
        Chunk(
            {
                "tool_calls": [
                    {
                        "index": 0,
                        "id": "a",
                        "type": "function",
                        "function": {"name": "f", "arguments": ""},
                    }
                ]
            }
        ),
        Chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"x":'}}]}),
        Chunk(
            {
                "tool_calls": [
                    {"index": 1, "id": "b", "type": "custom", "custom": {"name": "g", "input": "y"}}
                ]
            }
        ),
        Chunk({"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}),
        Chunk({"thinking_blocks": [{"a": 1}]}),
        Chunk({}, "tool_calls", choice={"native_finish_reason": "tool_use"}),
        Chunk({"role": "assistant"}, index=1),
        Chunk({}, "stop", 1),
        Chunk(usage=USAGE),
    ):
        collector.add(chunk)
    completion = collector.completion()
    first, second = completion["choices"]
    assert first["message"] == {
        "role": "assistant",
        "content": "Hello",
        "refusal": None,
        "reasoning_content": "think",
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
            {"id": "b", "type": "custom", "custom": {"name": "g", "input": "y"}},
        ],
        "thinking_blocks": [{"a": 1}],
    }
    assert (
        first["finish_reason"],
        first["native_finish_reason"],
        first["logprobs"]["content"],
    ) == ("tool_calls", "tool_use", [1, 2])
    assert second["message"]["content"] == ""
    assert completion["usage"] == USAGE


def test_legacy_function_call_adds_up_and_leaves_content_null() -> None:
    collector = Collector("chatcmpl-1", 5, "m")
    for delta in (
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
    ):
        collector.add(Chunk(delta))
    collector.add(Chunk({}, "function_call"))
    message = ChatCompletion.model_validate(collector.completion()).choices[0].message
    assert (message.content, message.function_call and message.function_call.arguments) == (
        None,
        "{}",
    )


def test_parts_of_a_call_that_are_no_text_are_left_out() -> None:
    collector = Collector("i", 1, "m")
    for function in ({"name": "f", "arguments": "{"}, {"arguments": None}, {"arguments": "}"}):
        collector.add(Chunk({"tool_calls": [{"index": 0, "function": function}]}))
    assert collector.completion()["choices"][0]["message"]["tool_calls"] == [
        {"function": {"name": "f", "arguments": "{}"}}
    ]


def test_a_chunk_is_shown_by_what_it_says() -> None:
    assert repr(Chunk({"content": "a"})) == "Chunk({'delta': {'content': 'a'}, 'index': 0})"


def test_log_probabilities_of_another_form_are_not_added_up() -> None:
    collector = Collector("i", 1, "m")
    for told in (
        {"content": [1], "refusal": "x"},
        {"content": 5, "refusal": [2]},
        {"content": [3]},
        7,
    ):
        collector.add(Chunk({}, "stop", choice={"logprobs": told}))
    assert collector.completion()["choices"][0]["logprobs"] == 7
    collector.add(Chunk({}, choice={"logprobs": {"content": [4]}}))
    assert collector.completion()["choices"][0]["logprobs"] == {"content": [4]}


def test_a_call_that_began_with_null_adds_up() -> None:
    collector = Collector("i", 1, "m")
    for called in (
        {"name": "f", "arguments": None, "x": 1},
        {"name": None, "arguments": "{}", "x": "y"},
    ):
        collector.add(Chunk({"tool_calls": [{"index": 0, "function": called}]}))
    call = collector.completion()["choices"][0]["message"]["tool_calls"][0]
    assert call == {"function": {"name": "f", "arguments": "{}", "x": "y"}}


def test_sound_adds_up_however_it_is_sent() -> None:
    """Each piece is a text of base64 of its own; what is none of ours is left as it is."""

    def audio(*pieces: Any) -> Any:
        collector = Collector("i", 1, "m")
        for piece in pieces:
            collector.add(Chunk({"audio": piece}))
        return collector.completion()["choices"][0]["message"].get("audio")

    heard = audio(
        {"id": "a", "transcript": "Hi"},
        {"data": "AQ=="},
        {"data": "AgM=", "transcript": " you"},
        {"expires_at": 7},
    )
    assert heard == {"id": "a", "transcript": "Hi you", "data": "AQID", "expires_at": 7}
    assert audio({"id": "a", "data": "AQ=="}) == {"id": "a", "data": "AQ=="}
    assert audio({"data": "AQ="}, {"data": "!"}) == {"data": "AQ=!", "transcript": ""}
    assert audio("x", {"data": 5}, {"data": "AQ=="}) == {"data": "AQ==", "transcript": ""}
    assert audio({"data": "AQ=="}, [7]) == {"data": "AQ=="}
    assert (audio(7), audio(None)) == (7, None)
