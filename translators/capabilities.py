"""The facts about a model that translators and routing read, and the efforts of reasoning."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

Capability = Literal[
    "streaming", "tool_calling", "parallel_tool_calls", "vision", "pdf", "audio_input",
    "audio_output", "video", "json_object",
    "json_schema", "reasoning", "web_search", "logprobs", "multiple_choices", "image_output",
    "embeddings",
]  # fmt: skip


Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


EFFORTS: Final[tuple[Effort, ...]] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""Reasoning efforts of the hub, weakest first."""


EFFORT_TOKENS: Final[dict[Effort, int]] = {
    "none": 0, "minimal": 1024, "low": 2048, "medium": 10_000, "high": 16_384, "xhigh": 32_768,
    "max": 32_768,
}  # fmt: skip
"""Tokens of reasoning that stand for an effort, where a model or a caller counts in tokens."""


def effort_in(reasoning: Mapping[str, Any]) -> Effort | None:
    """The effort that `reasoning`, as OpenRouter has it, asks for by name; None if it names
    none."""
    if reasoning.get("enabled") is False:
        return "none"
    effort = reasoning.get("effort")
    return effort if effort in EFFORTS else None


def nearest_effort(asked: Effort, levels: tuple[Effort, ...]) -> Effort:
    """`asked` if the model takes it, else the nearest weaker effort, else the nearest
    stronger one."""
    if asked in levels or not levels:
        return asked
    rank = EFFORTS.index(asked)
    ranks = sorted(EFFORTS.index(level) for level in levels)
    # "none" is not a weaker effort but no reasoning at all: it stands in for a weak effort only if
    # nothing else does.
    weaker = [r for r in ranks if 0 < r < rank]
    stronger = [r for r in ranks if r > rank]
    return EFFORTS[weaker[-1] if weaker else stronger[0] if stronger else ranks[-1]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking:
    """How a model reasons, and how it is told to. Which fields matter depends on `kind`."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    kind: Literal["none", "budget", "adaptive", "level", "effort"] = "none"
    """none: cannot. budget: a token budget (Claude to 4.5, Gemini 2.5). adaptive: Claude 4.6 and
    later. level: Gemini 3 and later. effort: OpenAI's reasoning_effort."""
    levels: tuple[Effort, ...] = ()
    """Efforts the model takes by name (Claude `output_config.effort`, Gemini `thinkingLevel`,
    OpenAI `reasoning_effort`); for OpenAI `none` is in the list when the model takes it."""
    on_by_default: bool = False
    default: Effort | None = None
    switch_off: Literal["omit", "disabled", "between_tools", "zero", "never"] = "omit"
    """How it is switched off: leave the field out, `disabled` or `between_tools` (Claude), a zero
    budget (Gemini), or not at all."""
    off_max_effort: Effort | None = None
    """The strongest effort that may stand beside a switched-off mode (Claude: opus-5, haiku-5-5,
    sonnet-5-5 say `high`)."""
    min_budget: int = 0
    max_budget: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """How a model makes embeddings, and how much of them in one request."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    space: str | None = None
    """Models with the same word make vectors that may stand for each other; None: nobody else's
    may."""
    dimensions: int
    """Of a vector, where nobody asks for fewer."""
    shorten: Literal["request", "cut", "no"] = "no"
    """Fewer dimensions: the provider is asked for them, the gateway cuts (Matryoshka), or there are
    none."""
    min_dimensions: int = 1
    max_input_tokens: int | None = None
    """Of one input; None: not known, nothing is checked."""
    max_inputs: int = 2048
    """Of one request."""
    max_request_tokens: int | None = None
    """Of all inputs of a request together; None: there is no limit."""
    max_request_bytes: int | None = None
    """Of the request's body; None: there is no limit."""
    tokens: Literal["cl100k_base", "none"] = "none"
    """OpenAI dialect: the vocabulary whose token ids are taken in place of text."""
    base64: bool = True
    """OpenAI dialect: the server knows `encoding_format: base64`."""
    normalised: Literal["always", "native_only", "no"] = "always"
    """Which vectors have length 1 as they come: all, only those of all dimensions, or none."""

    def space_of(self, target: str) -> str:
        """What the vectors of `target` (`provider/model`) may stand for."""
        return self.space or target


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """The facts about one model that translators and routing read (config/capabilities.yaml): never
    a test on a model's name.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    context_window: int
    """Tokens that prompt and answer may have together."""
    max_output_tokens: int
    max_input_tokens: int | None = None
    """The prompt's own limit, where there is one beside the window."""
    capabilities: frozenset[Capability] = frozenset()
    thinking: Thinking = Thinking()
    sampling: Literal["full", "exclusive", "ignored", "refused", "unless_reasoning"] = "full"
    """temperature / top_p / top_k. exclusive: one of temperature and top_p. ignored: accepted
    without effect. refused: an error. unless_reasoning: an error while the model reasons (OpenAI
    GPT-5 and later)."""
    unsupported: frozenset[str] = frozenset()
    """Chat Completions parameters that the model refuses or ignores: dropped with a report."""
    forced_tool_choice: Literal["yes", "no", "without_thinking"] = "yes"
    responses: Literal["never", "with_tools", "always"] = "never"
    """OpenAI: whether the model is reached through /v1/responses: never, for requests with function
    tools, or always."""
    tools_with_reasoning: Literal["yes", "effort_none", "no"] = "yes"
    """OpenAI: function tools on Chat Completions work with reasoning / only with effort none / not
    at all."""
    prefill: bool = False
    """An assistant message may be the last one and is continued."""
    mid_system: Literal["native", "wrap"] | None = None
    """Claude and OpenAI dialects: a system message after the first turn has a role of its own, or
    is wrapped into user text. None: wrapped for Claude, sent as it is to OpenAI dialects."""
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
    """The schema of an answer may have objects of any keys and refer to itself. Claude's grammars
    hold neither: it is told in words."""
    builtin_with_functions: bool = True
    """Gemini: server tools and functions may stand in one request."""
    strict_tools: bool = True
    """Claude: `strict` on tools is accepted."""
    instructions_role: Literal["any", "system", "developer"] = "any"
    """OpenAI dialect: the role that carries instructions."""
    max_tokens_parameter: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    """OpenAI dialect: which of the two names the server takes."""
    message_fields: frozenset[str] | None = None
    """OpenAI dialect: of the fields of messages, parts, calls and tools that OpenAI's own API does
    not know (translators.openai.request.foreign_fields) those that the server takes; the others are
    dropped with a report. None: all of them."""
    ranges: Literal["openai", "relay"] = "relay"
    """OpenAI dialect, whose ranges and vocabularies hold. openai: OpenAI's, and parameters that
    only other servers have are dropped with a report. relay: the server's own, so every value and
    parameter is sent as it came."""
    call_id_form: Literal["any", "short", "nine"] = "any"
    """OpenAI dialect: the ids of tool calls that the server takes: any, of at most 40 characters,
    or of exactly nine letters and digits."""
    max_tools: int | None = None
    """Tools that one request may declare; None: there is no limit."""
    api_version: str | None = None
    """Claude: the anthropic-version header."""
    cache_min_tokens: int | None = None
    fast_mode: bool = False
    embedding: Embedding | None = None
    """It makes embeddings, and nothing else."""

    def can(self, capability: Capability) -> bool:
        return capability in self.capabilities

    @property
    def can_force_tools(self) -> bool:
        """It can be made to call a tool, if it need not think then."""
        forced = self.forced_tool_choice
        return forced == "yes" or (
            forced == "without_thinking" and self.thinking.switch_off != "never"
        )
