"""What refusals say in words only, in the words of every server whose words are known: the last
resort, after status and code.

Of vLLM, SGLang, llama.cpp, Ollama, LM Studio, TGI, DeepSeek, OpenRouter, xAI, Mistral, Groq, Z.ai,
Moonshot, MiniMax, Fireworks, Together, Azure, Cerebras, DashScope, Volcengine, StepFun, Bedrock,
Copilot, OpenAI, Claude and Gemini, from their documentation, source and users. A message may hold
the caller's words, too: what would be held against the model (a fact) is believed only where the
message begins with it.
"""

import re
from typing import Final, NamedTuple

from translators.errors import FailureKind

_K = FailureKind

_READ: Final = 1000
"""Characters of a message in which words are looked for."""


class Refusal(NamedTuple):
    """What a message says. `fact` names what is wrong with the facts about the model, `param` the
    parameter it is about.
    """

    kind: FailureKind
    fact: str | None = None
    param: str | None = None


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.I)


_REQUEST: Final = frozenset({400, 413, 422})
"""Statuses that blame the request."""
_FLAGGED_WITH: Final = frozenset({400, 403, 422, 451})
_UNABLE_WITH: Final = frozenset({400, 404, 422, 500, 501})

_KEY: Final = _words(
    r"\A(?:incorrect|invalid|missing|expired) (?:x-)?api[ _-]?key",
    r"\A(?:your |the )?api[ _-]?key (?:is )?(?:not valid|not found|invalid|expired|incorrect)",
)
_SPENT: Final = _words(
    r"used all available credits", r"insufficient (?:account )?(?:balance|credits?|funds|quota)",
    r"credit balance is too low",
    r"account[^.\n]{0,40} (?:is overdue|in arrears|good standing)", r"requires more credits",
    r"key limit exceeded",
    r"doesn't have any credits", r"余额不足",
)  # fmt: skip
_SPENT_AT_ONCE: Final = _words(
    r"\Ainsufficient (?:account )?(?:balance|credits?|funds|quota)",
    r"\A(?:your )?credit balance is too low",
    r"\Aaccess denied, please make sure your account is in good standing",
)
"""The same with a status that blames the request, and may come with the caller's words: only where
the message begins with it."""
_LIMITED: Final = _words(
    r"rate.?limit", r"(?:tokens|requests) per (?:minute|hour|day)", r"\b[TR]P[MD]\b",
    r"too many requests", r"throttl", r"please wait",
    r"quota",
)  # fmt: skip
"""Of the rate at which is asked, which may be in tokens, too."""
_LARGER_THAN_THE_RATE: Final = _words(
    r"request too large for [^\n]{0,400}(?:per minute|\b[IO]?TPM\b)"
)
"""One request that no minute's allowance has room for (Groq, OpenAI): waiting does not help."""

_FLAGGED: Final = _words(
    r"(?:input|prompt|content|output|text|message|request)s? "
    r"(?:was|were|has been|have been|is|are) flagged",
    r"requires? moderation",
    r"(?:content|prompt|input)[^.\n]{0,60} (?:is|was|been) (?:blocked|filtered)",
    r"violat(?:es?|ing|ion of|ed) (?:\S{1,30} ){0,3}"
    r"(?:usage|content|safety|use|service)?\W?(?:polic|guideline|terms)",
    r"content[ _-](?:management|filter|moderation|safety|policy)", r"content exists risk",
    r"considered high risk",
    r"(?:inappropriate|sensitive|unsafe|harmful|prohibited|disallowed)(?: or \S{1,20})? content",
    r"sensitive words? detected",
    r"new_sensitive", r"safety (?:system|filter|check|polic|guideline|reason)",
    r"safety_check_type", r"responsible ?ai",
    r"prohibited_content", r"guardrail[^.\n]{0,30} (?:blocked|intervened|triggered)",
    r"(?:blocked|rejected) by [^.\n]{0,30}guardrail",
    r"违规", r"敏感(?:内容|词|信息)", r"不安全或敏感",
)  # fmt: skip
_OF_THE_ACCOUNT: Final = _words(
    r"\b(?:your|this|the) (?:account|organi[sz]ation|project|team|api key|ip)\b"
)
"""Whom a violation is held against: then it is no prompt that was flagged."""

_OUTPUT: Final = _words(
    r"max_(?:completion_|output_|new_)?tokens", r"maxoutputtokens", r"(?:output|completion) tokens"
)
_INPUT: Final = _words(r"\b(?:prompt|inputs?|messages|context)\b")
_TOO_LARGE: Final = re.compile(
    r"is too large: (\d{1,12})\b.{0,80}context length is (\d{1,12})", re.I | re.S
)
"""vLLM on `max_tokens`: it names what was asked for and the window, in which the prompt has a part.
"""
_OVERFLOW: Final = _words(
    r"maximum (?:context|model|sequence|prompt) length",
    r"(?:model|engine prompt)[^.\n]{0,40}max_model_len",
    r"exceed(?:s|ed|ing)? (?:the |this |its |your )?"
    r"(?:model'?s? |available |configured |max(?:imum)? ){0,3}(?:context|token limit)",
    r"context(?:[ _-](?:window|length|size|limit)) (?:\S{1,20} ){0,3}exceed",
    r"exceed[^.\n]{0,40}context (?:window|length|size|limit)",
    r"model'?s? (?:maximum )?context (?:length|limit|window)", r"context length (?:is|of) only \d",
    r"context the overflows",
    r"context_length_exceeded", r"token limit (?:has been |was )?exceeded",
    r"(?:longer|greater|larger) than the (?:model'?s? )?(?:maximum )?context",
    r"(?:prompt|input|conversation)(?: token)?(?: length)?(?: is| are)? too (?:long|large)",
    r"too many (?:input|prompt) tokens",
    r"prompt (?:\S{1,20} ){0,3}exceeds? (?:the )?max", r"input_too_large",
    r"prompt has [\d,]+ tokens?, but",
    r"(?:prompt|input|requested|total)[ _]tokens?(?: count| length)?[^.\n]{0,60}exceed",
    r"(?:input|prompt|sequence) length[^.\n]{0,60}exceed",
    r"exceed[^.\n]{0,30} (?:input|prompt) (?:length|tokens)",
    r"exceed[^.\n]{0,20} maximum number of tokens",
    r"maximum (?:number of (?:input )?tokens allowed|allowed (?:number of )?input)",
    r"maximum input length of", r"tokens in request more than max", r"range of input length",
    r"exceeded model token limit",
    r"reduce the length of (?:the|your) (?:messages|prompt|input)",
    r"current length is \d+ while limit is", r"`inputs` tokens? \+",
    r"`inputs` must have less than", r"超过最大长度", r"上下文长度",
)  # fmt: skip
_OVERFLOW_OF_A_REQUEST: Final = _words(r"context window", r"context length", r"too many tokens")
"""Words that mean it only where the status blames the request."""

_BAD_OUTPUT: Final = _words(
    r"failed to call a function", r"tool call validation failed",
    r"attempted to call tool [^\n]{1,200} not in request\.tools",
    r"error parsing tool call",
    r"failed to (?:parse|generate) (?:a |the )?(?:tool|function|fc|json)",
    r"failed to (?:validate|generate)[^.\n]{0,20} json", r"failed to parse input at pos",
    r"model (?:has )?(?:failed to generate|produced (?:an )?(?:invalid|output that)"
    r"|generated (?:an )?(?:invalid|output that|tool call))",
    r"unexpected tokens remaining in message header", r"could not decode header",
    r"\AXML syntax error on line \d",
)  # fmt: skip

_MODEL: Final = r"\A(?:(?:this|the) model|(?:model )?[\w./:@`'\"-]{1,200})"
_UNABLE: Final = (
    r" (?:does not|doesn't|cannot|can't) (?:support|accept|use|process|handle) (?:the )?"
)
_TOOLS: Final = (
    r"`?(?:tools?|tool[ _-](?:use|call(?:s|ing)?)|function[ _-]?call(?:s|ing)?|functions)`?"
)
_IMAGES: Final = r"`?(?:images?|image[ _-](?:input|url|content|part)s?|vision|multimodal input)`?"

_LACKS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (
        _words(
            rf"{_MODEL}{_UNABLE}{_TOOLS}(?! in stream)\b",
            rf"\A{_TOOLS} (?:is|are) not supported (?:with|by|for) (?:this|the) model",
            r"\A\W?auto\W? tool choice requires --enable-auto-tool-choice",
            r"\Atool(?:s|_choice) param requires --jinja",
            r"\Ano endpoints found that support tool use", r"\Atools are only supported on",
            r"\A['\"`]?tool['\"`]? role (?:is )?not supported",
            r"\A(?:unexpected|unsupported|unknown) (?:message )?role:? ['\"`]?tool\b",
        ),
        "tools_unsupported",
    ),
    (
        _words(
            rf"{_MODEL}{_UNABLE}{_IMAGES}(?!\w)",
            rf"\A{_IMAGES} (?:is|are) not supported (?:with|by|for|on) (?:this|the) (?:model|end)",
            r"\Aimage input is not supported", r"\Ano endpoints found that support image input",
            r"\Ainvalid content type\. image_url is only supported",
            r"\A(?:the model|(?:model )?\S{1,200}) is not a (?:multimodal model|VLM)",
            r"\AFailed to deserialize [^\n]{0,100}unknown variant `image_url`",
            r"\Aat most 0 image",
        ),
        "vision_unsupported",
    ),
    (
        _words(
            rf"{_MODEL}{_UNABLE}"
            r"(?:response[ _]format `?json_schema|structured outputs?|json_schema)",
            r"\AInvalid parameter: 'response_format' of type 'json_schema' is not supported",
            r"\Athis response_format type is unavailable",
        ),
        "json_schema_unsupported",
    ),
)  # fmt: skip
"""What a model, or the server it runs on, turns out not to have: other requests can be served, and
other targets may have it."""

_PARAMETER: Final = _words(
    r"\A(?:unsupported|unknown) param(?:eter)?(?:\(s\))?: ?[`'\"]?([\w.\[\]]{1,80})",
    r"\Aunrecognized request arguments? supplied: ([\w.]{1,80})",
    r"\Aargument not supported on this model: ([\w.]{1,80})",
    rf"{_MODEL}{_UNABLE}(?:parameter )?[`'\"]?(\w{{1,80}})[`'\"]?(?: parameter)?\W*\Z",
    r"\A(?:the )?(?:parameter )?[`'\"]?([\w.]{1,80})[`'\"]? (?:parameter )?is not"
    r" (?:supported|allowed|available) (?:with|by|for|on|in) ",
    r"\Aextra inputs are not permitted, field: ['\"]?([\w.\[\]]{1,80})",
    r"\AInvalid JSON payload received\. Unknown name \"(\w{1,80})\"",
    r"\A[^\n]{0,100}property ['\"]([\w.]{1,80})['\"] is unsupported",
)
_VALUE: Final = _words(
    r"\Aunsupported value: ?[`'\"]([\w.\[\]]{1,80})[`'\"] does not support",
    rf"{_MODEL}{_UNABLE}this (tool_choice)",
)
_ROLE: Final = _words(
    r"\A[^\n]{0,100}unknown variant `(developer|system)`, expected",
    r"\A[^\n]{0,40}['\"`]?(system|developer)['\"`]? role (?:is )?not supported",
    r"\A(?:unexpected|unsupported|unknown|invalid) (?:message )?role:? ['\"`]?(developer|system)",
)  # fmt: skip
_OWN_LIMITS: Final = _words(
    r"conversation roles must alternate", r"only user and assistant roles are supported",
    r"(?:value|content) must be a string",
    r"\Ainvalid schema for (?:function|response_format)", r"json schema conversion failed",
    r"failed to parse grammar",
    r"schema contains features not supported",
    r"['\"`]?tools['\"`]? ?: (?:maximum number|array too long)", r"too many tools",
)  # fmt: skip
"""Of templates, grammars and numbers: another server takes the same request."""
_CALL_ID: Final = _words(r"\Atool call id was \S{1,200} but must be")
_LIMIT: Final = _words(
    r"supports at most [\d,]{1,12} (?:completion|output) tokens",
    r"range of max_(?:completion_)?tokens (?:should be|is) \[\d",
    r"max_(?:completion_|output_)?tokens`?:? must be less than or equal to",
)  # fmt: skip


def key_is_refused(status: int, message: str) -> bool:
    """Some servers say it with a status that blames the request."""
    return status in _REQUEST and _KEY.search(message[:200]) is not None


def is_larger_than_the_rate(message: str) -> bool:
    """A limit of the rate that this one request exceeds by itself."""
    return _LARGER_THAN_THE_RATE.search(message[:_READ]) is not None


def refusal(status: int, message: str, accepted: bool = False) -> Refusal | None:
    """What a refusal with this status says in words. None if they are not known.

    `accepted`: the error came inside an answer that had begun, and `status` is only taken for it.
    """
    message = message[:_READ]
    if (_SPENT if status in (402, 403, 429) else _SPENT_AT_ONCE).search(message) and status in (
        400,
        402,
        403,
        429,
    ):
        return Refusal(_K.QUOTA)
    if (
        (accepted or status in _FLAGGED_WITH)
        and _FLAGGED.search(message)
        and not (status == 403 and _OF_THE_ACCOUNT.search(message))
    ):
        return Refusal(_K.CONTENT_FILTER)
    if (status in _REQUEST or status >= 500) and _overflows(status, message):
        return Refusal(_K.CONTEXT_LENGTH)
    if (status in (400, 422) or status >= 500) and _BAD_OUTPUT.search(message):
        return Refusal(_K.MODEL_OUTPUT)
    return _unable(message) if status in _UNABLE_WITH else None


def _overflows(status: int, message: str) -> bool:
    if _LIMITED.search(message):
        return False
    if (sizes := _TOO_LARGE.search(message)) is not None:
        return int(sizes[1]) < int(sizes[2])
    if _OUTPUT.search(message) and not _INPUT.search(message):
        return False
    return bool(
        _OVERFLOW.search(message) or (status in _REQUEST and _OVERFLOW_OF_A_REQUEST.search(message))
    )


def _unable(message: str) -> Refusal | None:
    """What this model or server does not do, as the message begins with it."""
    for words, fact in _LACKS:
        if words.search(message):
            return Refusal(_K.UNSUPPORTED, fact)
    for words, fact in (
        (_ROLE, "role_unsupported"),
        (_VALUE, "value_unsupported"),
        (_PARAMETER, "parameter_unsupported"),
    ):
        if (found := words.search(message)) is not None:
            name = next(name for name in found.groups() if name)
            of_a_message = fact == "parameter_unsupported" and (
                name.startswith("messages") or "'messages" in message[:60]
            )
            return Refusal(
                _K.UNSUPPORTED, "message_field_unsupported" if of_a_message else fact, name
            )
    if _CALL_ID.search(message):
        return Refusal(_K.UNSUPPORTED, "call_id_unsupported")
    if _OWN_LIMITS.search(message):
        return Refusal(_K.UNSUPPORTED)
    return Refusal(_K.INVALID_REQUEST, "output_limit_exceeded") if _LIMIT.search(message) else None
