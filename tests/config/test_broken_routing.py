"""A persona's targets, rules and clocks broken in one place: what the operator is told, exactly."""

from pathlib import Path
from typing import Final

import pytest

from tests.config.samples import POLICY, Broken, abridged, complaints, replaced

FILE: Final = "persona_policy.yaml"
LAST: Final = "    params: report\n"
"""A line of the persona, the 13th of the file, behind which more can stand."""


def _more(name: str, text: str, expected: tuple[str, ...]) -> Broken:
    """The sample with more keys in its persona."""
    return Broken(
        name, LAST, LAST + "".join(f"    {line}\n" for line in text.splitlines()), expected
    )


CASES: Final = [
    _more("unknown strategy", "strategy: wieghted",
           ("14: personas.helper.strategy: unknown value 'wieghted' (did you mean 'weighted'? known: …)",)),
    Broken("weight without weighted", "- claude/big", "- {target: claude/big, weight: 3}",
           ("15: personas.helper.targets[0].weight: has no effect: the strategy is 'priority', not 'weighted'",)),
    Broken("zero weight", "- claude/big", "- {target: claude/big, weight: 0}",
           ("15: personas.helper.targets[0].weight: must be greater than 0, not 0",)),
    Broken("weight as text", "- claude/big", "- {target: claude/big, weight: heavy}",
           ("15: personas.helper.targets[0].weight: must be a number, not 'heavy'",)),
    Broken("unknown target key", "- claude/big", "- {target: claude/big, wieght: 3}",
           ("15: personas.helper.targets[0].wieght: unknown key 'wieght' (did you mean 'weight'? known: target, timeouts, "
            "weight, when)",)),
    Broken("target mapping without target", "- claude/big", "- {weight: 3}",
           ("15: personas.helper.targets[0].target: is required",)),
    Broken("unknown target in a mapping", "- claude/big", "- {target: claud/big}",
           ("15: personas.helper.targets[0].target: unknown provider 'claud' (did you mean 'claude'? known: claude, local)",)),
    Broken("unknown target clock", "- claude/big", "- {target: claude/big, timeouts: {first_byte: 5}}",
           ("15: personas.helper.targets[0].timeouts.first_byte: unknown key 'first_byte' (did you mean 'first_content'? "
            "known: …)",)),
    Broken("total clock of a target", "- claude/big", "- {target: claude/big, timeouts: {total: 5}}",
           ("15: personas.helper.targets[0].timeouts.total: unknown key 'total' (known: connect, first_content, idle)",)),
    _more("old name of a clock", "timeouts: {first_byte: 5}",
           ("14: personas.helper.timeouts.first_byte: unknown key 'first_byte' (did you mean 'first_content'? known: …)",)),
    _more("zero clock", "timeouts: {total: 0}",
           ("14: personas.helper.timeouts.total: must be greater than 0, not 0",)),
    _more("clock beyond the total", "timeouts: {idle: 60, total: 30}",
           ("14: personas.helper.timeouts.idle: can never run out: the total is 30",)),
    _more("balance without balanced", "balance: {cost: 2}",
           ("14: personas.helper.balance: has no effect: the strategy is 'priority', not 'balanced'",)),
    _more("balance of nothing", "strategy: balanced\nbalance: {cost: 0}",
           ("15: personas.helper.balance: must hold a weight above 0",)),
    _more("unknown balance key", "strategy: balanced\nbalance: {price: 1}",
           ("15: personas.helper.balance.price: unknown key 'price' (known: cost, latency, tier)",)),
    _more("negative balance", "strategy: balanced\nbalance: {cost: -1}",
           ("15: personas.helper.balance.cost: must be at least 0, not -1",)),
    _more("affinity as text", "affinity: sticky",
           ("14: personas.helper.affinity: must be true or false, not 'sticky'",)),
    _more("unknown rule key", "rules: [{name: a, when: {has: [tools]}, target: [claude/big]}]",
           ("14: personas.helper.rules[0].target: unknown key 'target' (did you mean 'targets'? known: …)",)),
    _more("rule without name", "rules: [{when: {has: [tools]}, strategy: cost}]",
           ("14: personas.helper.rules[0].name: is required",)),
    _more("rule without when", "rules: [{name: a, strategy: cost}]",
           ("14: personas.helper.rules[0].when: is required",)),
    _more("bad rule name", "rules: [{name: My Rule, when: {has: [tools]}, strategy: cost}]",
           ("14: personas.helper.rules[0].name: the name of a rule must be 1 to 64 small letters, digits, '_', '.' or '-', "
            "the first a letter or digit",)),
    _more("rule name twice",
           "rules:\n  - {name: a, when: {has: [tools]}, strategy: cost}\n  - {name: a, when: {has: [history]}, strategy: cost}",
           ("16: personas.helper.rules[1].name: 'a' is already the name of another rule",)),
    _more("rule without effect", "rules: [{name: a, when: {has: [tools]}}]",
           ("14: personas.helper.rules[0]: 'a' has no effect: it says none of targets, strategy, balance and params",)),
    _more("unknown condition", "rules: [{name: a, when: {hsa: [tools]}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.hsa: unknown key 'hsa' (did you mean 'has'? known: …)",)),
    _more("unknown bound", "rules: [{name: a, when: {input_tokens: {ovr: 5}}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.input_tokens.ovr: unknown key 'ovr' (did you mean 'over'? known: over, under)",)),
    _more("no bound", "rules: [{name: a, when: {input_tokens: {}}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.input_tokens: needs 'over' or 'under'",)),
    _more("bounds that cross", "rules: [{name: a, when: {input_tokens: {over: 500, under: 100}}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.input_tokens: can never match: no number is over 500 and under 100",)),
    _more("bounds without a number in between", "rules: [{name: a, when: {input_tokens: {over: 5, under: 6}}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.input_tokens: can never match: no number is over 5 and under 6",)),
    _more("negative bound", "rules: [{name: a, when: {input_tokens: {over: -1}}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.input_tokens.over: must be at least 0, not -1",)),
    _more("more tokens than any target takes", "rules: [{name: a, when: {input_tokens: {over: 8000}}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.input_tokens.over: can never be served: no target here takes a prompt of more "
            "than 8000 tokens",)),
    _more("unknown feature", "rules: [{name: a, when: {has: [image]}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.has[0]: unknown value 'image' (did you mean 'images'? known: …)",)),
    _more("no feature", "rules: [{name: a, when: {has: []}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.has: must not be empty",)),
    _more("feature that no target takes", "rules: [{name: a, when: {has: [tools, images]}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.has: can never be served: no target here takes a request that has images, "
            "tools",)),
    _more("metadata as a number", "rules: [{name: a, when: {metadata: {team: 5}}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.metadata.team: must be text, or a list of texts, not 5",)),
    _more("metadata value as a number", "rules: [{name: a, when: {metadata: {team: [x, 5]}}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.metadata.team[1]: must be text, not 5",)),
    _more("no metadata value", "rules: [{name: a, when: {metadata: {team: []}}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.metadata.team: must not be empty",)),
    _more("more metadata than a request has",
           "rules: [{name: a, when: {metadata: {k0: x, k1: x, k2: x, k3: x, k4: x, k5: x, k6: x, k7: x, k8: x, k9: x, "
          "k10: x, k11: x, k12: x, k13: x, k14: x, k15: x, k16: x}}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.metadata: can never match: a request has at most 16 pairs",)),
    _more("header with a key", "rules: [{name: a, when: {header: {Authorization: x}}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.header: 'Authorization' carries a key: the condition 'key' is for that",)),
    _more("header name condition", 'rules: [{name: a, when: {header: {"x team": x}}, strategy: cost}]',
           ("14: personas.helper.rules[0].when.header: 'x team' is no name of a header: letters, digits and dashes make one",)),
    _more("header twice", "rules: [{name: a, when: {header: {x-team: x, X-Team: x}}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.header: one header stands here twice: capitals make no difference in its name",)),
    _more("header value that cannot be", 'rules: [{name: a, when: {header: {x-team: "a "}}, strategy: cost}]',
           ("14: personas.helper.rules[0].when.header.x-team: a header's value is printable ASCII without spaces around it: "
            "this one can never match",)),
    _more("key instead of id", "rules: [{name: a, when: {key: our-own-key}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.key: must be the id of a caller's key as the log shows it: 8 hex digits, in "
            "small letters",)),
    _more("key id in capitals", 'rules: [{name: a, when: {key: ["0A1B2C3D"]}, strategy: cost}]',
           ("14: personas.helper.rules[0].when.key[0]: must be the id of a caller's key as the log shows it: 8 hex digits, "
            "in small letters",)),
    _more("key id as a number", "rules: [{name: a, when: {key: 12345678}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.key: must be text, or a list of texts, not 12345678",)),
    _more("unknown time key", 'rules: [{name: a, when: {time: {form: "09:00"}}, strategy: cost}]',
           ("14: personas.helper.rules[0].when.time.form: unknown key 'form' (did you mean 'before'? known: after, before, "
            "days)",)),
    _more("no time", "rules: [{name: a, when: {time: {}}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.time: needs 'after', 'before' or 'days'",)),
    _more("time of the day", 'rules: [{name: a, when: {time: {after: "9am"}}, strategy: cost}]',
           ("14: personas.helper.rules[0].when.time.after: must be a time of the day like \"09:00\", not '9am'",)),
    _more("time 24:00", 'rules: [{name: a, when: {time: {before: "24:00"}}, strategy: cost}]',
           ("14: personas.helper.rules[0].when.time.before: must be a time of the day like \"09:00\", not '24:00'",)),
    _more("empty window", 'rules: [{name: a, when: {time: {after: "09:00", before: "09:00"}}, strategy: cost}]',
           ("14: personas.helper.rules[0].when.time: can never match: 'after' and 'before' are the same, and no time is in "
            "between",)),
    _more("unknown day", "rules: [{name: a, when: {time: {days: [monday]}}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.time.days[0]: unknown value 'monday' (did you mean 'mon'? known: …)",)),
    _more("no day", "rules: [{name: a, when: {time: {days: []}}, strategy: cost}]",
           ("14: personas.helper.rules[0].when.time.days: must not be empty",)),
    _more("shadowed rule",
           "rules:\n  - {name: a, when: {input_tokens: {over: 100}}, strategy: cost}\n  - {name: b, "
          "when: {input_tokens: {over: 200}, has: [tools]}, strategy: latency}",
           ("16: personas.helper.rules[1]: 'b' can never match: whatever is like its 'when' is like that of 'a' before it",)),
    _more("shadowed by hours",
           'rules:\n  - {name: a, when: {time: {after: "22:00", before: "06:00"}}, strategy: cost}\n  - {name: b, '
          'when: {time: {after: "01:00", before: "05:00", days: [tue]}}, strategy: latency}',
           ("16: personas.helper.rules[1]: 'b' can never match: whatever is like its 'when' is like that of 'a' before it",)),
    _more("empty when before the last",
           "rules:\n  - {name: a, when: {}, strategy: cost}\n  - {name: b, when: {has: [tools]}, strategy: latency}",
           ("15: personas.helper.rules[0].when: always matches, so no rule after it can: only the last rule may be like that",)),
    _more("unknown target of a rule", "rules: [{name: a, when: {has: [tools]}, targets: [claude/bigg]}]",
           ("14: personas.helper.rules[0].targets[0]: unknown claude model 'bigg' (did you mean 'big'? known: big, dear)",)),
    _more("target of a rule over the tier", "rules: [{name: a, when: {has: [tools]}, targets: [claude/dear]}]",
           ("14: personas.helper.rules[0].targets[0]: 'claude/dear' can never serve this persona: its cost tier 'high' is "
            "above max_cost_tier 'medium'",)),
    _more("target twice in a rule", "rules: [{name: a, when: {has: [tools]}, targets: [claude/big, claude/big]}]",
           ("14: personas.helper.rules[0].targets[1]: 'claude/big' stands in the list twice",)),
    _more("no targets in a rule", "rules: [{name: a, when: {has: [tools]}, targets: []}]",
           ("14: personas.helper.rules[0].targets: must not be empty",)),
    _more("weight in a rule", "rules: [{name: a, when: {has: [tools]}, targets: [{target: claude/big, weight: 2}]}]",
           ("14: personas.helper.rules[0].targets[0].weight: has no effect: the strategy is 'priority', not 'weighted'",)),
    _more("balance in a rule", "rules: [{name: a, when: {has: [tools]}, strategy: cost, balance: {cost: 1}}]",
           ("14: personas.helper.rules[0].balance: has no effect: the strategy is 'cost', not 'balanced'",)),
    _more("empty params of a rule", "rules: [{name: a, when: {has: [tools]}, params: {}}]",
           ("14: personas.helper.rules[0].params: must not be empty",)),
    _more("unknown params of a rule", "rules: [{name: a, when: {has: [tools]}, params: stric}]",
           ("14: personas.helper.rules[0].params: unknown value 'stric' (did you mean 'strict'? known: …), or a mapping of "
            "parameters",)),
    _more("params of a rule without value", "rules: [{name: a, when: {has: [tools]}, params: null}]",
           ("14: personas.helper.rules[0].params: unknown value nothing (known: quiet, report, strict), or a mapping of parameters",)),
    _more("hedge after nothing", "hedge: {after: null}",
           ("14: personas.helper.hedge.after: is required",)),
    _more("unknown parameter in a rule", "rules: [{name: a, when: {has: [tools]}, params: {temprature: 1}}]",
           ("14: personas.helper.rules[0].params.temprature: unknown parameter 'temprature' (did you mean 'temperature'? "
            "known: …)",)),
    _more("parameter above the cap", "rules: [{name: a, when: {has: [tools]}, params: {max_tokens: 5000}}]",
           ("14: personas.helper.rules[0].params.max_tokens: 5000 is above the persona's own cap (4000)",)),
    _more("parameter that no target takes", "rules: [{name: a, when: {has: [tools]}, params: {logprobs: true}}]",
           ("14: personas.helper.rules[0].params.logprobs: can never be served: every target of the persona lacks "
            "'logprobs', which it needs",)),
    Broken("only conditional targets",
           "      - claude/big\n      - local/small\n", "      - {target: claude/big, when: {has: [tools]}}\n",
           ("14: personas.helper.targets: must hold a target without 'when': some request would have none",)),
    _more("target's condition against its rule",
           "rules: [{name: a, when: {input_tokens: {over: 100}}, targets: [{target: claude/big, "
          "when: {input_tokens: {under: 50}}}, local/small]}]",
           ("14: personas.helper.rules[0].targets[0].when: can never match: it contradicts the 'when' of the rule",)),
    Broken("target's impossible condition", "- claude/big", "- {target: claude/big, when: {input_tokens: {over: 5, under: 5}}}",
           ("15: personas.helper.targets[0].when.input_tokens: can never match: no number is over 5 and under 5",)),
    Broken("target for what it cannot do", "- claude/big", "- {target: claude/big, when: {has: [images]}}",
           ("15: personas.helper.targets[0].when.has: can never be served: no target here takes a request that has images",)),
    _more("unknown class of failures", "on_failure: {move_on: [timeouts]}",
           ("14: personas.helper.on_failure.move_on[0]: unknown value 'timeouts' (did you mean 'timeout'? known: …)",)),
    _more("unknown on_failure key", "on_failure: {retry: 2}",
           ("14: personas.helper.on_failure.retry: unknown key 'retry' (did you mean 'retries'? known: …)",)),
    _more("too many retries", "on_failure: {retries: 6}",
           ("14: personas.helper.on_failure.retries: must be at most 5, not 6",)),
    _more("no attempt", "on_failure: {max_attempts: 0}",
           ("14: personas.helper.on_failure.max_attempts: must be at least 1, not 0",)),
    _more("unknown backoff key", "on_failure: {backoff: {inital: 2}}",
           ("14: personas.helper.on_failure.backoff.inital: unknown key 'inital' (did you mean 'initial'? known: initial, "
            "max)",)),
    _more("backoff that shrinks", "on_failure: {backoff: {initial: 20}}",
           ("14: personas.helper.on_failure.backoff: max (8) must be at least initial (20)",)),
    _more("backoff without retries", "on_failure: {retries: 0, backoff: {initial: 2}}",
           ("14: personas.helper.on_failure.backoff: has no effect: retries is 0",)),
    _more("hedge without after", "hedge: {max_extra: 5%}",
           ("14: personas.helper.hedge.after: is required",)),
    _more("unknown hedge key", "hedge: {after: p95, extra: 5%}",
           ("14: personas.helper.hedge.extra: unknown key 'extra' (did you mean 'max_extra'? known: after, max_extra)",)),
    _more("hedge after an unknown quantile", "hedge: {after: p96}",
           ("14: personas.helper.hedge.after: must be one of p50, p90, p95, p99 or a time like 800ms or 1.5s, not 'p96'",)),
    _more("hedge after a number", "hedge: {after: 800}",
           ("14: personas.helper.hedge.after: must be one of p50, p90, p95, p99 or a time like 800ms or 1.5s, not 800",)),
    _more("hedge after a list", "hedge: {after: []}",
           ("14: personas.helper.hedge.after: must be one of p50, p90, p95, p99 or a time like 800ms or 1.5s, not a list",)),
    _more("hedge at once", "hedge: {after: 0ms}",
           ("14: personas.helper.hedge.after: must be one of p50, p90, p95, p99 or a time like 800ms or 1.5s, not '0ms'",)),
    _more("hedge of nothing", "hedge: {after: p95, max_extra: 0%}",
           ("14: personas.helper.hedge.max_extra: must be a share above 0 and up to 100%, like 5% or 0.05, not '0%'",)),
    _more("hedge of everything and more", "hedge: {after: p95, max_extra: 1.5}",
           ("14: personas.helper.hedge.max_extra: must be at most 1, not 1.5",)),
    Broken("hedge with one target",
           "    params: report\n    targets:\n      - claude/big\n      - local/small\n",
          "    params: report\n    hedge: {after: p95}\n    targets: [claude/big]\n",
           ("14: personas.helper.hedge: has no effect: it needs a second target",)),
    _more("hedge after the clock", "hedge: {after: 30s}\ntimeouts: {first_content: 20}",
           ("14: personas.helper.hedge.after: has no effect: timeouts.first_content (20 s) runs out before",)),
    Broken("resume of JSON", "{max_tokens: 1000, temperature: 0.5}\n", "{response_format: {type: json_object}}\n    resume: true\n",
           ("10: personas.helper.resume: has no effect: only plain text is continued, and defaults.response_format asks for "
            "more",)),
    _more("no price to hold against", "max_price: 0.5",
           ("17: personas.helper.targets[1]: 'local/small' can never serve this persona: it has no price in "
            "capabilities.yaml to hold against max_price",)),
    _more("price of nothing", "max_price: 0",
           ("14: personas.helper.max_price: must be greater than 0, not 0",)),
    Broken("price below a token",
           "    params: report\n    targets:\n      - claude/big\n      - local/small\n",
          "    params: report\n    max_price: 0.000001\n    targets: [claude/big]\n",
           ("14: personas.helper.max_price: is less than any target takes for a single token (claude/big: 0.000002 USD)",)),
    _more("region that no target is in", "regions: [eu]",
           ("14: personas.helper.regions: no target of the persona is in 'eu' (they are in: none that is said)",)),
    _more("no region", "regions: []",
           ("14: personas.helper.regions: must not be empty",)),
    _more("bad region", "regions: [EU]",
           ("14: personas.helper.regions[0]: must be 1 to 64 small letters, digits, '_', '.' or '-', not 'EU'",)),
    Broken("unknown resilience key", "version: 1\n", "version: 1\nresilience: {braker: {}}\n",
           ("2: resilience.braker: unknown key 'braker' (did you mean 'breaker'? known: breaker, retry_budget)",)),
    Broken("unknown breaker key", "version: 1\n", "version: 1\nresilience: {breaker: {min_call: 5}}\n",
           ("2: resilience.breaker.min_call: unknown key 'min_call' (did you mean 'min_calls'? known: …)",)),
    Broken("breaker times", "version: 1\n", "version: 1\nresilience: {breaker: {open_for: 600, longest_open: 300}}\n",
           ("2: resilience.breaker: longest_open (300) must be at least open_for (600)",)),
    Broken("failure rate", "version: 1\n", "version: 1\nresilience: {breaker: {failure_rate: 50}}\n",
           ("2: resilience.breaker.failure_rate: must be at most 1, not 50",)),
    Broken("unknown budget key", "version: 1\n", "version: 1\nresilience: {retry_budget: {rate: 0.5}}\n",
           ("2: resilience.retry_budget.rate: unknown key 'rate' (did you mean 'ratio'? known: ratio, reserve)",)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_what_is_wrong_is_told(case: Broken, tmp_path: Path) -> None:
    told = complaints(tmp_path, policy=replaced(POLICY, case.old, case.new))
    expected = [f"{FILE}:{line}" for line in case.expected]
    assert [
        abridged(line) if "…" in wanted else line
        for line, wanted in zip(told, expected, strict=True)
    ] == expected
