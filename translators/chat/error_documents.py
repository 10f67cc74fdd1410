"""What an error document says, wherever its server puts it.

OpenAI's `error` object; a bare string in its place (Ollama, xAI); FastAPI's `detail`; `message`,
`msg`, `error_msg`, `errors` at the top; what the server behind a router said, in `metadata.raw`
(OpenRouter) or `details`; JSON as the text of a message; HTML; plain text.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

from translators.json_codec import JsonObject, loads

_DEPTH: Final = 6
"""Values inside values that are looked into."""
_MOST_LAYERS: Final = 100
_LONGEST_TEXT: Final = 64 * 1024
"""Characters of a text that is read as JSON."""
_SEEN: Final = 4096
"""Characters of a text that may be shown."""
_SHOWN_DETAILS: Final = 5
"""Of FastAPI's, which may be one for each message of a conversation."""

_TEXTS: Final = (
    "message", "error_msg", "error_message", "errorMessage", "msg", "Message", "status_msg",
    "detail", "error_description", "error",
    "description", "title",
)  # fmt: skip
"""Where an object says its sentence, the best first."""
_HOLDERS: Final = (
    "metadata",
    "innererror",
    "inner_error",
    "base_resp",
    "fault",
    "errors",
    "detail",
    "message",
    "error",
)
"""What an object keeps more of the error in; the last one says it most exactly."""
_BEHIND: Final = ("details", "upstream_error", "provider_error", "raw")
"""Where a router keeps what the server behind it said: more exact than its own words."""
_CODES: Final = (
    "code",
    "error_code",
    "errorCode",
    "err_code",
    "status_code",
    "error_type",
    "provider_code",
    "type",
)
_FLAGS: Final = ("flagged_input", "reasons", "patterns")
"""OpenRouter: what a prompt was flagged for."""

_CODE: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,79}", re.ASCII).fullmatch
_MARKUP: Final = re.compile(r"<(style|script|head)\b.*?</\1\s*>|<[^<>]*>", re.S | re.I)
_PAGE: Final = re.compile(r"\s*<(?:!doctype|\?xml|html|head|body|center|title|h1)\b", re.I).match
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class Told(NamedTuple):
    """What was found. `codes` are all that name the error: codes before types, what is further in
    before what is around it.
    """

    message: str | None = None
    codes: tuple[str, ...] = ()
    code: str | None = None
    """The one that the server itself calls the error's code."""
    type: str | None = None
    param: str | None = None
    status: int | None = None
    """The HTTP status that stands in the document: of an error inside a stream there may be no
    other."""
    flagged: bool = False
    """It says what a prompt was flagged for."""


def told(document: Any) -> Told:
    """What `document` says: parsed JSON of any shape, or a text. Never raises."""
    layers = [*islice(_layers(document, _DEPTH), _MOST_LAYERS)][::-1]
    objects = [layer for layer in layers if layer.__class__ is dict]
    of_detail = next(
        (_clean(layer[0].get("type")) for layer in layers if layer.__class__ is list), None
    )
    codes = [_clean(each.get(name)) for name in _CODES for each in objects]
    return Told(
        message=next(filter(None, map(_sentence, layers)), None),
        codes=tuple(dict.fromkeys(filter(None, (*codes, of_detail)))),
        code=next(filter(None, [_clean(each.get("code")) for each in objects]), of_detail),
        type=next((each["type"] for each in objects if each.get("type").__class__ is str), None),
        param=next(filter(None, map(_param, layers)), None),
        status=next(filter(None, map(_status, objects)), None),
        flagged=any(each.get(name) for each in objects for name in _FLAGS),
    )


def plain_text(text: str) -> str:
    """The first 4,096 characters of a text without control characters and, if it is a page, without
    its markup.
    """
    text = text[:_SEEN]
    if _PAGE(text):
        text = " ".join(_MARKUP.sub(" ", text).split())
    return _CONTROLS.sub(" ", text).strip()


def _layers(value: Any, depth: int) -> Iterator[Any]:
    """The objects, texts and lists of details that an error consists of; what is more exact comes
    later.
    """
    if depth == 0 or not value:
        return
    if value.__class__ is str:
        yield value
        yield from _layers(_json(value), depth - 1)
    elif value.__class__ is list:
        if _is_detail(value[0]):
            yield value
        else:
            yield from _layers(value[0], depth - 1)
    elif value.__class__ is dict:
        yield value
        for name in _HOLDERS:
            inner = value.get(name)
            yield from _layers(_json(inner) if inner.__class__ is str else inner, depth - 1)
        for name in _BEHIND:
            inner = value.get(name)
            if inner.__class__ is str and name != "raw":
                inner = _json(inner)
            if inner.__class__ is not list:  # Google's details are no sentences
                yield from _layers(inner, depth - 1)


def _json(text: str) -> Any:
    """The object or list that a text is the JSON of. None if it is not: JSON further inside may be
    anybody's words.
    """
    if len(text) > _LONGEST_TEXT or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return loads(text)
    except ValueError:
        return None


def _sentence(layer: Any) -> str | None:
    """What a layer says itself."""
    if layer.__class__ is list:
        said = [
            (_place(each), plain_text(each["msg"]))
            for each in layer[:_SHOWN_DETAILS]
            if _is_detail(each)
        ]
        return "; ".join(f"{place}: {text}" if place else text for place, text in said)
    if layer.__class__ is dict:
        layer = next(
            (text for name in _TEXTS if (text := layer.get(name)).__class__ is str and text), None
        )
    return plain_text(layer) if layer.__class__ is str else None


def _is_detail(value: Any) -> bool:
    """One of FastAPI's (pydantic's) list of what is wrong with a request."""
    return value.__class__ is dict and value.get("msg").__class__ is str


def _place(detail: JsonObject) -> str:
    """The field that a detail is about, in OpenAI's words: `messages[0].name`."""
    steps = detail.get("loc")
    path = ""
    for step in steps[:8] if steps.__class__ is list else ():
        if step.__class__ is int:
            path += f"[{step}]"
        elif step.__class__ is str and step != "body":
            path += f".{step[:64]}" if path else step[:64]
    return path


def _param(layer: Any) -> str | None:
    if layer.__class__ is list:
        return _place(layer[0]) or None
    param = layer.get("param") if layer.__class__ is dict else None
    return param[:200] if param.__class__ is str and param else None


def _clean(code: Any) -> str | None:
    """A code that can be told and looked up: some servers put a sentence there, or only the
    status."""
    if code.__class__ is int and code >= 1000:  # Z.ai and MiniMax count their errors so
        code = str(code)
    return code if code.__class__ is str and _CODE(code) and not _is_status(code) else None


def _is_status(code: str) -> bool:
    return len(code) == 3 and code.isdigit() and 400 <= int(code) < 600


def _status(layer: JsonObject) -> int | None:
    for name in ("code", "status", "status_code"):
        value = layer.get(name)
        if value.__class__ is str and _is_status(value):
            value = int(value)
        if value.__class__ is int and 400 <= value < 600:
            return int(value)
    return None
