"""`llm-router replay`: what a running gateway logged and shows of its decisions, decided again
under another policy.
"""

import asyncio
import io
import json
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.api.auth import read
from gateway.api.openapi import document
from gateway.cli.main import main
from gateway.telemetry.events import RequestEnded
from gateway.telemetry.request_log import line
from tests.fakes import OPENAI_STREAM, Hang, fake_upstream, json_answer, openai_completion, sse
from tests.serving import ROOT, Running, serving
from tests.test_process import gateway_process
from translators.json_codec import dumps, loads

KEYS = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "GEMINI_API_KEY": "k"}
POLICY = """
version: 1
server: {drain_delay: 0}
personas:
  chat:
    description: d
    system_prompt: persona-canary
    targets: [openai/gpt-4.1]
    rules:
      - {name: research, when: {metadata: {team: research}, header: {X-Team: [research]}}, targets: [openai/gpt-4o]}
  draft: {description: d, targets: [openai/gpt-4.1]}
"""  # noqa: E501
NEW = """
version: 1
personas:
  chat:
    description: d
    targets: [openai/gpt-4.1-mini]
    rules:
      - {name: research, when: {metadata: {team: research}}, targets: [openai/gpt-4.1]}
      - {name: pictures, when: {has: [images]}, targets: [gemini/gemini-3.5-flash]}
      - {name: place, when: {header: {x-place: here}}, targets: [gemini/gemini-3.5-flash]}
      - {name: mine, when: {key: 0123abcd}, targets: [gemini/gemini-3.5-flash]}
"""
ANSWER = {
    **openai_completion("answer-canary"),
    "usage": {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500},
}
TEXT = {
    "messages": [{"role": "user", "content": "prompt-canary"}],
    "metadata": {"secret": "metadata-canary"},
}
PICTURE = {"type": "image_url", "image_url": {"url": "https://example.org/picture-canary.png"}}
REQUESTS: list[tuple[dict[str, Any], dict[str, str]]] = [
    *[
        (
            {
                "model": "chat",
                **TEXT,
                "messages": [{"role": "user", "content": f"prompt-canary {i}"}],
            },
            {},
        )
        for i in range(6)
    ],
    (
        {"model": "chat", **TEXT, "metadata": {"team": "research", "secret": "metadata-canary"}},
        {"x-team": "research"},
    ),
    (
        {"model": "chat", "messages": [{"role": "user", "content": [PICTURE]}]},
        {"x-other": "header-canary"},
    ),
    ({"model": "draft", **TEXT}, {"authorization": "Bearer key-canary"}),
    ({"model": "nobody", **TEXT}, {}),
]
"""Nine decisions, and one request that is none."""


async def ask(url: str, requests: Sequence[tuple[dict[str, Any], dict[str, str]]]) -> list[str]:
    """The ids of the decisions."""
    ids = []
    async with aiohttp.ClientSession() as session:
        for body, headers in requests:
            async with session.post(
                f"{url}/v1/chat/completions",
                data=dumps(body),
                headers={"content-type": "application/json", **headers},
            ) as answer:
                await answer.read()
                if "x-llm-router-decision" in answer.headers:
                    ids.append(answer.headers["x-llm-router-decision"])
    return ids


async def documents(running: Running, ids: Sequence[str]) -> list[bytes]:
    """Decisions as the gateway shows them."""
    async with aiohttp.ClientSession() as session:
        return [
            await (await session.get(f"{running.url}/api/v1/decisions/{name}")).read()
            for name in ids
        ]


async def recorded(
    requests: Sequence[tuple[dict[str, Any], dict[str, str]]], answer: Any = ANSWER
) -> tuple[list[bytes], list[bytes]]:
    """Log lines, and documents of the decisions."""
    async with (
        fake_upstream(openai=json_answer(answer)) as fake,
        serving(fake.environ(), POLICY) as running,
    ):
        ids = await ask(running.url, requests)
        shown = await documents(running, ids)
    return [
        line(1_800_000_000.0, event).strip()
        for event in running.events
        if isinstance(event, RequestEnded)
    ], shown


def directory(path: Path, policy: str, capabilities: str | None = None) -> str:
    (path / "persona_policy.yaml").write_text(policy, "utf-8")
    if capabilities is None:
        shutil.copy(ROOT / "config" / "capabilities.yaml", path)
    else:
        (path / "capabilities.yaml").write_text(capabilities, "utf-8")
    return str(path)


def replayed(
    capsys: pytest.CaptureFixture[str], path: Path, lines: Sequence[bytes], policy: str = NEW
) -> tuple[int, list[str]]:
    """Exit status and report of the command."""
    file = path / "decisions.jsonl"
    file.write_bytes(b"\n".join(lines))
    status = main(["replay", str(file), "--config", directory(path, policy)])
    captured = capsys.readouterr()
    assert captured.err == ""
    return status, captured.out.splitlines()


def columns(report: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Decisions by target, before and after."""
    rows = [text.split() for text in report if text.startswith("  ")]
    return {row[0]: (int(row[1]), int(row[row.index("->") + 1])) for row in rows}


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("form", ["log lines", "decisions"])
async def test_shares_cost_and_refusals_under_another_policy(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By hand: six to mini, one by its rule, one picture to gemini, and one whose persona is
    gone."""
    log, shown = await recorded(REQUESTS)
    status, report = replayed(capsys, tmp_path, log if form == "log lines" else shown)
    assert (status, report[0]) == (0, "9 decisions, 9 would change.")
    assert columns(report) == {
        "openai/gpt-4.1-mini": (0, 6),
        "openai/gpt-4.1": (8, 1),
        "openai/gpt-4o": (1, 0),
        "gemini/gemini-3.5-flash": (0, 1),
        "(refused)": (0, 1),
    }
    assert "  openai/gpt-4.1-mini           0 (  0.0%)  ->       6 ( 66.7%)" in report
    # 1000 prompt and 500 completion tokens, USD per million. Before: 7 x gpt-4.1 (2, 8), 1 x gpt-4o
    # (2.5, 10).
    # After: 6 x mini (0.4, 1.6), 1 x gpt-4.1, and gemini (1.5, 9), whose tokenizer makes 1.1 times
    # as many.
    before = 7 * (2000 + 4000) + (2500 + 5000)
    after = 6 * (400 + 800) + (2000 + 4000) + (1650 + 4950)
    expected = f"{before / 1e6:.4f} -> {after / 1e6:.4f} USD ({after / before - 1:+.1%})."
    assert f"Estimated cost of 8 decisions with known prices: {expected}" in report
    assert "Would be refused: 1 x draft: no such persona" in report
    assert "Not in the record, taken as absent: header x-place (8 decisions)" in report
    # The request for a persona that there is not, and the nine for decisions.
    assert ("10 lines hold no decision and were passed over." in report) == (form == "log lines")


async def test_under_the_same_policy_nothing_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, shown = await recorded(REQUESTS)
    for lines in (log, shown):
        status, report = replayed(capsys, tmp_path, lines, POLICY)
        assert (status, report[0]) == (0, "9 decisions, 0 would change.")
        assert columns(report) == {"openai/gpt-4.1": (8, 8), "openai/gpt-4o": (1, 1)}


async def test_what_the_new_policy_cannot_serve_is_refused_with_its_reasons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, _ = await recorded(
        [({"model": "chat", "logprobs": True, **TEXT}, {}), ({"model": "chat", **TEXT}, {})]
    )
    policy = "version: 1\npersonas:\n  chat: {description: d, targets: [claude/claude-sonnet-5]}\n"
    status, report = replayed(capsys, tmp_path, log, policy)
    assert (status, columns(report)) == (
        0,
        {"openai/gpt-4.1": (2, 0), "claude/claude-sonnet-5": (0, 1), "(refused)": (0, 1)},
    )
    assert "Would be refused: 1 x chat: missing_capability:logprobs" in report


async def test_what_was_refused_may_be_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {
        "model": "draft",
        "messages": [
            {
                "role": "user",
                "content": [{"type": "video_url", "video_url": {"url": "https://x.example/v"}}],
            }
        ],
    }
    log, _ = await recorded([(body, {})])
    policy = (
        "version: 1\npersonas:\n  draft: {description: d, targets: [gemini/gemini-3.5-flash]}\n"
    )
    _, report = replayed(capsys, tmp_path, log, policy)
    assert columns(report) == {"(refused)": (1, 0), "gemini/gemini-3.5-flash": (0, 1)}
    assert "No decision has a known price before and after." in report


async def test_a_prompt_is_as_long_as_its_provider_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An image's bytes are no tokens: 800 KB of it are held to fit a window of 128,000."""
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{'A' * 800_000}"}}
    log, shown = await recorded(
        [({"model": "chat", "messages": [{"role": "user", "content": [image]}]}, {})]
    )
    policy = "version: 1\npersonas:\n  chat: {description: d, targets: [openai/gpt-4o]}\n"
    for lines in (log, shown):
        _, report = replayed(capsys, tmp_path, lines, policy)
        assert columns(report) == {"openai/gpt-4o": (0, 1), "openai/gpt-4.1": (1, 0)}


async def test_weights_are_met_and_conversations_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A quarter of 400 new conversations; each turn after the first goes where the first went."""
    log, _ = await recorded([({"model": "chat", **TEXT}, {})])
    one = json.loads(log[0])
    turns = []
    for number in range(400):
        one["decision"]["facts"] |= {"conversation": f"{number:016x}", "settled": False}
        turns.append(dumps(one))
    again = [
        dumps({**loads(turn), "decision": {**loads(turn)["decision"], "targets": ["none/none"]}})
        for turn in turns
    ]
    again = [text.replace(b'"settled":false', b'"settled":true') for text in again]
    policy = """
version: 1
personas:
  chat:
    description: d
    strategy: weighted
    targets: [{target: openai/gpt-4.1, weight: 3}, {target: openai/gpt-4.1-mini, weight: 1}]
"""
    _, report = replayed(capsys, tmp_path, turns, policy)
    minis = columns(report)["openai/gpt-4.1-mini"][1]
    assert 70 <= minis <= 130
    _, report = replayed(capsys, tmp_path, [*turns, *again, *again], policy)
    assert columns(report)["openai/gpt-4.1-mini"] == (0, 3 * minis)


async def test_keys_are_not_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a policy is tried out, there need not be the keys it runs with; the report says what it
    supposed.
    """
    for name in KEYS:
        monkeypatch.delenv(name)
    log, _ = await recorded(REQUESTS[:1])
    status, report = replayed(capsys, tmp_path, log)
    assert (status, columns(report)) == (
        0,
        {"openai/gpt-4.1-mini": (0, 1), "openai/gpt-4.1": (1, 0)},
    )
    assert "Taken as available, although no key is set here: claude, openai, gemini" in report


async def test_lines_that_hold_no_decision_are_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever they hold instead."""
    log, _ = await recorded(REQUESTS[:1])
    decision = json.loads(log[0])

    def spoilt(**facts: Any) -> bytes:
        return json.dumps(
            {
                **decision,
                "decision": {
                    **decision["decision"],
                    "facts": {**decision["decision"]["facts"], **facts},
                },
            }
        ).encode()

    bad = [
        b"INFO stopping", b"\xff\xfe\x00", b"[1]", b"null", b"{}", b'{"event":"other"}',
        b"[" * 100_000,
        dumps({**decision, "time": "yesterday"}), dumps({**decision,
         "decision": {**decision["decision"], "targets": [{}]}}),
        spoilt(needs=[]), spoilt(bytes="many"), spoilt(max_tokens="x"), spoilt(n=None),
        spoilt(features=[[]]), spoilt(headers=[1]),
        spoilt(tokens=1e999),
    ]  # fmt: skip
    status, report = replayed(capsys, tmp_path, [*bad, b"", log[0], b"  "])
    assert (status, report[0]) == (0, "1 decisions, 1 would change.")
    assert report[-1] == f"{len(bad)} lines hold no decision and were passed over."
    status, report = replayed(capsys, tmp_path, bad)
    assert (status, report[0]) == (1, "0 decisions, 0 would change.")


async def test_strange_values_in_a_decision_never_end_in_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, _ = await recorded(REQUESTS[:1])
    decision = json.loads(log[0])
    for name in [
        *decision["decision"]["facts"],
        "conversation",
        "key",
        "headers",
        "metadata",
        "max_tokens",
        "settled",
    ]:
        for value in (None, [], {}, [[]], {"x-place": {}, "team": []}, -1, "x", 1e999, True):
            facts = {**decision["decision"]["facts"], name: value}
            text = json.dumps(
                {**decision, "decision": {**decision["decision"], "facts": facts}}
            ).encode()
            assert replayed(capsys, tmp_path, [text, log[0]])[0] == 0
    for name in (
        "persona",
        "time",
        "prompt_tokens",
        "completion_tokens",
        "decision",
        "provider",
        "model",
    ):
        for value in (None, [], {}, "x", -1, 1e999):
            assert (
                replayed(
                    capsys, tmp_path, [json.dumps({**decision, name: value}).encode(), log[0]]
                )[0]
                == 0
            )


async def test_decisions_from_standard_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    log, _ = await recorded(REQUESTS[:2])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n".join(log))))
    assert main(["replay", "-", "--config", directory(tmp_path, NEW)]) == 0
    assert capsys.readouterr().out.startswith("2 decisions, 2 would change.")


async def test_no_content_is_in_log_lines_and_decisions() -> None:
    """Of headers and metadata only what a rule of the persona names."""
    log, shown = await recorded(REQUESTS)
    assert len(log) == len(REQUESTS) + len(shown)
    assert b"canary" not in b"".join([*log, *shown])
    assert [loads(text)["facts"].get("metadata") for text in shown] == [None] * 6 + [
        {"team": "research"}
    ] + [None] * 2
    assert [loads(text)["facts"].get("headers") for text in shown] == [None] * 6 + [
        {"x-team": "research"}
    ] + [None] * 2


async def test_what_a_process_logs_can_be_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The simulator's answers, streamed and whole, of the shipped personas, replayed under the
    shipped policy: nothing changes.
    """
    async with gateway_process("--demo") as (process, url), aiohttp.ClientSession() as session:
        for persona in ("chatbot", "code_assistant", "analyst"):
            for stream in (False, True):
                body = {
                    "model": persona,
                    "messages": [{"role": "user", "content": "prompt-canary"}],
                    "stream": stream,
                }
                async with session.post(f"{url}/v1/chat/completions", json=body) as answer:
                    assert answer.status == 200
                    await answer.read()
        process.send_signal(signal.SIGTERM)
        output, _ = await asyncio.wait_for(process.communicate(), 10)
    assert b"canary" not in output
    status, report = replayed(
        capsys,
        tmp_path,
        output.splitlines(),
        (ROOT / "config" / "persona_policy.yaml").read_text("utf-8"),
    )
    assert (status, report[0]) == (0, "6 decisions, 0 would change.")


async def test_a_decision_that_is_not_kept_is_an_error_in_the_one_shape() -> None:
    async with serving(KEYS, POLICY) as running, aiohttp.ClientSession() as session:
        for name in ("dec_none", "x" * 1000):
            async with session.get(f"{running.url}/api/v1/decisions/{name}") as answer:
                error = (await answer.json())["error"]
                assert (answer.status, error["type"], error["param"], error["code"]) == (
                    404,
                    "invalid_request_error",
                    "id",
                    "decision_not_found",
                )
                assert "the last 1000" in error["message"]
                assert len(error["message"]) < 200


async def test_a_decision_is_as_documented_before_and_after_its_request_ends() -> None:
    async with (
        fake_upstream(openai=json_answer(ANSWER)) as fake,
        serving(fake.environ(), POLICY) as running,
    ):
        ids = await ask(running.url, REQUESTS[:1])
        (text,) = await documents(running, ids)
        decision = loads(text)
        record = running.gateway.records.find(ids[0])
        assert record is not None
        schemas = document()["components"]["schemas"]
        # `cache` stands there only where the persona has one.
        assert [*decision, "cache"] == list(schemas["Decision"]["properties"])
        target = decision["targets"][0]
        assert list(target) == list(schemas["Candidate"]["properties"])
        (attempt,) = decision["attempts"]
        assert list(attempt) == list(schemas["DecisionAttempt"]["properties"])
        assert (decision["id"], decision["persona"], decision["revision"]) == (
            ids[0],
            "chat",
            running.gateway.config.revision,
        )
        assert (decision["served"], decision["status"], decision["outcome"]) == (
            "openai/gpt-4.1",
            200,
            "ok",
        )
        assert (decision["prompt_tokens"], decision["completion_tokens"]) == (1000, 500)


async def test_a_decision_in_progress_is_shown_without_its_end() -> None:
    steps = [*sse(*OPENAI_STREAM[:2], end=False), Hang()]
    async with (
        fake_upstream(openai=steps) as fake,
        serving(fake.environ(), POLICY) as running,
        aiohttp.ClientSession() as session,
        session.post(
            f"{running.url}/v1/chat/completions", json={"model": "chat", "stream": True, **TEXT}
        ) as answer,
    ):
        (text,) = await documents(running, [answer.headers["x-llm-router-decision"]])
    assert b"canary" not in text
    assert "outcome" not in loads(text)


async def test_the_last_thousand_decisions_are_kept() -> None:
    async with (
        fake_upstream(openai=json_answer(ANSWER)) as fake,
        serving(fake.environ(), POLICY) as running,
    ):
        first = await ask(running.url, REQUESTS[:1])
        others = await ask(running.url, REQUESTS[:1] * 1000)
        assert len(running.gateway.records) == 1000
        shown = [
            b"decision_not_found" in text
            for text in await documents(running, [*first, others[0], others[-1]])
        ]
    assert shown == [True, False, False]


async def test_decisions_need_a_key_where_the_gateway_is_closed() -> None:
    closed = read({"LLM_ROUTER_API_KEYS": "secret"})
    async with (
        fake_upstream(openai=json_answer(ANSWER)) as fake,
        serving(fake.environ(), POLICY, access=closed) as running,
    ):
        body, _ = REQUESTS[0]
        (name,) = await ask(running.url, [(body, {"x-api-key": "secret"})])
        async with aiohttp.ClientSession() as session:
            statuses = []
            for headers in (
                {},
                {"x-api-key": "wrong"},
                {"x-api-key": "secret"},
                {"authorization": "Bearer secret"},
            ):
                async with session.get(
                    f"{running.url}/api/v1/decisions/{name}", headers=headers
                ) as answer:
                    statuses.append(answer.status)
    assert statuses == [401, 401, 200, 200]
