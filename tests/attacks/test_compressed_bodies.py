"""Request bodies with a content encoding: nothing is inflated for who may not call, and for nobody
more than the limits allow.
"""

import gzip
import zlib
from collections.abc import Callable

import aiohttp
import pytest

from gateway.api.auth import read
from gateway.errors import BodyTooLarge, NotServed
from gateway.http.decompression import FREE, MAX_RATIO, encoding_of, inflated
from tests.fakes import fake_upstream, json_answer, openai_completion
from tests.serving import POLICY, serving
from translators.errors import InvalidRequest
from translators.json_codec import dumps, loads

GOOD = dumps({"model": "on_openai", "messages": [{"role": "user", "content": "hi"}]})
ROOMY = 32 * 1024 * 1024


def bare(data: bytes) -> bytes:
    deflating = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflating.compress(data) + deflating.flush()


ENCODED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "gzip in two members": (
        "gzip",
        lambda data: gzip.compress(data[:20]) + gzip.compress(data[20:]),
    ),
    "padded gzip": ("gzip", lambda data: gzip.compress(data) + bytes(7)),
    "deflate": ("deflate", zlib.compress),
    "deflate without its frame": ("deflate", bare),
}
encoded = pytest.mark.parametrize(("encoding", "compress"), ENCODED.values(), ids=ENCODED.keys())


@encoded
@pytest.mark.parametrize("size", [0, 1, 65_536, 700_001])
def test_what_is_inside_is_read(
    encoding: str, compress: Callable[[bytes], bytes], size: int
) -> None:
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    assert inflated(compress(data), encoding, ROOMY) == data


@encoded
def test_a_body_cut_anywhere_is_refused(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    whole = compress(GOOD)
    ends = (
        {len(whole), *range(len(whole) - 7, len(whole))}
        if whole.endswith(bytes(7))
        else {len(whole)}
    )
    second = len(gzip.compress(GOOD[:20])) if encoding == "gzip" else 0
    for end in range(len(whole)):
        if end in ends or end == second:  # there another file may end
            continue
        with pytest.raises(InvalidRequest) as refused:
            inflated(whole[:end], encoding, ROOMY)
        assert refused.value.code == "invalid_body"


@encoded
def test_what_stands_behind_it_is_refused(
    encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    for behind in (b"x", b"\0\0x", GOOD):
        with pytest.raises(InvalidRequest):
            inflated(compress(GOOD) + behind, encoding, ROOMY)


def test_a_thousand_members_are_refused() -> None:
    with pytest.raises(InvalidRequest):
        inflated(gzip.compress(b"") * 1000, "gzip", ROOMY)


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, bare])
def test_more_inside_than_the_limits_is_cut_at_once(
    compress: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoding = "gzip" if compress is gzip.compress else "deflate"
    taken, real = 0, zlib.decompressobj

    class Counting:
        def __init__(self, bits: int) -> None:
            self._inflating = real(bits)

        def __getattr__(self, name: str) -> object:
            return getattr(self._inflating, name)

        def decompress(self, data: bytes, most: int) -> bytes:
            nonlocal taken
            piece = self._inflating.decompress(data, most)
            taken += len(piece)
            return piece

    bomb = compress(bytes(20 * FREE))
    monkeypatch.setattr(zlib, "decompressobj", Counting)
    with pytest.raises(BodyTooLarge):
        inflated(bomb, encoding, ROOMY)
    assert taken <= max(FREE, MAX_RATIO * len(bomb)) + 65_536
    taken = 0
    with pytest.raises(BodyTooLarge):
        inflated(bomb, encoding, 100_000)
    assert taken <= 100_000 + 65_536


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("gzip", "gzip"),
        (" GZip ", "gzip"),
        ("x-gzip", "gzip"),
        ("deflate", "deflate"),
        ("identity", "identity"),
        ("", "identity"),
    ],
)
def test_encodings_that_are_read(header: str, encoding: str) -> None:
    assert encoding_of(header) == encoding


@pytest.mark.parametrize("header", ["br", "zstd", "gzip, gzip", "compress", "utf-8"])
def test_an_encoding_that_is_not_read_is_415_and_says_what_is(header: str) -> None:
    with pytest.raises(NotServed) as refused:
        encoding_of(header)
    assert (refused.value.status, refused.value.headers) == (
        415,
        {"accept-encoding": "gzip, deflate"},
    )


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        ("POST", "/v1/chat/completions", "", 401),
        ("POST", "/v1/chat/completions", "wrong", 401),
        ("POST", "/nowhere", "right", 404),
        ("POST", "/health", "right", 405),
        ("PUT", "/v1/chat/completions", "right", 405),
    ],
)
async def test_nothing_is_inflated_for_who_is_refused(
    method: str, path: str, key: str, status: int, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("inflated")

    bomb = (gzip.compress if encoding == "gzip" else zlib.compress)(bytes(30_000_000))
    monkeypatch.setattr(zlib, "decompressobj", refuse)
    headers = {"content-encoding": encoding, "x-api-key": key}
    async with (
        fake_upstream() as fake,
        serving(fake.environ(), access=read({"LLM_ROUTER_API_KEYS": "right"})) as running,
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.request(method, f"{running.url}{path}", data=bomb, headers=headers) as answer,
    ):
        assert answer.status == status


@pytest.mark.parametrize("count", [30, 3_000, 30_000])
async def test_compressed_bodies_of_every_size_are_served(count: int) -> None:
    words = [f"word {number * 7919 % 10_007}" for number in range(count)]
    body = gzip.compress(
        dumps({"model": "on_openai", "messages": [{"role": "user", "content": " ".join(words)}]})
    )
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving(fake.environ(), POLICY) as running,
        aiohttp.ClientSession() as session,
        session.post(
            f"{running.url}/v1/chat/completions",
            data=body,
            headers={"content-encoding": "gzip", "content-type": "application/json"},
        ) as answer,
    ):
        assert answer.status == 200
        assert fake.received[0].body["messages"][0]["content"] == " ".join(words)
        assert running.gateway.bodies.held == 0


async def test_a_cut_gzip_body_is_400() -> None:
    async with (
        fake_upstream() as fake,
        serving(fake.environ(), POLICY) as running,
        aiohttp.ClientSession() as session,
        session.post(
            f"{running.url}/v1/chat/completions",
            data=gzip.compress(GOOD)[:-8],
            headers={"content-encoding": "gzip", "content-type": "application/json"},
        ) as answer,
    ):
        assert (answer.status, loads(await answer.read())["error"]["code"]) == (400, "invalid_body")
        assert fake.received == []
