"""Rules and conditions that never matter: nothing matches, or an earlier rule does."""

from collections.abc import Iterator, Sequence

from gateway.config.conditions import Condition
from gateway.config.errors import Complaint, under
from gateway.config.personas import Persona, Rule, TargetRef
from gateway.lint.coverage import always, contradict, impossible, within
from gateway.lint.models import NAME, NAME_RULE
from gateway.lint.targets import TargetChecks, implied


def never_matching(rules: Sequence[Rule]) -> Iterator[Complaint]:
    """Rules whose `when` matches no request, or none that an earlier rule leaves to it."""
    earlier: list[Rule] = []
    """The rules without a complaint, with which later ones are compared."""
    for i, rule in enumerate(rules):
        reasons = list(impossible(rule.when))
        yield from under(i, under("when", reasons))
        if reasons:
            continue
        if before := next((other for other in earlier if within(rule.when, other.when)), None):
            why = f"whatever is like its 'when' is like that of {before.name!r} before it"
            yield (i,), f"{rule.name!r} can never match: {why}"
        elif i < len(rules) - 1 and always(rule.when):
            rule_of_rules = "only the last rule may be like that"
            yield (i, "when"), f"always matches, so no rule after it can: {rule_of_rules}"
        else:
            earlier.append(rule)


def rule_complaints(persona: Persona, checks: TargetChecks) -> Iterator[Complaint]:
    """What is wrong with the rules of a persona."""
    names: set[str] = set()
    for i, rule in enumerate(persona.rules):
        if not NAME.fullmatch(rule.name):
            yield (i, "name"), f"the name of a rule {NAME_RULE}"
        elif rule.name in names:
            yield (i, "name"), f"{rule.name!r} is already the name of another rule"
        names.add(rule.name)
        said = (rule.targets, rule.strategy, rule.balance, rule.params, rule.defaults or None)
        if said == (None,) * 5:
            why = "it says none of targets, strategy, balance and params"
            yield (i,), f"{rule.name!r} has no effect: {why}"
        yield from under(i, _target_complaints(persona, rule, checks))
    yield from never_matching(persona.rules)


def _target_complaints(persona: Persona, rule: Rule, checks: TargetChecks) -> Iterator[Complaint]:
    targets = persona.targets if rule.targets is None else rule.targets
    yield from under("when", checks.unservable(targets, rule.when))
    if rule.targets is None:
        for name, needed in implied(rule.defaults):
            models = [checks.model(target) for target in targets]
            if not any(model is None or model.record.can(needed) for model in models):
                why = f"every target of the persona lacks {needed!r}, which it needs"
                yield ("params", name), f"can never be served: {why}"
        return
    defaults = {**persona.defaults, **rule.defaults}
    section = "params" if rule.defaults else "defaults"
    yield from under("targets", checks.listed(targets, defaults, section))
    yield from under("targets", condition_complaints(targets, rule.when, checks))


def condition_complaints(
    targets: Sequence[TargetRef], when: Condition, checks: TargetChecks
) -> Iterator[Complaint]:
    """What is wrong with the conditions of targets that are asked for requests like `when`."""
    for i, target in enumerate(targets):
        reasons = list(impossible(target.when))
        yield from under(i, under("when", reasons))
        yield from under(i, under("when", checks.unservable([target], target.when)))
        if not reasons and contradict(target.when, when):
            yield (i, "when"), "can never match: it contradicts the 'when' of the rule"
    if not any(always(target.when) for target in targets):
        yield (), "must hold a target without 'when': some request would have none"
