"""How far a plain request is from its bytes: the Python calls that one makes in a warm gateway, and
the files they are in. Of a paced stream: those that one chunk makes, which comes alone.

    python -m tests.bench.calls [--files] [--work "paced chunk, OpenAI"]

The gateway runs as it is served, with its log, on the loop it takes by itself; caller and provider
are threads of their own, and only the gateway's is counted (sys.setprofile sees one thread). A
coroutine that goes on after a wait counts once more for each function it is deep in, as it costs
so. C functions are told beside them.
"""

import argparse
import asyncio
import os
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO, Final
from unittest.mock import patch

from gateway.app import running_gateway
from gateway.revisions.load import ConfigFiles
from gateway.server.listener import listening
from gateway.telemetry.request_log import RequestLog
from tests.bench.admissions import LIMITS, new_key
from tests.bench.systems import Provider, gateway
from tests.bench.upstream import TOKEN, Upstream
from tests.bench.works import BURSTS, INBOUND, PACED, SMALL, Way, Work
from tests.loops import LOOPS, TAKEN

ROOT: Final = Path(__file__).parents[2]
WARM_UP: Final = 50
"""Requests before the one that is counted: connections are open and what is made once is made."""
CHUNKS_COUNTED: Final = 100
"""Of a paced stream; what a timer makes between them is in it."""
PATIENCE: Final = 30.0
"""Seconds."""
QUIET: Final = 0.1
"""Seconds in which a gateway comes to rest."""
COUNTED: Final = 8
"""Requests that are counted, of which the one with the fewest calls is shown: a timer that comes
due meanwhile, as the loop's own watch does four times a second, is no part of a request."""
BESIDE: Final = ("gateway.admission.upkeep", "gateway.cluster.service")
"""What goes on beside requests where there are limits: not while they are counted."""
_SENT: Final = "ask"
"""The function of gateway.upstream.connection in which a request's bytes go out."""


@dataclass(slots=True)
class Calls:
    """What one request did."""

    by_file: Counter[str] = field(default_factory=Counter)
    depth: int = 0
    """Functions of gateway/dispatch and gateway/upstream that were running when the bytes went out.
    """
    native: int = 0
    """Calls of C functions, as far as Python sees them."""
    units: int = 1
    """Chunks in which all of it was done."""

    @property
    def total(self) -> int:
        return self.by_file.total()

    @property
    def files(self) -> int:
        return sum(not file.startswith("<") for file in self.by_file)

    def see(self, frame: FrameType, event: str, _: Any) -> None:
        """For sys.setprofile."""
        code = frame.f_code
        if code.co_filename == __file__:
            return
        self.native += event == "c_call"
        if event != "call":
            return
        self.by_file[_shown(code.co_filename)] += 1
        if code.co_name == _SENT and code.co_filename.endswith("upstream/connection.py"):
            self.depth = sum(
                "/gateway/dispatch/" in name or "/gateway/upstream/" in name
                for name in _stack(frame)
            )


def _stack(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        yield frame.f_code.co_filename
        frame = frame.f_back


def _shown(file: str) -> str:
    return file.removeprefix(f"{ROOT}/").rpartition("site-packages/")[2]


def count(work: Work = SMALL, persona: str | None = None, limits: str = "") -> Calls:
    """The calls of one warm request: one of 1 KB to an OpenAI target, which answers with JSON,
    where nothing else is said. `persona`: who is asked instead of the shipped one. `limits`:
    sections of the policy; the caller has a key of the store then.
    """
    with (
        _provider() as port,
        tempfile.TemporaryDirectory() as directory,
        open(os.devnull, "wb") as nowhere,
    ):
        system = gateway(Provider(port, port), Path(directory) / "gateway")
        configured = Path(system.environ["LLM_ROUTER_CONFIG_DIR"])
        with (configured / "persona_policy.yaml").open("a", encoding="utf-8") as policy:
            policy.write(limits)
        environ = {**system.environ, "LLM_ROUTER_STATE_DIR": f"{directory}/state"}
        files = ConfigFiles(configured, environ)
        way = system.ways[work.route]
        way = way if persona is None else replace(way, model=persona)
        with asyncio.Runner(loop_factory=LOOPS[TAKEN]) as runner:
            return runner.run(_count(files, work, way, nowhere.fileno()))


async def _count(files: ConfigFiles, work: Work, way: Way, descriptor: int) -> Calls:
    counted, loop = [Calls() for _ in range(COUNTED)], asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        for upkeep in BESIDE:
            stack.enter_context(patch(f"{upkeep}._TICK", PATIENCE))
        log = RequestLog(descriptor)
        stack.callback(log.close)
        served = await stack.enter_async_context(
            running_gateway(files.load(), files, listeners=[log.on_event])
        )
        if served.admission is not None:
            key = await new_key(served.admission)
            way = replace(way, headers={"authorization": f"Bearer {key}"})
        request = work.http(way)
        server = await stack.enter_async_context(listening(served, "127.0.0.1", 0))
        await loop.run_in_executor(None, _ask, server.port, work, request, counted, loop)
    return min(counted, key=lambda calls: calls.total)


def _ask(
    port: int, work: Work, request: bytes, counted: list[Calls], loop: asyncio.AbstractEventLoop
) -> None:
    """Ask until all is warm, then once more for each of `counted` while the gateway's thread
    counts."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        if work.every:
            _listen_to(connection, request, counted[0], loop)
            del counted[1:]
            return
        for _ in range(WARM_UP):
            _answer(connection, work, request)
        for calls in counted:
            _profile(loop, calls.see)
            _answer(connection, work, request)
            _profile(loop, None)


def _listen_to(
    connection: socket.socket, request: bytes, calls: Calls, loop: asyncio.AbstractEventLoop
) -> None:
    """Count what the chunks of a stream make that has gone on for a while."""
    connection.sendall(request)
    seen = b""
    while seen.count(TOKEN) < WARM_UP:
        seen += connection.recv(65536)
    if b" 200 " not in seen[:20]:
        raise RuntimeError(f"not served: {seen[:300]!r}")
    loop.call_soon_threadsafe(sys.setprofile, calls.see)
    calls.units = 0
    while calls.units < CHUNKS_COUNTED:
        calls.units += connection.recv(65536).count(TOKEN)
    loop.call_soon_threadsafe(sys.setprofile, None)
    time.sleep(QUIET)


def _profile(
    loop: asyncio.AbstractEventLoop, see: Callable[[FrameType, str, Any], None] | None
) -> None:
    """From now on; what was done after an answer is over by then."""
    time.sleep(QUIET)
    loop.call_soon_threadsafe(sys.setprofile, see)
    time.sleep(QUIET)


def _answer(connection: socket.socket, work: Work, request: bytes) -> None:
    connection.sendall(request)
    with connection.makefile("rb") as answer:
        status, length = answer.readline(), -1
        while line := answer.readline().strip():
            name, _, value = line.lower().partition(b":")
            length = int(value) if name == b"content-length" else length
        body = answer.read(length) if length >= 0 else b"".join(_chunks(answer))
    if b" 200 " not in status:
        raise RuntimeError(f"not served: {status!r} {body!r}")
    work.check(body)


def _chunks(answer: BinaryIO) -> Iterator[bytes]:
    """The pieces of a body of which nobody knew how long it would be."""
    while size := int(answer.readline(), 16):
        yield answer.read(size)
        answer.readline()
    answer.readline()


@contextmanager
def _provider() -> Iterator[int]:
    """A provider in a thread of its own; gives its port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(_listen(), loop).result(PATIENCE)
        yield server.sockets[0].getsockname()[1]
        loop.call_soon_threadsafe(server.close)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


async def _listen() -> asyncio.Server:
    return await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)


def main() -> None:
    parser = argparse.ArgumentParser(description="Count the Python calls of one warm request.")
    parser.add_argument("--files", action="store_true", help="show the calls of each file")
    works = {work.name: work for work in (*BURSTS, *INBOUND, *PACED)}
    parser.add_argument("--work", choices=works, default=SMALL.name, help="what is asked")
    parser.add_argument("--persona", help="who is asked instead of the shipped one, such as `bare`")
    parser.add_argument("--limits", action="store_true", help="by a key with six limits")
    options = parser.parse_args()
    limits = LIMITS if options.limits else ""
    calls = count(works[options.work], options.persona, limits)
    if options.files:
        for file, number in calls.by_file.most_common():
            print(f"{number / calls.units:5.3g}  {file}")
    done = (
        f"{calls.total / calls.units:.4g} Python calls in {calls.files} files,"
        f" {calls.native / calls.units:.4g} of C"
    )
    if works[options.work].every:
        print(f"{done}: a chunk that comes alone")
    else:
        print(f"{done}; the bytes go out {calls.depth} functions deep in dispatch and upstream")


if __name__ == "__main__":
    main()
