"""gateway.upstream.media: what becomes of each answer to a fetched URL, without a socket."""

import base64

import aiohttp
import pytest
from aioresponses import aioresponses

from gateway.upstream.media import MediaFetcher
from translators.chat.request import ChatRequest
from translators.errors import InvalidRequest

URL = "https://pictures.example.com/cat"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
JPEG = b"\xff\xd8\xff\xe0" + bytes(100)
PDF = b"%PDF-1.7\n" + bytes(100)


def asking_for(*urls: str) -> ChatRequest:
    parts = [{"type": "image_url", "image_url": {"url": url, "detail": "low"}} for url in urls]
    return ChatRequest({"messages": [{"role": "user", "content": parts}]})


async def fetched(*urls: str) -> list[str]:
    async with MediaFetcher.running(10_000, 1.0) as media:
        request = await media.inlined(asking_for(*urls), 2.0, lambda size: None)
    return [part["image_url"]["url"] for part in request.messages[0]["content"]]


def data_url(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


@pytest.mark.parametrize(
    ("declared", "data", "mime"),
    [
        ("image/png", PNG, "image/png"),
        ("text/html", JPEG, "image/jpeg"),
        ("application/octet-stream", PDF, "application/pdf"),
        ("image/webp; charset=binary", b"not known by its bytes", "image/webp"),
    ],
)
async def test_the_type_is_read_from_the_bytes_first(
    web_answers: aioresponses, declared: str, data: bytes, mime: str
) -> None:
    web_answers.get(URL, body=data, content_type=declared)
    assert await fetched(URL) == [data_url(mime, data)]


async def test_each_url_is_replaced_where_it_stood(web_answers: aioresponses) -> None:
    web_answers.get(URL, body=PNG, content_type="image/png")
    web_answers.get(f"{URL}/2", body=JPEG, content_type="image/jpeg")
    assert await fetched(URL, f"{URL}/2") == [
        data_url("image/png", PNG),
        data_url("image/jpeg", JPEG),
    ]
    assert [str(url) for _, url in web_answers.requests] == [URL, f"{URL}/2"]


@pytest.mark.parametrize("status", [204, 301, 302, 403, 404, 500])
async def test_a_status_that_is_not_200_is_the_callers_error(
    web_answers: aioresponses, status: int
) -> None:
    """A redirect too: it could lead anywhere."""
    web_answers.get(
        URL, status=status, body=PNG, headers={"location": "https://elsewhere.example.com/"}
    )
    with pytest.raises(InvalidRequest, match=f"status {status}") as refused:
        await fetched(URL)
    assert (refused.value.param, refused.value.code) == (
        "messages[0].content[0].image_url.url",
        "invalid_image_url",
    )


@pytest.mark.parametrize(
    "failure",
    [
        aiohttp.ClientConnectionError("refused"),
        aiohttp.ServerDisconnectedError(),
        TimeoutError(),
        aiohttp.ClientPayloadError(),
    ],
)
async def test_a_url_that_gives_no_answer_is_the_callers_error(
    web_answers: aioresponses, failure: Exception
) -> None:
    web_answers.get(URL, exception=failure)
    with pytest.raises(InvalidRequest, match="could not be fetched") as refused:
        await fetched(URL)
    assert refused.value.code == "invalid_image_url"


async def test_what_is_no_image_and_what_is_too_large_are_told_apart(
    web_answers: aioresponses,
) -> None:
    web_answers.get(URL, body=b"MZ" + bytes(100), content_type="application/x-msdownload")
    with pytest.raises(InvalidRequest) as refused:
        await fetched(URL)
    assert refused.value.code == "invalid_image_format"
    web_answers.get(URL, body=PNG + bytes(10_000), content_type="image/png")
    with pytest.raises(InvalidRequest) as refused:
        await fetched(URL)
    assert refused.value.code == "image_too_large"
