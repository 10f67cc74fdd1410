"""The parts of messages and of tools' outputs, in the hub's words."""

from collections.abc import Callable
from typing import Any, Final

from translators.errors import InvalidRequest
from translators.json_codec import JsonObject
from translators.responses.inbound.checks import array, mapping, text
from translators.responses.inbound.findings import Findings

TEXTS: Final = ("input_text", "output_text", "text", "summary_text")
_BREAKPOINT: Final = "prompt_cache_breakpoint"


def content_of(value: Any, at: str, findings: Findings) -> str | list[JsonObject]:
    """A text, or parts; exactly one plain text is a text. Raises InvalidRequest."""
    if value.__class__ is str:
        said: str = value
        return said
    if value is None:
        raise InvalidRequest(
            f"Missing required parameter: '{at}'.", at, "missing_required_parameter"
        )
    parts = []
    for j, part in enumerate(array(value, at)):
        read = part_of(mapping(part, f"{at}[{j}]"), f"{at}[{j}]", findings)
        if read is not None:
            parts.append(read)
    if len(parts) == 1 and parts[0].keys() == {"type", "text"}:
        only: str = parts[0]["text"]
        return only
    return parts or ""


def part_of(part: JsonObject, at: str, findings: Findings) -> JsonObject | None:
    """One part; None for what is left out. Raises InvalidRequest."""
    kind = text(part.get("type"), f"{at}.type")
    if kind in TEXTS:
        read: JsonObject | None = {"type": "text", "text": text(part.get("text"), f"{at}.text")}
    elif (reader := _PARTS.get(kind)) is not None:
        read = reader(part, at, findings)
    else:
        findings.natives.append(f"{at}.type")
        return None
    if read is not None and part.get(_BREAKPOINT) is not None:
        read[_BREAKPOINT] = part[_BREAKPOINT]
    return read


def _image(part: JsonObject, at: str, findings: Findings) -> JsonObject | None:
    url = part.get("image_url")
    if url.__class__ is dict:
        url = url.get("url")
    if url is None and part.get("file_id") is not None:
        findings.natives.append(f"{at}.file_id")
        return None
    image: JsonObject = {"url": text(url, f"{at}.image_url")}
    detail = part.get("detail")
    if detail is not None and detail != "auto":
        image["detail"] = "high" if detail == "original" else detail
    return {"type": "image_url", "image_url": image}


def _file(part: JsonObject, at: str, findings: Findings) -> JsonObject | None:
    file: JsonObject = {}
    if part.get("filename") is not None:
        file["filename"] = text(part["filename"], f"{at}.filename")
    for name in ("file_data", "file_url"):
        if part.get(name) is not None:
            file["file_data"] = text(part[name], f"{at}.{name}")
            return {"type": "file", "file": file}
    if part.get("file_id") is not None:
        findings.natives.append(f"{at}.file_id")
        return None
    raise InvalidRequest(
        f"'{at}' needs 'file_data', 'file_url' or 'file_id'.", at, "missing_required_parameter"
    )


def _audio(part: JsonObject, at: str, findings: Findings) -> JsonObject:
    sound = mapping(part.get("input_audio"), f"{at}.input_audio")
    return {"type": "input_audio", "input_audio": sound}


def _refusal(part: JsonObject, at: str, findings: Findings) -> JsonObject:
    return {"type": "refusal", "refusal": text(part.get("refusal"), f"{at}.refusal")}


def _encrypted(part: JsonObject, at: str, findings: Findings) -> None:
    findings.report.dropped(at, "it is encrypted for OpenAI's models")


_PARTS: Final[dict[str, Callable[[JsonObject, str, Findings], JsonObject | None]]] = {
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
    "refusal": _refusal,
    "encrypted_content": _encrypted,
}
