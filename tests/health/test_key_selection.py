"""gateway.health.key_selection: the pinned key, else one by weight among those that may be used."""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from random import Random

from pydantic import SecretStr

from gateway.config import ApiKey, Provider
from gateway.health import key_selection
from gateway.health.targets import TargetHealth
from gateway.routing.state import RoutingContext
from tests.routing.worlds import config, context, model, persona, provider
from translators.errors import FailureKind

KEYS = tuple(
    ApiKey(name, SecretStr(name.lower()), weight)
    for name, weight in (("A", 1.0), ("B", 3.0), ("C", 4.0))
)
X = provider("x", model("m"), model("n"), keys=3)
X = replace(X, keys=KEYS)
ONE, NONE = provider("one", model("m")), provider("none", model("m"), keys=0)
WORLD = config([X, ONE, NONE], persona("x/m"))


def choose(
    of: Provider,
    target: str,
    seen: RoutingContext,
    used: Collection[str] = (),
    pinned: str | None = None,
) -> ApiKey | None:
    return key_selection.choose(of, target, seen.health, seen.now, seen.random, used, pinned)


def refused(
    book: TargetHealth,
    key: str,
    kind: FailureKind,
    target: str = "x/m",
    retry_after: float | None = None,
) -> None:
    leave = book.admit("x", target, key, 1000.0)
    assert leave is not None
    book.failed(leave, kind, retry_after, 1000.0)


def test_weights_converge() -> None:
    seen = context(WORLD, random=Random(1).random)
    drawn = Counter(key.variable for _ in range(20_000) if (key := choose(X, "x/m", seen)))
    assert [round(drawn[name] / 20_000, 2) for name in "ABC"] in (
        [0.12, 0.38, 0.5],
        [0.13, 0.37, 0.5],
        [0.13, 0.38, 0.5],
        [0.12, 0.37, 0.5],
    )


def test_the_pinned_key_unless_it_was_used_or_is_not_usable() -> None:
    book = TargetHealth(WORLD)
    seen = context(WORLD, book=book, random=lambda: 0.0)
    assert [choose(X, "x/m", seen, used, "C") for used in ((), ("C",))] == [KEYS[2], KEYS[0]]
    refused(book, "C", FailureKind.QUOTA)
    assert choose(X, "x/m", seen, (), "C") == KEYS[0]


def test_each_key_once_and_then_none() -> None:
    seen, used = context(WORLD, random=lambda: 0.999), []
    while (key := choose(X, "x/m", seen, used)) is not None:
        used.append(key.variable)
    assert used == ["C", "B", "A"]


def test_a_single_key_and_a_server_without_keys() -> None:
    seen = context(WORLD)
    assert choose(ONE, "one/m", seen) == ONE.keys[0]
    assert choose(ONE, "one/m", seen, ("KEY_1",)) is None
    assert choose(NONE, "none/m", seen) is None


def test_a_rate_limit_is_a_keys_at_one_model_a_quota_everywhere() -> None:
    book = TargetHealth(WORLD)
    seen = context(WORLD, book=book, random=lambda: 0.0)
    refused(book, "A", FailureKind.RATE_LIMIT, retry_after=5.0)
    assert [choose(X, target, seen) for target in ("x/m", "x/n")] == [KEYS[1], KEYS[0]]
    refused(book, "B", FailureKind.AUTHENTICATION)
    assert [choose(X, target, seen) for target in ("x/m", "x/n")] == [KEYS[2], KEYS[0]]


def test_a_key_that_comes_back_gets_a_part_of_its_share() -> None:
    book = TargetHealth(WORLD)
    refused(book, "C", FailureKind.AUTHENTICATION)
    leave = book.admit("x", "x/m", "C", 1010.0)
    assert leave is not None
    book.began(leave, True, 0.1, 1010.0)
    weights = {key.variable: weight for key, weight in book.usable_keys(X, "x/m", 1015.0)}
    assert weights == {"A": 1.0, "B": 3.0, "C": 2.0}
