"""gateway.routing.affinity and what follows from it: a conversation stays where it was served, as
long as that place is well.
"""

from collections import Counter
from random import Random

import pytest

from gateway.health.key_selection import choose
from gateway.health.targets import TargetHealth
from gateway.routing.affinity import CAPACITY, LIFETIME, Affinity, Pin, ranks
from gateway.routing.facts import Caller, Facts, facts_of
from gateway.routing.state import RoutingContext
from tests.routing.worlds import config, context, facts, model, names, persona, planned, provider
from translators.chat.request import ChatRequest
from translators.errors import FailureKind

WORLD = config(
    [provider("a", model("m"), keys=3), provider("b", model("m"), keys=2)],
    persona("a/m", "b/m", strategy="weighted"),
)
TURN = facts(conversation="c0ffee", settled=True)


def test_a_conversation_is_remembered_for_an_hour_after_its_last_answer() -> None:
    affinity = Affinity()
    affinity.remember("c", "a/m", "KEY_1", 100.0)
    assert affinity.find("c", 100.0 + LIFETIME) == Pin("a/m", "KEY_1")
    assert affinity.find("c", 100.1 + LIFETIME) is None
    assert affinity.find("d", 100.0) is None


def test_the_one_served_longest_ago_is_forgotten_first() -> None:
    affinity = Affinity()
    for i in range(CAPACITY):
        affinity.remember(str(i), "a/m", "", 0.0)
    affinity.remember("0", "a/m", "", 1.0)
    affinity.remember("new", "a/m", "", 1.0)
    assert len(affinity) == CAPACITY
    assert [affinity.find(name, 1.0) is not None for name in ("0", "1", "new")] == [
        True,
        False,
        True,
    ]


def test_ranks_are_the_same_everywhere_and_weighted() -> None:
    weighted = [("a", 3.0), ("b", 1.0), ("none", 0.0)]
    assert ranks("c", weighted) == ranks("c", weighted)
    first = Counter(min(zip(ranks(str(i), weighted), "abn", strict=True))[1] for i in range(20_000))
    assert first["n"] == 0
    assert 0.735 < first["a"] / 20_000 < 0.765


@pytest.mark.parametrize("gone", range(4))
def test_a_name_that_goes_away_moves_only_its_own_conversations(gone: int) -> None:
    weighted = [(name, 1.0 + i) for i, name in enumerate("abcd")]

    def first(conversation: str, among: list[tuple[str, float]]) -> str:
        return min(zip(ranks(conversation, among), (name for name, _ in among), strict=True))[1]

    left = [pair for i, pair in enumerate(weighted) if i != gone]
    for i in range(2000):
        before = first(str(i), weighted)
        if before != weighted[gone][0]:
            assert first(str(i), left) == before


def served(turn: Facts, seen: RoutingContext) -> tuple[str, str]:
    """One turn where everything planned succeeds: the target and the key, remembered as dispatch
    does.
    """
    first = planned(WORLD, turn, seen).eligible[0]
    assert turn.conversation is not None
    pin = seen.affinity.find(turn.conversation, seen.now)
    key = choose(
        first.provider,
        first.name,
        seen.health,
        seen.now,
        seen.random,
        (),
        pin.key if pin is not None and pin.target == first.name else None,
    )
    assert key is not None
    seen.affinity.remember(turn.conversation, first.name, key.variable, seen.now)
    return first.name, key.variable


def test_a_hundred_turns_stay_on_one_provider_and_key() -> None:
    for seed in range(20):
        random, affinity, book = Random(seed).random, Affinity(), TargetHealth(WORLD)
        turns = [facts(conversation="c0ffee"), *[TURN] * 99] if seed % 2 else [TURN] * 100
        places = {
            served(
                turn, context(WORLD, now=1000.0 + i, random=random, affinity=affinity, book=book)
            )
            for i, turn in enumerate(turns)
        }
        assert len(places) == 1


def test_one_switch_on_failure_and_no_flapping_back() -> None:
    """The place fails for a while, comes back gradually, is well again: the conversation moves
    once.
    """
    for seed in range(20):
        random, affinity, book = Random(seed).random, Affinity(), TargetHealth(WORLD)
        places = []
        for i in range(300):
            seen = context(WORLD, now=1000.0 + i, random=random, affinity=affinity, book=book)
            place = served(TURN, seen)
            if i == 100:
                for _ in range(10):
                    leave = book.admit(place[0][0], place[0], place[1], seen.now)
                    assert leave is not None
                    book.failed(leave, FailureKind.SERVER_ERROR, None, seen.now)
            if (
                i > 112
                and (leave := book.admit(places[0][0][0], places[0][0], places[0][1], seen.now))
                is not None
            ):
                book.began(leave, True, 0.1, seen.now)
                book.succeeded(leave, seen.now)
            places.append(place)
        switches = [i for i in range(1, 300) if places[i] != places[i - 1]]
        assert switches == [101]


def test_a_key_that_died_is_left_and_the_new_one_kept() -> None:
    affinity, book = Affinity(), TargetHealth(WORLD)
    affinity.remember("c0ffee", "a/m", "KEY_2", 1000.0)
    keys = []
    for i in range(40):
        seen = context(WORLD, now=1000.0 + i, random=Random(i).random, affinity=affinity, book=book)
        keys.append(served(TURN, seen))
        if i == 5:
            leave = book.admit("a", "a/m", "KEY_2", seen.now)
            assert leave is not None
            book.failed(leave, FailureKind.AUTHENTICATION, None, seen.now)
    assert keys[:6] == [("a/m", "KEY_2")] * 6
    assert len(set(keys[6:])) == 1
    assert keys[6][0] == "a/m"
    assert keys[6][1] != "KEY_2"


def test_a_first_turn_is_not_led_by_another_that_began_the_same_way() -> None:
    affinity = Affinity()
    affinity.remember("c0ffee", "b/m", "KEY_1", 1000.0)
    made = planned(
        WORLD, facts(conversation="c0ffee"), context(WORLD, affinity=affinity, random=lambda: 0.5)
    )
    assert made.pinned is None
    assert planned(WORLD, TURN, context(WORLD, affinity=affinity)).pinned == "b/m"


def test_a_place_that_cannot_serve_this_turn_is_passed_over() -> None:
    world = config(
        [provider("a", model("m", window=50)), provider("b", model("m"))], persona("b/m", "a/m")
    )
    affinity = Affinity()
    affinity.remember("c0ffee", "a/m", "KEY_1", 1000.0)
    made = planned(world, TURN, context(world, affinity=affinity))
    assert (made.pinned, names(made)) == (None, ["b/m"])


def conversation(messages: list[dict[str, str]], **fields: str) -> str | None:
    return facts_of(
        ChatRequest({"model": "p", "messages": messages, **fields}),
        WORLD.personas["p"],
        facts().caller,
    ).conversation


def test_a_conversation_keeps_its_name_from_turn_to_turn() -> None:
    first = [{"role": "system", "content": "s"}, {"role": "user", "content": "hello"}]
    more = [*first, {"role": "assistant", "content": "x"}, {"role": "user", "content": "and?"}]
    assert conversation(first) == conversation(more)
    assert conversation(first) != conversation([{"role": "user", "content": "hello"}])
    assert conversation(first, prompt_cache_key="k") == conversation(
        [{"role": "user", "content": "other"}], prompt_cache_key="k"
    )


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({"x-llm-router-session": "s"}, True),
        ({"x-session-id": "s"}, False),
        ({"session-id": "s"}, False),
        ({"x-llm-router-session": "s", "x-claude-code-session-id": "c"}, False),
    ],
)
def test_the_gateways_own_header_names_a_conversation_before_the_body_does(
    headers: dict[str, str], same: bool
) -> None:
    """But not before Claude Code's session, which stands in `prompt_cache_key`."""
    messages = [{"role": "user", "content": "hello"}]
    one, other = (
        facts_of(
            ChatRequest({"model": "p", "messages": messages, "prompt_cache_key": key}),
            WORLD.personas["p"],
            Caller(headers=headers),
        ).conversation
        for key in ("one", "other")
    )
    assert (one == other) == same
