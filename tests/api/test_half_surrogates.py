"""Half of a surrogate pair in a request's JSON text: repaired and told, so that a conversation that
has one goes on; strict: refused.
"""

from typing import Any, Final

import aiohttp
import pytest

from tests.fakes import OPENAI_STREAM, fake_upstream, json_answer, openai_completion, sse
from tests.serving import POLICY, serving
from translators.json_codec import loads

HALVES: Final = [
    (rb"caf\u00e9 \ud83d", "café \ufffd"),
    (rb"\uDE00 first, \ud83d\ude00 whole", "\ufffd first, 😀 whole"),
    (rb"\ud83d\ud83d", "\ufffd\ufffd"),
    (rb"\\ud83d is text, \udfff is not", "\\ud83d is text, \ufffd is not"),
]
STRICT: Final = POLICY.replace("personas:", "params: strict\npersonas:")


def body(text: bytes, key: bytes = b"model", more: bytes = b"") -> bytes:
    return b'{"%s":"on_openai","messages":[{"role":"user","content":"%s"}]%s}' % (key, text, more)


async def post(
    path: str, data: bytes, policy: str = POLICY, stream: bool = False, **headers: str
) -> tuple[int, Any, Any, list[Any]]:
    answers = sse(*OPENAI_STREAM) if stream else json_answer(openai_completion())
    async with (
        fake_upstream(openai=answers) as fake,
        serving(fake.environ(), policy) as running,
        aiohttp.ClientSession() as session,
        session.post(
            f"{running.url}{path}",
            data=data,
            headers={"content-type": "application/json", **headers},
        ) as answer,
    ):
        return (
            answer.status,
            await answer.read(),
            answer.headers,
            [received.body["messages"][0]["content"] for received in fake.received],
        )


@pytest.mark.parametrize(("text", "sent"), HALVES)
@pytest.mark.parametrize("stream", [False, True])
async def test_it_is_replaced_and_told(text: bytes, sent: str, stream: bool) -> None:
    status, _, headers, contents = await post(
        "/v1/chat/completions", body(text, more=b',"stream":true' if stream else b""), stream=stream
    )
    assert (status, contents, headers["x-llm-router-dropped-params"]) == (
        200,
        [sent],
        "messages=repaired",
    )


@pytest.mark.parametrize(("text", "sent"), HALVES)
async def test_the_native_answer_warns(text: bytes, sent: str) -> None:
    status, answer, _, contents = await post("/api/v1/chat", body(text, b"persona"))
    assert (status, contents) == (200, [sent])
    assert [(warning["kind"], warning["param"]) for warning in loads(answer)["warnings"]] == [
        ("repaired", "messages")
    ]


async def test_a_big_body_is_repaired_too() -> None:
    status, _, headers, contents = await post(
        "/v1/chat/completions", body(b"word " * 100_000 + rb"\ud83d")
    )
    assert (status, contents, headers["x-llm-router-dropped-params"]) == (
        200,
        ["word " * 100_000 + "\ufffd"],
        "messages=repaired",
    )


@pytest.mark.parametrize("path", ["/api/v1/route", "/api/v1/tokens"])
@pytest.mark.parametrize("key", [b"model", b"persona"])
async def test_what_only_looks_at_a_request_reads_it_all_the_same(path: str, key: bytes) -> None:
    status, answer, _, contents = await post(path, body(rb"\ud83d", key))
    assert (status, loads(answer)["persona"], contents) == (200, "on_openai", [])


@pytest.mark.parametrize(
    ("policy", "headers"),
    [
        (STRICT, {}),
        (POLICY, {"x-llm-router-params": "strict"}),
        (POLICY, {"x-llm-router-strict": "true"}),
    ],
)
async def test_strict_mode_refuses_it(policy: str, headers: dict[str, str]) -> None:
    status, answer, _, contents = await post(
        "/v1/chat/completions", body(rb"x\ud83d"), policy, **headers
    )
    error = loads(answer)["error"]
    assert (status, error["code"], error["param"], contents) == (
        400,
        "invalid_json",
        "messages",
        [],
    )
    assert "half of a surrogate pair" in error["message"]


async def test_quiet_mode_does_not_tell() -> None:
    status, _, headers, contents = await post(
        "/v1/chat/completions", body(rb"x\ud83d"), **{"x-llm-router-params": "quiet"}
    )
    assert (status, contents, "x-llm-router-dropped-params" in headers) == (200, ["x\ufffd"], False)
