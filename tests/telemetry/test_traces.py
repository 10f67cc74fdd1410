"""Traces of a whole gateway, at a receiver on a socket, read with the official protocol's types."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import aiohttp
import pytest
from aiohttp import web
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.api.auth import Access, read
from gateway.cli.traces import TracingUnusable, tracing
from gateway.config.server import Tracing
from gateway.telemetry.events import AttemptEnded
from gateway.telemetry.request_log import line
from gateway.telemetry.trace_context import RequestTrace
from gateway.telemetry.traces import Traces
from tests.deploy.monitoring import CLAUDE
from tests.fakes import fake_upstream, json_answer, openai_chunk, openai_completion, sse
from tests.serving import POLICY, ROOT, Running, serving
from tests.telemetry.test_events_and_logs import ENDED

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"
CANARY = "canary-7c1"
ASKED = {
    "model": "on_openai",
    "messages": [{"role": "user", "content": CANARY}],
    "temperature": 0.5,
    "max_tokens": 9,
}
MEGABYTE: Final = bytes(2**20)
SERVER, CLIENT = 2, 3
"""The kinds of spans: of requests, of attempts."""
DOWN = json_answer({"error": {"message": "down"}}, "503 Service Unavailable")


@dataclass
class Receiver:
    """What came, as spans by name, and how it answers."""

    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    status: int = 200
    hangs: bool = False
    size: int = 0
    """Bytes of its answers."""
    authorized: set[str | None] = field(default_factory=set)
    waiting: int = 0
    """Who has no answer yet."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        data = await request.read()
        self.authorized.add(request.headers.get("authorization"))
        self.raw.append(data)
        if self.hangs:
            self.waiting += 1
            try:
                await asyncio.sleep(60)
            finally:
                self.waiting -= 1
        if self.status == 200:
            told = ExportTraceServiceRequest()
            told.ParseFromString(data)
            self.requests.append(told)
        if self.size:
            return await self._floods(request)
        self.peers.add(request.transport)
        return web.Response(status=self.status, body=self.said)

    async def _floods(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(status=self.status)
        await answer.prepare(request)
        for _ in range(self.size // len(MEGABYTE)):
            await answer.write(MEGABYTE)
            self.sent += len(MEGABYTE)
        return answer

    said: bytes = b""
    peers: set[Any] = field(default_factory=set)
    """Connections on which it was told of spans."""
    sent: int = 0
    """Bytes of them that went out."""

    def spans(self) -> list[Any]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    async def wait_for(self, count: int) -> list[Any]:
        async with asyncio.timeout(20):
            while len(self.spans()) < count:  # noqa: ASYNC110 - a thread sends them
                await asyncio.sleep(0.05)
        return self.spans()


@pytest.fixture
async def receiver(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    found = Receiver()
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/v1/traces", found.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{host}:{port}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    for name in ("OTEL_TRACES_SAMPLER", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"):
        monkeypatch.delenv(name, raising=False)
    yield found
    await runner.cleanup()


@asynccontextmanager
async def traced(
    policy: str = POLICY,
    chosen: str = "",
    access: Access | None = None,
    state: Mapping[str, str] = MappingProxyType({}),
    **answers: Any,
) -> AsyncIterator[Running]:
    """`chosen`: the vocabulary that the operator asks for; `state`: more of the environment."""
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "set", "OTEL_SEMCONV_STABILITY_OPT_IN": chosen}
    async with (
        fake_upstream(**answers) as fake,
        serving(
            {**fake.environ(), **state}, policy, access=access, tracing=tracing(environ)
        ) as running,
    ):
        yield running


async def ask(running: Running, body: Any = ASKED, **headers: str) -> Any:
    async with (
        aiohttp.ClientSession() as session,
        session.post(running.url + "/v1/chat/completions", json=body, headers=headers) as answer,
    ):
        await answer.read()
        return answer


def values(span: Any) -> dict[str, Any]:
    return {each.key: value_of(each.value) for each in span.attributes}


def value_of(value: Any) -> Any:
    kind = value.WhichOneof("value")
    found = getattr(value, kind)
    return [value_of(each) for each in found.values] if kind == "array_value" else found


WRITTEN: Final = {
    "prompt_tokens": 9,
    "completion_tokens": 2,
    "total_tokens": 11,
    "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3},
}


@pytest.mark.parametrize("chosen", ["", "gen_ai_latest_experimental"])
async def test_an_answer_is_told_with_its_id_and_what_its_cache_did(
    receiver: Receiver, chosen: str
) -> None:
    whole = openai_completion() | {"usage": WRITTEN}
    async with traced(chosen=chosen, openai=json_answer(whole)) as running:
        await ask(running)
        _, attempt = sorted(await receiver.wait_for(2), key=lambda span: span.kind)
    told = values(attempt)
    assert told["gen_ai.response.id"] == whole["id"]
    assert told["gen_ai.usage.cache_read.input_tokens"] == 4
    writes = {name: value for name, value in told.items() if ".cache_" in name and value == 3}
    assert writes == {f"gen_ai.usage.cache_{'write' if chosen else 'creation'}.input_tokens": 3}


async def test_a_streamed_answer_is_told_with_its_id(receiver: Receiver) -> None:
    events = (openai_chunk({"content": "hi"}), openai_chunk({}, "stop"), b"data: [DONE]\n\n")
    async with traced(openai=sse(*events)) as running:
        await ask(running, {**ASKED, "stream": True})
        _, attempt = sorted(await receiver.wait_for(2), key=lambda span: span.kind)
    assert values(attempt)["gen_ai.response.id"] == "chatcmpl-up"


async def test_a_request_is_a_server_span_with_an_attempt_below_it(receiver: Receiver) -> None:
    caller = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    async with traced(openai=json_answer(openai_completion())) as running:
        answer = await ask(running, **caller)
        server, attempt = sorted(await receiver.wait_for(2), key=lambda span: span.kind)
    assert server.trace_id.hex() == attempt.trace_id.hex() == TRACE
    assert server.parent_span_id.hex() == PARENT
    assert attempt.parent_span_id == server.span_id
    assert answer.headers["traceresponse"] == f"00-{TRACE}-{server.span_id.hex()}-01"
    assert (server.name, attempt.name) == ("POST /v1/chat/completions", "chat gpt-4.1")
    assert server.start_time_unix_nano <= attempt.start_time_unix_nano
    assert attempt.end_time_unix_nano <= server.end_time_unix_nano
    told = values(server)
    assert told["http.response.status_code"] == 200
    assert told["llm_router.decision"] == answer.headers["x-llm-router-decision"]
    assert [event.name for event in server.events] == ["llm_router.plan"]
    asked = values(attempt)
    assert asked["gen_ai.operation.name"] == "chat"
    assert asked["gen_ai.request.max_tokens"] == 9
    assert asked["gen_ai.request.temperature"] == 0.5
    assert asked["gen_ai.usage.input_tokens"] == openai_completion()["usage"]["prompt_tokens"]
    assert asked["llm_router.purpose"] == "first"
    assert server.status.code == attempt.status.code == 0
    assert CANARY.encode() not in b"".join(receiver.raw)


async def test_a_failure_that_failover_hid_is_an_error_below_a_good_span(
    receiver: Receiver,
) -> None:
    async with traced(openai=DOWN, claude=json_answer(CLAUDE)) as running:
        answer = await ask(running, {**ASKED, "model": "all"})
        spans = await receiver.wait_for(3)
    assert answer.status == 200
    (server,) = [span for span in spans if not span.parent_span_id]
    first, second = sorted(
        (span for span in spans if span.parent_span_id), key=lambda s: s.start_time_unix_nano
    )
    assert (server.status.code, first.status.code, second.status.code) == (0, 2, 0)
    assert values(first)["error.type"] == "overloaded"
    assert values(second)["llm_router.purpose"] == "failover"


async def test_an_attempt_is_told_with_its_number_its_key_and_its_conversation(
    receiver: Receiver,
) -> None:
    async with traced(openai=DOWN, claude=json_answer(CLAUDE)) as running:
        await ask(running, {**ASKED, "model": "all", "prompt_cache_key": "talk-1"})
        await ask(running, {**ASKED, "model": "on_claude"}, **{"x-llm-router-session": "talk-2"})
        spans = await receiver.wait_for(5)
    told = sorted(
        (each["gen_ai.conversation.id"], each["llm_router.attempt"], each["llm_router.key"])
        for each in (values(span) for span in spans if span.kind == CLIENT)
    )
    assert told == [
        ("talk-1", 1, "OPENAI_API_KEY"),
        ("talk-1", 2, "ANTHROPIC_API_KEY"),
        ("talk-2", 1, "ANTHROPIC_API_KEY"),
    ]


async def test_a_request_is_told_with_the_team_of_its_key(
    receiver: Receiver, tmp_path: Path
) -> None:
    name = sha256(b"sk-mine").hexdigest()[:8]
    teams = f'teams: {{blue: {{}}}}\nkeys: {{"{name}": {{team: blue}}}}\npersonas:'
    policy = POLICY.replace("personas:", teams, 1)
    access, state = (
        read({"LLM_ROUTER_API_KEYS": "sk-mine"}),
        {"LLM_ROUTER_STATE_DIR": str(tmp_path)},
    )
    async with traced(
        policy, access=access, state=state, openai=json_answer(openai_completion())
    ) as running:
        await ask(running, authorization="Bearer sk-mine")
        server, _ = sorted(await receiver.wait_for(2), key=lambda span: span.kind)
    told = values(server)
    assert (told["llm_router.key_id"], told["llm_router.team"]) == (name, "blue")


@pytest.mark.parametrize("asked", [True, False])
async def test_a_caller_is_told_of_only_where_the_policy_says_so(
    receiver: Receiver, asked: bool
) -> None:
    switched = POLICY.replace("server: {", f"server: {{tracing: {{caller: {asked}}}, ", 1)
    async with traced(switched, openai=json_answer(openai_completion())) as running:
        await ask(running, **{"user-agent": "mine/1"})
        server, _ = sorted(await receiver.wait_for(2), key=lambda span: span.kind)
    told = {
        name: value
        for name, value in values(server).items()
        if name in ("client.address", "user_agent.original")
    }
    expected = {"client.address": "127.0.0.1", "user_agent.original": "mine/1"}
    assert told == (expected if asked else {})


@pytest.mark.parametrize(("chosen", "kind"), [("", float), ("gen_ai_latest_experimental", int)])
async def test_top_k_has_the_type_of_the_vocabulary(
    receiver: Receiver, chosen: str, kind: type
) -> None:
    async with traced(chosen=chosen, claude=json_answer(CLAUDE)) as running:
        await ask(running, {**ASKED, "model": "on_claude", "top_k": 40})
        _, attempt = sorted(await receiver.wait_for(2), key=lambda span: span.kind)
    found = values(attempt)["gen_ai.request.top_k"]
    assert (found, type(found)) == (40, kind)


async def test_of_a_form_of_answers_only_the_kind_is_told(receiver: Receiver) -> None:
    schema = {"name": CANARY, "schema": {"type": "object"}}
    form = {"type": "json_schema", "json_schema": schema}
    async with traced(openai=json_answer(openai_completion())) as running:
        await ask(running, {**ASKED, "response_format": form})
        _, attempt = sorted(await receiver.wait_for(2), key=lambda span: span.kind)
    assert values(attempt)["gen_ai.output.type"] == "json"
    assert CANARY.encode() not in b"".join(receiver.raw)


async def test_an_answer_of_the_cache_is_told_as_one(receiver: Receiver) -> None:
    policy = POLICY.replace("targets: [openai/gpt-4.1], ", "targets: [openai/gpt-4.1], cache: {}, ")
    async with traced(policy, openai=json_answer(openai_completion())) as running:
        first, second = await ask(running), await ask(running)
        spans = await receiver.wait_for(3)
    told = {
        values(span)["llm_router.decision"]: values(span) for span in spans if span.kind != CLIENT
    }
    of_first, of_second = (
        told[answer.headers["x-llm-router-decision"]] for answer in (first, second)
    )
    assert (of_first["llm_router.cache"], of_first["llm_router.attempts"]) == ("miss", 1)
    assert "llm_router.cache.age" not in of_first
    assert (of_second["llm_router.cache"], of_second["llm_router.attempts"]) == ("hit", 0)
    assert of_second["llm_router.cache.age"] in (0, 1)


async def test_an_unsampled_request_makes_nothing_of_the_sdk(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    monkeypatch.setattr("gateway.telemetry.spans.SpanContext", made.append)
    async with traced(openai=json_answer(openai_completion())) as running:
        answer = await ask(running, traceparent=f"00-{TRACE}-{PARENT}-00")
    assert answer.headers["traceresponse"].endswith("-00")
    assert made == []


async def test_a_stream_that_breaks_is_an_error(receiver: Receiver) -> None:
    half = sse(openai_chunk({"content": "half"}))
    async with traced(openai=half) as running:
        await ask(running, {**ASKED, "stream": True})
        spans = await receiver.wait_for(2)
    assert [span.status.code for span in spans] == [2, 2]


async def test_an_unsampled_request_makes_no_span_unless_it_failed(receiver: Receiver) -> None:
    policy = POLICY.replace("server: {", "server: {tracing: {always: [error]}, ")
    unsampled = {"traceparent": f"00-{TRACE}-{PARENT}-00"}
    async with traced(policy, openai=json_answer(openai_completion()), claude=DOWN) as running:
        good = await ask(running, **unsampled)
        await ask(running, {**ASKED, "model": "on_claude"}, **unsampled)
        spans = await receiver.wait_for(2)
        assert running.gateway.traces is not None
        assert running.gateway.traces.dropped == 0
    assert good.headers["traceresponse"].endswith("-00")
    assert {values(span).get("http.response.status_code") for span in spans} == {503}


@pytest.mark.parametrize(("hangs", "status"), [(True, 200), (False, 500), (False, 400)])
async def test_a_receiver_that_fails_touches_no_answer_and_is_counted(
    receiver: Receiver, hangs: bool, status: int
) -> None:
    receiver.hangs, receiver.status = hangs, status
    async with traced(openai=json_answer(openai_completion())) as running:
        assert {(await ask(running)).status for _ in range(5)} == {200}
        traces = running.gateway.traces
        assert traces is not None
        async with asyncio.timeout(30):
            while traces.dropped < 10:  # noqa: ASYNC110 - a thread counts them
                await asyncio.sleep(0.05)
        text, _ = await running.gateway.metrics.scrape("")
    assert "llm_router_spans_dropped_total 10.0" in text.decode()


@pytest.mark.parametrize("own", [True, False])
async def test_messages_are_made_here_unless_the_exporter_has_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    if own:
        encoder = "opentelemetry.exporter.otlp.proto.http.trace_exporter.encode_spans"
        monkeypatch.setattr(encoder, None)
    else:  # as if they were too long
        monkeypatch.setattr("gateway.telemetry.span_export._LONG", 0)
    async with traced(openai=json_answer(openai_completion())) as running:
        await ask(running)
        spans = await receiver.wait_for(2)
    assert sorted(span.kind for span in spans) == [2, 3]


@pytest.mark.parametrize("status", [200, 400])
async def test_of_a_receiver_s_answer_only_its_head_is_read(
    receiver: Receiver, status: int
) -> None:
    receiver.size, receiver.status = 2**30, status
    async with traced(openai=json_answer(openai_completion())) as running:
        await ask(running)
        traces = running.gateway.traces
        assert traces is not None
        async with asyncio.timeout(30):
            while traces.exported + traces.dropped < 2:  # noqa: ASYNC110 - a thread counts them
                await asyncio.sleep(0.05)
        assert (traces.exported, traces.dropped) == ((2, 0) if status == 200 else (0, 2))
    assert receiver.sent < 64 * len(MEGABYTE)


@pytest.mark.parametrize(("size", "kept"), [(64, True), (2**20, False)])
async def test_a_receiver_s_connection_is_kept_where_its_answers_are_short(
    receiver: Receiver, size: int, kept: bool
) -> None:
    receiver.said = bytes(size)
    async with traced(openai=json_answer(openai_completion())) as running:
        await ask(running)
        await receiver.wait_for(2)
        await ask(running)
        await receiver.wait_for(4)
    assert len(receiver.peers) == (1 if kept else 2)


async def test_what_does_not_fit_into_the_queue_is_counted_and_the_rest_is_told(
    receiver: Receiver,
) -> None:
    traces = Traces(Tracing, lambda name: "", "1", {"OTEL_BSP_MAX_QUEUE_SIZE": "4"})
    attempt = AttemptEnded("openai", "gpt-4.1", "ok", 0.1, 200, span_id=PARENT)
    for _ in range(5):
        here = traces.begin({})._replace(told=True)
        told = RequestTrace(here, "/v1/chat/completions")
        traces.on_event(ENDED._replace(trace=told, attempts=(attempt,)))
    with traces.running():
        await receiver.wait_for(4)
        async with asyncio.timeout(20):
            while traces.exported < 4:  # noqa: ASYNC110 - a thread counts them
                await asyncio.sleep(0.05)
    assert (traces.exported, traces.dropped) == (4, 6)


async def test_spans_are_as_the_variables_limit_them(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "6")
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "5")
    async with traced(openai=json_answer(openai_completion())) as running:
        await ask(running)
        spans = await receiver.wait_for(2)
    assert [len(span.attributes) for span in spans] == [5, 5]
    assert all(span.dropped_attributes_count for span in spans)
    texts = [
        value
        for span in spans
        for told in (values(span), *map(values, span.events))
        for value in told.values()
        if isinstance(value, str)
    ]
    assert max(map(len, texts)) == 6


async def test_a_plan_says_why_targets_were_not_asked(receiver: Receiver) -> None:
    async with traced(openai=DOWN, claude=json_answer(CLAUDE)) as running:
        for _ in range(40):  # until its failures set it aside
            await ask(running, {**ASKED, "model": "all"})
        spans = await receiver.wait_for(80)
    plans = [values(span.events[0]) for span in spans if span.kind == SERVER]
    assert plans[0]["chosen"] == "openai/gpt-4.1"
    assert plans[0]["rejected"] == []
    aside = plans[-1]
    assert aside["chosen"].startswith("claude/")
    assert [why for why in aside["rejected"] if why.startswith("openai/gpt-4.1: ")] != []


async def test_the_end_waits_for_the_last_spans(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
    async with traced(openai=json_answer(openai_completion())) as running:
        await ask(running)
        traces = running.gateway.traces
        assert traces is not None
        told = asyncio.to_thread(_ended, traces)
        assert receiver.spans() == []
        await told
    assert len(receiver.spans()) == 2


def _ended(traces: Any) -> None:
    """As at the end of the gateway, whose receiver answers on the same loop here."""
    traces._ends.set()
    traces._some.set()
    traces._thread.join(10)


async def test_the_end_does_not_wait_for_a_receiver_that_hangs(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "50")
    receiver.hangs = True
    async with traced(openai=json_answer(openai_completion())) as running:
        await ask(running)
        async with asyncio.timeout(20):
            while not receiver.waiting:  # noqa: ASYNC110 - a thread asks it
                await asyncio.sleep(0.05)
    assert receiver.waiting == 1


async def test_a_server_that_traces_too_is_told_the_attempt_s_span(receiver: Receiver) -> None:
    capabilities = (ROOT / "config" / "capabilities.yaml").read_text("utf-8")
    capabilities = capabilities.replace("  openai:\n", "  openai:\n    propagate: true\n", 1)
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving(fake.environ(), POLICY, capabilities=capabilities) as running,
    ):
        caller = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "a=b", "baggage": "c=d"}
        answer = await ask(running, **caller)
        (received,) = fake.received
        (event,) = [each for each in running.events if type(each).__name__ == "RequestEnded"]
    sent = received.headers["traceparent"]
    assert sent.startswith(f"00-{TRACE}-")
    assert sent.endswith("-01")
    assert sent != answer.headers["traceresponse"]
    assert received.headers["tracestate"].endswith(",a=b")
    assert "baggage" not in received.headers
    assert f'"trace_id":"{TRACE}"'.encode() in line(0.0, event)  # type: ignore[arg-type]
    assert receiver.raw == []


async def test_a_trace_goes_on_from_a_caller_s_sdk_through_two_gateways(
    receiver: Receiver,
) -> None:
    capabilities = (ROOT / "config" / "capabilities.yaml").read_text("utf-8")
    propagating = capabilities.replace("  openai:\n", "  openai:\n    propagate: true\n", 1)
    told = tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "set"})
    headers: dict[str, str] = {}
    span = TracerProvider(shutdown_on_exit=False).get_tracer("caller").start_span("asks")
    TraceContextTextMapPropagator().inject(headers, trace.set_span_in_context(span))
    policy = POLICY + "aliases: {gpt-4.1: on_openai}\n"
    async with traced(policy, openai=json_answer(openai_completion())) as behind:
        environ = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"{behind.url}/v1"}
        served = {"capabilities": propagating, "tracing": told}
        async with serving(environ, POLICY, **served) as before:  # type: ignore[arg-type]
            answer = await ask(before, **headers)
            assert answer.status == 200
            spans = await receiver.wait_for(4)
    assert {each.trace_id.hex() for each in spans} == {f"{span.get_span_context().trace_id:032x}"}
    below = {each.parent_span_id.hex(): each for each in spans}
    chain, parent = [], f"{span.get_span_context().span_id:016x}"
    while (found := below.get(parent)) is not None:
        chain.append(found.kind)
        parent = found.span_id.hex()
    assert chain == [SERVER, CLIENT, SERVER, CLIENT]


@pytest.mark.parametrize("status", [200, 401])
async def test_the_headers_for_the_receiver_are_sent_and_told_to_nobody(
    receiver: Receiver,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20secret-7")
    receiver.status = status
    async with traced(openai=json_answer(openai_completion())) as running:
        await ask(running)
        traces = running.gateway.traces
        assert traces is not None
        async with asyncio.timeout(30):
            while traces.exported + traces.dropped < 2:  # noqa: ASYNC110 - a thread counts them
                await asyncio.sleep(0.05)
        text, _ = await running.gateway.metrics.scrape("")
    assert receiver.authorized == {"Bearer secret-7"}
    assert "secret-7" not in caplog.text + text.decode() + repr(traces)


async def test_a_public_provider_is_told_nothing() -> None:
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving(fake.environ(), POLICY) as running,
    ):
        await ask(running, traceparent=f"00-{TRACE}-{PARENT}-01")
        assert "traceparent" not in fake.received[0].headers


def lines_of(module: str) -> Iterator[str]:
    yield from (ROOT / "gateway" / "telemetry" / module).read_text("utf-8").splitlines()


def test_names_of_the_conventions_stand_in_one_module() -> None:
    assert [text for text in lines_of("traces.py") if '"gen_ai.' in text] == []
    assert len([text for text in lines_of("genai_names.py") if '"gen_ai.' in text]) > 20


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_off_is_off(environ: dict[str, str]) -> None:
    assert tracing(environ) is None


@pytest.mark.parametrize(
    ("sampler", "sampled"),
    [
        ("always_on", True),
        ("always_off", False),
        ("parentbased_always_on", True),
        ("parentbased_always_off", False),
        ("traceidratio", True),
        ("", True),
    ],
)
def test_a_trace_that_begins_here_is_sampled_as_the_variable_says(
    sampler: str, sampled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    traces = Traces(Tracing, lambda name: "", "1", {})
    begun = traces.begin({})
    assert (begun.sampled, begun.parent_id) == (sampled, None)
    assert (len(begun.trace_id), len(begun.span_id)) == (32, 16)


def test_an_endpoint_without_the_extra_is_an_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.cli.traces._installed", lambda module: False)
    with pytest.raises(TracingUnusable, match=r"llm-router\[otel\]"):
        tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"})


def test_nothing_of_the_sdk_is_imported_when_traces_are_off() -> None:
    code = (
        "import sys, gateway.cli.serve, gateway.app; "
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)
