"""The APIs beside Chat Completions: how their callers ask, and in which words each is told what the
table of faults says in the hub's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.chaos import api_answers
from tests.chaos.answers import TEXT
from tests.chaos.outcomes import Broken, Outcome, Refused, seen

CHAT: Final = "chat"
JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Api:
    """`relayed` is the dialect whose servers are sent its callers' own bodies, `translated` one
    that is sent a translation; each is the other's fallback."""

    relayed: str
    translated: str
    path: Callable[[str, bool], str]
    """Of a request for a persona, for a stream or not."""
    body: Callable[[str, bool], JsonObject]
    read: Callable[[int, Mapping[str, str], bytes, bool, str], Outcome]
    refused: Mapping[str, Refused]
    """By the code of Chat Completions."""
    broken: Callable[[str], str]
    """What a code is called inside a stream."""
    streams: bool = True

    def told(self, outcome: Outcome | None) -> Outcome | None:
        """An outcome of the table as this API's callers see it."""
        match outcome:
            case Refused(code=code):
                return self.refused[code]
            case Broken(code=code):
                return Broken(self.broken(code))
            case _:
                return outcome


def _table(row: Mapping[int, tuple[int, str] | None]) -> dict[str, Refused]:
    """Status and word for each code, by the status that Chat Completions have; None: the code
    itself."""
    statuses = {
        "upstream_unreachable": 502,
        "upstream_error": 502,
        "upstream_malformed": 502,
        "stream_truncated": 502,
        "provider_auth_failed": 502,
        "rate_limit_exceeded": 429,
        "provider_overloaded": 503,
        "first_content_timeout": 504,
        "idle_timeout": 504,
    }
    return {
        code: Refused(*(told if (told := row[status]) is not None else (status, code)))
        for code, status in statuses.items()
    }


_MESSAGES: Final = _table(
    {
        429: (429, "rate_limit_error"),
        502: (502, "api_error"),
        503: (529, "overloaded_error"),
        504: (504, "timeout_error"),
    }
)
_OPENAI: Final = _table({429: None, 502: None, 503: None, 504: None})
_GEMINI: Final = _table(
    {
        429: (429, "RESOURCE_EXHAUSTED"),
        502: (502, "INTERNAL"),
        503: (503, "UNAVAILABLE"),
        504: (504, "DEADLINE_EXCEEDED"),
    }
)
_HI: Final = [{"role": "user", "content": "hi"}]


def _gemini_path(model: str, stream: bool) -> str:
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/v1beta/models/{model}:{method}"


def _chat_body(model: str, stream: bool) -> JsonObject:
    return {"model": model, "messages": _HI, "stream": stream, "max_tokens": 50}


def _responses_body(model: str, stream: bool) -> JsonObject:
    return {"model": model, "input": "hi", "stream": stream, "store": False}


APIS: Final[dict[str, Api]] = {
    "messages": Api(
        "claude",
        "openai",
        lambda model, stream: "/v1/messages",
        _chat_body,
        api_answers.messages,
        _MESSAGES,
        lambda code: _MESSAGES[code].code,
    ),
    "responses": Api(
        "responses",
        "claude",
        lambda model, stream: "/v1/responses",
        _responses_body,
        api_answers.responses,
        _OPENAI,
        lambda code: "server_error",
    ),
    "gemini": Api(
        "gemini",
        "openai",
        _gemini_path,
        lambda model, stream: {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
        api_answers.gemini,
        _GEMINI,
        lambda code: _GEMINI[code].code,
    ),
    "embeddings": Api(
        "openai",
        "gemini",
        lambda model, stream: "/v1/embeddings",
        lambda model, stream: {"model": model, "input": "hi"},
        api_answers.embeddings,
        _OPENAI,
        lambda code: code,
        streams=False,
    ),
}


def asked(api: str, model: str, stream: bool) -> tuple[str, JsonObject]:
    """Path and body of a request."""
    if api == CHAT:
        return "/v1/chat/completions", _chat_body(model, stream)
    return APIS[api].path(model, stream), APIS[api].body(model, stream)


def read(
    api: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    stream: bool,
    text: str = TEXT,
) -> Outcome:
    """What came of it."""
    of_api = seen if api == CHAT else APIS[api].read
    return of_api(status, headers, body, stream, text)
