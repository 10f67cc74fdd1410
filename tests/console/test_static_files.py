"""The page's files: how they are served, how big they are, and what does not stand in them."""

import gzip
import hashlib
import re
from pathlib import Path
from typing import Final

from gateway.console.static_files import StaticFiles
from tests.console.gateways import console
from tests.serving import ROOT

STATIC: Final = ROOT / "gateway" / "console" / "static"
UPLOT: Final = "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src"
    " 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SERVED: Final = ("index.html", "paint.js", "console.js", "console.css", "uplot.js")
PARTS: Final = {"console.js": ("console.js", "spend.js")}
"""Files that are served as one."""


def content(name: str) -> bytes:
    """As it is served."""
    parts = (StaticFiles.read(STATIC / part) for part in PARTS.get(name, (name,)))
    return b"".join(parts)


async def test_the_page_and_its_files_are_served_as_they_are_to_be() -> None:
    async with console(opened=True) as world:
        async with world.http.get("/console") as answer:
            page, etag = await answer.text(), answer.headers["etag"]
            assert answer.headers["content-security-policy"] == POLICY
            assert answer.headers["cache-control"] == "no-cache"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        async with world.http.get("/console", headers={"if-none-match": etag}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
        names = re.findall(r'"(/console/[^"/]+)"', page)
        assert len(names) == 4
        for name in names:
            assert re.fullmatch(r"/console/\w+\.[0-9a-f]{16}\.(js|css)", name)
            async with world.http.get(name) as answer:
                got = await answer.read()
                assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
                assert answer.headers["content-encoding"] == "gzip"
            plain = re.sub(r"\.[0-9a-f]{16}", "", name.removeprefix("/console/"))
            assert got == content(plain)
        async with world.http.get("/console/console.0000000000000000.js") as answer:
            assert answer.status == 404
        async with world.http.get("/console/..%2f__init__.py") as answer:
            assert answer.status == 404


def test_all_of_it_is_small() -> None:
    sizes = [len(content(name)) for name in SERVED]
    assert sum(sizes) <= 100_000
    assert len(content("console.js")) <= 35_000
    assert sum(len(gzip.compress(content(name))) for name in SERVED) <= 40_000


def test_what_is_of_others_is_as_they_published_it_with_their_licence() -> None:
    """uPlot 1.6.32, dist/uPlot.iife.min.js of its npm package."""
    assert hashlib.sha256(content("uplot.js")).hexdigest() == UPLOT
    assert content("uplot.js").startswith(b"/*! https://github.com/leeoniya/uPlot (v1.6.32) */")
    assert b"MIT License" in content("uplot.LICENSE")
    assert b"Leon Sorokin" in content("uplot.LICENSE")


def test_what_is_left_out_on_the_way_is_indentation_and_comments(tmp_path: Path) -> None:
    file = tmp_path / "a.js"
    file.write_bytes(
        b"/* one */\n\n\tf(1); /* two */\n\t\t/* three */\n\tg(`a\\n  b`);\n/*! kept */\n"
    )
    assert StaticFiles.read(file) == b"f(1);\ng(`a\\n  b`);\n/*! kept */\n"


def test_no_text_of_a_script_goes_over_a_line() -> None:
    """Its indentation would be lost."""
    lines = b"\n".join((STATIC / part).read_bytes() for part in PARTS["console.js"]).split(b"\n")
    assert [line for line in lines if line.count(b"`") % 2] == []


def test_nothing_is_inline_and_no_text_becomes_markup() -> None:
    page, script = (content(name).decode() for name in ("index.html", "console.js"))
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=", page) == []
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", script) == []
    )
    assert "new Function" not in script


def test_nothing_is_asked_of_anybody_else() -> None:
    addresses = re.findall(
        r"https?://[^\s'\"`$]+", "".join(content(n).decode() for n in SERVED[:4])
    )
    assert addresses == []
