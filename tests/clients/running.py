"""One client at work in directories of its own, and what came of it."""

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.clients.installing import Environment, path_of
from tests.clients.programs import Program, Server
from tests.clients.task import CALLS, NUMBERS, REQUESTS, SOURCE, SUM, TARGET
from tests.clients.upstream import Seen, Upstream

_RUNS_WITHIN: Final = 180
"""Seconds."""
_KEPT: Final = ("LANG", "LC_ALL", "TMPDIR", "TERM")


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended. `status` is None if it was killed for its time."""

    status: int | None
    output: str
    errors: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """One check: `problems` is empty if all is well."""

    client: str
    against: str
    problems: Sequence[str]
    seconds: float
    note: str = ""


async def run(command: Sequence[str], cwd: Path, environ: Mapping[str, str]) -> Ended:
    """The process and what it started are killed when its time is over."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env=dict(environ), start_new_session=True,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    talk = asyncio.ensure_future(process.communicate())
    done, _ = await asyncio.wait({talk}, timeout=_RUNS_WITHIN)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    output, errors = await talk
    return Ended(
        process.returncode if done else None,
        output.decode(errors="replace"),
        errors.decode(errors="replace"),
        time.monotonic() - began,
    )


async def run_program(
    name: str, program: Program, server: Server, upstream: Upstream, where: Sequence[Environment]
) -> Outcome:
    """The client does the job of `task`; what it said, wrote and asked is looked at."""
    upstream.forget()
    with tempfile.TemporaryDirectory(prefix="client-") as directory:
        home, work = Path(directory) / "home", Path(directory) / "work"
        work.mkdir()
        (work / SOURCE).write_text("".join(f"{number}\n" for number in NUMBERS), "utf-8")
        for file, text in program.files(server).items():
            (home / file).parent.mkdir(parents=True, exist_ok=True)
            (home / file).write_text(text, "utf-8")
        home.mkdir(exist_ok=True)
        ended = await run(
            program.command(server, work), work, environ_of(program.environ(server), home, where)
        )
        target = work / TARGET
        written = target.read_text("utf-8") if target.exists() else None
        left = not program.leaves or (home / program.leaves).exists()
    problems = problems_of(ended, written, upstream.seen, upstream.strays)
    if not left:
        problems.append(f"it has written no {program.leaves}")
    called = " ".join(one.call.tool.name for one in upstream.seen if one.call is not None)
    note = f"{len(upstream.seen)} requests: {called}"
    return Outcome(name, server.model, problems, ended.seconds, note)


def environ_of(told: Mapping[str, str], home: Path, where: Sequence[Environment]) -> dict[str, str]:
    """Nothing of the user's own settings, keys or proxies."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    loopback = "127.0.0.1,localhost"
    return {
        **kept, "HOME": str(home), "PATH": path_of(*where), "NO_PROXY": loopback,
        "no_proxy": loopback, **told,
    }  # fmt: skip


def problems_of(
    ended: Ended, written: str | None, seen: Sequence[Seen], strays: Sequence[str] = ()
) -> list[str]:
    """What is not as it must be after the job; empty if all is well."""
    expected = f"SUM={SUM}"
    problems = []
    if ended.status != 0:
        why = "killed for its time" if ended.status is None else f"exit status {ended.status}"
        problems.append(f"{why}: {_tail(ended.errors) or _tail(ended.output)}")
    if f"Done: {expected}" not in ended.output:
        problems.append(f"the last text was not printed, but: {_tail(ended.output)}")
    if written is None or written.strip() != expected:
        problems.append(f"{TARGET} holds {written!r}")
    problems += [f"refused by {one.dialect}: {one.refusal}" for one in seen if one.refusal]
    problems += [f"asked the provider for {path}" for path in strays]
    calls = [one.call.number for one in seen if one.call is not None]
    if calls != list(range(1, CALLS + 1)):
        problems.append(f"calls made: {calls}")
    job = [one for one in seen if one.asked is not None and (one.call or one.asked.results)]
    if len(job) != REQUESTS:
        problems.append(f"{len(job)} requests of the job instead of {REQUESTS}")
    return problems


def _tail(text: str) -> str:
    return " ⏎ ".join(text.strip().splitlines()[-4:])[-500:]
