"""What a provider says of itself becomes headers of our answer only where it is short and
printable: anything else would be the provider writing our answer's head.
"""

from typing import Any

import aiohttp
import pytest

from gateway.http.response import Response, Stream
from tests.fakes import fake_upstream, json_answer, openai_completion
from tests.serving import serving

ODD: list[Any] = [
    "a\r\nx-planted: 1",
    "a\nb",
    "a\tb",
    "naïve",
    "a\x00b",
    "\x7f",
    "x" * 201,
    "",
    5,
    ["a"],
    None,
]


async def headers_of(*steps: bytes) -> dict[str, str]:
    async with fake_upstream(openai=list(steps)) as fake, serving(fake.environ()) as running:
        body = {"model": "on_openai", "messages": [{"role": "user", "content": "hi"}]}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{running.url}/v1/chat/completions", json=body) as answer,
        ):
            assert answer.status == 200, await answer.read()
            return {name.lower(): value for name, value in answer.headers.items()}


def answered(model: Any = "gpt-served", **headers: str) -> bytes:
    return b"".join(
        step
        for step in json_answer({**openai_completion(), "model": model}, **headers)
        if isinstance(step, bytes)
    )


@pytest.mark.parametrize("model", ODD, ids=repr)
async def test_a_model_with_an_odd_name_goes_by_the_one_that_was_asked(model: Any) -> None:
    headers = await headers_of(answered(model))
    assert headers["x-llm-router-model"] == "gpt-4.1"
    assert "x-planted" not in headers


async def test_a_model_is_called_what_it_calls_itself() -> None:
    assert (await headers_of(answered("a model " + "x" * 192)))[
        "x-llm-router-model"
    ] == "a model " + "x" * 192


@pytest.mark.parametrize(
    "value", ["x" * 201, "na\u00efve", "a\tb", "a\x7fb"], ids=["long", "accents", "tab", "delete"]
)
async def test_odd_headers_of_a_provider_are_left_out(value: str) -> None:
    """The others stay."""
    said = answered(
        x_request_id="VALUE",
        x_ratelimit_remaining_requests="VALUE",
        x_ratelimit_limit_requests="60",
    )
    headers = await headers_of(said.replace(b"VALUE", value.encode("latin-1")))
    told = {
        name: value for name, value in headers.items() if name.startswith("x-llm-router-upstream-")
    }
    assert told == {"x-llm-router-upstream-ratelimit-limit-requests": "60"}


@pytest.mark.parametrize("value", ["a\r\nx-planted: 1", "a\nb", "a\rb"])
@pytest.mark.parametrize("kind", [Response, Stream])
def test_no_answer_of_ours_has_a_header_of_several_lines(kind: Any, value: str) -> None:
    """Wherever it came from."""
    answer = kind(headers={"x-a": value}) if kind is Stream else kind(b"{}", headers={"x-a": value})
    with pytest.raises(ValueError, match="one line"):
        answer._head(True, "")
