"""Frames that are only a text: recognised by their form, they say what they would have said if they
had been parsed.
"""

import json
from typing import Any

import pytest

from tests.translators.gemini.streams import SIGNATURE, deltas, envelope, frame, read, sse
from translators import gemini
from translators.chat.chunks import Chunk, ChunkWriter, Texts, singly
from translators.dialect import AnswerShape

STOP = frame({"text": ""}, reason="STOP")


def counted(text: str, count: int, **more: Any) -> dict[str, Any]:
    details = [{"modality": "TEXT", "tokenCount": 4}]
    usage = {
        "promptTokenCount": 4,
        "candidatesTokenCount": count,
        "totalTokenCount": 4 + count,
        "promptTokensDetails": details,
        **more,
    }
    return {
        **frame({"text": text}),
        "usageMetadata": usage,
        "modelVersion": "g-2: 5,",
        "responseId": "r1",
    }


def spaced(*frames: Any) -> bytes:
    return b"".join(
        b"data: " + json.dumps(one, ensure_ascii=False).encode() + b"\r\n\r\n" for one in frames
    )


def runs(data: bytes, shape: AnswerShape | None = None) -> list[Chunk]:
    """The chunks that are several, of `data` that comes in one piece."""
    return [
        chunk
        for chunk in gemini.open_stream(envelope(shape)).receive(data)
        if isinstance(chunk, Texts)
    ]


@pytest.mark.parametrize("write", [sse, spaced])
def test_the_last_count_stands(write: Any) -> None:
    texts = ["a", "é", "\n", '"', "c"] * 4
    data = write(*(counted(text, number * 7) for number, text in enumerate(texts)), STOP)
    (run,) = runs(data)
    assert [chunk.delta for chunk in singly([run])] == [{"content": text} for text in texts[1:]]
    stream, chunks = read(data)
    assert [chunk.delta["content"] for chunk in chunks if chunk.delta] == texts
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage["completion_tokens"], chunks[-1].usage["total_tokens"]) == (
        19 * 7,
        4 + 19 * 7,
    )
    assert (stream.failure, stream.model) == (None, "g-2: 5,")


def test_counts_are_known_while_it_is_read() -> None:
    stream = gemini.open_stream(envelope())
    seen = []
    for number in (1, 22, 333, 333):
        stream.receive(sse(counted("a", number)))
        seen.append((stream.usage_so_far or {})["completion_tokens"])
    assert seen == [1, 22, 333, 333]


@pytest.mark.parametrize(("total", "reasoning"), [(4 + 5 + 9, 9), (4 + 5, 0)])
def test_a_count_that_comes_once_is_kept_if_the_last_total_needs_it(
    total: int, reasoning: int
) -> None:
    frames = [
        counted("a", 1),
        counted("b", 2),
        counted("c", 3, thoughtsTokenCount=9),
        counted("d", 4),
        counted("e", 5),
    ]
    for one in (*frames[3:], frames[2]):
        one["usageMetadata"]["totalTokenCount"] = total
    _, chunks = read(sse(*frames, STOP))
    assert chunks[-1].usage is not None
    assert chunks[-1].usage["completion_tokens_details"]["reasoning_tokens"] == reasoning
    assert chunks[-1].usage["total_tokens"] == total
    assert chunks[-1].usage["prompt_tokens_details"]["text_tokens"] == 4


def test_a_count_of_any_size_is_what_was_written() -> None:
    frames = [
        counted(text, number) for text, number in (("a", 1), ("b", 10**25), ("c", 0), ("d", 10**15))
    ]
    _, chunks = read(sse(*frames, STOP))
    assert [chunk.delta["content"] for chunk in chunks if chunk.delta] == ["a", "b", "c", "d"]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage["completion_tokens"] == 10**15


def test_escapes_are_written_as_we_write_them() -> None:
    event = b'data: {"candidates":[{"content":{"parts":[{"text":"%s"}]},"index":0}]}\r\n\r\n'
    texts = [
        b"a",
        b"\\u003cb\\u003e",
        b"\\/",
        b"\\n\\u00e9",
        b"",
        b"\\\\u003c",
        b"\\ud83d\\ude00",
        b"z",
        b"y",
    ]
    data = b"".join(event % text for text in texts)
    chunks = gemini.open_stream(envelope()).receive(data)
    assert any(isinstance(chunk, Texts) for chunk in chunks)
    writer = ChunkWriter("x", 1, "m", include_usage=True)
    assert writer.write(chunks) == writer.write(singly(chunks))
    assert [(chunk.delta or {})["content"] for chunk in singly(chunks)] == [
        "a",
        "<b>",
        "/",
        "\né",
        "\\u003c",
        "😀",
        "z",
        "y",
    ]


def test_a_choice_that_has_not_begun() -> None:
    texts = ["", "", "", "a", "b", "c"]
    assert deltas(sse(*(frame({"text": text}) for text in texts), STOP)) == [
        {"role": "assistant", "content": "a"}, {"content": "b"}, {"content": "c"},
    ]  # fmt: skip
    assert deltas(sse(*(frame({"text": text}) for text in ("a", "", "", "")), STOP)) == [
        {"role": "assistant", "content": "a"}
    ]


def test_texts_inside_a_fence() -> None:
    texts = ["```json\n", "{", '"a":', "1", "}", "\n```"]
    shown = deltas(
        sse(*(frame({"text": text}) for text in texts), STOP), AnswerShape(strip_json_fence=True)
    )
    assert "".join(delta["content"] for delta in shown) == '{"a":1}'


def test_choices_that_take_turns() -> None:
    frames = [frame({"text": f"{number} "}, index=number % 2) for number in range(12)]
    _, chunks = read(
        sse(*frames, *(frame({"text": ""}, reason="STOP", index=index) for index in (0, 1)))
    )
    said = [
        "".join(
            (chunk.delta or {}).get("content") or "" for chunk in chunks if chunk.index == index
        )
        for index in (0, 1)
    ]
    assert said == ["0 2 4 6 8 10 ", "1 3 5 7 9 11 "]


def test_a_signature_ends_the_text_it_stands_on() -> None:
    texts = [frame({"text": text}) for text in ("a", "b", "c")]
    signed = frame({"text": "d", "thoughtSignature": SIGNATURE})
    _, chunks = read(sse(*texts, signed, *texts, STOP))
    (opaque,) = (
        chunk.delta["extra_content"]["google"]
        for chunk in chunks
        if chunk.delta and "extra_content" in chunk.delta
    )
    assert [part["text"] for part in opaque["parts"]] == ["abcd", "abc"]


@pytest.mark.parametrize(
    "odd",
    [
        {"candidates": []},
        {"candidates": ["x"]},
        {"candidates": [{"content": "x", "index": 0}]},
        {"candidates": [{"content": {"parts": [{"text": "a"}]}, "index": 0.0}]},
        {"candidates": [{"content": {"parts": [{"text": "a"}]}, "index": 0, "more": 1}]},
        {"candidates": [{"content": {"parts": []}, "index": 0}]},
        {"candidates": [{"content": {"parts": ["x"]}, "index": 0}]},
        {"candidates": [{"content": {"parts": [{"text": 5}]}, "index": 0}]},
        {"candidates": [{"content": {"parts": [{"text": "a", "thought": True}]}, "index": 0}]},
        {"candidates": [{"content": {"parts": [{"text": "a"}, {"text": "b"}]}, "index": 0}]},
        {
            "candidates": [
                {"content": {"parts": [{"text": "a"}]}},
                {"content": {"parts": [{"text": "b"}]}},
            ]
        },
        {"usageMetadata": {"promptTokenCount": 1}},
        [frame({"text": "a"})],
    ],
    ids=str,
)
def test_what_says_more_or_less_than_a_text_is_parsed(odd: Any) -> None:
    assert not runs(sse(*[odd] * 5))
    _, chunks = read(
        sse(frame({"text": "x"}), frame({"text": "y"}), odd, frame({"text": "z"}), STOP)
    )
    texts = [chunk.delta.get("content") for chunk in chunks if chunk.delta and chunk.index == 0]
    assert texts[:2] == ["x", "y"]
    assert "z" in texts
