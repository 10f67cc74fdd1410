"""What a message of another instance may do here, whatever it says."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest

from gateway.cluster.facts import HINTS_MEANT_FOR, Facts
from gateway.cluster.messages import Message
from gateway.config import Config
from gateway.health.breaker import LONGEST_TOLD
from gateway.health.targets import TargetHealth
from tests.serving import POLICY, config_of
from translators.errors import FailureKind

TARGET: Final = "openai/gpt-4.1"
KEY: Final = "OPENAI_API_KEY"
CONFIG: Final = config_of(POLICY, {KEY: "sk-one", "ANTHROPIC_API_KEY": "sk-two"})
TWO_KEYS: Final = """
version: 1
providers:
  openai:
    dialect: openai
    base_url: https://example.com/v1
    keys: [ONE, TWO]
    models:
      gpt-4.1:
        {context_window: 1000, max_output_tokens: 100, capabilities: [streaming], cost_tier: low}
"""
ONE_PERSONA: Final = "version: 1\npersonas: {p: {description: d, targets: [openai/gpt-4.1]}}"


@dataclass
class Instance:
    """One process, whose time stands until it is moved."""

    name: str
    config: Config = CONFIG
    machine: str = "here"
    now: float = 1000.0
    health: TargetHealth = field(init=False)
    facts: Facts = field(init=False)

    def __post_init__(self) -> None:
        self.health = TargetHealth(self.config)
        clock = lambda: self.now  # noqa: E731
        self.facts = Facts(self.config, self.health, clock, clock, self.machine)

    def fails(
        self, kind: FailureKind, times: int = 1, wait: float | None = None, key: str = KEY
    ) -> int:
        """So many calls fail; how many of them were allowed."""
        made = 0
        for _ in range(times):
            leave = self.health.admit("openai", TARGET, key, self.now)
            if leave is not None:
                made += 1
                self.health.failed(leave, kind, wait, self.now)
        return made

    def succeeds(self, key: str = KEY) -> None:
        leave = self.health.admit("openai", TARGET, key, self.now)
        assert leave is not None
        self.health.succeeded(leave, self.now)

    def hear(self, *messages: Message, by: str = "another") -> list[bool]:
        return [self.facts.adopt(by, self.now, message) for message in messages]

    @property
    def reason(self) -> str | None:
        """Why the target may not be asked."""
        return self.health.standing(self.config.providers["openai"], TARGET, self.now).reason

    @property
    def hinted(self) -> Sequence[str]:
        return sorted(self.health.hinted.get(TARGET, ()))


DOWN: Final = FailureKind.SERVER_ERROR


def opened(by: str = "another") -> Message:
    """What an instance tells that has set the target aside."""
    other = Instance(by)
    assert other.fails(DOWN, 10) == 10
    (message,) = other.facts.learned()
    return message


def test_a_hint_alone_sets_nothing_aside_however_often_it_is_said() -> None:
    here, message = Instance("here"), opened()
    for _ in range(50):
        assert here.hear(message) == [True]
    assert here.hinted == ["another"]
    assert here.reason is None


def test_under_a_hint_two_failures_are_enough() -> None:
    here = Instance("here")
    for _ in range(100):
        here.succeeds()
    here.hear(opened())
    assert here.fails(DOWN, 10) == 2
    assert here.reason == "cooldown: 10 s (server_error)"


def test_under_a_hint_a_few_failures_among_many_answers_are_none() -> None:
    """A partitioned instance changes nobody's availability."""
    here = Instance("here")
    here.hear(opened())
    for _ in range(20):
        here.succeeds()
    assert here.fails(DOWN, 5) == 5
    assert here.reason is None


def test_what_failed_before_a_hint_goes_on_counting() -> None:
    here = Instance("here")
    assert here.fails(DOWN, 9) == 9
    here.hear(opened())
    assert here.fails(DOWN, 5) == 1


def test_a_hint_is_over_in_time() -> None:
    here = Instance("here")
    here.hear(opened())
    here.now += 10.1
    here.facts.forget_old(3)
    assert here.health.hinted == {}
    assert here.fails(DOWN, 9) == 9
    assert here.reason is None


def test_two_instances_that_agree_are_proof_and_the_first_answer_ends_it() -> None:
    here, message = Instance("here"), opened()
    here.hear(message, by="first")
    here.now += 9
    here.hear(message._replace(until=here.now + 10), by="second")
    assert here.reason == "cooldown: 10 s (server_error)"
    assert here.facts.learned() == []  # what was heard is not told on
    assert here.hear(message._replace(kind="closed", until=here.now + 10), by="first") == [True]
    assert here.reason is None
    assert here.health.admit("openai", TARGET, KEY, here.now) is not None  # a probe
    assert here.health.admit("openai", TARGET, KEY, here.now) is None


def test_two_that_agree_too_late_are_not() -> None:
    here, message = Instance("here"), opened()
    here.hear(message, by="first")
    here.now += 10.5
    here.hear(message._replace(until=here.now + 10), by="second")
    assert here.reason is None


def test_nobody_withdraws_what_another_has_said() -> None:
    here, message = Instance("here"), opened()
    here.hear(message, by="first")
    assert here.hear(message._replace(kind="closed"), by="second") == [False]
    assert here.hinted == ["first"]


def test_an_old_hint_is_none() -> None:
    here, message = Instance("here"), opened()
    here.now += HINTS_MEANT_FOR + 1
    assert here.facts.adopt("x", 1000.0, message._replace(until=here.now + 60)) is False


def test_five_instances_see_an_outage_by_eighteen_failures() -> None:
    """The first by ten of its own, the second by two, and after these have told the others by
    none; by two each, if what the second tells is late.
    """
    instances = [Instance(str(n)) for n in range(5)]
    assert instances[0].fails(DOWN, 100) == 10
    told = instances[0].facts.learned()
    for other in instances[1:]:
        assert other.hear(*told, by="0") == [True]
    assert [other.fails(DOWN, 100) for other in instances[1:4]] == [2, 2, 2]
    assert instances[4].hear(*instances[1].facts.learned(), by="1") == [True]
    assert instances[4].fails(DOWN, 100) == 0
    assert all(instance.reason is not None for instance in instances)


LIMITED = FailureKind.RATE_LIMIT


def test_a_limit_with_a_time_is_kept_until_then_and_is_over() -> None:
    """Also where the only key is not set aside for one refusal by who was told of it."""
    there, here = Instance("there"), Instance("here")
    there.fails(LIMITED, 1, 30.0)
    messages = there.facts.learned()
    assert [(m.kind, m.until) for m in messages] == [("limited", 1030.0)]
    assert here.hear(*messages) == [True]
    assert here.reason == "no_usable_key: 30 s (rate_limit)"
    here.now += 30
    assert here.reason is None


def test_a_limit_ends_sooner_where_its_teller_is_served_again() -> None:
    there, here = Instance("there"), Instance("here")
    there.fails(LIMITED, 1, 30.0)
    here.hear(*there.facts.learned(), by="there")
    there.succeeds()
    closed = there.facts.learned()
    assert [m.kind for m in closed] == ["closed"]
    assert here.hear(*closed, by="a third") == [False]
    assert here.hear(*closed, by="there") == [True]
    assert here.reason is None


@pytest.mark.parametrize("wait", [None, 0.0, 1.9])
def test_a_limit_that_is_nearly_over_is_not_told(wait: float | None) -> None:
    there = Instance("there")
    there.fails(LIMITED, 1, wait)
    assert there.facts.learned() == []


def test_only_the_last_of_many_is_told() -> None:
    there = Instance("there")
    for seconds in range(10, 15):
        there.fails(LIMITED, 1, float(seconds))
    assert [m.until for m in there.facts.learned()] == [1014.0]


def two_keys(one: str, two: str) -> Config:
    return config_of(ONE_PERSONA, {"ONE": one, "TWO": two}, TWO_KEYS)


@pytest.mark.parametrize("kind", [FailureKind.AUTHENTICATION, FailureKind.QUOTA])
def test_a_dead_key_is_set_aside_where_the_same_secret_is_used(kind: FailureKind) -> None:
    """Whatever its variable is called there."""
    there = Instance("there", two_keys("sk-dead", "sk-good"))
    assert there.fails(kind, 1, None, "ONE") == 1
    messages = there.facts.learned()
    assert [(m.kind, m.target) for m in messages] == [("refused", "")]
    assert "sk-dead" not in str(messages)
    here = Instance("here", two_keys("sk-good", "sk-dead"))
    assert here.hear(*messages) == [True]
    provider = here.config.providers["openai"]
    usable = [key.variable for key, _ in here.health.usable_keys(provider, TARGET, here.now)]
    assert usable == ["ONE"]
    other = Instance("other", two_keys("sk-third", "sk-good"))
    assert other.hear(*messages) == [False]
    here.now += 15
    assert here.health.admit("openai", TARGET, "TWO", here.now) is not None  # its own probe


def test_a_local_server_is_another_one_on_another_machine() -> None:
    local = {KEY: "sk-one", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    config = config_of(POLICY, local)
    there = Instance("there", config, "there")
    there.fails(LIMITED, 1, 30.0)
    messages = there.facts.learned()
    assert Instance("here", config, "here").hear(*messages) == [False]
    assert Instance("near", config, "there").hear(*messages) == [True]


@pytest.mark.parametrize(
    "change",
    [
        {"target": "openai/unknown"},
        {"target": "claude/claude-sonnet-5"},
        {"provider": "unknown"},
        {"of": "0" * 24},
        {"of": ""},
        {"until": 999.0},
        {"until": -1e300},
        {"kind": "closed"},
    ],
)
def test_what_means_nothing_here_changes_nothing(change: dict[str, Any]) -> None:
    there = Instance("there")
    there.fails(LIMITED, 1, 30.0)
    (message,) = there.facts.learned()
    for of in (message, opened()):
        here = Instance("here")
        assert here.hear(of._replace(**change)) == [False]
        assert here.reason is None
        assert here.health.hinted == {}
        assert here.facts.learned() == []


def test_nobody_is_set_aside_for_longer_than_a_provider_may_ask() -> None:
    there, here = Instance("there"), Instance("here")
    there.fails(LIMITED, 1, 1e9)
    here.hear(*there.facts.learned())
    here.now += LONGEST_TOLD
    assert here.reason is None


def test_after_a_reload_only_what_is_still_there_is_known() -> None:
    there, here = Instance("there"), Instance("here")
    there.fails(LIMITED, 1, 30.0)
    messages = there.facts.learned()
    openai = CONFIG.providers["openai"]
    fewer = {name: p for name, p in CONFIG.providers.items() if name != "openai"}
    here.facts.apply_config(replace(CONFIG, providers=fewer, personas={}))
    assert openai.name not in fewer
    assert here.hear(*messages) == [False]


def test_a_probe_is_left_to_another_for_a_while() -> None:
    here = Instance("here")
    here.fails(DOWN, 10)
    assert here.facts.due() == []
    here.now += 9.7
    for _ in range(5):
        ((target, name),) = here.facts.due()
        assert (target, name.partition(" ")[0]) == (TARGET, TARGET)
        here.facts.leave_to_another(TARGET)
        assert here.health.admit("openai", TARGET, KEY, here.now + 0.5) is None
        here.now += 0.9
    here.now += 0.2
    assert here.facts.due() == []  # long enough
    here.now += 0.5
    here.succeeds()
    assert here.reason is None


def test_a_probe_that_has_begun_is_not_taken_back() -> None:
    here = Instance("here")
    here.fails(DOWN, 10)
    here.now += 10
    assert here.facts.due() == []
    here.facts.leave_to_another(TARGET)
    here.succeeds()
    assert here.reason is None


def test_instances_call_the_same_target_the_same() -> None:
    names = set()
    for instance in (Instance("here"), Instance("there")):
        instance.fails(DOWN, 10)
        instance.now += 9.8
        names.update(instance.facts.due())
    assert len(names) == 1


def spread(late: int, count: int = 5) -> int:
    """How many calls fail before all instances have set the target aside, one after the other being
    asked; what one tells the others hear `late` calls later.
    """
    instances = [Instance(str(n)) for n in range(count)]
    failed, told = 0, []
    for turn in range(1000):
        here = instances[turn % count]
        told += [(turn + late, here, message) for message in here.facts.learned()]
        failed += here.fails(DOWN)
        told += [(turn + late, here, message) for message in here.facts.learned()]
        for sender, message in [(who, what) for due, who, what in told if due <= turn]:
            for other in instances:
                if other is not sender:
                    other.hear(message, by=sender.name)
        told = [each for each in told if each[0] > turn]
        if all(instance.reason is not None for instance in instances):
            return failed
    raise AssertionError("not all have set it aside")


def test_an_outage_that_all_see_a_part_of_takes_about_ten_failures() -> None:
    """What others count stands beside what one counts itself: not ten failures at each."""
    assert [spread(late) for late in (0, 1, 3, 5)] == [11, 13, 17, 18]


def test_what_others_see_fail_alone_does_nothing() -> None:
    here, there = Instance("here"), [Instance(str(n)) for n in range(9)]
    for other in there:
        assert other.fails(DOWN, 9) == 9
        assert here.hear(*other.facts.learned(), by=other.name) == [True]
    assert (here.reason, here.hinted) == (None, [])
    for _ in range(20):
        here.succeeds()
    assert here.fails(DOWN, 9) == 9  # among many that succeed
    assert here.reason is None
    here.now += CONFIG.resilience.breaker.window + 1
    here.facts.forget_old(10)
    assert here.health.failing == {}
    assert here.fails(DOWN, 9) == 9
    assert here.reason is None


def test_a_target_that_mostly_answers_is_not_told_to_fail() -> None:
    there = Instance("there")
    for _ in range(3):
        there.succeeds()
        there.succeeds()
        there.fails(DOWN)
        assert there.facts.learned() == []
