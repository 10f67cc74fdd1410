"""Chunks of a streamed answer, how they are written as SSE, and how they add up to a whole
completion.

A dialect's stream translator makes chunks; the gateway looks at `commits` and `usage`, and writes
them with a ChunkWriter.
"""

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from translators.chat.wire import Completion, Delta, FinishReason, Usage
from translators.json_codec import JsonObject, dumps, loads
from translators.pieces import LONG, characters_of, joined

DONE: Final = b"data: [DONE]\n\n"

FINISH_REASONS: Final = frozenset[FinishReason](
    {"stop", "length", "tool_calls", "content_filter", "function_call"}
)

_CONTENT: Final = (
    "content",
    "reasoning_content",
    "tool_calls",
    "function_call",
    "refusal",
    "images",
    "audio",
)


def says(delta: Mapping[str, Any]) -> bool:
    """Whether a delta is part of the answer, and not only its role or empty fields."""
    return any(map(delta.get, _CONTENT))


class Chunk:
    """One chat.completion.chunk with at most one choice, or none and the usage.

    `raw` is the JSON text of a chunk that a server of the hub's own dialect sent: written as it is,
    so unknown fields survive. `choice` are further fields beside index, delta and finish_reason
    (`logprobs`, `native_finish_reason`).
    """

    __slots__ = ("choice", "delta", "finish_reason", "index", "raw", "top", "usage")

    def __init__(
        self,
        delta: Delta | None = None,
        finish_reason: str | None = None,
        index: int = 0,
        *,
        choice: Mapping[str, Any] | None = None,
        usage: Usage | None = None,
        top: Mapping[str, Any] | None = None,
        raw: bytes | None = None,
    ) -> None:
        self.delta = delta
        self.finish_reason = finish_reason
        self.index = index
        self.choice = choice
        self.usage = usage
        self.top = top
        self.raw = raw

    @property
    def commits(self) -> bool:
        """Whether a caller who has seen this chunk has seen part of the answer: failover ends
        here."""
        if self.finish_reason is not None:
            return True
        delta = self.delta
        return delta is not None and says(delta)

    def __repr__(self) -> str:
        shown = {
            name: value for name in self.__slots__ if (value := getattr(self, name)) is not None
        }
        return f"Chunk({shown})"


def only_reasons(chunk: Chunk) -> bool:
    """Whether a chunk that commits tells nothing but what the model thought."""
    delta = chunk.delta
    return (
        delta is not None
        and chunk.finish_reason is None
        and not any(delta.get(name) for name in _CONTENT if name != "reasoning_content")
    )


def private(fields: Mapping[str, Any]) -> Chunk:
    """A chunk for writers of other APIs: Chat shows nothing of it (`raw` is empty), and it is no
    part of a completion.
    """
    return Chunk(cast(Delta, fields), raw=b"")


class Texts(Chunk):
    """Several chunks that arrived at once, each nothing but a text of the same choice: kept and
    written together.

    `delta` holds the whole text, `written` each as the inside of a JSON string. `raw` are the
    events they were, if they are relayed.
    """

    __slots__ = ("written",)

    def __init__(
        self, text: str, index: int, written: list[bytes], raw: bytes | None = None
    ) -> None:
        super().__init__({"content": text}, None, index, raw=raw)
        self.written = written

    def singly(self) -> list[Chunk]:
        texts = strings(self.written)
        if self.raw is None:
            return [Chunk({"content": text}, None, self.index) for text in texts]
        events = self.raw.split(b"\n\n")
        return [
            Chunk({"content": text}, None, self.index, raw=event[6:])
            for text, event in zip(texts, events, strict=False)
        ]


class Relayed(Chunk):
    """Whole events of a provider that speaks the caller's own dialect, as they came, in `raw`; and
    what they tell of the answer.

    Only a writer of that dialect is given one. `finish_reason` and `usage` are the hub's.
    """

    __slots__ = ("_commits", "failed")

    def __init__(
        self,
        raw: bytes,
        *,
        commits: bool = False,
        finish_reason: str | None = None,
        usage: Usage | None = None,
        failed: bool = False,
    ) -> None:
        super().__init__(None, finish_reason, usage=usage, raw=raw)
        self._commits = commits
        self.failed = failed
        """The provider's own error event is in it: none is written behind it."""

    @property
    def commits(self) -> bool:
        return self._commits or self.finish_reason is not None


class RelayedCompletion(dict[str, Any]):
    """A chat.completion with only what the gateway reads of one, made of an answer that is shown as
    its provider wrote it: `raw`.
    """

    __slots__ = ("raw",)

    def __init__(self, completion: Completion, raw: bytes) -> None:
        super().__init__(completion)
        self.raw = raw


def strings(written: Iterable[bytes]) -> list[str]:
    """The insides of JSON strings as what they say."""
    return [loads(b'"%s"' % text) for text in written]


def singly(chunks: Iterable[Chunk]) -> list[Chunk]:
    """The same chunks, each by itself: for whoever shows something else than what came."""
    found: list[Chunk] = []
    for chunk in chunks:
        found += chunk.singly() if isinstance(chunk, Texts) else [chunk]
    return found


class ChunkWriter:
    """Writes the chunks of one answer as SSE bytes: same id, created and model in all of them."""

    __slots__ = ("_before", "_behind", "_head", "_include_usage", "_tail")

    def __init__(self, id: str, created: int, model: str, include_usage: bool) -> None:
        head = dumps(
            {"id": id, "object": "chat.completion.chunk", "created": created, "model": model}
        )
        self._head = b"data: " + head[:-1]
        self._include_usage = include_usage
        self._tail = b'}],"usage":null}\n\n' if include_usage else b"}]}\n\n"
        # Around a delta of the first choice with nothing beside it, as nearly all chunks are.
        self._before = self._head + b',"choices":[{"index":0,"delta":'
        self._behind = b',"logprobs":null,"finish_reason":null' + self._tail

    def write(self, chunks: Iterable[Chunk]) -> bytes:
        """SSE text of `chunks` (b"" for a usage chunk that was not asked for)."""
        events = []
        for chunk in chunks:
            # Relayed, as nearly all are of some providers, without a call: 2 µs of what comes alone
            if (raw := chunk.raw) and chunk.usage is None and chunk.__class__ is Chunk:
                events.append(b"data: " + raw + b"\n\n")
            else:
                events.append(self._event(chunk))
        text = b"".join(events)
        if not text.isascii() and (len(text) > LONG or b"\xe2\x80" in text or b"\xc2\x85" in text):
            text = escape_line_separators(text)
        return text

    def _event(self, chunk: Chunk) -> bytes:
        if chunk.__class__ is Texts:
            return self._texts(chunk)
        raw = chunk.raw
        if raw is not None:
            if not raw or (
                chunk.usage is not None and chunk.delta is None and not self._include_usage
            ):
                return b""
            return b"data: " + raw + b"\n\n"
        delta = chunk.delta
        if (
            delta is not None
            and chunk.choice is None
            and chunk.top is None
            and chunk.finish_reason is None
            and not chunk.index
        ):
            return self._before + dumps(delta) + self._behind
        if delta is None:
            if not self._include_usage:
                return b""
            more = b"" if chunk.top is None else b"," + dumps(chunk.top)[1:-1]
            return self._head + more + b',"choices":[],"usage":' + dumps(chunk.usage) + b"}\n\n"
        head = self._head if chunk.top is None else self._head + b"," + dumps(chunk.top)[1:-1]
        finish = b"null" if chunk.finish_reason is None else b'"%s"' % chunk.finish_reason.encode()
        rest = b"" if chunk.choice is None else b"," + dumps(chunk.choice)[1:-1]
        logprobs = (
            b"" if chunk.choice is not None and "logprobs" in chunk.choice else b',"logprobs":null'
        )
        return b'%s,"choices":[{"index":%d,"delta":%s%s,"finish_reason":%s%s%s' % (
            head, chunk.index, dumps(delta), logprobs, finish, rest, self._tail,
        )  # fmt: skip

    def _texts(self, texts: Texts) -> bytes:
        if texts.raw is not None:
            return texts.raw
        before = self._head + b',"choices":[{"index":%d,"delta":{"content":"' % texts.index
        behind = b'"}' + self._behind
        return before + (behind + before).join(texts.written) + behind


def escape_line_separators(text: bytes) -> bytes:
    """Escape U+0085, U+2028 and U+2029, which stand only in strings: many clients split lines
    there."""
    if len(text) > LONG:
        return joined(map(escape_line_separators, characters_of(text)))
    return (
        text.replace(b"\xe2\x80\xa8", b"\\u2028")
        .replace(b"\xe2\x80\xa9", b"\\u2029")
        .replace(b"\xc2\x85", b"\\u0085")
    )


class Collector:
    """Adds the chunks of one answer up to a chat.completion: for callers that asked for JSON while
    the provider streams.
    """

    def __init__(self, id: str, created: int, model: str) -> None:
        self._answer: JsonObject = {"id": id, "object": "chat.completion"}
        self._answer |= {"created": created, "model": model}
        self._choices: dict[int, JsonObject] = {}
        self._usage: Usage | None = None

    def add(self, chunk: Chunk) -> None:
        if chunk.raw == b"":
            return
        if chunk.usage is not None:
            self._usage = chunk.usage
        if chunk.top:
            self._answer.update(chunk.top)
        if chunk.delta is None:
            return
        choice = self._choices.setdefault(
            chunk.index,
            {
                "index": chunk.index,
                "message": {"role": "assistant", "content": None, "refusal": None},
                "logprobs": None,
            },
        )
        if chunk.finish_reason is not None:
            choice["finish_reason"] = chunk.finish_reason
        for name, value in (chunk.choice or {}).items():
            if (
                name == "logprobs"
                and isinstance(value, dict)
                and isinstance(choice["logprobs"], dict)
            ):
                _merge_logprobs(choice["logprobs"], value)
            else:
                choice[name] = value
        _merge_delta(choice["message"], chunk.delta)

    def completion(self) -> Completion:
        answer = self._answer
        answer["choices"] = [self._choices[index] for index in sorted(self._choices)]
        for choice in answer["choices"]:
            message = choice["message"]
            calls = message.get("tool_calls") or message.get("function_call")
            if isinstance(pieces := message.get("audio"), list):
                message["audio"] = _joined_audio(
                    [piece for piece in pieces if isinstance(piece, dict)]
                )
            if not message["content"]:
                message["content"] = None if calls or message["refusal"] is not None else ""
        if self._usage is not None:
            answer["usage"] = self._usage
        return cast(Completion, answer)


def _merge_logprobs(into: JsonObject, more: Mapping[str, Any]) -> None:
    for name, tokens in more.items():
        before = into.get(name)
        into[name] = (
            (before if isinstance(before, list) else []) + tokens
            if tokens and isinstance(tokens, list)
            else before
        )


def _merge_delta(message: JsonObject, delta: Mapping[str, Any]) -> None:
    for name, value in delta.items():
        if name == "role" or value is None:
            continue
        if name == "tool_calls":
            for part in value:
                _merge_tool_call(message.setdefault("tool_calls", []), part)
        elif name == "audio" and isinstance(value, dict):
            if isinstance(known := message.get("audio"), list):
                known.append(value)
            else:
                message["audio"] = [value]
        elif name == "function_call":
            call = message.setdefault("function_call", {"name": "", "arguments": ""})
            call["name"] += value.get("name") or ""
            call["arguments"] += value.get("arguments") or ""
        elif isinstance(value, str) and isinstance(message.get(name), str):
            message[name] += value
        elif isinstance(value, list) and isinstance(message.get(name), list):
            message[name] = message[name] + value
        else:
            message[name] = value


def _joined_audio(pieces: list[JsonObject]) -> JsonObject:
    """The `audio` of a message from those of its deltas: each has a text of base64 of its own."""
    joined: JsonObject = {}
    for piece in pieces:
        joined.update((name, value) for name, value in piece.items() if value is not None)
    if len(pieces) > 1:
        joined["transcript"] = "".join(
            [piece["transcript"] for piece in pieces if isinstance(piece.get("transcript"), str)]
        )
        joined["data"] = _joined_base64(
            [piece["data"] for piece in pieces if isinstance(piece.get("data"), str)]
        )
    return joined


def _joined_base64(texts: list[str]) -> str:
    if len(texts) < 2:
        return "".join(texts)
    try:
        return b64encode(b"".join([b64decode(text) for text in texts])).decode()
    except Error:  # a server of the hub's own dialect may send anything
        return "".join(texts)


def _merge_tool_call(calls: list[JsonObject], part: Mapping[str, Any]) -> None:
    index = part.get("index", len(calls))
    while len(calls) <= index:
        calls.append({})
    call = calls[index]
    for name, value in part.items():
        if name == "index" or value is None:
            continue
        if (
            isinstance(value, dict)
            and isinstance(call.get(name), dict)
            and name in ("function", "custom")
        ):
            for key, text in value.items():
                if isinstance(text, str):
                    before = call[name].get(key)
                    call[name][key] = before + text if isinstance(before, str) else text
        else:
            call[name] = dict(value) if isinstance(value, dict) else value
