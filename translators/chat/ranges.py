"""Which values of parameters the hub's own providers take: OpenAI's ranges and vocabularies, in
OpenAI's sentences and error codes.

They are no part of a request's shape: servers that speak OpenAI's language have others. So a
request is held against them where it is built for a target whose ranges they are, and another
target may still take what one refuses.
"""

from collections.abc import Callable
from typing import Any, Final

from translators.chat.validation_errors import not_one_of, out_of_range, too_long
from translators.errors import InvalidRequest
from translators.json_codec import JsonObject

MAX_STOP_SEQUENCES: Final = 4
MAX_CHOICES: Final = 128
MAX_METADATA: Final = 16
LIMITS: Final = frozenset({"max_tokens", "max_completion_tokens"})
UNLIMITED: Final = -1
"""What llama.cpp's and vLLM's users write for "as much as there is", of tokens to answer with and
of tokens to choose among."""

_Check = Callable[[Any, str], None]


def _between(low: float, high: float) -> _Check:
    def check(value: Any, param: str) -> None:
        if not low <= value <= high:
            raise out_of_range(param, value, low, high)

    return check


def _whole(low: int, high: int | None = None) -> _Check:
    def check(value: Any, param: str) -> None:
        number = int(value)
        if number < low or (high is not None and number > high):
            raise out_of_range(param, number, low, high)

    return check


def _one_of(*allowed: str) -> _Check:
    def check(value: Any, param: str) -> None:
        if value not in allowed:
            raise not_one_of(param, value, allowed)

    return check


def _stop(value: Any, param: str) -> None:
    check_stop(value, MAX_STOP_SEQUENCES)


def check_stop(value: Any, most: int) -> None:
    """Raises InvalidRequest for more than `most` stop sequences."""
    if value.__class__ is list and len(value) > most:
        raise too_long("stop", len(value), most)


def _tool_choice(value: Any, param: str) -> None:
    if value.__class__ is str:
        if value not in ("none", "auto", "required"):
            raise not_one_of(param, value, ("none", "auto", "required"))
        return
    kind = value.get("type")
    if (
        "name" not in value
        and kind != "allowed_tools"
        and not (kind in ("function", "custom") and kind in value)
    ):
        raise not_one_of(f"{param}.type", kind, ("function", "custom", "allowed_tools"))


def _function_call(value: Any, param: str) -> None:
    if value.__class__ is str and value not in ("none", "auto"):
        raise not_one_of(param, value, ("none", "auto"))


def _response_format(value: Any, param: str) -> None:
    if value["type"] not in ("text", "json_object", "json_schema"):
        raise not_one_of(f"{param}.type", value["type"], ("text", "json_object", "json_schema"))


def _metadata(value: Any, param: str) -> None:
    if len(value) > MAX_METADATA:
        rule = f"at most {MAX_METADATA} pairs, but got {len(value)}."
        raise InvalidRequest(f"Invalid '{param}': {rule}", param, "object_above_max_properties")


_LIMIT: Final = _whole(1)
RANGES: Final[dict[str, _Check]] = {
    "temperature": _between(0, 2),
    "top_p": _between(0, 1),
    "top_k": _whole(0),
    "frequency_penalty": _between(-2, 2),
    "presence_penalty": _between(-2, 2),
    "max_tokens": _LIMIT,
    "max_completion_tokens": _LIMIT,
    "n": _whole(1, MAX_CHOICES),
    "stop": _stop,
    "seed": _whole(-(2**63), 2**63 - 1),
    "top_logprobs": _whole(0, 20),
    "metadata": _metadata,
    "tool_choice": _tool_choice,
    "function_call": _function_call,
    "response_format": _response_format,
    "reasoning_effort": _one_of("none", "minimal", "low", "medium", "high", "xhigh", "max"),
    "verbosity": _one_of("low", "medium", "high"),
}
"""What a value whose shape is right (translators.chat.parameters) is held against. Each raises
InvalidRequest."""

RANGED: Final = frozenset(RANGES) - LIMITS
"""What `within_ranges` looks at: of most requests nothing, as one look tells. Limits of the answer
are looked at where they are read."""
_OTHERS_WORDS: Final[dict[str, tuple[Any, Any]]] = {
    "reasoning_effort": ("default", None),
    "top_k": (UNLIMITED, None),
    "tool_choice": ("any", "required"),
}
"""What some servers have another word for, and what the hub says: None, where leaving the parameter
out says it."""


def within_ranges(body: JsonObject, most_stops: int | None = MAX_STOP_SEQUENCES) -> JsonObject:
    """`body` with what other servers have their own words for in the hub's words; the same one if
    there is nothing of it.

    `most_stops` sequences are taken, None: any number. Raises InvalidRequest for a value that is
    out of its range.
    """
    said = body
    for name in body:
        if (
            name in RANGED
            and (settled := in_range(name, value := body[name], most_stops)) is not value
        ):
            said = {
                key: settled if key == name else kept
                for key, kept in said.items()
                if key != name or settled is not None
            }
    return said


def in_range(name: str, value: Any, most_stops: int | None = MAX_STOP_SEQUENCES) -> Any:
    """One of RANGED in the hub's words; None where it says nothing. Raises InvalidRequest for a
    value that is out of its range.
    """
    if value is None:
        return None
    if name == "stop":
        if most_stops is not None:
            check_stop(value, most_stops)
    elif name in _OTHERS_WORDS and (words := _OTHERS_WORDS[name])[0] == value:
        return words[1]
    else:
        RANGES[name](value, name)
    return value


def without_limit(body: JsonObject, emulated: Callable[[str, str], None]) -> None:
    """Where ChatRequest.max_tokens is None: a limit that says so is told of by `emulated`. Raises
    InvalidRequest for one that is none.
    """
    for name in ("max_tokens", "max_completion_tokens"):
        value = body.get(name)
        if value is None or value >= 1:
            continue
        if value != UNLIMITED:
            raise out_of_range(name, int(value), 1, None)
        emulated(name, f"{UNLIMITED} is no limit: the model's own holds")
