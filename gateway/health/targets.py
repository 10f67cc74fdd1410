"""What is known of the health of targets and keys, learned from the calls that were made anyway
and, where configured, from checks.

A call may be held back by three breakers: the target's, the key's, and that of the key at this
target (a `lane`: rate limits and permissions are a key's at a model). Pure: every method is told
the time (seconds, monotonic).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from gateway.config import ApiKey, BreakerSettings, Config, Provider
from gateway.health.breaker import Admission, Breaker
from gateway.health.documents import (
    BreakerDocument,
    HintsDocument,
    KeyDocument,
    TargetHealthDocument,
    breaker_document,
    rounded,
)
from gateway.health.latency import Latency
from gateway.health.news import CallPermit, Failing, Hinted, News, seen_elsewhere, standing_hints
from gateway.health.probes import ProbeResults
from gateway.health.retry_budget import Budget, HedgeBudgets
from translators.errors import FailureKind

_K = FailureKind
_CALL: Final = Admission.CALL  # a look into the class is a call

_OF_THE_TARGET: Final = frozenset(
    {
        _K.CONNECT,
        _K.TIMEOUT,
        _K.SERVER_ERROR,
        _K.OVERLOADED,
        _K.MALFORMED,
        _K.TRUNCATED,
        _K.MODEL_NOT_FOUND,
    }
)
"""Counted against the target. A request's own faults (4xx), filtered content and odd answers of a
model say nothing of its health."""
_OF_THE_KEY: Final = frozenset({_K.AUTHENTICATION, _K.QUOTA})
_OF_THE_LANE: Final = frozenset({_K.RATE_LIMIT, _K.PERMISSION})
ROTATES: Final = _OF_THE_KEY | _OF_THE_LANE
"""After these another key of the same provider may do."""
_DEFAULT_RATE_LIMIT: Final = 1.0
"""Seconds to leave a rate-limited lane alone, if the provider does not say and it is the first
time."""


class Standing(NamedTuple):
    """Whether a target may be asked now. `reason` is None if so; else `retry_in` is when it may be,
    in seconds.
    """

    reason: str | None
    retry_in: float
    share: float
    """The part of its usual requests that it should get, below 1 while it comes back."""


WELL: Final = Standing(None, 0.0, 1.0)


@dataclass(slots=True)
class _Target:
    breaker: Breaker
    latency: Latency = field(default_factory=Latency)


class TargetHealth:
    """The health of all targets and keys of one running gateway."""

    def __init__(self, config: Config) -> None:
        self._settings = config.resilience.breaker
        self._targets: dict[str, _Target] = {}
        """Those of the configuration in force. A request that began under an earlier one may ask
        for others."""
        self._keys: dict[tuple[str, str], Breaker] = {}
        self._lanes: dict[tuple[str, str, str], Breaker] = {}
        self._lane_settings = _lane_settings(self._settings)
        self.hedges = HedgeBudgets()
        self.retries = Budget(
            config.resilience.retry_budget.ratio, config.resilience.retry_budget.reserve
        )
        self.checks = ProbeResults()
        """Of whole providers, beside the breakers: neither opens nor closes one."""
        self.news: News | None = None
        """What other processes may be told; None where there are none to tell."""
        self.hinted: Hinted = {}
        """What other processes say of targets; nearly always empty, which is cheap to see."""
        self.failing: Failing = {}
        """How often other processes have seen targets fail that they have not set aside."""
        self.instances = 1
        """Processes that tell each other, this one included."""
        self.apply_config(config)

    def apply_config(self, config: Config) -> None:
        """Follow a new configuration: what is known of targets and keys that are still there is
        kept.
        """
        old, fresh = self._targets, config.resilience.breaker != self._settings
        if fresh:
            self._settings = config.resilience.breaker
            self._lane_settings = _lane_settings(self._settings)
        self._targets = {}
        self._several_keys = {
            provider.name for provider in config.providers.values() if len(provider.keys) > 1
        }
        keys: set[tuple[str, str]] = set()
        for provider in config.providers.values():
            keys.update((provider.name, key.variable) for key in provider.keys)
            keys.add((provider.name, ""))
            for model in provider.models:
                name = f"{provider.name}/{model}"
                known = old.get(name)
                self._targets[name] = (
                    _Target(Breaker(self._settings)) if known is None or fresh else known
                )
        self._keys = {at: breaker for at, breaker in self._keys.items() if at in keys and not fresh}
        self._lanes = {
            at: breaker
            for at, breaker in self._lanes.items()
            if at[:2] in keys and at[2] in self._targets and not fresh
        }
        self.hedges.apply_config(config)
        budget = config.resilience.retry_budget
        self.retries = Budget(
            budget.ratio, budget.reserve, min(self.retries.balance, budget.reserve)
        )

    def latency(self, target: str) -> Latency:
        return self._of(target).latency

    def standing(self, provider: Provider, target: str, now: float) -> Standing:
        """Whether `target` may be asked now, with at least one of its provider's keys."""
        if (down := self.checks.down) and (checked := down.get(provider.name)) is not None:
            return Standing(
                f"unavailable: health check: {checked.outcome}", checked.retry_in(now), 0.0
            )
        breaker = (self._targets.get(target) or self._of(target)).breaker
        if breaker.closed and not self._keys and not self._lanes:
            return WELL
        share = 1.0
        if not breaker.closed:
            if (wait := breaker.opens_in(now)) is not None:
                return Standing(f"cooldown: {_shown(wait)} ({breaker.reason})", wait, 0.0)
            share = breaker.share(now)
        if self._keys or self._lanes:
            waits = [
                self._key_wait(provider.name, variable, target, now)
                for variable in _variables(provider)
            ]
            if all(wait is not None for wait in waits):
                wait, reason = min(wait for wait in waits if wait is not None)
                return Standing(f"no_usable_key: {_shown(wait)} ({reason})", wait, 0.0)
        return WELL if share == 1.0 else Standing(None, 0.0, share)

    def usable_keys(
        self, provider: Provider, target: str, now: float
    ) -> list[tuple[ApiKey, float]]:
        """The provider's keys that may be used at `target` now, each with its weight, less while it
        comes back.
        """
        if not self._keys and not self._lanes:
            return [(key, key.weight) for key in provider.keys]
        usable = []
        for key in provider.keys:
            if self._key_wait(provider.name, key.variable, target, now) is None:
                share = min(
                    (b.share(now) for b in self._of_key(provider.name, key.variable, target)),
                    default=1.0,
                )
                usable.append((key, key.weight * share))
        return usable

    def usable(self, provider: Provider, key: ApiKey, target: str, now: float) -> bool:
        """Whether this key may be used at `target` now."""
        return (not self._keys and not self._lanes) or self._key_wait(
            provider.name, key.variable, target, now
        ) is None

    def admit(self, provider: str, target: str, key: str, now: float) -> CallPermit | None:
        """Leave to call `target` with the key of the variable `key`; None if another took the one
        probe there is, or a health check says that the provider is down.
        """
        if provider in self.checks.down:
            return None
        own = (self._targets.get(target) or self._of(target)).breaker
        permit = _CALL if own.closed else own.admit(now)
        if permit is None:
            return None
        leave = CallPermit(target, provider, key, [(own, permit)])
        if self._keys or self._lanes:
            for breaker in self._of_key(provider, key, target):
                if (permit := breaker.admit(now)) is None:
                    self.abandoned(leave)
                    return None
                leave.permits.append((breaker, permit))
        return leave

    def began(self, leave: CallPermit, stream: bool, seconds: float, now: float) -> None:
        """The answer has content, `seconds` after the call: a probe has shown what it was to
        show."""
        target = leave.target
        (self._targets.get(target) or self._of(target)).latency.observe(stream, seconds, now)
        for i, (breaker, permit) in enumerate(leave.permits):
            if permit is not _CALL:
                breaker.succeeded(permit, now)
                leave.permits[i] = (breaker, _CALL)
        if self.news is not None and self.news.told:
            self.news.succeeded(leave, now)

    def succeeded(self, leave: CallPermit, now: float) -> None:
        """The answer came to its end."""
        for breaker, permit in leave.permits:
            breaker.succeeded(permit, now)
        if self.news is not None and self.news.told:
            self.news.succeeded(leave, now)
        leave.permits = []

    def failed(
        self, leave: CallPermit, kind: FailureKind, retry_after: float | None, now: float
    ) -> None:
        """The call failed, or its answer broke off. Told again of the same call, nothing more is
        learned.
        """
        if not leave.permits:
            return
        provider, key, target = leave.provider, leave.key, leave.target
        if kind in _OF_THE_KEY:
            breaker = self.key_breaker(provider, key)
        elif kind in _OF_THE_LANE:
            breaker = self.lane(provider, key, target)
        elif kind in _OF_THE_TARGET:
            breaker = self._of(target).breaker
        else:
            self.abandoned(leave)
            return
        permit = next((permit for held, permit in leave.permits if held is breaker), _CALL)
        leave.permits = [(b, p) for b, p in leave.permits if b is not breaker]
        opened = self._counted(breaker, permit, leave, kind, retry_after, now)
        if self.news is not None:
            self.news.failed(leave, kind.value, breaker, retry_after, opened, now)
            if not opened and kind in _OF_THE_TARGET:
                self.news.failing(leave, kind.value, breaker, self._settings.window, now)
        self.abandoned(leave)

    def abandoned(self, leave: CallPermit) -> None:
        """The call ended and says nothing about health: the caller left."""
        for breaker, permit in leave.permits:
            breaker.abandoned(permit)
        leave.permits = []

    def availability(self, now: float) -> Iterator[tuple[str, str, float]]:
        """Provider and model of every target, and the part of its usual calls that it may get: 0
        while it is set aside.
        """
        for name, target in self._targets.items():
            provider, _, model = name.partition("/")
            breaker = target.breaker
            if provider in self.checks.down:
                yield provider, model, 0.0
                continue
            yield (
                provider,
                model,
                (
                    1.0
                    if breaker.closed
                    else 0.0
                    if breaker.opens_in(now) is not None
                    else breaker.share(now)
                ),
            )

    def key_availability(self, config: Config, now: float) -> Iterator[tuple[str, str, float]]:
        """The same for the keys that are set, by their variables."""
        for provider in config.providers.values():
            for key in provider.keys:
                breaker = self._keys.get((provider.name, key.variable))
                held = breaker is not None and breaker.opens_in(now) is not None
                yield (
                    provider.name,
                    key.variable,
                    0.0 if held else 1.0 if breaker is None else breaker.share(now),
                )

    def document(self, target: str, now: float) -> TargetHealthDocument:
        """What is known of a target, as JSON."""
        known, hints = self._of(target), standing_hints(self.hinted, target, now)
        hinted: HintsDocument = {"hinted_by": [hint.sender for hint in hints]} if hints else {}
        return {
            **breaker_document(known.breaker, now),
            "first_content_seconds": rounded(known.latency.first_content(True, now)),
            "whole_answer_seconds": rounded(known.latency.first_content(False, now)),
            "tokens_per_second": rounded(known.latency.tokens_per_second(now)),
            **hinted,
        }

    def key_document(self, provider: Provider, key: ApiKey, now: float) -> KeyDocument:
        """What is known of a key, as JSON: by its variable, never the key."""
        breaker = self._keys.get((provider.name, key.variable))
        lanes = {
            at[2]: breaker_document(key_at_target, now)
            for at, key_at_target in self._lanes.items()
            if at[:2] == (provider.name, key.variable) and key_at_target.state(now) != "closed"
        }
        known: BreakerDocument = (
            {"state": "closed"} if breaker is None else breaker_document(breaker, now)
        )
        document: KeyDocument = {
            "variable": key.variable,
            "weight": key.weight,
            **known,
            "targets": lanes,
        }
        if not lanes:
            del document["targets"]
        return document

    def _of(self, target: str) -> _Target:
        """What is known of a target; of one that a reload took away, nothing, and nothing
        will be."""
        return self._targets.get(target) or _Target(Breaker(self._settings))

    def key_breaker(self, provider: str, key: str) -> Breaker:
        """Of the key of a variable, made if nothing was held against it yet."""
        found = self._keys.get((provider, key))
        if found is None:
            found = self._keys[provider, key] = Breaker(self._settings)
        return found

    def lane(self, provider: str, key: str, target: str) -> Breaker:
        """Of the key of a variable at a target, made if nothing was held against it yet."""
        found = self._lanes.get((provider, key, target))
        if found is None:
            found = self._lanes[provider, key, target] = Breaker(self._lane_settings)
        return found

    def target_breaker(self, target: str) -> Breaker | None:
        """Of a target of the configuration in force."""
        known = self._targets.get(target)
        return None if known is None else known.breaker

    def _counted(
        self,
        breaker: Breaker,
        permit: Admission,
        leave: CallPermit,
        kind: FailureKind,
        wait: float | None,
        now: float,
    ) -> bool:
        """Count a failure; whether the breaker opened."""
        # A limit that is reached all day long still lets through what it allows.
        passes = kind is _K.RATE_LIMIT
        if kind in ROTATES:
            if leave.provider in self._several_keys:
                return breaker.trip(permit, now, kind.value, wait, passes)
            # Without another key to turn to, one refusal must not close the provider to everybody.
            return breaker.failed(permit, now, kind.value, wait, passes)
        enough = self._settings.min_calls
        elsewhere = seen_elsewhere(self.hinted, self.failing, leave.target, enough, now)
        return breaker.failed(permit, now, kind.value, wait, passes, elsewhere)

    def _of_key(self, provider: str, key: str, target: str) -> list[Breaker]:
        found = (self._keys.get((provider, key)), self._lanes.get((provider, key, target)))
        return [breaker for breaker in found if breaker is not None]

    def _key_wait(
        self, provider: str, key: str, target: str, now: float
    ) -> tuple[float, str] | None:
        """Until the key may be used at the target, and why not now; None if it may."""
        held = [
            (wait, b.reason or "")
            for b in self._of_key(provider, key, target)
            if (wait := b.opens_in(now)) is not None
        ]
        return max(held) if held else None


def _lane_settings(settings: BreakerSettings) -> BreakerSettings:
    return replace(settings, open_for=min(_DEFAULT_RATE_LIMIT, settings.open_for))


def _variables(provider: Provider) -> tuple[str, ...]:
    return tuple(key.variable for key in provider.keys) or ("",)


def _shown(seconds: float) -> str:
    return f"{max(1, round(seconds))} s"
