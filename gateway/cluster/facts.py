"""What this process has learned of providers, as messages for the others; and what others say, as
it holds here.
"""

import hashlib
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from gateway.cluster.messages import Message
from gateway.config import ApiKey, Config, Provider
from gateway.health.breaker import LONGEST_TOLD, Breaker
from gateway.health.news import (
    Evidence,
    Fact,
    Hint,
    News,
    agreed,
    forget_old,
    forget_old_failures,
    standing_hints,
    withdrawn,
)
from gateway.health.targets import TargetHealth

HINTS_MEANT_FOR: Final = 10.0
"""Seconds after which a hint is too old to be one."""
SOON: Final = 0.4
"""Seconds before a probe at which it is asked who makes it."""
PAUSE: Final = 1.0
"""Seconds until it is asked again."""
ALONE: Final = 5.0
"""Seconds after which this process probes by itself, whoever else was to."""
MOST_SENDERS: Final = 256
"""Whose hints of one target are kept."""
_LOOPBACK: Final = ("localhost", "127.", "::1")
_TARGET: Final = "-"
"""In place of a key's variable: a target whatever the key."""


class _Place(NamedTuple):
    provider: str
    target: str
    of: str


class Facts:
    """One for a process. `clock`: Unix seconds by the store's clock; `now`: monotonic seconds;
    `machine`: names this machine.
    """

    def __init__(
        self,
        config: Config,
        health: TargetHealth,
        clock: Callable[[], float],
        now: Callable[[], float],
        machine: str,
    ) -> None:
        self._health = health
        self._clock = clock
        self._now = now
        self._machine = machine
        self._adopted: dict[_Place, str] = {}
        """Who told what is held against a key here."""
        self._waits: dict[str, float] = {}
        """Since when a target's probe is left to others."""
        health.news = self._news = News()
        self.apply_config(config)

    def apply_config(self, config: Config) -> None:
        """From now on these providers and keys are known."""
        breaker = config.resilience.breaker
        self._open_for, self._window = breaker.open_for, breaker.window
        self._min_calls = breaker.min_calls
        self._digests: dict[tuple[str, str], str] = {}
        self._variables: dict[tuple[str, str], str] = {}
        self._targets: set[str] = set()
        for provider in config.providers.values():
            self._targets.update(f"{provider.name}/{model}" for model in provider.models)
            keys: Iterable[ApiKey | None] = provider.keys or (None,)
            for key in keys:
                variable = "" if key is None else key.variable
                self._know(provider, variable, _digest(provider, key, self._machine))
            self._know(provider, _TARGET, _digest(provider, None, self._machine))
        known = self._variables
        self._adopted = {
            place: sender
            for place, sender in self._adopted.items()
            if (place.provider, place.of) in known
        }

    def _know(self, provider: Provider, variable: str, digest: str) -> None:
        self._digests[provider.name, variable] = digest
        if variable != _TARGET:
            self._variables[provider.name, digest] = variable

    def learned(self) -> list[Message]:
        """What is new since the last time, the last of each place."""
        waiting = self._news.waiting
        newest: dict[tuple[str, str, str | None], Fact] = {}
        while waiting:
            fact = waiting.popleft()
            newest[fact.place] = fact
        messages = [self._message(fact) for fact in newest.values()]
        return [message for message in messages if message is not None]

    def _message(self, fact: Fact) -> Message | None:
        """None of a key that a reload took away."""
        variable = _TARGET if fact.key is None else fact.key
        digest = self._digests.get((fact.provider, variable))
        if digest is None:
            return None
        until = self._clock() + (self._open_for if fact.kind == "closed" else fact.seconds)
        return Message(
            fact.kind, fact.provider, fact.target, digest, until, fact.reason,
            fact.calls, fact.failures,
        )  # fmt: skip

    def adopt(self, sender: str, at: float, message: Message) -> bool:
        """Whether it means anything here: the target or key is known, and its time not over."""
        seconds = min(message.until - self._clock(), LONGEST_TOLD)
        if seconds <= 0 or not self._knows(message):
            return False
        if message.kind == "failing":
            return self._counted(sender, seconds, message)
        if message.kind == "open" or self._is_of_target(message):
            return self._hinted(sender, at, seconds, message)
        variable = self._variables.get((message.provider, message.of))
        if variable is None:
            return False
        return self._held(sender, seconds, message, variable)

    def _knows(self, message: Message) -> bool:
        target = message.target
        return not target or (target in self._targets and target.startswith(f"{message.provider}/"))

    def _is_of_target(self, message: Message) -> bool:
        """A `closed` that withdraws a hint."""
        hints = self._health.hinted.get(message.target, {})
        return message.kind == "closed" and bool(hints) and message.of == self._place_of(message)

    def _place_of(self, message: Message) -> str | None:
        return self._digests.get((message.provider, _TARGET))

    def _breaker(self, message: Message, variable: str) -> Breaker:
        if message.target:
            return self._health.lane(message.provider, variable, message.target)
        return self._health.key_breaker(message.provider, variable)

    def _held(self, sender: str, seconds: float, message: Message, variable: str) -> bool:
        """A key is set aside as if it had been refused here; or it is known to work again."""
        place = _Place(message.provider, message.target, message.of)
        if message.kind != "closed":
            passes = message.reason == "rate_limit"
            breaker = self._breaker(message, variable)
            breaker.set_aside(sender, self._now(), seconds, message.reason, passes)
            self._adopted[place] = sender
            return True
        if self._adopted.get(place) != sender:
            return False
        del self._adopted[place]
        self._breaker(message, variable).end_wait(self._now())
        return True

    def _hinted(self, sender: str, at: float, seconds: float, message: Message) -> bool:
        """A hint makes this process more careful; those of two open its breaker."""
        health, target, now = self._health, message.target, self._now()
        breaker = health.target_breaker(target)
        if breaker is None or message.of != self._place_of(message):
            return False
        if message.kind == "closed":
            health.failing.get(target, {}).pop(sender, None)
            if not withdrawn(health.hinted, sender, target):
                return False
            breaker.end_wait(now)
            return True
        age = max(0.0, self._clock() - at)
        if age > HINTS_MEANT_FOR:
            return False
        if not standing_hints(health.hinted, target, now) and breaker.opens_in(now) is None:
            breaker.count_anew(now)
        told = health.hinted.setdefault(target, {})
        if len(told) >= MOST_SENDERS and sender not in told:
            return False
        hint = Hint(sender, now - age, now + min(self._open_for, seconds), message.reason)
        told[sender] = hint
        hints = standing_hints(health.hinted, target, now)
        if agreed(hints, now):
            breaker.set_aside(sender, now, seconds, message.reason, False)
        return True

    def _counted(self, sender: str, seconds: float, message: Message) -> bool:
        """What another process has seen fail counts here beside what fails here, and alone does
        nothing.
        """
        if not message.target or message.of != self._place_of(message):
            return False
        told = self._health.failing.setdefault(message.target, {})
        if len(told) >= MOST_SENDERS and sender not in told:
            return False
        until = self._now() + min(self._window, seconds)
        told[sender] = Evidence(until, min(message.failures, self._min_calls))
        return True

    def due(self) -> list[tuple[str, str]]:
        """Targets that are soon to be probed here, each with the name it has for all instances."""
        now, found = self._now(), []
        for target in self._targets:
            breaker = self._health.target_breaker(target)
            if breaker is None or breaker.closed:
                self._waits.pop(target, None)
                continue
            wait = breaker.opens_in(now)
            if wait is not None and 0 < wait <= SOON and self._waits.get(target, now) > now - ALONE:
                found.append(
                    (target, f"{target} {self._digests[target.partition('/')[0], _TARGET]}")
                )
        return found

    def leave_to_another(self, target: str) -> None:
        """Another instance probes the target: this one waits, but not for ever."""
        breaker, now = self._health.target_breaker(target), self._now()
        if breaker is not None:
            self._waits.setdefault(target, now)
            breaker.wait_longer(now, PAUSE)

    def forget_old(self, instances: int) -> None:
        """Hints that hold no more; and how many processes there are."""
        self._health.instances = instances
        if self._health.hinted:
            forget_old(self._health.hinted, self._now())
        if self._health.failing:
            forget_old_failures(self._health.failing, self._now())


def _digest(provider: Provider, key: ApiKey | None, machine: str) -> str:
    """The same for the same secret at the same server, of which nothing can be read out of it. A
    server at a loopback address is another one on each machine.
    """
    host = urlsplit(provider.base_url).hostname or ""
    secret = "" if key is None else key.secret.get_secret_value()
    said = [provider.base_url, secret, machine if host.startswith(_LOOPBACK) else ""]
    text = "\0".join(said).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=12, person=b"llm-router told").hexdigest()
