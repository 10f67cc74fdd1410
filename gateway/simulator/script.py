"""Directives: what a user message tells the simulated model to do, written `[[sim: …]]` anywhere in
its text.

    call NAME {json}      a tool call; several directives are parallel calls; without arguments
                          they are made from the tool's schema
    think                 reasoning before the answer
    words N               an answer of N words
    refuse                the model declines
    length                the answer is cut by the token limit
    usage IN OUT [CACHED] the token counts to report
    error STATUS [retry-after S]   an HTTP error
    fail DIALECT          that dialect answers 503, the others serve
    stream-error [first]  an error event after some text, or as the very first event
    cut N                 the connection closes after N events
    truncate N            the body ends well-formed, without the end mark
    stall N               nothing more comes after N events
    hang                  no answer at all
    reset                 the connection is reset
    garbage               bytes that are not JSON
    delay S               wait before the first byte
    slow S                wait between events
Any of them may end in `on openai`, `on claude` or `on gemini`: the other dialects pass it over."""

import re
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from translators import json_codec
from translators.errors import InvalidRequest

DIALECTS: Final = ("openai", "claude", "gemini")
_OPEN: Final = "[[sim:"
_ON: Final = re.compile(rf"(.*?)\s+on\s+({'|'.join(DIALECTS)})", re.DOTALL)
_FAIL: Final = re.compile(r"^fail\s+(\w+)$")
_LONGEST_WAIT: Final = 3600.0
_MOST_WORDS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong. `after` counts content events; `status` and `retry_after` belong
    to `error`."""

    kind: Literal["error", "stream-error", "cut", "truncate", "stall", "hang", "reset", "garbage"]
    after: int = 0
    status: int = 500
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """All directives of one message, as far as they concern one dialect. `text` is the message
    without them."""

    text: str = ""
    calls: tuple[tuple[str, Any], ...] = ()
    think: bool = False
    words: int | None = None
    ending: Literal["refusal", "length"] | None = None
    usage: tuple[int, ...] | None = None
    fault: Fault | None = None
    delay: float = 0.0
    slow: float = 0.0


def read_script(text: str, dialect: str) -> Script:
    """Raises InvalidRequest for a directive that does not exist: a misspelt one should not look
    like a passed test."""
    script, kept = Script(), []
    before, opened, rest = text.partition(_OPEN)
    while opened:
        kept.append(before)
        script, rest = _read_one(script, rest, dialect)
        before, opened, rest = rest.partition(_OPEN)
    kept.append(before)
    return replace(script, text="".join(kept).strip())


def _read_one(script: Script, rest: str, dialect: str) -> tuple[Script, str]:
    """Reads up to the first `]]` at which the directive makes sense: JSON arguments may hold
    brackets of their own."""
    end = rest.find("]]")
    while end >= 0:
        directive = _FAIL.sub(r"error 503 on \1", rest[:end].strip())
        limited = _ON.fullmatch(directive)
        try:
            changed = _apply(script, limited[1] if limited else directive)
        except ValueError:
            changed = None
        if changed is not None:
            return (script if limited and limited[2] != dialect else changed, rest[end + 2 :])
        end = rest.find("]]", end + 1)
    raise InvalidRequest(
        f"The simulator does not know the directive '{_OPEN}{rest.partition(']]')[0]}]]'.",
        code="unknown_directive",
    )


def _apply(script: Script, directive: str) -> Script | None:
    """The script with one directive more; None or ValueError when it is none."""
    match directive.split(None, 2):
        case ["call", name, *arguments]:
            given = json_codec.loads(arguments[0]) if arguments else None
            return replace(script, calls=(*script.calls, (name, given)))
        case ["think"]:
            return replace(script, think=True)
        case ["words", count]:
            return replace(script, words=_count(count, _MOST_WORDS))
        case ["refuse" | "length" as ending]:
            return replace(script, ending="length" if ending == "length" else "refusal")
        case ["usage", prompt, output]:
            counts = tuple(_count(n) for n in (prompt, *output.split()))
            return replace(script, usage=counts) if len(counts) < 4 else None
        case ["delay", seconds]:
            return replace(script, delay=_seconds(seconds))
        case ["slow", seconds]:
            return replace(script, slow=_seconds(seconds))
    fault = _fault(directive.split())
    return replace(script, fault=script.fault or fault) if fault else None


def _fault(words: list[str]) -> Fault | None:
    match words:
        case ["error", status]:
            return Fault("error", status=_count(status, 599, 400))
        case ["error", status, "retry-after", seconds]:
            return Fault("error", status=_count(status, 599, 400), retry_after=_count(seconds))
        case ["stream-error"] | ["stream-error", "first"]:
            return Fault("stream-error", after=-1 if words[1:] else 2)
        case ["cut" | "truncate" | "stall" as kind, count]:
            return Fault(kind, after=_count(count))
        case ["hang" | "reset" as kind]:
            return Fault(kind)
        case ["garbage"]:
            return Fault("garbage", after=1)
    return None


def _count(word: str, most: int = 10**9, least: int = 0) -> int:
    if not word.isdecimal() or not least <= int(word) <= most:
        raise ValueError(word)
    return int(word)


def _seconds(word: str) -> float:
    seconds = float(word)
    if not 0 <= seconds <= _LONGEST_WAIT:
        raise ValueError(word)
    return seconds
