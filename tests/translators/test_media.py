"""translators.media: lenient reading, strict writing, the bytes' own word for their type."""

import base64
import tracemalloc
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators import media
from translators.errors import InvalidRequest
from translators.media import Media, from_base64, mime_of_filename, parse_data_url, sniff, unquoted

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
JPEG = b"\xff\xd8\xff\xe0" + bytes(40)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("url", "mime", "data"),
    [
        (f"data:image/png;base64,{b64(PNG)}", "image/png", PNG),
        (f"data:image/png;base64,{b64(JPEG)}", "image/jpeg", JPEG),
        (
            f"DATA:image/jpg;charset=utf-8;base64,{b64(b'unknown bytes')}",
            "image/jpeg",
            b"unknown bytes",
        ),
        (
            f"data:image/png;base64,{base64.urlsafe_b64encode(PNG).decode().rstrip('=')}",
            "image/png",
            PNG,
        ),
        (f"data:image/png;base64,{b64(PNG)[:40]}\n {b64(PNG)[40:]}", "image/png", PNG),
        (
            f"data:image/png;base64,{b64(PNG).replace('+', '%2B').replace('=', '%3D')}",
            "image/png",
            PNG,
        ),
        ("data:text/plain,a%20b", "text/plain", b"a b"),
        ("data:,x", "text/plain", b"x"),
    ],
)
def test_data_urls(url: str, mime: str, data: bytes) -> None:
    media = parse_data_url(url, "p")
    assert media == Media(mime, b64(data))
    assert media.decoded() == data


@pytest.mark.parametrize(
    "url",
    [
        "data:image/png;base64",
        "data:image/png;base64,",
        "data:image/png;base64,!!!",
        "data:image/png;base64,abcde",
    ],
)
def test_bad_data_urls_name_the_parameter(url: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_data_url(url, "messages[0].content[1].image_url.url")
    assert caught.value.param == "messages[0].content[1].image_url.url"


def test_bare_base64_takes_the_declared_type_if_the_bytes_do_not_say() -> None:
    assert from_base64(b64(b"abc"), "text/csv; charset=x", "p").mime == "text/csv"


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"RIFF....WEBPVP8 ", "image/webp"),
        (b"RIFF....WAVEfmt ", "audio/wav"),
        (b"....ftypheic", "image/heic"),
        (b"....ftypisom", "video/mp4"),
        (b"%PDF-1.7", "application/pdf"),
        (b"nothing", None),
    ],
)
def test_sniff(head: bytes, mime: str | None) -> None:
    assert sniff(head) == mime


def test_mime_of_filename() -> None:
    assert (mime_of_filename("A.PDF"), mime_of_filename("b.md"), mime_of_filename("c")) == (
        "application/pdf",
        "text/markdown",
        None,
    )


@given(
    st.lists(
        st.sampled_from(
            [
                "%41",
                "%0a",
                "%3D",
                "%",
                "%%",
                "%4",
                "%zz",
                "=",
                "==",
                "a",
                " ",
                "\r",
                "\n",
                " \n",
                "\r\n",
                "é",
            ]
        )
    )
)
def test_escapes_are_what_urllib_says_wherever_the_text_is_cut(parts: list[str]) -> None:
    text = "".join(parts)
    for piece in (3, 4, 5, 64, 65_536):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(media, "_PIECE", piece)
            assert unquoted(text, "p") == unquote_to_bytes(text)


@pytest.mark.parametrize("stray", ["%", "%zz", "%4 "])
def test_a_text_of_stray_percent_signs_is_no_url(stray: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_data_url("data:text/plain," + stray * 100_000, "messages")
    assert refused.value.param == "messages"


@pytest.mark.parametrize("escape", ["%41", "%e9", "a"])
def test_escapes_cost_no_more_than_their_text(escape: str) -> None:
    text = escape * (2_000_000 // len(escape))
    tracemalloc.start()
    unquoted(text, "p")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * len(text)


@pytest.mark.parametrize("size", [1, 2, 3, 47, 48, 49, 50, 51, 96, 100])
@pytest.mark.parametrize(
    "dressed", [b64, lambda data: b64(data).rstrip("="), lambda data: "\n".join(b64(data)) + "===="]
)
def test_base64_longer_than_a_piece(
    monkeypatch: pytest.MonkeyPatch, size: int, dressed: Callable[[bytes], str]
) -> None:
    monkeypatch.setattr(media, "_PIECE", 16)
    data = bytes(range(size))
    assert from_base64(dressed(data), "image/png", "p") == Media("image/png", b64(data))


@pytest.mark.parametrize("place", [0, 15, 16, 17, 31, 32, 60, 62, 63])
@pytest.mark.parametrize("wrong", ["!", "=", "é"])
def test_a_character_that_is_no_digit_is_found_in_any_piece(
    monkeypatch: pytest.MonkeyPatch, place: int, wrong: str
) -> None:
    monkeypatch.setattr(media, "_PIECE", 16)
    text = b64(bytes(range(48)))
    with pytest.raises(InvalidRequest, match="not valid base64") as caught:
        from_base64(text[:place] + wrong + text[place + 1 :] + "A", "image/png", "p")
    assert caught.value.code == "invalid_base64"
