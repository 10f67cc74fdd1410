"""The soak's mix in small: every kind of request is answered as its row says, and nothing is left
running.
"""

from tests.chaos.leftovers import left_over, standing
from tests.serving import serving
from tests.soak.__main__ import slope
from tests.soak.load import run
from tests.soak.works import POLICY, WORKS
from tests.strict import server as strict


async def test_every_kind_of_request_is_answered_as_expected() -> None:
    at_first = standing()
    told: list[int] = []
    async with strict.running() as upstream:
        bases = upstream.base_urls
        environ = {
            "OPENAI_API_KEY": "soak", "ANTHROPIC_API_KEY": "soak", "GEMINI_API_KEY": "soak",
            "OPENAI_BASE_URL": bases["openai"], "ANTHROPIC_BASE_URL": bases["claude"],
            "GEMINI_BASE_URL": bases["gemini"],
        }  # fmt: skip
        async with serving(environ, POLICY) as running:
            tally = await run(running.url, 1000, 100, told.append)
            assert running.gateway.running == 0
    assert dict(tally.unexpected) == {}
    assert set(tally.done) == {work.name for work in WORKS}
    assert told == list(range(100, 1001, 100))
    assert await left_over(at_first) == []


def test_the_slope_is_that_of_a_line() -> None:
    assert slope([(0, 5.0), (10, 7.0), (20, 9.0)]) == 0.2
