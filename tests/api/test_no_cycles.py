"""What a request made goes with it: nothing waits for the garbage collector, which looks seldom. (A
cycle per request is 10 MB more.)
"""

import gc
from collections import Counter
from collections.abc import Iterator

import aiohttp
import pytest

from gateway import simulator
from gateway.routing import decision_log
from tests.serving import serving

REQUESTS = 10
VENDORS = {"openai": "OPENAI", "claude": "ANTHROPIC", "gemini": "GEMINI"}
OURS = (
    "gateway.api",
    "gateway.routing",
    "gateway.telemetry",
    "gateway.upstream",
    "gateway.dispatch",
    "translators",
)


@pytest.fixture
def garbage() -> Iterator[list[object]]:
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", VENDORS)
async def test_no_cycles(
    garbage: list[object], provider: str, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decision_log, "KEPT", 1)
    body = {
        "model": f"on_{provider}",
        "messages": [{"role": "user", "content": "[[sim: words 30]]"}],
        "stream": stream,
    }
    async with simulator.running() as sim:
        environ = {f"{name}_API_KEY": "k" for name in VENDORS.values()}
        environ |= {
            f"{name}_BASE_URL": sim.base_urls[provider] for provider, name in VENDORS.items()
        }
        async with serving(environ) as running, aiohttp.ClientSession() as session:
            for number in range(REQUESTS + 1):
                async with session.post(
                    f"{running.url}/v1/chat/completions", json=body
                ) as response:
                    assert response.status == 200, await response.text()
                    await response.read()
                running.events.clear()
                if number == 0:  # connections and what is made once are there now
                    gc.collect()
                    garbage.clear()
            gc.collect()
            kinds = Counter(
                type(one).__qualname__ for one in garbage if type(one).__module__.startswith(OURS)
            )
    assert not kinds
