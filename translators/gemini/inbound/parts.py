"""Parts of a user's content as parts of the hub's."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from translators.chat.validation_errors import wrong_type
from translators.errors import InvalidRequest
from translators.gemini.inbound.losses import Found
from translators.gemini.inbound.signatures import decoded
from translators.gemini.inbound.values import record, text, word
from translators.json_codec import JsonObject

Part = JsonObject
Image = dict[str, str]

SAID: Final = frozenset({
    "text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode",
    "codeExecutionResult", "toolCall", "toolResponse", "audioTranscription",
})  # fmt: skip
"""The fields of a part that say something; it has one of them, or none."""
ASIDE: Final = frozenset({
    "thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata",
    "mediaProcessing", "speechMetadata",
    "documentMetadata", "spreadsheetMetadata", "audioMetadata",
})  # fmt: skip
NATIVE: Final = frozenset({"toolCall", "toolResponse", "audioTranscription"})
_SOUND: Final = {
    "audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mp3": "mp3",
    "audio/mpeg": "mp3",
}  # fmt: skip
_WRITTEN: Final = frozenset({
    "application/json", "application/xml", "application/javascript", "application/csv",
    "application/x-javascript",
})  # fmt: skip
DETAILS: Final = {"MEDIA_RESOLUTION_LOW": "low", "MEDIA_RESOLUTION_HIGH": "high"}
_OF_GOOGLE: Final = (
    "generativelanguage.googleapis.com",
    "www.youtube.com",
    "youtube.com",
    "youtu.be",
)
_YOUTUBE: Final = _OF_GOOGLE[1:]


def user_part(part: Part, at: str, detail: str | None, found: Found) -> Part | None:
    """The hub's part; None if it says nothing, or only a Gemini target can be told.

    `detail`: of all pictures, `low` or `high`. Raises InvalidRequest.
    """
    for name in part:
        if name not in SAID and name not in ASIDE:
            found.unknown(f"{at}.{name}", name)
    read = next((_READERS[name] for name in _READERS if part.get(name) is not None), None)
    if read is None:
        _native(part, at, found)
        return None
    made = read(part, at, found)
    if made is not None and made["type"] == "image_url":
        _set_detail(made["image_url"], part, at, detail, found)
    elif part.get("videoMetadata") is not None or part.get("mediaResolution") is not None:
        for name in ("videoMetadata", "mediaResolution"):
            if part.get(name) is not None:
                found.dropped(f"{at}.{name}", "only Gemini can be told so of this part")
    return made


def _native(part: Part, at: str, found: Found) -> None:
    for name in NATIVE:
        if part.get(name) is not None:
            found.native(f"{at}.{name}")


def _text(part: Part, at: str, found: Found) -> Part:
    return {"type": "text", "text": text(part, "text", at)}


def _inline(part: Part, at: str, found: Found) -> Part | None:
    at = f"{at}.inlineData"
    blob = record(part, "inlineData", at) or {}
    kind = (text(blob, "mimeType", at) or "").lower().partition(";")[0].strip()
    given = text(blob, "data", at)
    if given is None:
        raise InvalidRequest(f"'{at}' needs 'data'.", f"{at}.data", "missing_required_parameter")
    data = decoded(given)
    if data is None:
        rule = "expected base64 text"
        raise InvalidRequest(f"Invalid '{at}.data': {rule}.", f"{at}.data", "invalid_value")
    encoded = b64encode(data).decode()
    if kind.startswith("image/"):
        return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{encoded}"}}
    if kind == "application/pdf":
        name = text(blob, "displayName", at) or "document.pdf"
        file = {"filename": name, "file_data": f"data:application/pdf;base64,{encoded}"}
        return {"type": "file", "file": file}
    if kind.startswith("text/") or kind in _WRITTEN:
        return {"type": "text", "text": data.decode("utf-8", "replace")}
    if (sound := _SOUND.get(kind)) is not None:
        return {"type": "input_audio", "input_audio": {"data": encoded, "format": sound}}
    if kind.startswith("video/"):
        return {"type": "video_url", "video_url": {"url": f"data:{kind};base64,{encoded}"}}
    found.native(at)
    return None


def _file(part: Part, at: str, found: Found) -> Part | None:
    at = f"{at}.fileData"
    file = record(part, "fileData", at) or {}
    uri = text(file, "fileUri", at)
    if not uri:
        raise InvalidRequest(
            f"'{at}' needs 'fileUri'.", f"{at}.fileUri", "missing_required_parameter"
        )
    kind = (text(file, "mimeType", at) or "").lower()
    try:
        place = urlsplit(uri)
    except ValueError:
        raise InvalidRequest(
            f"Invalid '{at}.fileUri': it is no URL.", f"{at}.fileUri", "invalid_value"
        ) from None
    host = (place.hostname or "").lower()
    if host in _YOUTUBE:
        return {"type": "video_url", "video_url": {"url": uri}}
    pdf = kind == "application/pdf" or (not kind and place.path.lower().endswith(".pdf"))
    if (
        place.scheme != "https"
        or host in _OF_GOOGLE
        or not (pdf or not kind or kind.startswith("image/"))
    ):
        stored = host in _OF_GOOGLE or place.scheme in ("", "gs")
        (found.stored if stored else found.native)(f"{at}.fileUri")
        return None
    if pdf:
        name = place.path.rpartition("/")[2] or "document.pdf"
        return {"type": "file", "file": {"filename": name, "file_data": uri}}
    return {"type": "image_url", "image_url": {"url": uri}}


def code(part: Part, at: str, found: Found) -> Part:
    """Code that the model wrote, and what came of it, as fenced text."""
    if (written := record(part, "executableCode", at)) is not None:
        language = (word(written, "language", f"{at}.executableCode") or "").lower()
        language = "" if language == "language_unspecified" else language
        said = text(written, "code", f"{at}.executableCode") or ""
    else:
        result = record(part, "codeExecutionResult", at) or {}
        language, said = "", text(result, "output", f"{at}.codeExecutionResult") or ""
    return {"type": "text", "text": f"\n```{language}\n{said}\n```\n"}


_READERS: Final[dict[str, Callable[[Part, str, Found], Part | None]]] = {
    "text": _text,
    "inlineData": _inline,
    "fileData": _file,
    "executableCode": code,
    "codeExecutionResult": code,
}


def _set_detail(image: Image, part: Part, at: str, detail: str | None, found: Found) -> None:
    level = part.get("mediaResolution")
    if level.__class__ is dict:
        level = level.get("level")
    if level is not None:
        said = DETAILS.get(str(level).upper())
        if said is None:
            found.dropped(f"{at}.mediaResolution", "other providers know low and high")
        detail = said or detail
    if detail is not None:
        image["detail"] = detail
    if part.get("videoMetadata") is not None:
        found.dropped(f"{at}.videoMetadata", "this part is no video")


def parts_of(content: JsonObject, at: str) -> list[Part]:
    """The parts of a content. A string is a text, and a part may stand alone."""
    parts: Any = content.get("parts")
    if parts is None:
        return []
    listed = parts if parts.__class__ is list else [parts]
    found = []
    for i, part in enumerate(listed):
        if part.__class__ is str:
            part = {"text": part}
        elif part.__class__ is not dict:
            raise wrong_type(f"{at}.parts[{i}]", "an object", part)
        found.append(part)
    return found
