"""The contract every dialect keeps: the values that go in, the values that come out, and the facts a translator may read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal, NamedTuple, Protocol

from translators.chat.chunks import Chunk
from translators.chat.request import ChatRequest
from translators.errors import UpstreamFailure

Capability = Literal[
    "streaming", "tool_calling", "parallel_tool_calls", "vision", "pdf", "audio_input", "audio_output", "video", "json_object",
    "json_schema", "reasoning", "web_search", "logprobs", "multiple_choices", "image_output",
]  # fmt: skip
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
EFFORTS: Final[tuple[Effort, ...]] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""Reasoning efforts of the hub, weakest first."""


EFFORT_TOKENS: Final[dict[Effort, int]] = {
    "none": 0, "minimal": 1024, "low": 2048, "medium": 10_000, "high": 16_384, "xhigh": 32_768, "max": 32_768,
}  # fmt: skip
"""Tokens of reasoning that stand for an effort, where a model or a caller counts in tokens."""


def effort_in(reasoning: dict[str, Any]) -> Effort | None:
    """The effort that `reasoning`, as OpenRouter has it, asks for by name; None if it names none."""
    if reasoning.get("enabled") is False:
        return "none"
    effort = reasoning.get("effort")
    return effort if effort in EFFORTS else None


def nearest_effort(asked: Effort, levels: tuple[Effort, ...]) -> Effort:
    """`asked` if the model takes it, else the nearest weaker effort, else the nearest stronger one."""
    if asked in levels or not levels:
        return asked
    rank = EFFORTS.index(asked)
    ranks = sorted(EFFORTS.index(level) for level in levels)
    # "none" is not a weaker effort but no reasoning at all: it stands in for a weak effort only if nothing else does.
    weaker = [r for r in ranks if 0 < r < rank]
    stronger = [r for r in ranks if r > rank]
    return EFFORTS[weaker[-1] if weaker else stronger[0] if stronger else ranks[-1]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking:
    """How a model reasons, and how it is told to. Which fields matter depends on `kind`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    kind: Literal["none", "budget", "adaptive", "level", "effort"] = "none"
    """none: cannot. budget: a token budget (Claude to 4.5, Gemini 2.5). adaptive: Claude 4.6 and later. level: Gemini 3 and later.
    effort: OpenAI's reasoning_effort."""
    levels: tuple[Effort, ...] = ()
    """Efforts the model takes by name (Claude `output_config.effort`, Gemini `thinkingLevel`, OpenAI `reasoning_effort`); for OpenAI
    `none` is in the list when the model takes it."""
    on_by_default: bool = False
    default: Effort | None = None
    switch_off: Literal["omit", "disabled", "between_tools", "zero", "never"] = "omit"
    """How it is switched off: leave the field out, `disabled` or `between_tools` (Claude), a zero budget (Gemini), or not at all."""
    off_max_effort: Effort | None = None
    """The strongest effort that may stand beside a switched-off mode (Claude: opus-5, haiku-5-5, sonnet-5-5 say `high`)."""
    min_budget: int = 0
    max_budget: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """The facts about one model that translators and routing read (config/capabilities.yaml): never a test on a model's name."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    context_window: int
    """Tokens that prompt and answer may have together."""
    max_output_tokens: int
    max_input_tokens: int | None = None
    """The prompt's own limit, where there is one beside the window."""
    capabilities: frozenset[Capability] = frozenset()
    thinking: Thinking = Thinking()
    sampling: Literal["full", "exclusive", "ignored", "refused", "unless_reasoning"] = "full"
    """temperature / top_p / top_k. exclusive: one of temperature and top_p. ignored: accepted without effect. refused: an error.
    unless_reasoning: an error while the model reasons (OpenAI GPT-5 and later)."""
    unsupported: frozenset[str] = frozenset()
    """Chat Completions parameters that the model refuses or ignores: dropped with a report."""
    forced_tool_choice: Literal["yes", "no", "without_thinking"] = "yes"
    responses: Literal["never", "with_tools", "always"] = "never"
    """OpenAI: whether the model is reached through /v1/responses: never, for requests with function tools, or always."""
    tools_with_reasoning: Literal["yes", "effort_none", "no"] = "yes"
    """OpenAI: function tools on Chat Completions work with reasoning / only with effort none / not at all."""
    prefill: bool = False
    """An assistant message may be the last one and is continued."""
    mid_system: Literal["native", "wrap"] = "wrap"
    """Claude: a system message after the first turn has a role of its own, or is wrapped into user text."""
    binds_thinking: bool = False
    """Claude: a thinking block is valid only behind the exact prefix it was made for."""
    signatures: Literal["none", "optional", "required"] = "none"
    """Gemini: thoughtSignature on function calls."""
    call_ids: bool = True
    """Gemini: functionCall.id and functionResponse.id are accepted."""
    media_in_tool_results: bool = True
    tools_with_json: bool = True
    """Function tools and a JSON response format may stand in one request."""
    open_schemas: bool = True
    """The schema of an answer may have objects of any keys and refer to itself. Claude's grammars hold neither: it is told in words."""
    builtin_with_functions: bool = True
    """Gemini: server tools and functions may stand in one request."""
    strict_tools: bool = True
    """Claude: `strict` on tools is accepted."""
    instructions_role: Literal["any", "system", "developer"] = "any"
    """OpenAI dialect: the role that carries instructions."""
    max_tokens_parameter: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    """OpenAI dialect: which of the two names the server takes."""
    message_fields: frozenset[str] | None = None
    """OpenAI dialect: of the fields of messages, parts, calls and tools that OpenAI's own API does not know (translators.openai.foreign)
    those that the server takes; the others are dropped with a report. None: all of them."""
    ranges: Literal["openai", "relay"] = "relay"
    """OpenAI dialect, whose ranges and vocabularies hold. openai: OpenAI's, and parameters that only other servers have are dropped with
    a report. relay: the server's own, so every value and parameter is sent as it came."""
    call_id_form: Literal["any", "short", "nine"] = "any"
    """OpenAI dialect: the ids of tool calls that the server takes: any, of at most 40 characters, or of exactly nine letters and digits."""
    max_tools: int | None = None
    """Tools that one request may declare; None: there is no limit."""
    api_version: str | None = None
    """Claude: the anthropic-version header."""
    cache_min_tokens: int | None = None
    fast_mode: bool = False

    def can(self, capability: Capability) -> bool:
        return capability in self.capabilities

    @property
    def can_force_tools(self) -> bool:
        """It can be made to call a tool, if it need not think then."""
        forced = self.forced_tool_choice
        return forced == "yes" or (forced == "without_thinking" and self.thinking.switch_off != "never")


class KeyHeader(NamedTuple):
    """The header that a key is sent in, where it is not the one of a dialect's own API."""

    name: str
    """In small letters."""
    prefix: str = ""
    """What stands before the key in its value."""


BEARER: Final = KeyHeader("authorization", "Bearer ")


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
    """What stands behind the path, with its question mark (OpenAI's dialect: Azure's `?api-version=…`)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a dialect does with one thing a chat request can hold, in general; what one model makes of it is in its ModelRecord."""

    kind: Literal["mapped", "emulated", "relayed", "ignored", "dropped", "rejected", "depends"]
    """ignored: a no-op for this provider (nothing is lost). depends: on the value or on the model, see `how`."""
    how: str
    """One sentence for the parameter matrix: where it goes, or why not."""


NoteKind = Literal["dropped", "changed", "emulated", "repaired"]


@dataclass(frozen=True, slots=True)
class Note:
    """One thing a translation did to the request. `param` is a parameter's name or path, `why` one sentence.

    dropped: not sent, its effect is lost. changed: sent with another value. emulated: the effect is produced another way.
    repaired: the history broke a rule of the provider and was mended without loss.
    """

    kind: NoteKind
    param: str
    why: str


class Report:
    """Collects the notes of one translation, in the order they were made."""

    __slots__ = ("notes",)

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def dropped(self, param: str, why: str) -> None:
        self.notes.append(Note("dropped", param, why))

    def changed(self, param: str, why: str) -> None:
        self.notes.append(Note("changed", param, why))

    def emulated(self, param: str, why: str) -> None:
        self.notes.append(Note("emulated", param, why))

    def repaired(self, param: str, why: str) -> None:
        self.notes.append(Note("repaired", param, why))


def losses(notes: Iterable[Note]) -> list[Note]:
    """The notes that strict mode refuses: what the caller asked for and will not get as asked."""
    return [note for note in notes if note.kind in ("dropped", "changed")]


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
    """The caller's names of tools whose arguments travel inside {"value": …}, because their schema is not an object."""
    tool_keys: Mapping[str, Mapping[str, str]] = _NO_KEYS
    """By the caller's tool names: property keys upstream → the caller's, in the arguments of tools whose keys had to be changed."""
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
    """The answer may be longer than one request gives: the provider is asked to go on until it ends."""
    must_call: frozenset[str] = frozenset()
    """The caller's names of tools: a call of one of them was asked for in words only, so it is looked whether it came."""
    json_schema: dict[str, Any] | None = None
    """JSON was asked for in words only: the schema that the text is held against."""

    @property
    def in_words(self) -> bool:
        """Something was asked for that nothing but the answer itself shows to be obeyed (translators.chat.in_words)."""
        return self.json_schema is not None or bool(self.must_call)


PLAIN: Final = AnswerShape()


@dataclass(slots=True)
class UpstreamRequest:
    """One HTTP request, ready to send (POST). `headers` holds the key: never log them.

    Nobody changes it, or a Target; they are not frozen because each would cost half a microsecond more to make. Made by position it
    costs half of what it does by name.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    stream: bool
    """Whether the answer comes as a stream; may be true for a caller that wants one JSON answer."""
    notes: tuple[Note, ...] = ()
    shape: AnswerShape = PLAIN


class Envelope(NamedTuple):
    """What an answer is given from outside, so that one stream has one id and tests hold the clock still."""

    id: str
    """The answer's id, `chatcmpl-…`, where the dialect has none of its own to show."""
    created: int
    """Unix seconds."""
    model: str
    """The upstream model asked for, where the answer does not name the one that served."""
    call_id: str = "call"
    """Prefix, unique in the conversation, for tool calls that the provider gave no id: `<prefix>_<n>`."""
    shape: AnswerShape = PLAIN


class Pause(Protocol):
    """An answer whose provider stopped in the middle of it, to be asked to go on. Valid from then to the end of the answer."""

    @property
    def billed_prompt_tokens(self) -> int | None:
        """Tokens read by all requests for this answer together, where its usage tells only what the first one read."""

    def resume(self, request: UpstreamRequest) -> UpstreamRequest:
        """The request that goes on, made from the one that began the answer. Its answer is then read by the same translator."""

    def settle(self) -> list[Chunk]:
        """After going on has failed: the end of the answer as far as it came, for a caller who has seen nothing of it yet.

        Empty if half of it is no answer.
        """


class StreamTranslator(Protocol):
    """Reads one answer stream. Independent of read boundaries: any split of the same bytes gives the same chunks.

    After every call look at `failure`: once set, the chunks returned so far are all there is, and nothing more will be read.
    `finished` becomes true when the dialect's own end mark was read: only then may an end be shown to the caller.
    A finished stream has given exactly one chunk with a finish_reason per choice and, if the provider counted, a last chunk with usage.
    A provider may give one answer over several requests: between them the stream is not finished but has a `pause`.
    """

    failure: UpstreamFailure | None

    @property
    def pause(self) -> Pause | None:
        """Set when all of one request's answer was read and the provider is to be asked to go on; None again once it `resume`s."""

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
    def usage_so_far(self) -> dict[str, Any] | None:
        """The hub's usage as far as the provider has counted it, at any moment: what an answer cost that ends early. None: not counted."""

    def receive(self, data: bytes) -> list[Chunk]: ...

    def receive_eof(self) -> list[Chunk]: ...


class Dialect(Protocol):
    """What a wire format can do; each dialect package satisfies it as a module (PEP 544)."""

    def build_request(self, request: ChatRequest, target: Target) -> UpstreamRequest:
        """The hub's request in this dialect. Raises InvalidRequest for what can be neither said, emulated nor dropped."""

    def key_headers(self, key: str, header: KeyHeader | None = None) -> dict[str, str]:
        """The headers that open this API to any request; those of a key only if there is one, in `header` if that is given."""

    def parse_response(self, body: bytes, envelope: Envelope) -> dict[str, Any]:
        """A whole answer as a chat.completion. Raises UpstreamError if it is not one."""

    def open_stream(self, envelope: Envelope) -> StreamTranslator:
        """A reader for one streamed answer."""

    def parse_error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamFailure:
        """An answer with a status of 400 or more. `headers` has lower-case names. Never raises."""
