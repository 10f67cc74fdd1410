"""What `x_provider` may say: a field in a provider's own words, but nothing that the request, its
persona or routing decide.
"""

from collections.abc import Iterator
from typing import Any, Final

from translators.chat.validation_errors import wrong_type
from translators.errors import InvalidRequest
from translators.json_codec import JsonObject

_DECIDED: Final = frozenset(
    {
        "model", "stream", "n", "candidatecount", "maxtokens", "maxcompletiontokens",
        "maxoutputtokens",
        "messages", "input", "contents", "system", "systeminstruction", "instructions",
        "thinking", "thinkingconfig", "reasoning", "reasoningeffort", "effort",
    }
)  # fmt: skip
"""Who serves, how the answer comes, how many and how long, what is said, how hard is thought: in
every dialect's words, made plain."""

_HOLDERS: Final = frozenset({"generationconfig", "outputconfig"})
"""Objects that hold such fields one level below."""


def check_passthrough(value: Any, param: str) -> None:
    """Raises InvalidRequest for what is no object of objects, and for a field that a parameter of
    the hub decides.
    """
    if value.__class__ is not dict:
        raise wrong_type(param, "an object", value)
    for name, extension in value.items():
        if extension is not None and extension.__class__ is not dict:
            raise wrong_type(f"{param}.{name}", "an object", extension)
    for at, name in _fields(value, param):
        if name in _DECIDED:
            rule = (
                "a passthrough cannot change who serves, what is said, how the answer comes, or how"
                " much of it and of reasoning there is"
            )
            raise InvalidRequest(
                f"'{at[:200]}' is not taken: {rule}.", at[:200], "unsupported_parameter"
            )


def extension_for(body: JsonObject, *names: str) -> JsonObject:
    """The fields of a checked `x_provider` under the first of `names` that it holds: the provider's
    own name before its dialect's.
    """
    extension = body.get("x_provider")
    if not extension:
        return {}
    return next((dict(own) for name in names if (own := extension.get(name)) is not None), {})


def passed_through(value: JsonObject, parameter: str) -> str | None:
    """Where a checked `x_provider` says what the hub's `parameter` says; None if it does not."""
    wanted = _plain(parameter)
    return next((at for at, name in _fields(value, "x_provider") if name == wanted), None)


def _fields(value: JsonObject, param: str) -> Iterator[tuple[str, str]]:
    """Every field with its path and its plain name."""
    for provider, extension in value.items():
        for name, inner in (extension or {}).items():
            yield f"{param}.{provider}.{name}", _plain(name)
            if inner.__class__ is dict and _plain(name) in _HOLDERS:
                for below in inner:
                    yield f"{param}.{provider}.{name}.{below}", _plain(below)


def _plain(name: str) -> str:
    """`maxOutputTokens` and `max_output_tokens` are one field to those who read them."""
    return name.replace("_", "").lower()
