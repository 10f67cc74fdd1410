"""What a chat message holds, part by part, as parts of an input item."""

from collections.abc import Callable
from typing import Any, Final, Literal, cast

from translators.chat.validation_errors import not_one_of
from translators.chat.wire import ContentPart
from translators.errors import InvalidRequest
from translators.responses.request.context import Translation
from translators.responses.wire import InputAudio, InputFile, InputImage, InputPart, InputText

_NATIVE: Final = ("input_text", "input_image", "input_file")
"""Parts that a caller may already say in this API's words."""


def read_content(content: Any, at: str, translation: Translation) -> str | list[InputPart]:
    """The content of an instruction, a user's message or a tool's result: text as it is, parts one
    by one.

    Raises InvalidRequest naming the part that the model cannot take.
    """
    if content.__class__ is str:
        text: str = content
        return text
    return [
        _read_part(part, f"{at}.content[{j}]", translation) for j, part in enumerate(content or ())
    ]


def _read_part(part: ContentPart, at: str, translation: Translation) -> InputPart:
    kind = part["type"]
    if kind in _NATIVE:
        return cast(
            InputPart, {name: value for name, value in part.items() if name != "cache_control"}
        )
    reader = _READERS.get(kind)
    if reader is None:
        raise InvalidRequest(
            f"This provider takes no content of type '{kind[:80]}'.", at, "unsupported_content_type"
        )
    read = reader(part, at, translation)
    if part.get("cache_control") is not None:
        translation.once("dropped", "messages.cache_control", "this API caches by itself")
    if (mark := part.get("prompt_cache_breakpoint")) is not None:
        read["prompt_cache_breakpoint"] = mark
    return read


def _text(part: ContentPart, at: str, translation: Translation) -> InputText:
    return {"type": "input_text", "text": part["text"]}


def _refusal(part: ContentPart, at: str, translation: Translation) -> InputText:
    return {"type": "input_text", "text": part["refusal"]}


def _image(part: ContentPart, at: str, translation: Translation) -> InputImage:
    image = part["image_url"]
    return {
        "type": "input_image",
        "image_url": image["url"],
        "detail": image.get("detail") or "auto",
    }


def _file(part: ContentPart, at: str, translation: Translation) -> InputFile:
    file = part["file"]
    read: InputFile = {"type": "input_file"}
    name: Literal["filename", "file_id", "detail"]
    for name in ("filename", "file_id", "detail"):
        if file.get(name) is not None:
            read[name] = file[name]
    data = file.get("file_data")
    if data.__class__ is str:
        read["file_url" if data[:8].lower() == "https://" else "file_data"] = data
    return read


def _audio(part: ContentPart, at: str, translation: Translation) -> InputAudio:
    if not translation.record.can("audio_input"):
        raise InvalidRequest("This model does not hear.", at, "unsupported_content_type")
    audio = part["input_audio"]
    if audio.get("format") not in ("wav", "mp3"):
        raise not_one_of(f"{at}.input_audio.format", audio.get("format"), ("wav", "mp3"))
    return {
        "type": "input_audio",
        "input_audio": {"data": audio["data"], "format": audio["format"]},
    }


_READERS: Final[dict[str, Callable[[ContentPart, str, Translation], InputPart]]] = {
    "text": _text,
    "refusal": _refusal,
    "image_url": _image,
    "file": _file,
    "input_audio": _audio,
}
