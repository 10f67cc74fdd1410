"""A caller's dialect: how its requests become the hub's, and how answers, streams and errors are
written back to it.

Routing always reads the hub's form, so gates, prices and plans are the same for every caller. A
target that speaks the caller's dialect is sent the caller's own body (`Origin.relay`), any other
the hub's request in its own words; one request may try both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from translators.capabilities import Capability
from translators.chat.chunks import Chunk
from translators.chat.request import ChatRequest
from translators.chat.wire import Completion
from translators.dialect import Dialect
from translators.errors import FailureKind, UpstreamFailure
from translators.json_codec import loads
from translators.known_messages import Written
from translators.notes import Note

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(slots=True)
class Call:
    """What a request says outside of its JSON document, and the text of the document."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Names in any case."""
    url: str = field(default="", repr=False)
    """Path and query, as they were sent: a key may stand in it."""
    text: bytes = field(default=b"", repr=False)
    """The document's JSON text, where the dialect asks for it (`KEEPS_TEXT`); mended where halves
    of surrogate pairs stood in it."""
    size: int = 0
    """Bytes of it."""
    request_id: str = ""
    """The gateway's, which an error event may name."""
    written: Written | None = field(default=None, repr=False)
    """The document's messages as text, where they need not be written anew."""


class Overlay(NamedTuple):
    """What a persona lays over a request, in the hub's words: for who writes it in others."""

    system_prompt: str | None = None
    system_prompt_mode: str = "prepend"
    """`prepend`, `default` (only if the caller gave none) or `replace`."""
    values: Mapping[str, Any] = MappingProxyType({})
    """The parameters that the persona fills in or holds to a limit, as they are to be sent."""
    removed: frozenset[str] = frozenset()
    """The parameters of the caller's that the persona takes out."""
    keeps_reasoning: bool = True
    """False once the provider has refused signed reasoning of the conversation: then none is sent.
    """


class Origin(NamedTuple):
    """What a request was before it was read into the hub's form."""

    dialect: str
    """The one it was written in: `claude`, `responses` or `gemini`."""
    relay: Callable[[Overlay], Dialect]
    """The caller's own body as a dialect of its own: what it builds is that body, with the target's
    model and the persona's overlay in it, and what it reads are Relayed chunks. Its
    `build_request` ignores the hub's request but for `target`."""
    natives: tuple[str, ...] = ()
    """Fields of the caller's that only a relay can serve, as paths in its words."""
    notes: tuple[Note, ...] = ()
    """What reading it into the hub's form lost, changed or emulated: nothing of it is true of a
    relay."""
    shows_reasoning: bool = True
    """Whether the caller sees what the model reasons. If not, reasoning is no content: an answer of
    which only that has come may still be another target's."""
    optional: Mapping[Capability, str] = MappingProxyType({})
    """Capabilities that the caller can do without, and the hub's field of each: a target that lacks
    one may serve, without the field."""
    bound_to_key: bool = False
    """The caller's signed reasoning can be read only with the provider's key that it was made
    with."""
    resource: str | None = None
    """The path of a field that names what a provider stores under the gateway's own key: whether
    callers may, a persona says."""


class AnswerFacts(NamedTuple):
    """What a writer is told when a target has begun to answer."""

    id: str
    """The answer's id as its provider names it, or as the gateway does."""
    created: int
    """Unix seconds."""
    model: str
    """The upstream model that serves."""
    target: str
    """`provider/model`, as the configuration names it."""
    prompt_tokens: Callable[[], int]
    """An estimate of what was read, in the target's tokens; at least 1. Made only if asked for."""
    size: int = 0
    """About how many bytes a whole answer is."""
    echoes: bool = False
    """The target is sent the text that it reasoned back, beside its calls."""
    unshown: Callable[[str], None] | None = None
    """Told of each field of the hub's message that the caller's dialect has no place for."""
    name: str = ""
    """The gateway's own name for the answer, which no other one has (providers may call all of
    theirs alike): the decision's id; of an answer that is given again, that of the first time."""

    @property
    def own_name(self) -> str:
        """What ids that the gateway makes for the answer are made of."""
        return self.name or self.id


UNTOLD: Final = AnswerFacts("", 0, "", "", lambda: 1)
"""Of a RelayedCompletion, which is written as it came."""


class CallerError(NamedTuple):
    """A failure as a caller is told of it, in the hub's words: each dialect has its own for
    them."""

    status: int
    message: str
    type: str
    code: str | None = None
    param: str | None = None
    kind: FailureKind | None = None
    """What happened upstream; None if no provider failed."""
    provider: str | None = None
    """Its name, with which `message` then begins."""
    provider_message: str | None = None
    """The provider's own words where the request was at fault, without our keys."""
    relayed: bytes | None = None
    """The provider's own error body in the caller's dialect, without our keys."""
    retry_after: float | None = None
    """Seconds."""
    should_retry: bool | None = None
    windows: int | None = None
    """The largest context window of the targets that were planned, in tokens."""
    needed: int | None = None
    """Tokens that the request needs, where it is too long."""
    limit: Mapping[str, Any] | None = None
    """The gateway's own limit that was in the way, told beside the error."""


class WrittenError(NamedTuple):
    """An error answer in a caller's dialect."""

    status: int
    body: bytes
    headers: Mapping[str, str] = _NOTHING


class AnswerWriter(Protocol):
    """Writes one streamed answer in a caller's dialect. Made when the request has been read: what
    it writes to keep the connection alive may go out before any target has answered."""

    @property
    def content_type(self) -> str:
        """Of the answer."""

    @property
    def over(self) -> bool:
        """Nothing more of the answer is needed: a stop sequence was found. Then comes `end`."""

    def begin(self, answer: AnswerFacts) -> None:
        """A target has begun to answer. Called once, before the first `write`."""

    def write(self, chunks: Sequence[Chunk]) -> bytes:
        """The events for what one read gave; b"" if there is nothing to show yet."""

    def end(self) -> bytes:
        """The end of a whole answer."""

    def fail(self, error: CallerError) -> Sequence[bytes]:
        """The end of an answer that broke, before or after `begin`: pieces, each sent by itself."""

    def keep_alive(self) -> bytes:
        """Something that changes nothing and tells a caller that the gateway is still there."""


class InboundRequest(Protocol):
    """A request that was read: its hub form, and how its answer is written."""

    @property
    def request(self) -> ChatRequest: ...

    @property
    def origin(self) -> Origin | None:
        """None for a caller that speaks the hub's own language."""

    def write_completion(self, completion: Completion, answer: AnswerFacts) -> bytes:
        """A whole answer; a RelayedCompletion as its provider wrote it, whatever `answer` says."""

    def open_writer(self, answer_id: str, created: int) -> AnswerWriter:
        """For a streamed answer. `answer_id`: the answer's name, `created`: Unix seconds, for what
        is written before a target has begun to answer."""


class InboundDialect(Protocol):
    """A caller's wire format; a module satisfies it (PEP 544)."""

    @property
    def NAME(self) -> str:
        """In metrics, in the log and in decisions."""

    @property
    def KEEP_ALIVE(self) -> float | None:
        """Seconds of silence that its clients bear, where that is less than what is configured."""

    @property
    def KEEPS_TEXT(self) -> bool:
        """Whether `read_request` wants the text of the document, to relay it."""

    def read_request(self, document: Any, call: Call) -> InboundRequest:
        """Raises InvalidRequest, which names the field in the caller's words."""

    def write_error(self, error: CallerError, request_id: str) -> WrittenError:
        """An error answer, or what stands for one at an edge that has read nothing yet."""

    def headers(self, request_id: str) -> Mapping[str, str]:
        """What every answer carries beside the gateway's own headers."""


_FAULT_OF_REQUEST: Final = frozenset(
    {
        FailureKind.INVALID_REQUEST,
        FailureKind.UNSUPPORTED,
        FailureKind.CONTEXT_LENGTH,
        FailureKind.CONTENT_FILTER,
        FailureKind.REQUEST_TOO_LARGE,
    }
)


def relayed_failure(failure: UpstreamFailure, body: bytes) -> UpstreamFailure:
    """The failure with the provider's own error body, where the request was at fault: its caller
    speaks the same dialect and is shown the provider's words."""
    if failure.kind not in _FAULT_OF_REQUEST:
        return failure
    try:
        document = loads(body)
    except ValueError:
        return failure
    if document.__class__ is not dict or document.get("error").__class__ is not dict:
        return failure
    return replace(failure, body=body)
