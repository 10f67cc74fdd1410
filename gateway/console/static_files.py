"""The page's files: read once, served with an ETag, the scripts and styles under names that change
with their content.
"""

import gzip
import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from gateway.api.request import Request
from gateway.errors import NotServed
from gateway.http.response import NoContent, Response

SECURITY: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src"
        " 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
PAGE: Final = "index.html"
_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
}
_ASSETS: Final = {
    "paint.js": ("paint.js",),
    "uplot.js": ("uplot.js",),
    "console.js": ("console.js", "spend.js"),
    "console.css": ("console.css",),
}
"""Each with the files that it is made of, one behind the other."""
_LEFT_OUT: Final = re.compile(rb"^\s*/\* .*\*/\n|^\s+| /\* .*? \*/", re.MULTILINE)
_LOOSE: Final = re.compile(rb"(?<=[:;,{}])\s+|\s+(?=[{}])")
"""Spaces that mean nothing in a style sheet."""
_FOR_EVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file as it is served."""

    content: bytes
    packed: bytes
    """The same in gzip."""
    media_type: str
    etag: str
    caching: str

    def answer(self, http: Request) -> Response:
        """It, or 304 for who has it."""
        headers = {
            **SECURITY, "etag": self.etag, "cache-control": self.caching, "vary": "accept-encoding"
        }  # fmt: skip
        if self.etag in http.headers.get("if-none-match", ""):
            same = NoContent()
            same.set_status(304)
            same.beside.update(headers)
            return same
        if "gzip" in http.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            return Response(self.packed, content_type=self.media_type, headers=headers)
        return Response(self.content, content_type=self.media_type, headers=headers)


class StaticFiles:
    """All of them, by the name they are asked by; the page by `index.html`."""

    def __init__(self) -> None:
        folder = files(__package__) / "static"
        self._files: dict[str, StaticFile] = {}
        page = self.read(folder / PAGE).decode()
        for name, parts in _ASSETS.items():
            content = b"".join(self.read(folder / part) for part in parts)
            stem, _, kind = name.rpartition(".")
            named = f"{stem}.{_digest(content)}.{kind}"
            self._files[named] = _file(content, kind, _FOR_EVER)
            page = page.replace(f"/console/{name}", f"/console/{named}")
        self._files[PAGE] = _file(page.encode(), "html", "no-cache")

    @staticmethod
    def read(file: Traversable) -> bytes:
        """Without indentation, empty lines and comments; of a style sheet, without loose spaces."""
        content = _LEFT_OUT.sub(b"", file.read_bytes())
        return _LOOSE.sub(b"", content) if file.name.endswith(".css") else content

    def answer(self, name: str, http: Request) -> Response:
        """Raises NotServed."""
        if (found := self._files.get(name)) is None:
            raise NotServed(404, "The console has no such file: load the page again.")
        return found.answer(http)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _file(content: bytes, kind: str, caching: str) -> StaticFile:
    packed = gzip.compress(content, 9, mtime=0)
    return StaticFile(content, packed, _TYPES[kind], f'"{_digest(content)}"', caching)
