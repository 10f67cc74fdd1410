"""Calls of the Gemini API at a gateway behind which a fake provider speaks every dialect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from tests.fakes import Step, json_answer, openai_chunk, openai_completion, sse
from tests.serving import Running
from translators.json_codec import dumps, loads

SAID: Final = "Žižkov lies east."
HELLO: Final = {"contents": [{"role": "user", "parts": [{"text": "Where is it?"}]}]}
PERSONAS: Final = ("on_openai", "on_claude", "on_gemini")


def frame(*parts: dict[str, Any], reason: str | None = None, counted: int = 0) -> dict[str, Any]:
    """A frame as Google writes it."""
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if reason is not None:
        candidate["finishReason"] = reason
    made: dict[str, Any] = {"candidates": [candidate], "modelVersion": "gemini-served"}
    if counted:
        counts = {"promptTokenCount": 7, "candidatesTokenCount": counted}
        made["usageMetadata"] = {**counts, "totalTokenCount": 7 + counted}
    return {**made, "responseId": "resp-of-google"}


def event(document: Any) -> bytes:
    return b"data: " + dumps(document) + b"\r\n\r\n"


GOOGLES: Final = (
    event(frame({"text": "Žižkov "})),
    event(frame({"text": "lies east."}, reason="STOP", counted=5)),
)


def named(name: str, **data: Any) -> bytes:
    """An event of Claude's."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), dumps({"type": name, **data}))


def claude_stream(
    *blocks: tuple[dict[str, Any], Sequence[dict[str, Any]]], stop: str = "end_turn"
) -> list[bytes]:
    """Each block as it begins, and its deltas."""
    usage = {"input_tokens": 7, "output_tokens": 1}
    message = {
        "id": "msg_9",
        "type": "message",
        "role": "assistant",
        "model": "claude-served",
        "content": [],
    }
    events = [named("message_start", message={**message, "stop_reason": None, "usage": usage})]
    for index, (block, deltas) in enumerate(blocks):
        events.append(named("content_block_start", index=index, content_block=block))
        events += [named("content_block_delta", index=index, delta=delta) for delta in deltas]
        events.append(named("content_block_stop", index=index))
    events.append(named("message_delta", delta={"stop_reason": stop}, usage={"output_tokens": 5}))
    return [*events, named("message_stop")]


def claude_text(text: str) -> tuple[dict[str, Any], Sequence[dict[str, Any]]]:
    return {"type": "text", "text": ""}, [{"type": "text_delta", "text": text}]


def claude_answer(*content: dict[str, Any], stop: str = "end_turn") -> dict[str, Any]:
    usage = {"input_tokens": 7, "output_tokens": 5}
    made = {"id": "msg_9", "type": "message", "role": "assistant", "model": "claude-served"}
    return {**made, "content": list(content), "stop_reason": stop, "usage": usage}


def answers(streamed: bool) -> dict[str, list[Step]]:
    """What each provider says: SAID."""
    if streamed:
        chunks = [
            openai_chunk({"content": "Žižkov "}),
            openai_chunk({"content": "lies east."}),
            openai_chunk({}, "stop"),
        ]
        return {
            "openai": sse(*chunks, b"data: [DONE]\n\n"),
            "claude": sse(*claude_stream(claude_text(SAID))),
            "gemini": sse(*GOOGLES),
        }
    return {
        "openai": json_answer(openai_completion(SAID)),
        "claude": json_answer(claude_answer({"type": "text", "text": SAID})),
        "gemini": json_answer(frame({"text": SAID}, reason="STOP", counted=5)),
    }


@dataclass(slots=True)
class Reply:
    """What a client got."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return loads(self.body)

    @property
    def frames(self) -> list[Any]:
        """Of a stream; each must be one `data: ` line and a blank one, and nothing else may stand
        there.
        """
        pieces = self.body.split(b"\r\n\r\n")
        assert pieces.pop() == b""
        assert all(piece.startswith(b"data: ") for piece in pieces)
        return [loads(piece[6:]) for piece in pieces]

    @property
    def text(self) -> str:
        frames = (
            self.frames
            if self.headers["content-type"].startswith("text/event-stream")
            else [self.document]
        )
        parts = [part for frame in frames for part in frame["candidates"][0]["content"]["parts"]]
        return "".join(part.get("text", "") for part in parts if not part.get("thought"))


async def ask(
    running: Running,
    persona: str,
    body: Any = None,
    *,
    method: str = "generateContent",
    at: str = "/v1beta/models/",
    verb: str = "POST",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    url = f"{running.url}{at}{persona}{':' if method else ''}{method}"
    given = HELLO if body is None else body
    async with aiohttp.ClientSession() as session, session.request(
        verb, url, json=given if verb == "POST" else None, headers=headers
    ) as answer:  # fmt: skip
        return Reply(answer.status, answer.headers, await answer.read())


STREAM: Final = "streamGenerateContent?alt=sse"
