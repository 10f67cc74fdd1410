"""Faults planted one by one into a copy of the project, to see that its own checks notice: `python
-m tests.mutants [NAME …]`.

Each mutant is one replacement in one file and the command that must fail because of it: tests where
a rule is broken, chaos or soak where these claim to see it. A mutant whose command passes has
survived, and is a hole in the checks. A command that fails without any fault would notice
everything, so each is run once without one. Exits with 1 if any survives, or fails so. Not part of
`make test`: each mutant costs a start of its command. Its own test holds that every replacement
still fits the code.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

from tests.limits_mutants import OF_LIMITS
from tests.planting import Mutant, passes


def _chaos(*words: str) -> tuple[str, ...]:
    return ("tests.chaos", "-k", *words)


def _soak(requests: int = 4000) -> tuple[str, ...]:
    return ("tests.soak", "--requests", str(requests))


def _pytest(*paths: str) -> tuple[str, ...]:
    return ("pytest", "-x", "-q", "-p", "no:cacheprovider", *(f"tests/{path}" for path in paths))


MUTANTS: Final = (
    # Routing.
    Mutant(
        "an open breaker lets calls through", "gateway/health/breaker.py",
        '            case "open":\n                return None\n',
        '            case "open":\n                return _CALL\n',
        _pytest("health/test_breaker.py"),
    ),
    Mutant(
        "a breaker's probe is given to everybody", "gateway/health/breaker.py",
        "                self._probing = now\n", "                self._probing = None\n",
        _pytest("health/test_breaker.py"),
    ),
    Mutant(
        "a target that comes back gets all of its calls at once", "gateway/health/breaker.py",
        "return max(_FIRST_SHARE, (now - self._ramp_from) / self._settings.ramp)", "return 1.0",
        _pytest("health/test_breaker.py"),
    ),
    Mutant(
        "an outage is probed as often after hours as at first", "gateway/health/breaker.py",
        " * 2 ** min(self._times_opened, 30)", "",
        _pytest("health/test_breaker.py"),
    ),
    Mutant(
        "a target that is set aside is asked", "gateway/routing/plan.py",
        "                candidate.refuse(standing.reason)\n", "                pass\n",
        _pytest("routing/test_plan.py"),
    ),
    Mutant(
        "retries cost no budget", "gateway/routing/failover.py",
        "wait >= remaining() or not budget.take()", "wait >= remaining()",
        _pytest("routing/test_failover.py"),
    ),
    Mutant(
        "hedges cost no budget", "gateway/dispatch/hedge.py",
        "self._budget is None or not self._budget.take():", "self._budget is None:",
        _pytest("api/test_hedging.py"),
    ),
    Mutant(
        "a prompt that was too long goes to a window as small", "gateway/routing/failover.py",
        "    for candidate in candidates:\n        if candidate.model.record.context_window <= smallest_window:\n            continue\n",  # noqa: E501
        "    for candidate in candidates:\n",
        _pytest("api/test_failover.py::test_a_prompt_too_long_for_the_first_goes_to_one_that_holds_it"),
    ),
    Mutant(
        "a prompt goes where it does not fit", "gateway/routing/gates.py",
        'candidate.refuse(f"context_overflow', '(f"context_overflow',
        _pytest("routing/test_plan.py"),
    ),
    Mutant(
        "a persona's price ceiling is not looked at", "gateway/routing/gates.py",
        "        elif cost > ceiling:\n", "        elif cost > ceiling * 10**9:\n",
        _pytest("routing/test_plan.py"),
    ),
    Mutant(
        "regions of a persona are not looked at", "gateway/routing/gates.py",
        "not in regions:\n", "in regions and False:\n",
        _pytest("routing/test_plan.py"),
    ),
    Mutant(
        "a conversation is forgotten at once", "gateway/routing/affinity.py",
        "now - found[2] <= LIFETIME", "now - found[2] <= 0.0",
        _pytest("routing/test_affinity.py"),
    ),
    # Translators.
    Mutant(
        "a stream without an end looks whole", "translators/openai/answer/stream.py",
        "        elif self.ended:  # proof enough",
        "        elif self._choices:  # proof enough",
        _pytest("translators/openai/answer/test_response.py"),
    ),
    Mutant(
        "calls of a stream are told apart by index alone",
        "translators/openai/answer/streamed_calls.py",
        "        if given and (call is None or call.given != given):\n",
        "        if given and call is None:\n",
        _pytest("translators/openai/test_stream_calls.py"),
    ),
    Mutant(
        "an answer that broke ends with stop", "translators/openai/answer/finish_reason.py",
        "        if (kind := _BROKEN.get(each)) is not None:\n",
        "        if (kind := _BROKEN.get(each)) is not None and False:\n",
        _pytest("translators/openai/answer/test_response.py"),
    ),
    Mutant(
        "half a surrogate pair is let through", "translators/json_codec.py",
        "if at - start == _HALF:", "if at - start < _HALF:",
        _pytest("translators/test_json_codec.py"),
    ),
    Mutant(
        "an event grows without end", "translators/sse.py",
        "if self._size > self._max:", "if False:",
        _pytest("translators/test_sse.py"),
    ),
    Mutant(
        "an answer that was cut looks finished", "translators/claude/answer/stop_reason.py",
        '"max_tokens": "length"', '"max_tokens": "stop"',
        _pytest("translators/claude/answer/test_stop_reason.py"),
    ),
    Mutant(
        "thinking of others is sent to Claude as its own", "translators/claude/wire.py",
        'if not (block.get("signature") or block.get("data")):', "if False:",
        _pytest("translators/claude/test_golden.py"),
    ),
    Mutant(
        "a signature that comes in pieces is cut", "translators/claude/answer/content_blocks.py",
        "block.signature += signature", "block.signature = signature",
        _pytest("translators/claude/answer/test_stream.py"),
    ),
    Mutant(
        "Gemini's signed calls lose their signatures", "translators/gemini/answer/candidate.py",
        '**({"thoughtSignature": signature} if signature else {})', "",
        _pytest("translators/gemini/test_golden.py"),
    ),
    # Access.
    Mutant(
        "any key opens the gateway", "gateway/api/auth.py",
        "        if any(matches):\n", "        if matches:\n",
        _pytest("api/test_auth.py"),
    ),
    Mutant(
        "callers' keys administer", "gateway/api/auth.py",
        "    if digests & _digests(VARIABLE, environ):\n", "    if False:\n",
        _pytest("api/test_admin.py::test_a_caller_cannot_have_the_admin_key"),
    ),
    Mutant(
        "without a key of theirs everybody administers", "gateway/api/auth.py",
        "        if not self._digests:\n            raise AdminDisabled",
        "        if not self._digests:\n            AdminDisabled",
        _pytest("api/test_admin.py::test_without_an_admin_key_nobody_reloads"),
    ),
    Mutant(
        "a variable that holds no key opens the gateway", "gateway/api/auth.py",
        "    if environ.get(VARIABLE) and not digests:\n", "    if False:\n",
        _pytest("api/test_auth.py"),
    ),
    Mutant(
        "keys in files open nothing and are not missed", "gateway/api/auth.py",
        "            digests |= _from_file(variable, Path(item))\n",
        "            digests |= {item.encode()}\n",
        _pytest("api/test_auth.py"),
    ),
    Mutant(
        "the catalog asks for no key", "gateway/api/auth.py",
        'OPEN_ROUTES: Final = frozenset({"/health", "/health/ready", "/metrics"})',
        'OPEN_ROUTES: Final = frozenset({"/health", "/health/ready", "/metrics", "/v1/models"})',
        _pytest("api/test_auth.py"),
    ),
    # What comes from outside.
    Mutant(
        "the guard on fetched URLs is off", "gateway/upstream/media.py",
        "if not is_public(address[4][0]):", "if False:",
        _pytest("api/test_fetched_urls.py"),
    ),
    Mutant(
        "a provider's words become headers unseen", "gateway/dispatch/attempt_record.py",
        'r"[ -~]{1,200}"', 'r"(?s:.*)"',
        _pytest("api/test_answer_headers.py"),
    ),
    Mutant(
        "a provider's model becomes a header unseen", "gateway/dispatch/exchange.py",
        " and fits_header(model)", "",
        _pytest("api/test_answer_headers.py"),
    ),
    Mutant(
        "a provider's headers are handed on unseen", "gateway/dispatch/attempt_record.py",
        "if fits_header(value) and not (spoilt", "if not (spoilt",
        _pytest("api/test_answer_headers.py"),
    ),
    Mutant(
        "a header to a provider may be several lines", "gateway/upstream/client.py",
        'if any("\\r" in line or "\\n" in line', 'if any("\\r\\n\\r" in line',
        _pytest("upstream/test_connection.py::test_a_header_cannot_become_two"),
    ),
    Mutant(
        "a configured header may hold anything", "gateway/config/endpoints.py",
        "if not _PRINTABLE.fullmatch(value):", "if False:",
        _pytest("config/test_broken_capabilities.py"),
    ),
    Mutant(
        "a header of ours may be several lines", "gateway/http/response.py",
        'if "\\n" in said or "\\r" in said:', 'if "\\n\\r" in said:',
        _pytest("api/test_answer_headers.py"),
    ),
    # Connections to providers.
    Mutant(
        "a connection that is to be closed is used again", "gateway/upstream/connection.py",
        "= parser.should_keep_alive()", "= True",
        _pytest("upstream/test_connection.py"),
    ),
    Mutant(
        "a connection whose answer had two lengths is used again", "gateway/upstream/connection.py",
        "        if measured:  # chunks", "        if False:  # chunks",
        _pytest("upstream/test_connection.py"),
    ),
    Mutant(
        "a connection is used again whatever came behind the answer",
        "gateway/upstream/connection.py",
        "            self._reusable\n            and transport", "            transport",
        _pytest("upstream/test_connection.py"),
    ),
    Mutant(
        "a connection with a second answer is used again", "gateway/upstream/connection.py",
        "        if self._complete:  # more than was asked for\n            self._reusable = False\n", "",  # noqa: E501
        _pytest("upstream/test_connection.py"),
    ),
    Mutant(
        "a connection on which something came unasked is used again",
        "gateway/upstream/connection.py",
        "= True\n            self.abort()\n", "= True\n",
        _pytest("upstream/test_connection.py"),
    ),
    Mutant(
        "framing has no limit", "gateway/upstream/connection.py",
        "        if self._framing > _MAX_FRAMING_BYTES:\n", "        if False:\n",
        _chaos("interim", "extension"),
    ),
    Mutant(
        "a provider is never paused", "gateway/upstream/connection.py",
        "transport.pause_reading()", "pass",
        _chaos("slowly"),
    ),
    Mutant(
        "a provider that was paused stays so", "gateway/upstream/connection.py",
        "transport.resume_reading()", "pass",
        _chaos("slowly"),
    ),
    Mutant(
        "connections are never swept", "gateway/upstream/pool.py",
        "self._loop.call_later(KEEP_IDLE, self._sweep)\n\n    def", "None\n\n    def",
        _chaos("connection stays"),
    ),
    Mutant(
        "a request is sent again on a fresh connection, and paid twice",
        "gateway/upstream/client.py",
        "if not (pooled and lost and", "if not (lost and",
        _chaos("request:", "accept:"),
    ),
    Mutant(
        "a place is never given back", "gateway/upstream/concurrency.py",
        "room.leave(self._loop.time() - self._since)", "pass",
        _chaos("502 storm"),
    ),
    Mutant(
        "who leaves while it waits keeps its turn", "gateway/upstream/concurrency.py",
        "                self._waiting.remove(turn)\n", "                pass\n",
        _pytest("upstream/test_concurrency.py"),
    ),
    Mutant(
        "a place of a failed call is not given back", "gateway/dispatch/attempt_end.py",
        "        attempt.place.leave()\n", "        pass\n",
        _chaos("502 storm"),
    ),
    Mutant(
        "a probe's permit is never given back", "gateway/health/breaker.py",
        'another.\n        """\n        if permit is _PROBE:',
        'another.\n        """\n        if False:',
        _chaos("probe"),
    ),
    Mutant(
        "a leave is never given back", "gateway/dispatch/attempt_end.py",
        "    if attempt.leave is not None:\n        state.health.abandoned(attempt.leave)",
        "    if attempt.leave is not None:\n        pass",
        _chaos("probe"),
    ),
    Mutant(
        "an answer that is given up is not hung up", "gateway/upstream/response.py",
        "            self._watch.remove(self)\n            self._connection.abort()\n",
        "            self._watch.remove(self)\n",
        _chaos("callers: leave in", "callers: leave before"),
    ),
    # What the soak sees.
    Mutant(
        "a response is closed without hanging up", "gateway/upstream/response.py",
        "            self._connection.abort()\n            self._connection = None\n",
        "            self._connection = None\n",
        _soak(),
    ),
    Mutant(
        "reading is never resumed", "gateway/upstream/connection.py",
        "                transport.resume_reading()", "                return",
        _soak(),
    ),
    Mutant(
        "places stay taken", "gateway/upstream/concurrency.py",
        "        for room in rooms:\n            room.leave(",
         "        for room in rooms[:0]:\n            room.leave(",
        _soak(),
    ),
    Mutant(
        "requests whose callers leave are in flight for ever", "gateway/api/exchange.py",
        "        gateway.running -= 1\n",
        "        gateway.running -= exchange.outcome != \"client_gone\"\n",
        _soak(),
    ),
    Mutant(
        "a kilobyte is kept of each request", "gateway/api/exchange.py",
        "    def __enter__(self) -> Exchange:\n",
        "    def __enter__(self, kept: list[bytes] = []) -> Exchange:\n        kept.append(bytes(1024))\n",  # noqa: E501
        _soak(),
    ),
    Mutant(
        "an object is kept of each request", "gateway/api/exchange.py",
        "    def __enter__(self) -> Exchange:\n",
        "    def __enter__(self, kept: list[object] = []) -> Exchange:\n        kept.append(object())\n",  # noqa: E501
        _soak(10_000),
    ),
    # Answers that are given again.
    Mutant(
        "a cache is one for all keys", "gateway/api/cache_rules.py",
        'return f"team {team}" if team else f"key {key_id}"', 'return ""',
        _pytest("api/test_cached_answers.py"),
    ),
    Mutant(
        "calls of tools are given again unasked", "gateway/api/cache_rules.py",
        "if not settings.tools and", "if False and",
        _pytest("api/test_cached_answers.py"),
    ),
    Mutant(
        "everybody leads", "gateway/cache/flight.py",
        "return self._flights.get(key)", "return None",
        _pytest("api/test_cached_flights.py"),
    ),
    Mutant(
        "who waits for a leader that left waits for ever", "gateway/cache/flight.py",
        "            self._landed.set_result(landing)\n",
        "            landing is Landing.FAILED or self._landed.set_result(landing)\n",
        _pytest("api/test_cached_flights.py"),
    ),
    Mutant(
        "an answer that is given again is paid for again", "gateway/dispatch/exchange.py",
        "            return 0  # nobody was asked\n", "            pass\n",
        _pytest("api/test_cached_answers.py"),
    ),
    # Growth.
    Mutant(
        "the log waits for its reader without limit", "gateway/telemetry/request_log.py",
        "if len(self._waiting) >= CAPACITY - (self._handed - self._done):", "if False:",
        _pytest("telemetry/test_events_and_logs.py"),
    ),
    # What instances share.
    Mutant(
        "a hint alone sets a target aside", "gateway/health/news.py",
        "now - hint.at <= AGREED]) > 1", "now - hint.at <= AGREED]) > 0",
        _pytest("cluster/test_hints.py"),
    ),
    Mutant(
        "a hint is forgotten where it counts", "gateway/health/news.py",
        "if hinted and standing_hints(hinted, target, now):", "if False:",
        _pytest("cluster/test_hints.py"),
    ),
    Mutant(
        "what others see fail opens a breaker alone", "gateway/health/breaker.py",
        "max(_FEWEST_IF_HINTED, self._settings.min_calls - elsewhere)", "0",
        _pytest("cluster/test_hints.py"),
    ),
    Mutant(
        "a limit that was told is never over", "gateway/health/news.py",
        "if fact is not None and breaker.opens_in(now) is None:", "if False:",
        _pytest("cluster/test_hints.py"),
    ),
    Mutant(
        "whose secret a dead key is does not matter", "gateway/cluster/facts.py",
        "said = [provider.base_url, secret,", "said = [provider.base_url,",
        _pytest("cluster/test_hints.py"),
    ),
    Mutant(
        "a state opens in another's place", "gateway/cluster/states.py",
        'return kind.encode() + b"\\0" + id_', 'return b""',
        _pytest("cluster/test_states.py"),
    ),
    Mutant(
        "a state is found by other callers", "gateway/cluster/states.py",
        "for part in (kind, *name)]", "for part in (kind, *name[1:])]",
        _pytest("cluster/test_states.py"),
    ),
    Mutant(
        "what waits for the store has no end", "gateway/cluster/states.py",
        "while len(self._waiting) > MOST_WAITING or", "while",
        _pytest("cluster/test_states.py"),
    ),
    Mutant(
        "a request waits for what is late", "gateway/cluster/states.py",
        "await asyncio.wait({reading}, timeout=patience)", "await asyncio.wait({reading})",
        _pytest("cluster/test_store_down.py"),
    ),
    *OF_LIMITS,
)  # fmt: skip


def chosen(names: list[str]) -> Iterator[Mutant]:
    return (mutant for mutant in MUTANTS if not names or any(name in mutant.name for name in names))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("names", nargs="*", help="only mutants whose names hold one of these")
    mutants = list(chosen(parser.parse_args().names))
    faults = 0
    for command in dict.fromkeys(mutant.noticed_by for mutant in mutants):
        faults += _told(
            f"without a fault: {' '.join(command)}",
            {True: "passes", False: "FAILS"},
            lambda command=command: passes(command),
            True,
        )
    for mutant in mutants:
        faults += _told(
            mutant.name,
            {True: "SURVIVES", False: "noticed"},
            lambda mutant=mutant: passes(mutant.noticed_by, mutant),
            False,
        )
    print(f"{faults} of these are not as they should be")
    return 1 if faults else 0


def _told(what: str, words: dict[bool, str], look: Callable[[], bool], expected: bool) -> bool:
    """Look, and print what was seen and how long it took. Whether it was not as expected."""
    started = time.monotonic()
    seen = look()
    print(f"{words[seen]:8}  {time.monotonic() - started:5.0f} s  {what}", flush=True)
    return seen is not expected


if __name__ == "__main__":
    sys.exit(main())
