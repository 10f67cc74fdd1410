"""The fixed replay: 200 requests and 50 streams through routing and translators, in sections that
can be counted one by one.

Everything is an argument: clock, dice, ids. The same code does the same work each time, so that
counted instructions can be compared.
"""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import product
from typing import Any, Final, NamedTuple

from gateway.accounting.observed import Learned
from gateway.config import Balance, Condition, Config, Model, Persona, Price, Rule, TargetRef
from gateway.health.targets import TargetHealth
from gateway.routing.decision import decide
from gateway.routing.facts import Caller
from gateway.routing.state import RoutingContext
from tests.bench import conversations, transcripts
from tests.bench.agents import agents_turn
from tests.routing.worlds import config, context, provider
from translators.capabilities import Capability, ModelRecord, Thinking
from translators.chat.chunks import ChunkWriter
from translators.chat.request import ChatRequest, parse
from translators.dialect import Dialect, Envelope, Target, UpstreamRequest
from translators.json_codec import dumps, first_flaw, loads
from translators.known_tools import forget_tools
from translators.known_tools import read as read_known
from translators.registry import dialect_for

REQUESTS: Final = 10
"""Of each kind, in each dialect: 200 in all."""
AGENTS: Final = 4
"""Turns of an agent, in each dialect."""
STREAMS: Final = {"burst": (5, 5, 5, 5), "paced": (5, 5, 5, 5), "calls": (2, 3, 3, 2)}
"""How often each stream is read, by dialect: 50 in all. burst: all events in one read. paced: one
event in each."""
_KINDS: Final = ("small", "tools", "images", "large", "structured")

_CALLER: Final = Caller("0badcafe", {"user-agent": "replay", "content-type": "application/json"})
_CAPABILITIES: Final[frozenset[Capability]] = frozenset(
    {
        "streaming",
        "tool_calling",
        "parallel_tool_calls",
        "vision",
        "json_object",
        "json_schema",
        "reasoning",
    }
)


class Section(NamedTuple):
    """`work` does one thing once; a replay does it `times` times."""

    name: str
    times: int
    work: Callable[[], object]


class _Route(NamedTuple):
    """A dialect, and the persona that leads there: each with a strategy of its own."""

    dialect: str
    persona: str
    provider: str
    base_url: str


_ROUTES: Final = (
    _Route("openai", "by-priority", "openai", "https://api.openai.com/v1"),
    _Route("claude", "by-weight", "claude", "https://api.anthropic.com"),
    _Route("gemini", "by-cost", "gemini", "https://generativelanguage.googleapis.com/v1beta"),
    _Route("responses", "balanced", "responses", "https://api.openai.com/v1"),
)


def record(**facts: Any) -> ModelRecord:
    return ModelRecord(
        context_window=1_000_000, max_output_tokens=64_000, capabilities=_CAPABILITIES, **facts
    )


_LEVELS: Final = ("low", "medium", "high")
RECORDS: Final = {
    "openai": record(),
    "claude": record(
        thinking=Thinking(
            kind="adaptive", levels=_LEVELS, on_by_default=True, switch_off="disabled"
        ),
        sampling="refused",
    ),
    "gemini": record(
        thinking=Thinking(kind="level", levels=_LEVELS, switch_off="never", on_by_default=True),
        signatures="required",
        prefill=True,
    ),
    "responses": record(
        thinking=Thinking(kind="effort", levels=_LEVELS, on_by_default=True, switch_off="never"),
        responses="always",
    ),
}


def _world() -> tuple[Config, RoutingContext]:
    """Four providers that have all answered before, and the personas."""
    price = Price(input=Decimal("1.25"), output=Decimal("10"), valid_from=date(2026, 1, 1))
    providers = [
        provider(
            route.provider,
            Model(id="m", record=RECORDS[route.dialect], cost_tier="medium", prices=(price,)),
            keys=2,
            dialect="openai" if route.dialect == "responses" else route.dialect,
            base_url=route.base_url,
        )
        for route in _ROUTES
    ]
    refs = tuple(TargetRef(route.provider, "m", weight) for weight, route in enumerate(_ROUTES, 1))
    rules = (
        Rule(name="long", when=Condition(tokens_over=500_000)),
        Rule(name="team", when=Condition(header={"x-team": frozenset({"a"})})),
    )
    personas = (
        Persona(name="by-priority", targets=refs, rules=rules),
        Persona(
            name="by-weight",
            targets=refs,
            rules=rules,
            strategy="weighted",
            system_prompt="Answer in one sentence.",
        ),
        Persona(
            name="by-cost",
            targets=refs,
            rules=rules,
            strategy="cost",
            defaults={"top_p": 0.9},
            caps={"max_tokens": 4000},
        ),
        Persona(
            name="balanced",
            targets=refs,
            rules=rules,
            strategy="balanced",
            balance=Balance(cost=1, latency=1, tier=1),
        ),
    )
    of = config(providers, *personas)
    book, learned = TargetHealth(of), Learned()
    for n, ref in enumerate(refs):
        book.latency(ref.name).observe(True, 0.1 + n / 10, 990.0)
        book.latency(ref.name).observe_rate(500, 5.0, 990.0)
        for persona in personas:
            learned.observe(
                persona.name, ref.name, 1000, {"prompt_tokens": 1100, "completion_tokens": 300}
            )
    return of, context(of, book=book, learned=learned)


def sections() -> Iterator[Section]:
    """All that is counted, in its order."""
    yield Section(YARDSTICK, 10, _yardstick)
    of, seen = _world()
    for kind in _KINDS:
        yield Section(
            f"parse, {kind}",
            REQUESTS * len(_ROUTES),
            partial(_parsed, conversations.request("by-priority", kind)),
        )
    for route, kind in product(_ROUTES, _KINDS):
        yield from _exchange(of, seen, route, kind)
    for route in _ROUTES:
        yield from _agents_turns(of, seen, route)
    for place, route in enumerate(_ROUTES):
        for kind, times in STREAMS.items():
            yield from _stream(of, seen, route, kind, times[place])


def _exchange(of: Config, seen: RoutingContext, route: _Route, kind: str) -> Iterator[Section]:
    """A request that is answered with one JSON document."""
    request = _parsed(conversations.request(route.persona, kind))
    decision = decide(of, request, _CALLER, seen)
    dialect, target = _asked(route, decision.request)
    envelope = _envelope(dialect.build_request(decision.request, target))
    answer = conversations.answer(route.dialect, kind)
    name = f"{route.dialect}, {kind}"
    yield Section(
        f"decide {route.persona}, {kind}", REQUESTS, lambda: decide(of, request, _CALLER, seen)
    )
    yield Section(
        f"build {name}", REQUESTS, lambda: dialect.build_request(decision.request, target)
    )
    yield Section(
        f"answer {name}", REQUESTS, lambda: dumps(dialect.parse_response(answer, envelope))
    )


def _agents_turns(of: Config, seen: RoutingContext, route: _Route) -> Iterator[Section]:
    """Two turns of an agent, from the body that came to the one that is sent."""
    first, second = (agents_turn(route.persona, turn) for turn in (1, 2))

    def turn(body: bytes) -> UpstreamRequest:
        document = read_known(body)
        if document is None:
            raise RuntimeError("the tools of the replay's own agent are not read")
        decision = decide(of, parse(document, len(body)), _CALLER, seen)
        dialect, target = _asked(route, decision.request)
        return dialect.build_request(decision.request, target)

    def begin() -> UpstreamRequest:
        forget_tools()
        return turn(first)

    yield Section(f"agent {route.dialect}, first", AGENTS, begin)
    yield Section(f"agent {route.dialect}, second", AGENTS, lambda: turn(second))


def _stream(
    of: Config, seen: RoutingContext, route: _Route, kind: str, times: int
) -> Iterator[Section]:
    """A request that is answered with a stream."""
    calls = kind == "calls"
    request = _parsed(
        conversations.request(route.persona, "tools" if calls else "small", stream=True)
    )
    decision = decide(of, request, _CALLER, seen)
    dialect, target = _asked(route, decision.request)
    envelope = _envelope(dialect.build_request(decision.request, target))
    events = transcripts.events(route.dialect, calls)
    reads = events if kind == "paced" else [b"".join(events)]

    def read() -> list[Any]:
        stream = dialect.open_stream(envelope)
        batches = [stream.receive(data) for data in reads]
        if not stream.finished:  # Gemini has no end mark but the end
            batches.append(stream.receive_eof())
        if not stream.finished:
            raise RuntimeError(
                f"the stream of {route.dialect}, {kind} does not end: {stream.failure}"
            )
        return batches

    batches = read()

    def write() -> None:
        writer = ChunkWriter(envelope.id, envelope.created, envelope.model, include_usage=True)
        for batch in batches:
            writer.write(batch)

    yield Section(f"read {route.dialect}, {kind}", times, read)
    yield Section(f"write {route.dialect}, {kind}", times, write)


def _parsed(body: bytes) -> ChatRequest:
    document = loads(body)
    if first_flaw(body, document) is not None:
        raise RuntimeError("the replay's own request is flawed")
    return parse(document, len(body))


def _asked(route: _Route, request: ChatRequest) -> tuple[Dialect, Target]:
    spoken = "openai" if route.dialect == "responses" else route.dialect
    record = RECORDS[route.dialect]
    return dialect_for(spoken, record, request.body), Target(
        route.provider, spoken, route.base_url, "m", record, "key"
    )


def _envelope(built: UpstreamRequest) -> Envelope:
    return Envelope(
        id="chatcmpl-1", created=1_795_000_000, model="m", call_id="call_1", shape=built.shape
    )


YARDSTICK: Final = "yardstick"
"""Work that has nothing of ours in it: it costs the same wherever the interpreter and the JSON
library are the same build."""
_TEXT: Final = dumps(
    {"items": [{"name": "word " * 50, "number": n, "flag": None} for n in range(100)]}
)


def _yardstick() -> bytes:
    value = loads(_TEXT)
    found = {}
    for item in value["items"]:
        found[item["number"]] = f"{item['name']}{item['number']}".encode().split(b" ")
    return dumps(value) + b"".join(b"".join(words) for words in found.values())
