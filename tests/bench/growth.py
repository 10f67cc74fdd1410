"""How the gateway's cost grows with what it is given: ten times as many personas, targets,
messages.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial

from tests.bench.measuring import WARM_UP, Running, burst, in_turn
from tests.bench.works import SMALL, Way, Work

CONVERSATION = Work("", "openai", 1500, kilobytes=4, messages=20)
TEN_TIMES = replace(CONVERSATION, kilobytes=40, messages=200)


@dataclass(frozen=True, slots=True)
class Growth:
    """CPU microseconds of a request, before and after."""

    name: str
    before: float
    after: float

    def document(self) -> dict[str, object]:
        return {**asdict(self), "ratio": self.after / self.before}


def growths(small: Running, large: Running, scale: float) -> list[Growth]:
    """`small` has 10 personas, `large` 100; 3 targets or 30 each by the persona asked."""
    few, many = small.system.ways["openai"], large.system.ways["openai"]
    pairs: Mapping[str, tuple[tuple[Running, Work, Way], tuple[Running, Work, Way]]] = {
        "10 → 100 personas": ((small, SMALL, few), (large, SMALL, many)),
        "3 → 30 targets": ((small, SMALL, Way("few")), (small, SMALL, Way("many"))),
        "20 → 200 messages of 200 bytes, OpenAI": (
            (small, CONVERSATION, few),
            (small, TEN_TIMES, few),
        ),
        "20 → 200 messages of 200 bytes, Claude": (
            (small, CONVERSATION, small.system.ways["claude"]),
            (small, TEN_TIMES, small.system.ways["claude"]),
        ),
    }
    found = []
    for name, pair in pairs.items():
        sides = dict(zip(("before", "after"), pair, strict=True))

        def measure(
            side: str, scale: float, sides: Mapping[str, tuple[Running, Work, Way]] = sides
        ) -> tuple[float, ...]:
            on, work, way = sides[side]
            return (burst(on, work, scale, way),)

        failed: dict[str, str] = {}
        in_turn(list(sides), failed, partial(measure, scale=WARM_UP))
        seen = in_turn(list(sides), failed, partial(measure, scale=scale))
        if failed:
            raise RuntimeError(f"{name}: {failed}")
        found.append(Growth(name, seen["before"][0], seen["after"][0]))
    return found
