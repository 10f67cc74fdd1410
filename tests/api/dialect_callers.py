"""Callers of Messages, Responses and Gemini, as raw bytes and by their official SDKs, at targets of
which each speaks a dialect of its own.
"""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, Final, NamedTuple

import aiohttp
import httpx2
from anthropic import AsyncAnthropic
from google import genai
from google.genai import types
from openai import AsyncOpenAI

from tests.api.failing import World
from tests.api.gemini_calls import claude_answer, frame
from tests.fakes import Step, json_answer, openai_completion, sse
from tests.translators.claude.inbound.encoders import ENCODERS
from translators.json_codec import dumps, loads

CALLERS: Final = ("messages", "responses", "gemini")
UPSTREAMS: Final = tuple(ENCODERS)
OWN: Final = {"messages": "claude", "responses": "responses", "gemini": "gemini"}
"""The dialect of the targets that are sent a caller's own body."""
ROWS: Final[dict[str, dict[str, Any]]] = {
    "openai": {},
    "responses": {"responses": "native", "model": {"responses": "always"}},
    "claude": {"dialect": "claude"},
    "gemini": {"dialect": "gemini"},
}
"""What a provider's row says of its dialect."""
_RESPONSE: Final = {
    "id": "resp_up", "object": "response", "created_at": 1, "model": "m-served",
    "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
}  # fmt: skip
_USED: Final = {
    "input_tokens": 30, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 8,
    "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 38,
}  # fmt: skip
_USER: Final = {"role": "user", "content": "hi"}
_PATHS: Final = {
    ("messages", False): "/v1/messages",
    ("messages", True): "/v1/messages",
    ("responses", False): "/v1/responses",
    ("responses", True): "/v1/responses",
    ("gemini", False): "/v1beta/models/p:generateContent",
    ("gemini", True): "/v1beta/models/p:streamGenerateContent?alt=sse",
}


def body_of(caller: str, stream: bool) -> dict[str, Any]:
    """A plain question."""
    if caller == "gemini":
        return {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    asked = {"model": "p", "stream": stream}
    if caller == "responses":
        return {**asked, "input": "hi", "store": False}
    return {**asked, "max_tokens": 400, "messages": [_USER]}


def streamed(upstream: str, text: str, end: bool = True) -> list[Step]:
    """A stream of two pieces; without `end` it breaks off."""
    half = len(text) // 2
    pieces = text[:half], text[half:]
    if upstream == "responses":
        return sse(*_response_events(pieces, end))
    story: Any = [["text", piece] for piece in pieces]
    if end:
        story += [["end", "stop"], ["count", 30, 0, 8]]
    return sse(ENCODERS[upstream](story))


def _response_events(pieces: Sequence[str], end: bool) -> Iterator[bytes]:
    """With every event that OpenAI's SDK needs to add them up."""
    numbers = count()

    def event(kind: str, **more: Any) -> bytes:
        document = {"type": kind, "sequence_number": next(numbers), **more}
        return b"event: %s\ndata: %s\n\n" % (kind.encode(), dumps(document))

    head = {"type": "message", "id": "msg_1", "role": "assistant"}
    part = {"type": "output_text", "text": "", "annotations": []}
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    item: Any = {**head, "status": "in_progress", "content": []}
    response: Any = {**_RESPONSE, "status": "in_progress", "output": []}
    yield event("response.created", response=response)
    yield event("response.output_item.added", output_index=0, item=item)
    yield event("response.content_part.added", part=part, **at)
    for piece in pieces:
        yield event("response.output_text.delta", delta=piece, logprobs=[], **at)
    if end:
        text = "".join(pieces)
        item = {**item, "status": "completed", "content": [{**part, "text": text}]}
        response = {**response, "status": "completed", "output": [item], "usage": _USED}
        yield event("response.output_text.done", text=text, logprobs=[], **at)
        yield event("response.content_part.done", part=item["content"][0], **at)
        yield event("response.output_item.done", output_index=0, item=item)
        yield event("response.completed", response=response)


def whole(upstream: str, text: str) -> list[Step]:
    """A JSON answer."""
    part = {"type": "output_text", "text": text, "annotations": []}
    head = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    documents: dict[str, Any] = {
        "openai": openai_completion(text),
        "claude": claude_answer({"type": "text", "text": text}),
        "gemini": frame({"text": text}, reason="STOP", counted=5),
        "responses": {**_RESPONSE, "status": "completed", "output": [{**head, "content": [part]}]},
    }
    return json_answer(documents[upstream])


def said(upstream: str, text: str, stream: bool) -> list[Step]:
    """A whole answer in either mode."""
    return streamed(upstream, text) if stream else whole(upstream, text)


class Heard(NamedTuple):
    """What a caller got."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def events(self) -> list[Any]:
        """The data of a stream."""
        lines = self.body.replace(b"\r\n", b"\n").split(b"\n")
        return [loads(line[6:]) for line in lines if line.startswith(b"data: ")]


async def ask(w: World, caller: str, stream: bool, **more: Any) -> Heard:
    """One raw request."""
    url = w.running.url + _PATHS[caller, stream]
    body = {**body_of(caller, stream), **more}
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Heard(answer.status, headers, await answer.read())


async def by_sdk(w: World, caller: str) -> tuple[str, str]:
    """The text of a stream and why it ended, as the official SDK reads it. Raises its errors."""
    url = w.running.url
    if caller == "messages":
        asked: Any = {"model": "p", "max_tokens": 400, "messages": [_USER]}
        async with (
            AsyncAnthropic(base_url=url, api_key="k", max_retries=0) as claude,
            claude.messages.stream(**asked) as stream,
        ):
            text = "".join([piece async for piece in stream.text_stream])
            return text, str((await stream.get_final_message()).stop_reason)
    if caller == "responses":
        async with (
            AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as openai,
            openai.responses.stream(model="p", input="hi", store=False) as events,
        ):
            pieces = [e.delta async for e in events if e.type == "response.output_text.delta"]
            final = await events.get_final_response()
        assert final.output_text == "".join(pieces)
        return final.output_text, str(final.status)
    async with httpx2.AsyncClient() as http:
        options = types.HttpOptions(base_url=url, httpx_async_client=http)
        with genai.Client(api_key="k", http_options=options) as google:
            opened = google.aio.models.generate_content_stream(model="p", contents="hi")
            chunks = [chunk async for chunk in await opened]
    reason = chunks[-1].candidates[0].finish_reason if chunks[-1].candidates else None
    return "".join(chunk.text or "" for chunk in chunks), "" if reason is None else reason.value


ENDED: Final = {"messages": "end_turn", "responses": "completed", "gemini": "STOP"}
"""Why a whole text ended, in each dialect's words."""


def text_of(caller: str, heard: Heard) -> str:
    """The text of a JSON answer."""
    document = loads(heard.body)
    if caller == "messages":
        return "".join(block["text"] for block in document["content"])
    if caller == "gemini":
        return "".join(p["text"] for p in document["candidates"][0]["content"]["parts"])
    return "".join(part["text"] for item in document["output"] for part in item["content"])


def text_of_one_stream(caller: str, heard: Heard, ends: bool = True) -> str:
    """The text of a stream, which is held to be one and well formed. `ends`: else it breaks off
    with an error in the words of its dialect.
    """
    assert heard.status == 200, heard.body
    return _ONE_STREAM[caller](heard.events, ends)


def _messages(events: list[Any], ends: bool) -> str:
    kinds = [event["type"] for event in events if event["type"] != "ping"]
    assert kinds[0] == "message_start"
    assert kinds.count("message_start") == 1
    assert kinds.count("message_delta") == kinds.count("message_stop") == (1 if ends else 0)
    assert kinds[-1] == ("message_stop" if ends else "error")
    started = [event["index"] for event in events if event["type"] == "content_block_start"]
    stopped = [event["index"] for event in events if event["type"] == "content_block_stop"]
    assert started == [*range(len(started))]
    assert stopped == started if ends else len(started) - len(stopped) in (0, 1)
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    if ends:
        assert [e["delta"]["stop_reason"] for e in events if e["type"] == "message_delta"] == [
            ENDED["messages"]
        ]
    return "".join(delta["text"] for delta in deltas if delta["type"] == "text_delta")


def _responses(events: list[Any], ends: bool) -> str:
    assert [event["sequence_number"] for event in events] == [*range(len(events))]
    kinds = [event["type"] for event in events]
    assert kinds[0] == "response.created"
    assert kinds.count("response.created") == 1
    assert kinds.count("response.completed") == (1 if ends else 0)
    assert kinds[-1] == ("response.completed" if ends else "response.failed")
    assert len({e["response"]["id"] for e in events if "response" in e}) == 1
    text = "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta")
    if ends:
        output = events[-1]["response"]["output"]
        shown = [p["text"] for i in output if i["type"] == "message" for p in i["content"]]
        assert shown == [text]
    return text


def _gemini(frames: list[Any], ends: bool) -> str:
    if not ends:
        assert frames[-1].keys() == {"error"}
        frames = frames[:-1]
    candidates = [frame["candidates"][0] for frame in frames]
    reasons = [candidate.get("finishReason") for candidate in candidates]
    assert reasons == [None] * (len(frames) - 1) + [ENDED["gemini"] if ends else None]
    assert all(candidate["content"]["parts"] or reason for candidate, reason in zip(
        candidates, reasons, strict=True))  # fmt: skip
    parts = [part for candidate in candidates for part in candidate["content"]["parts"]]
    return "".join(part["text"] for part in parts if not part.get("thought"))


_ONE_STREAM: Final = {"messages": _messages, "responses": _responses, "gemini": _gemini}
