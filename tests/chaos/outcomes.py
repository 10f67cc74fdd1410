"""What a caller can see of a request, as values: the expectation table and the observations are
made of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.chaos.answers import TEXT
from translators.json_codec import loads

ERROR_FIELDS = ["message", "type", "param", "code"]


@dataclass(frozen=True, slots=True)
class Served:
    """A whole answer: of the faulty provider itself, or of the fallback."""

    by_fallback: bool = False

    def __str__(self) -> str:
        return "served by the fallback" if self.by_fallback else "served"


@dataclass(frozen=True, slots=True)
class Refused:
    """A JSON error with its own status."""

    status: int
    code: str

    def __str__(self) -> str:
        return f"{self.status} `{self.code}`"


@dataclass(frozen=True, slots=True)
class Broken:
    """A stream that had begun: its last event is the error, and there is no [DONE]."""

    code: str

    def __str__(self) -> str:
        return f"error event `{self.code}`, no `[DONE]`"


@dataclass(frozen=True, slots=True)
class Left:
    """The caller did not wait for it."""

    def __str__(self) -> str:
        return "the caller has left"


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that must never be seen."""

    what: str

    def __str__(self) -> str:
        return f"WRONG: {self.what}"


Outcome = Served | Refused | Broken | Left | Wrong


def seen(
    status: int, headers: Mapping[str, str], body: bytes, stream: bool, text: str = TEXT
) -> Outcome:
    """The outcome of an answer. `headers` are looked up without regard to case; `text` is what a
    whole answer says.
    """
    try:
        if status != 200:
            return Refused(status, _code(loads(body)))
        by_fallback = headers["x-llm-router-provider"].startswith("well_")
        if stream:
            return _stream(headers, body, by_fallback, text)
        choice = loads(body)["choices"][0]
        said = (choice["message"]["role"], choice["message"]["content"], choice["finish_reason"])
        return (
            Served(by_fallback)
            if said == ("assistant", text, "stop")
            else Wrong(f"the answer says {said}")
        )
    except (ValueError, LookupError, TypeError, AssertionError) as error:
        return Wrong(f"{type(error).__name__}: {error} in {status} {body[:300]!r}")


def _code(document: Any) -> str:
    assert list(document) == ["error"], "an error has one shape"
    assert list(document["error"]) == ERROR_FIELDS, "an error has one shape"
    assert document["error"]["message"], "an error says what happened"
    return str(document["error"]["code"])


def _stream(headers: Mapping[str, str], body: bytes, by_fallback: bool, whole: str) -> Outcome:
    assert headers["content-type"].startswith("text/event-stream"), "a stream is an event stream"
    assert body.endswith(b"\n\n"), "the last event is whole"
    events = [event.removeprefix(b"data: ") for event in body.split(b"\n\n")[:-1]]
    last = loads(events[-1]) if events[-1] != b"[DONE]" else None
    broken = last is not None and "error" in last
    documents = [loads(event) for event in events[:-1]]  # so [DONE] and an error can only be last
    choices = [choice for document in documents for choice in document["choices"]]
    assert [choice["delta"]["role"] for choice in choices if "role" in choice["delta"]] == [
        "assistant"
    ], "one role"
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    reasons = [choice["finish_reason"] for choice in choices if choice["finish_reason"] is not None]
    if broken:
        assert whole.startswith(text), "what was shown is the answer's beginning"
        assert text, "an error before content is no event but an answer with its status"
        assert reasons == [], "what broke has not finished"
        return Broken(_code(last))
    assert last is None, "a whole stream ends with [DONE]"
    assert (text == whole, reasons) == (True, ["stop"]), "the whole text, one end"
    return Served(by_fallback)
