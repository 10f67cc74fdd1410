"""Which rule of a persona holds for a request: a closed grammar, no expressions. The first that
matches wins.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.config import Condition, Rule, TimeWindow
from gateway.routing.facts import Facts


def first_match(rules: Sequence[Rule], facts: Facts, moment: datetime) -> Rule | None:
    """The first rule that holds. `moment` is in UTC."""
    return next((rule for rule in rules if holds(rule.when, facts, moment)), None)


def holds(when: Condition, facts: Facts, moment: datetime) -> bool:
    """Whether every condition given holds."""
    return failing(when, facts, moment) is None


def failing(when: Condition, facts: Facts, moment: datetime) -> str | None:
    """The first condition that does not hold, None if all do. Those that cost nothing are looked at
    first.
    """
    if not when.features <= facts.features:
        return "has"
    if when.key and facts.caller.key_id not in when.key:
        return "key"
    for name, values in when.metadata.items():
        value = facts.metadata.get(name)
        if value.__class__ is not str or value not in values:
            return f"metadata.{name}"
    for name, values in when.header.items():
        if facts.header(name) not in values:
            return f"header.{name}"
    if when.time is not None and not inside(when.time, moment):
        return "time"
    if when.tokens_over is not None and facts.prompt.tokens <= when.tokens_over:
        return "input_tokens"
    if when.tokens_under is not None and facts.prompt.tokens >= when.tokens_under:
        return "input_tokens"
    return None


def inside(window: TimeWindow, moment: datetime) -> bool:
    """Whether `moment` (UTC) lies in the window; one over midnight belongs to the day on which it
    began.
    """
    clock, day = moment.time(), moment.weekday()
    if window.before is None or window.after < window.before:
        return (
            day in window.days
            and clock >= window.after
            and (window.before is None or clock < window.before)
        )
    if clock >= window.after:
        return day in window.days
    return clock < window.before and (moment - timedelta(days=1)).weekday() in window.days
