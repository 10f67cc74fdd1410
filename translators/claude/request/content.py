"""What a chat message holds, part by part, as Claude content blocks."""

from collections.abc import Callable
from typing import Any, Final, cast

from translators.chat.validation_errors import wrong_type
from translators.chat.wire import ContentPart
from translators.claude.property_keys import renamed
from translators.claude.request.context import Translation
from translators.claude.wire import (
    THINKING,
    USER_ONLY,
    Block,
    CacheControl,
    Source,
    is_whole,
    thinking_block,
)
from translators.errors import InvalidRequest
from translators.media import Media, from_base64, is_data_url, mime_of_filename, parse_data_url

IMAGE_TYPES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")
MAX_IMAGE_BYTES: Final = 10 * 1024 * 1024
"""Of base64 text: what Claude takes for one image."""
_TEXT_TYPES: Final = (
    "application/json",
    "application/xml",
    "application/yaml",
    "application/x-yaml",
    "application/csv",
)

_Reader = Callable[[ContentPart, str, Translation], Block | None]


def text_block(text: str) -> Block:
    return {"type": "text", "text": text}


def is_blank(text: str) -> bool:
    """Whether `text` is empty or white space alone; stripping it would copy it."""
    return not text or text.isspace()


def read_content(content: Any, at: str, role: str, translation: Translation) -> list[Block]:
    """The blocks of a message's `content`: a string, a list of parts, or null. Blank texts are left
    out (a cache mark on one moves back).

    Raises InvalidRequest naming the part that Claude cannot take.
    """
    if content.__class__ is str:
        return [text_block(content)] if content else []
    blocks: list[Block] = []
    for j, part in enumerate(content or ()):
        block = _read_part(part, f"{at}.content[{j}]", role, translation)
        if block is None:
            continue
        mark = translation.mark(part)
        if block["type"] == "text" and not block["text"]:
            if mark is not None:
                mark_last(blocks, mark)
            continue
        if mark is not None and block["type"] not in THINKING:
            block["cache_control"] = mark
        blocks.append(block)
    return blocks


def mark_last(blocks: list[Block], mark: CacheControl) -> None:
    """Put a cache mark on the last block that may carry one."""
    for block in reversed(blocks):
        if block["type"] not in THINKING:
            block["cache_control"] = mark
            return


def without_blanks(blocks: list[Block], role: str) -> list[Block]:
    """Claude refuses texts of white space alone: they go, unless they are all that a user said."""
    kept = [block for block in blocks if block["type"] != "text" or not is_blank(block["text"])]
    return blocks if not kept and role == "user" else kept


def _read_part(part: ContentPart, at: str, role: str, translation: Translation) -> Block | None:
    kind = part["type"]
    if is_whole(part):
        return _native(part, at, role, translation)
    reader = _READERS.get(kind)
    if reader is None or (role == "system" and kind != "text"):
        raise InvalidRequest(
            f"Claude takes no content of type '{kind[:80]}' in a message of role '{role}'.",
            at,
            "unsupported_content_type",
        )
    return reader(part, at, translation)


def _native(part: ContentPart, at: str, role: str, translation: Translation) -> Block | None:
    kind: str = part["type"]
    belongs = ("user", "tool") if kind in USER_ONLY else ("assistant",)
    if role not in belongs or (role == "tool" and kind == "tool_result"):
        raise InvalidRequest(
            f"A '{kind}' block cannot stand in a message of role '{role}'.",
            at,
            "unsupported_content_type",
        )
    if kind in THINKING:
        return thinking_block(part)
    block = _unmarked(part)
    if kind == "tool_use":
        block["name"] = translation.names.upstream(block["name"])
        if (schema := translation.schemas.get(part["name"])) is not None and schema.keys:
            block["input"] = renamed(block["input"], schema.keys)
    elif kind == "tool_result" and block.get("content").__class__ is list:
        block["content"] = [
            _inner(inner, f"{at}.content[{k}]", translation)
            for k, inner in enumerate(block["content"])
        ]
    return block


def _inner(block: Any, at: str, translation: Translation) -> Block:
    if block.__class__ is not dict:
        raise wrong_type(at, "an object", block)
    mark = translation.mark(block)
    return _unmarked(block) if mark is None else {**_unmarked(block), "cache_control": mark}


def _unmarked(part: ContentPart) -> Block:
    return cast(
        Block,
        {
            name: value
            for name, value in part.items()
            if name not in ("cache_control", "prompt_cache_breakpoint")
        },
    )


def _text(part: ContentPart, at: str, translation: Translation) -> Block:
    return text_block(part["text"])


def _refusal(part: ContentPart, at: str, translation: Translation) -> Block:
    return text_block(part["refusal"])


def _image(part: ContentPart, at: str, translation: Translation) -> Block:
    if part["image_url"].get("detail") not in (None, "auto"):
        translation.once("dropped", "messages.image_url.detail", "Claude scales images itself")
    url, param = part["image_url"]["url"].strip(), f"{at}.image_url.url"
    if is_data_url(url):
        return media_block(parse_data_url(url, param), param)
    if url[:8].lower() == "https://":
        return {"type": "image", "source": {"type": "url", "url": url}}
    raise InvalidRequest(
        "Claude takes images as data: URLs or from https: addresses.", param, "invalid_image_url"
    )


def media_block(media: Media, param: str, title: str | None = None) -> Block:
    """An image, PDF or text as the block Claude has for it."""
    mime = media.mime
    if mime in IMAGE_TYPES:
        if len(media.base64) > MAX_IMAGE_BYTES:
            raise InvalidRequest(
                f"The image is larger than {MAX_IMAGE_BYTES} bytes of base64.",
                param,
                "image_too_large",
            )
        return {
            "type": "image",
            "source": {"type": "base64", "media_type": mime, "data": media.base64},
        }
    source: Source
    if mime == "application/pdf":
        source = {"type": "base64", "media_type": mime, "data": media.base64}
    elif mime.startswith("text/") or mime in _TEXT_TYPES:
        source = {"type": "text", "media_type": "text/plain", "data": _decoded(media, param)}
    elif mime.startswith("image/"):
        shown = ", ".join(IMAGE_TYPES)
        raise InvalidRequest(
            f"Claude takes images of type {shown}, not {mime[:80]}.",
            param,
            "unsupported_image_format",
        )
    else:
        raise InvalidRequest(
            f"Claude takes PDF, text and image files, not {mime[:80] or 'this one'}.",
            param,
            "unsupported_file_type",
        )
    return (
        {"type": "document", "source": source, "title": title}
        if title
        else {"type": "document", "source": source}
    )


def _decoded(media: Media, param: str) -> str:
    try:
        return media.decoded().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidRequest("The text file is not UTF-8.", param, "invalid_value") from None


def _file(part: ContentPart, at: str, translation: Translation) -> Block:
    file = part["file"]
    name, data, param = file.get("filename"), file.get("file_data"), f"{at}.file.file_data"
    title = name if name.__class__ is str else None
    if data.__class__ is str:
        named = mime_of_filename(title or "") or ""
        media = (
            parse_data_url(data, param) if is_data_url(data) else from_base64(data, named, param)
        )
        if media.mime in ("", "application/octet-stream"):
            media = Media(named, media.base64)
        return media_block(media, param, title)
    file_id = file.get("file_id")
    if file_id.__class__ is str and file_id.startswith("file_"):
        block: Block = {"type": "document", "source": {"type": "file", "file_id": file_id}}
        return {**block, "title": title} if title else block
    raise InvalidRequest(
        "Claude knows only files uploaded to Claude ('file_…'): send the file itself as"
        " 'file_data'.",
        f"{at}.file.file_id",
        "unsupported_value",
    )


_READERS: Final[dict[str, _Reader]] = {
    "text": _text,
    "refusal": _refusal,
    "image_url": _image,
    "file": _file,
}
