"""What is sent is what Anthropic's SDK would send, and what comes out is what OpenAI's SDK
reads."""

import json
from pathlib import Path
from typing import Any, NotRequired, Required, get_args, get_origin

import anthropic.types as types
import pytest
from anthropic.types.message_create_params import (
    MessageCreateParamsNonStreaming,
    MessageCreateParamsStreaming,
)
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from typing_extensions import get_type_hints, is_typeddict

from tests.translators.claude.golden import REQUESTS, RESPONSES, read
from tests.translators.claude.streams import TRANSCRIPTS, opened
from translators.chat.chunks import ChunkWriter
from translators.claude.wire import NATIVE_PARTS

_OPEN = ("input_schema", "schema", "input")
"""Fields whose objects are the caller's."""
_NEWER = {"block_binding", "context_management", "inference_geo", "server_name"}
"""Fields that the caller wrote in Claude's own words and the SDK knows only in its beta types."""
_OLDER = {"temperature", "top_p", "top_k"}
"""Fields that version 2026-10-21, which the SDK is made for, has not; 2023-06-01 has them."""
_NOT_TYPED = {"x_provider", "thinking_verbatim_without_budget", "prefill_with_thinking_off"}
"""Cases in which the caller's own words are wrong or newer than the SDK's types, and pass as they
are."""


def problems(value: Any, hint: Any, at: str) -> list[str]:
    """What of `value` the SDK's types do not allow; of a union the alternative with the fewest, the
    deepest first.
    """
    origin = get_origin(hint)
    if origin in (Required, NotRequired):
        return problems(value, get_args(hint)[0], at)
    if is_typeddict(hint):
        return _typed_dict(value, hint, at)
    name = getattr(origin, "__name__", "")
    if name == "Annotated":
        return problems(value, get_args(hint)[0], at)
    if name in ("Union", "UnionType"):
        return min(
            (problems(value, choice, at) for choice in get_args(hint)),
            key=lambda found: (len(found), -len("".join(found).split(":")[0])),
        )
    if name == "Literal":
        return (
            [] if value in get_args(hint) else [f"{at}: {value!r} is not one of {get_args(hint)}"]
        )
    if isinstance(value, list):
        inner = get_args(hint)
        return (
            [p for i, item in enumerate(value) for p in problems(item, inner[0], f"{at}[{i}]")]
            if inner
            else [f"{at}: no list"]
        )
    return _plain(value, hint, at)


def _plain(value: Any, hint: Any, at: str) -> list[str]:
    if hint in (Any, object) or get_origin(hint) is dict:
        return [] if hint in (Any, object) or isinstance(value, dict) else [f"{at}: no object"]
    wanted = {float: (int, float), type(None): (type(None),)}.get(
        hint, (hint,) if isinstance(hint, type) else (str,)
    )
    return [] if isinstance(value, wanted) else [f"{at}: {value!r} is no {hint}"]


def _typed_dict(value: Any, hint: Any, at: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{at}: no {hint.__name__}"]
    fields = get_type_hints(hint, include_extras=True)
    found = [
        f"{at}.{name}: missing"
        for name, kind in fields.items()
        if get_origin(kind) is Required and name not in value
    ]
    for name, child in value.items():
        if name in _OPEN:
            found += [] if isinstance(child, dict) else [f"{at}.{name}: no object"]
        elif name in fields:
            found += problems(child, fields[name], f"{at}.{name}")
        elif name not in _NEWER | _OLDER:
            found.append(f"{at}.{name}: unknown")
    return found


@pytest.mark.parametrize(
    "path", [p for p in REQUESTS if p.stem not in _NOT_TYPED], ids=lambda path: path.stem
)
def test_bodies_are_what_the_sdk_sends(path: Path) -> None:
    """Every key is known to the SDK's types, every required one is there, every value is of its
    type.
    """
    body = read(path)["expected"].get("body")
    if body is None:
        return
    wanted = MessageCreateParamsStreaming if body["stream"] else MessageCreateParamsNonStreaming
    assert problems(body, wanted, "body") == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"max_tokens": 1, "messages": []}, ["body.model: missing"]),
        (
            {"max_tokens": "1", "messages": [], "model": "m"},
            ["body.max_tokens: '1' is no <class 'int'>"],
        ),
        (
            {
                "max_tokens": 1,
                "messages": [{"role": "user", "content": [{"type": "text"}]}],
                "model": "m",
            },
            ["body.messages[0].content[0].text: missing"],
        ),
        ({"max_tokens": 1, "messages": [], "model": "m", "n": 1}, ["body.n: unknown"]),
    ],
)
def test_the_check_itself_finds_what_is_wrong(body: dict[str, Any], found: list[str]) -> None:
    assert problems(body, MessageCreateParamsNonStreaming, "body") == found


@pytest.mark.parametrize("path", RESPONSES, ids=lambda path: path.stem)
def test_completions_are_what_the_sdk_reads(path: Path) -> None:
    completion = read(path)["expected"].get("completion")
    if completion is not None:
        ChatCompletion.model_validate(completion, strict=True)


@pytest.mark.parametrize(
    "path", sorted(TRANSCRIPTS.glob("*.claude.sse")), ids=lambda path: path.stem
)
def test_chunks_are_what_the_sdk_reads(path: Path) -> None:
    stream = opened()
    chunks = stream.receive(path.read_bytes()) + stream.receive_eof()
    written = (
        ChunkWriter(stream.id, 1764547200, stream.model, include_usage=True).write(chunks).decode()
    )
    for event in written.split("\n\n")[:-1]:
        ChatCompletionChunk.model_validate(json.loads(event.removeprefix("data: ")), strict=True)


def test_every_block_type_of_the_sdk_is_known() -> None:
    """Each type of block that Claude takes in a message is one that a caller may send."""
    known = {
        get_args(get_type_hints(block)["type"])[0] for block in get_args(types.ContentBlockParam)
    }
    assert known - {"text", *NATIVE_PARTS} == set()
