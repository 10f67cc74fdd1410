"""What a stream cost: shown once to who asked, and on record however the stream ended."""

import pytest

from tests.api.test_commit_rule import chunks, stream
from tests.fakes import fake_upstream, sse
from tests.serving import POLICY, serving
from translators.jsontext import dumps

COUNTING = [
    b"data: "
    + dumps(
        {
            "id": "chatcmpl-up",
            "model": "gpt-served",
            "choices": [{"index": 0, "delta": {"content": "a"} if n < 3 else {}, "finish_reason": "stop" if n == 3 else None}],
            "usage": {"prompt_tokens": 3, "completion_tokens": n, "total_tokens": 3 + n},
        }
    )
    + b"\n\n"
    for n in (1, 2, 3)
]
"""A compatible server that counts with every chunk."""


@pytest.mark.parametrize(("n", "total"), [(1, 6), (2, 12)])
async def test_a_running_usage_is_one_chunk_with_the_last_count(n: int, total: int) -> None:
    policy = POLICY + "  mini: {description: d, targets: [openai/gpt-5-mini]}\n"
    async with fake_upstream(openai=sse(*COUNTING, b"data: [DONE]\n\n")) as fake, serving(fake.environ(), policy) as running:
        _, _, text = await stream(running, "mini", n=n, stream_options={"include_usage": True})
    assert [chunk["usage"]["total_tokens"] for chunk in chunks(text) if chunk.get("usage")] == [total]
