"""What limits cost a request, without HTTP: admitted and settled in a loop, then booked.

    python -P tests/bench/admissions.py {sqlite|POSTGRES-URL} {time|count} ADMISSIONS

Run by tests.bench.limits, in this checkout or in another one that PYTHONPATH names; it imports
nothing but the gateway.
"""

import asyncio
import gc
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from gateway.accounting.observed import Learned
from gateway.admission import administration
from gateway.admission.service import Admission
from gateway.admission.upkeep import running
from gateway.api.auth import Access
from gateway.app import memory_of
from gateway.dispatch.reservation import Ending
from gateway.revisions.load import ConfigFiles
from gateway.routing.decision import decide
from gateway.routing.facts import NOBODY
from gateway.routing.plan import Plan
from gateway.store.limits_rows import Author
from gateway.telemetry.events import AttemptEnded
from translators.chat.request import ChatRequest, parse

LIMITS: Final = """
limits: [{on: usd, per: month, amount: 1000000, persona: bare}]
teams: {blue: {limits: [{on: usd, per: day, amount: 1000000}]}}
key_defaults:
  limits:
    - {on: usd, per: day, amount: 1000000}
    - {on: tokens, per: minute, amount: 1000000000000}
    - {on: requests, per: minute, amount: 1000000000000}
    - {on: concurrency, amount: 1000000}
"""
"""Six for a key of the team: four of its own, its team's, and the persona's."""
KEY: Final = {"name": "bench", "team": "blue"}
PROVIDER, MODEL = "openai", "gpt-6-luna"
"""As in the other benchmarks."""
PERSONA: Final = f"personas: {{bare: {{description: bench, targets: [{PROVIDER}/{MODEL}]}}}}\n"
BATCH: Final = 200
"""Requests that are booked together."""
TEXT: Final = "a text of the size of a plain request " * 25
USAGE: Final[Any] = {"prompt_tokens": 250, "completion_tokens": 100, "total_tokens": 350}


class Loop:
    """The same request again and again, as the gateway asks about it."""

    def __init__(self, admission: Admission, key: str, plan: Plan, request: ChatRequest) -> None:
        self.admission = admission
        self.plan = plan
        self.request = request
        self.access = Access().with_stored(admission.keys)
        self.headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self.learned = Learned()
        self.ending = Ending(**self._ended())
        self.day = datetime.now(UTC).date()

    def _ended(self) -> dict[str, Any]:
        """How each ends."""
        return {
            "attempts": [AttemptEnded(PROVIDER, MODEL, "ok", 0.5, 200)], "shown": 0,
            "served": True, "usage": USAGE, "counted_before": 0, "received": 0, "estimated": False,
            "cost": 1_300_000, "decision": "dec_0123456789abcdef0123", "revision": "r1",
        }  # fmt: skip

    async def once(self) -> None:
        """One request, from its key to its settlement."""
        admission, request = self.admission, self.request
        self.plan.facts.prompt.known = None  # limits ask for the tokens; without them nobody does
        key_id = self.access.key_id(self.headers)
        admission.check_persona(key_id, self.plan.policy.name)
        asking = admission.asking(key_id, "req_0123456789abcdef012345", request, self.day)
        held = await admission.reserve(asking, self.plan, self.learned, whole=True)
        assert held is not None
        await held.cover(f"{PROVIDER}/{MODEL}", "first", ())
        held.headers()
        held.settle(self.ending)

    async def book(self) -> None:
        await self.admission.queue.book()


def floor() -> dict[str, float]:
    """Microseconds of CPU of what no admission can do without: what the machine's own steps
    cost."""
    line, key = b"x" * 299 + b"\n", b"k" * 75
    counts = {"a": 0}

    def increment() -> None:
        counts["a"] += 1

    with tempfile.TemporaryFile(buffering=0) as file:
        steps: dict[str, Callable[[], object]] = {
            "write": lambda: os.write(file.fileno(), line),
            "digest": lambda: hashlib.sha256(key).digest(),
            "increment": increment,
        }
        return {name: _quietest(step) for name, step in steps.items()}


def _quietest(step: Callable[[], object]) -> float:
    took = []
    for _ in range(50):
        began = time.thread_time()
        for _ in range(BATCH):
            step()
        took.append(time.thread_time() - began)
    return min(took) / BATCH * 1e6


async def measured(loop: Loop, admissions: int) -> dict[str, float]:
    """CPU microseconds of one admission on the request's own thread, and of one row's booking on
    all threads: of the quietest batch, as other work on the machine only ever adds.
    """
    asked, booked = [], []
    for _ in range(admissions // BATCH):
        began = time.thread_time()
        for _ in range(BATCH):
            await loop.once()
        asked.append(time.thread_time() - began)
        began = time.process_time()
        await loop.book()
        booked.append(time.process_time() - began)
    found = {"request": min(asked), "booking": min(booked)}
    return {name: seconds / BATCH * 1e6 for name, seconds in found.items()} | floor()


async def counted(loop: Loop, admissions: int) -> dict[str, float]:
    """For callgrind: a marker before, between and behind the admissions and their booking; and the
    Python calls of one.
    """
    calls = 0

    def see(frame: Any, event: str, _: Any) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(see)
    await loop.once()
    sys.setprofile(None)
    await loop.book()
    await asyncio.to_thread(
        subprocess.run, ["callgrind_control", "--instr=on", str(os.getpid())], capture_output=True
    )
    os.getppid()
    for _ in range(admissions):
        await loop.once()
    os.getppid()
    await loop.book()
    os.getppid()
    return {"calls": calls - 1}


async def new_key(admission: Admission) -> str:
    """Of the team, in the store."""
    made = KEY, admission.policy, int(time.time()), Author("bench")
    _, key = await admission.thread.call(administration.create_key, *made)
    await admission.learn_changes()
    return key


def configured(directory: Path) -> ConfigFiles:
    shipped = Path("config", "capabilities.yaml").read_text("utf-8")
    (directory / "capabilities.yaml").write_text(shipped, "utf-8")
    policy = f"version: 1\n{LIMITS}\n{PERSONA}"
    (directory / "persona_policy.yaml").write_text(policy, "utf-8")
    return ConfigFiles(directory, {"OPENAI_API_KEY": "bench"})


async def run(store: str, how: str, admissions: int, directory: Path) -> Mapping[str, float]:
    config = configured(directory).load()
    assert config.limits is not None
    body = {"model": "bare", "messages": [{"role": "user", "content": TEXT}], "max_tokens": 1000}
    request = parse(body, 1000)
    plan = decide(config, request, NOBODY, memory_of(config).view()).plan
    environ = {"LLM_ROUTER_STORE_URL": "sqlite:" if store == "sqlite" else store}
    async with running(
        config.limits, directory / "state", environ, time.time, time.monotonic
    ) as admission:
        loop = Loop(admission, await new_key(admission), plan, request)
        for _ in range(2 * BATCH):
            await loop.once()
        await loop.book()
        gc.collect()
        gc.disable()
        return await (measured if how == "time" else counted)(loop, admissions)


def main() -> None:
    store, how, admissions = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(asyncio.run(run(store, how, int(admissions), Path(name)))))


if __name__ == "__main__":
    main()
