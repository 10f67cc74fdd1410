"""The contract every dialect keeps: the values that go in, the values that come out, and the facts
a translator may read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from translators.capabilities import ModelRecord
from translators.chat.chunks import Chunk
from translators.chat.json_schema import Schema
from translators.chat.request import ChatRequest
from translators.chat.wire import Completion, Usage
from translators.errors import UpstreamFailure
from translators.notes import Note


class KeyHeader(NamedTuple):
    """The header that a key is sent in, where it is not the one of a dialect's own API."""

    name: str
    """In small letters."""
    prefix: str = ""
    """What stands before the key in its value."""


BEARER: Final = KeyHeader("authorization", "Bearer ")


MAX_GROWTH: Final = 20_000
"""Nodes that references may add to the schemas of one request, where what they point at is put in
their place."""


class RelayLimits(NamedTuple):
    """What a host takes of a body that is relayed to it, beyond the plain API of its dialect."""

    betas: frozenset[str] | None = None
    """The betas that it may be told of; None: all."""
    extras: bool = True
    """Members that the plain API does not have."""


@dataclass(slots=True)
class Target:
    """Where an attempt goes: one model at one provider, with the key that opens it."""

    provider: str
    dialect: str
    base_url: str
    model: str
    record: ModelRecord
    api_key: str = field(default="", repr=False)
    key_header: KeyHeader | None = None
    """How the key is sent; None: as the dialect's own API takes it."""
    query: str = ""
    """What stands behind the path, with its question mark (OpenAI's dialect: Azure's
    `?api-version=…`)."""
    max_growth: int = MAX_GROWTH
    """For who has little time at first: less than MAX_GROWTH. Beyond it GrownTooLarge is raised."""
    limits: RelayLimits | None = None
    """Of a relay; None: the host takes everything."""


_NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})
_NO_KEYS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType({})


class AnswerShape(NamedTuple):
    """What building a request decided about how its answer is read back."""

    tool_names: Mapping[str, str] = _NO_NAMES
    """Upstream tool name → the caller's, for the names that had to be changed."""
    declared_tools: frozenset[str] = frozenset()
    """The caller's tool names."""
    custom_tools: frozenset[str] = frozenset()
    """The caller's names of `custom` tools that travel as functions with one `input` string."""
    wrapped_tools: frozenset[str] = frozenset()
    """The caller's names of tools whose arguments travel inside {"value": …}, because their schema
    is not an object."""
    tool_keys: Mapping[str, Mapping[str, str]] = _NO_KEYS
    """By the caller's tool names: property keys upstream → the caller's, in the arguments of tools
    whose keys had to be changed."""
    legacy_functions: bool = False
    """Answer with `message.function_call` instead of `tool_calls`."""
    one_tool_call: bool = False
    """Keep only the first tool call of the answer."""
    stop: tuple[str, ...] = ()
    """Stop sequences that the model lacks: the gateway cuts the text at the first of them."""
    strip_json_fence: bool = False
    """JSON was asked for by instruction: a code fence around the answer is taken off."""
    audio: str = ""
    """The format in which sound in the answer is shown; "" where nobody asked for any."""
    several_hops: bool = False
    """The answer may be longer than one request gives: the provider is asked to go on until it
    ends."""
    must_call: frozenset[str] = frozenset()
    """The caller's names of tools: a call of one of them was asked for in words only, so it is
    looked whether it came."""
    json_schema: Schema | None = None
    """JSON was asked for in words only: the schema that the text is held against."""

    @property
    def in_words(self) -> bool:
        """Something was asked for that nothing but the answer itself shows to be obeyed
        (translators.chat.emulation).
        """
        return self.json_schema is not None or bool(self.must_call)


PLAIN: Final = AnswerShape()


@dataclass(slots=True)
class UpstreamRequest:
    """One HTTP request, ready to send (POST). `headers` holds the key: never log them.

    Nobody changes it, or a Target; they are not frozen because each would cost half a microsecond
    more to make. Made by position it costs half of what it does by name.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    stream: bool
    """Whether the answer comes as a stream; may be true for a caller that wants one JSON answer."""
    notes: tuple[Note, ...] = ()
    shape: AnswerShape = PLAIN


class Envelope(NamedTuple):
    """What an answer is given from outside, so that one stream has one id and tests hold the clock
    still.
    """

    id: str
    """The answer's id, `chatcmpl-…`, where the dialect has none of its own to show."""
    created: int
    """Unix seconds."""
    model: str
    """The upstream model asked for, where the answer does not name the one that served."""
    call_id: str = "call"
    """Prefix, unique in the conversation, for tool calls that the provider gave no id:
    `<prefix>_<n>`."""
    shape: AnswerShape = PLAIN


class Pause(Protocol):
    """An answer whose provider stopped in the middle of it, to be asked to go on. Valid from then
    to the end of the answer.
    """

    @property
    def billed_prompt_tokens(self) -> int | None:
        """Tokens read by all requests for this answer together, where its usage tells only what the
        first one read.
        """

    def resume(self, request: UpstreamRequest) -> UpstreamRequest:
        """The request that goes on, made from the one that began the answer. Its answer is then
        read by the same translator.
        """

    def settle(self) -> list[Chunk]:
        """After going on has failed: the end of the answer as far as it came, for a caller who has
        seen nothing of it yet.

        Empty if half of it is no answer.
        """


class StreamTranslator(Protocol):
    """Reads one answer stream. Independent of read boundaries: any split of the same bytes gives
    the same chunks.

    After every call look at `failure`: once set, the chunks returned so far are all there is, and
    nothing more will be read. `finished` becomes true when the dialect's own end mark was read:
    only then may an end be shown to the caller. A finished stream has given exactly one chunk with
    a finish_reason per choice and, if the provider counted, a last chunk with usage. A provider may
    give one answer over several requests: between them the stream is not finished but has a
    `pause`.
    """

    failure: UpstreamFailure | None

    @property
    def pause(self) -> Pause | None:
        """Set when all of one request's answer was read and the provider is to be asked to go on;
        None again once it `resume`s.
        """

    @property
    def finished(self) -> bool: ...

    @property
    def ended(self) -> bool:
        """Every choice has its finish reason: only usage or the end mark may still follow."""

    @property
    def id(self) -> str:
        """The answer's id as far as it is known: the provider's own once it has named it."""

    @property
    def model(self) -> str:
        """Likewise the model that serves."""

    @property
    def usage_so_far(self) -> Usage | None:
        """The hub's usage as far as the provider has counted it, at any moment: what an answer cost
        that ends early. None: not counted.
        """

    def more_text(self, data: bytes) -> list[Chunk] | None:
        """What `receive` would give, if `data` is one whole event that is nothing but more of a
        text, as nearly all are that come alone: nothing is held back, paused or ended by it. What
        is given is good until the next call. None: it may be something else, and was not read."""

    def receive(self, data: bytes) -> list[Chunk]: ...

    def receive_eof(self) -> list[Chunk]: ...


class Endings(NamedTuple):
    """A provider's own words for ends after which it is asked once more."""

    paused: str | None = None
    """The `stop_reason` of a turn that goes on when it is sent back."""
    silent: str | None = None
    """The `native_finish_reason` with which a model may end as if it had answered, and have said
    nothing."""


class Dialect(Protocol):
    """What a wire format can do; each dialect package satisfies it as a module (PEP 544)."""

    @property
    def ENDINGS(self) -> Endings: ...

    def build_request(self, request: ChatRequest, target: Target) -> UpstreamRequest:
        """The hub's request in this dialect. Raises InvalidRequest for what can be neither said,
        emulated nor dropped.
        """

    def key_headers(self, key: str, header: KeyHeader | None = None) -> dict[str, str]:
        """The headers that open this API to any request; those of a key only if there is one, in
        `header` if that is given.
        """

    def parse_response(self, body: bytes, envelope: Envelope) -> Completion:
        """A whole answer as a chat.completion. Raises UpstreamError if it is not one."""

    def open_stream(self, envelope: Envelope) -> StreamTranslator:
        """A reader for one streamed answer."""

    def parse_error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamFailure:
        """An answer with a status of 400 or more. `headers` has lower-case names. Never raises."""
