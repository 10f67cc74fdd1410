"""data: URLs and media parts: read leniently, checked by content, written as the strict base64
providers want.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Final

from translators.errors import InvalidRequest

_DIGITS: Final = re.compile(r"[A-Za-z0-9+/]*", re.ASCII).fullmatch
_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}").match
_STRAY: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_MOST_STRAYS: Final = 1000
_PIECE: Final = 64 * 1024
"""Characters of a data URL that are read at once: others have Python's lock between two of them."""
_STANDARD: Final = str.maketrans("-_", "+/", " \t\r\n")

_MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mp3"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)

_ALIASES: Final = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "application/x-pdf": "application/pdf",
    "audio/mpeg": "audio/mp3",
}


@dataclass(frozen=True, slots=True)
class Media:
    """Decoded enough to be sent anywhere: the type that the bytes show (else the declared one) and
    standard padded base64.
    """

    mime: str
    base64: str = field(repr=False)

    def decoded(self) -> bytes:
        return base64.b64decode(self.base64)


def is_data_url(url: str) -> bool:
    return url[:5].lower() == "data:"


def parse_data_url(url: str, param: str) -> Media:
    """Read a data: URL. Lenient about parameters, white space and the url-safe alphabet;
    InvalidRequest names `param` otherwise.
    """
    comma = url.find(",")
    if comma < 0:
        raise InvalidRequest(
            "The data URL has no comma between its type and its data.", param, "invalid_value"
        )
    head, payload = url[5:comma], url[comma + 1 :]
    declared, *parameters = head.split(";")
    if any(p.strip().lower() == "base64" for p in parameters):
        return from_base64(
            unquoted(payload, param).decode("latin-1") if "%" in payload else payload,
            declared,
            param,
        )
    data = unquoted(payload, param)
    return Media(
        sniff(data) or clean_mime(declared) or "text/plain", base64.b64encode(data).decode()
    )


def unquoted(text: str, param: str) -> bytes:
    """What `urllib.parse.unquote_to_bytes` gives in pieces: it makes an object of 80 bytes for each
    escape, of which there may be millions.

    A percent sign that begins no escape stands for itself. InvalidRequest names `param` if a piece
    has many of them: it is no URL.
    """
    pieces, start = [], 0
    while start < len(text):
        end = start + _PIECE
        if (cut := text.rfind("%", end - 2, end)) >= 0 and _ESCAPE(text, cut):  # it stays whole
            end = cut + 3
        piece, strays = _STRAY.subn(
            b"%25", text[start:end].encode("utf-8", "surrogatepass").replace(b"=", b"%3D")
        )
        if strays > _MOST_STRAYS:
            raise InvalidRequest(
                "The data URL has many percent signs that begin no escape.", param, "invalid_value"
            )
        pieces.append(
            binascii.a2b_qp(piece.replace(b"%", b"="))
        )  # the same escapes, and its decoder is C
        start = end
    return b"".join(pieces)


def from_base64(text: str, declared: str, param: str) -> Media:
    """Bare base64 (standard or url-safe alphabet, with or without padding) of the declared type;
    the bytes' own magic wins.
    """
    digits = len(text) - text.count("=", -2)
    valid = _are_digits(text, digits)
    if not valid:
        text = "".join(
            [
                text[start : start + _PIECE].translate(_STANDARD)
                for start in range(0, len(text), _PIECE)
            ]
        )
        digits = len(text.rstrip("="))
        valid = _are_digits(text, digits)
    if not digits:
        raise InvalidRequest("The base64 data is empty.", param, "invalid_base64")
    if digits % 4 == 1 or not valid:
        raise InvalidRequest("The data is not valid base64.", param, "invalid_base64")
    head = text[: min(digits, 64)]
    mime = sniff(base64.b64decode(head + "=" * (-len(head) % 4))) or clean_mime(declared)
    padding = -digits % 4
    return Media(mime, text if digits + padding == len(text) else text[:digits] + "=" * padding)


def _are_digits(text: str, end: int) -> bool:
    """Of the standard alphabet, up to `end`."""
    if end <= _PIECE:
        return _DIGITS(text, 0, end) is not None
    return all(_DIGITS(text, start, min(start + _PIECE, end)) for start in range(0, end, _PIECE))


def clean_mime(mime: str) -> str:
    """Lower case, no parameters, common misspellings mended."""
    mime = mime.partition(";")[0].strip().lower()
    return _ALIASES.get(mime, mime)


def sniff(head: bytes) -> str | None:
    """The media type that the first bytes show, or None."""
    for magic, mime in _MAGIC:
        if head.startswith(magic):
            return mime
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return {b"avif": "image/avif", b"heic": "image/heic", b"mif1": "image/heic"}.get(
            brand, "video/mp4"
        )
    return None


def mime_of_filename(filename: str) -> str | None:
    """The type that a file name's ending stands for, for the kinds that models read."""
    return _ENDINGS.get(filename.rpartition(".")[2].lower())


_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
_ENDINGS: Final = {
    "pdf": "application/pdf", "txt": "text/plain", "md": "text/markdown", "csv": "text/csv",
    "json": "application/json",
    "html": "text/html", "xml": "text/xml", "png": "image/png", "jpg": "image/jpeg",
    "jpeg": "image/jpeg", "gif": "image/gif",
    "webp": "image/webp", "mp3": "audio/mp3", "wav": "audio/wav", "flac": "audio/flac",
    "ogg": "audio/ogg", "aac": "audio/aac",
    "mp4": "video/mp4", "webm": "video/webm",
    "docx": f"{_OFFICE}.wordprocessingml.document", "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
}  # fmt: skip
