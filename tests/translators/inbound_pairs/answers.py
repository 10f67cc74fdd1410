"""Whole answers of each kind of provider as each caller is given them. The answers are those of
the golden cases of the provider's own dialect, and for Chat a table of its own.

Each is asked for twice: by a caller who wants to see thoughts and has tools, and, where that makes
a difference, by one who asks for nothing but a text.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.translators.claude import golden as claude_cases
from tests.translators.claude.inbound.stories import PLAIN, THINKS
from tests.translators.gemini import golden as gemini_cases
from tests.translators.gemini.inbound.golden import unsealed
from tests.translators.inbound_pairs.golden import HERE, INBOUNDS, UPSTREAMS
from tests.translators.inbound_pairs.openai_answers import OPENAI_ANSWERS
from tests.translators.responses import golden as responses_cases
from tests.translators.responses.inbound.golden import opened
from translators.claude.inbound import read_request
from translators.claude.inbound.tokens import read_token
from translators.dialect import Envelope
from translators.dialect.inbound import AnswerFacts, Call, Overlay
from translators.errors import UpstreamError
from translators.json_codec import dumps, loads

_OF_CALLERS_OF_CHAT: Final = ("legacy_functions", "custom_tools", "wrapped_tools")
"""What only a caller of Chat asks for."""
_UNASKED: Final = "custom_call"
"""An answer with a call of a tool that no caller of Messages or Gemini can declare."""


class Given(NamedTuple):
    """An answer of a provider, and how it is read."""

    body: bytes
    envelope: Envelope


class Caller(NamedTuple):
    """A caller's dialect."""

    own: str
    """The upstream whose answers are relayed."""
    asks: Callable[[bool], Any]
    """A request: with tools and for thoughts, or for nothing but a text."""
    read: Callable[[Any], Any]
    shown: Callable[[Any], Any]
    """An answer with what is sealed in it open."""


def _given() -> dict[str, dict[str, Given]]:
    envelope = Envelope("chatcmpl-ours", 1764547200, "gpt-asked", "call_u")
    found = {"openai": {n: Given(dumps(a), envelope) for n, a in OPENAI_ANSWERS.items()}}
    cases: Any = (
        ("claude", claude_cases),
        ("gemini", gemini_cases),
        ("responses", responses_cases),
    )
    for upstream, golden in cases:
        found[upstream] = {}
        for path in golden.RESPONSES:
            case = golden.read(path)
            if (
                any(case.get("shape", {}).get(name) for name in _OF_CALLERS_OF_CHAT)
                or path.stem == _UNASKED
            ):
                continue
            given = Given(dumps(case["answer"]), golden.envelope(case))
            if _is_answer(upstream, given):
                found[upstream][path.stem] = given
    return found


def _is_answer(upstream: str, given: Given) -> bool:
    """Not one that fails: a failure is written as an error, whoever asked."""
    try:
        UPSTREAMS[upstream].parse_response(*given)
    except UpstreamError:
        return False
    return True


def _messages_asks(wants: bool) -> Any:
    asked = {**THINKS, "stop_sequences": ["HALT"]} if wants else PLAIN
    return {**asked, "stream": False}


def _messages_shown(value: Any) -> Any:
    if value.__class__ is list:
        return [_messages_shown(each) for each in value]
    if value.__class__ is not dict:
        return value
    token = read_token(value.get("signature"))
    made = {} if token is None else {"signature": token._asdict()}
    return {**{name: _messages_shown(each) for name, each in value.items()}, **made}


def _responses_asks(wants: bool) -> Any:
    asked = INBOUNDS["responses"].asks(wants)
    return {**(asked if wants else {**asked, "reasoning": None}), "stream": False}


def _gemini_asks(wants: bool) -> Any:
    asked = INBOUNDS["gemini"].asks(wants)
    return asked if wants else {"contents": asked["contents"]}


def _read(reads: Callable[[Any, Call], Any], url: str, body: Any) -> Any:
    text = dumps(body)
    return reads(loads(text), Call({}, url, text, len(text), "req_1"))


def _reader(name: str) -> Callable[[Any], Any]:
    spoken = INBOUNDS[name]
    return partial(_read, spoken.read, spoken.url.replace("streamGenerate", "generate"))


GIVEN: Final = _given()
CALLERS: Final = {
    "messages": Caller("claude", _messages_asks, partial(_read, read_request, ""), _messages_shown),
    "responses": Caller("responses", _responses_asks, _reader("responses"), opened),
    "gemini": Caller("gemini", _gemini_asks, _reader("gemini"), unsealed),
}
PAIRS: Final = [
    (caller, upstream)
    for caller, spoken in CALLERS.items()
    for upstream in UPSTREAMS
    if upstream != spoken.own
]
"""Where answers are translated."""


def written(caller: str, upstream: str, name: str, wants: bool) -> bytes:
    """The answer as the caller is given it."""
    spoken, given = CALLERS[caller], GIVEN[upstream][name]
    read = spoken.read(spoken.asks(wants))
    relays = upstream == spoken.own
    dialect: Any = read.origin.relay(Overlay()) if relays else UPSTREAMS[upstream]
    completion = dialect.parse_response(*given)
    target, echoes = f"{upstream}/{upstream}-model", upstream == "openai"
    head = completion["id"], completion["created"], completion["model"]
    facts = AnswerFacts(*head, target, partial(int, 40), len(given.body), echoes)
    return bytes(read.write_completion(completion, facts))


def answer_result(caller: str, upstream: str, name: str) -> Any:
    """What each of the two is given."""
    shown = CALLERS[caller].shown
    both = [shown(loads(written(caller, upstream, name, wants))) for wants in (True, False)]
    document, plain = (_different(each) for each in both)
    return {"answer": document} if document == plain else {"answer": document, "plain": plain}


def _different(document: Any) -> Any:
    """Without what a Response only repeats of its request."""
    if document.get("object") != "response":
        return document
    names = ("id", "created_at", "status", "completed_at", "error", "incomplete_details", "model")
    more = ("output", "service_tier", "usage", "moderation")
    return {name: document[name] for name in (*names, *more) if name in document}


def file_of(caller: str, upstream: str) -> Path:
    """Where the answers of a pair stand."""
    return HERE / f"{caller}_to_{upstream}_answers.json"


def golden(caller: str, upstream: str) -> dict[str, Any]:
    """What stands in the file of a pair."""
    return {name: answer_result(caller, upstream, name) for name in GIVEN[upstream]}


def write() -> None:
    """Write what is expected anew."""
    for caller, upstream in PAIRS:
        lines = [
            f" {json.dumps(name)}: {json.dumps(made, ensure_ascii=False)}"
            for name, made in golden(caller, upstream).items()
        ]
        file_of(caller, upstream).write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
