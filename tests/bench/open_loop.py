"""Requests at a rate, whether those before them are answered or not, as from many callers who do
not know each other. A request's time runs from when it was due, not from when a connection was
free for it: who answers late is not asked less often for that (no coordinated omission).
"""

import asyncio
import math
import re
import selectors
import sys
import time
import urllib.request
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from typing import Final

from tests.bench.load import PATIENCE, TooFast, percentile
from tests.bench.measuring import Figure, Running, columns, in_turn
from tests.bench.works import SMALL, Way, Work

RATES: Final = (200, 500, 1000, 2000)
SECONDS: Final = 2.5
CONNECTIONS: Final = 64
BEHIND: Final = 1.0
"""Seconds by which a system may be behind the rate before it is given up."""
BACKLOG: Final = 0.2
"""Seconds that may be left to do when the last request is due, beside a twentieth of the time."""
_PAUSE: Final = re.compile(
    r'^llm_router_gc_pause_seconds_bucket\{.*le="([^"]+)".*\} ([0-9.e+]+)$', re.MULTILINE
)


class Caller(asyncio.Protocol):
    """One connection: a request at a time."""

    def __init__(self, asks: "OpenLoop") -> None:
        self._asks = asks
        self._answer = b""
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, text: bytes, due: float) -> None:
        self._due = due
        self._transport.write(text)

    def data_received(self, data: bytes) -> None:
        answer = self._answer = self._answer + data if self._answer else data
        head, found, body = answer.partition(b"\r\n\r\n")
        if not found:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._asks.fail(RuntimeError(f"not served: {answer[:300]!r}"))
            return
        length = re.search(rb"(?i)\r\ncontent-length: ?(\d+)", head)
        if len(body) >= int(length[1]) if length else body.endswith(b"0\r\n\r\n"):
            self._answer = b""
            self._asks.answered(self, self._due, body)

    def connection_lost(self, error: Exception | None) -> None:
        self._asks.fail(RuntimeError("a connection was closed"))

    def leave(self) -> None:
        self._transport.abort()


class OpenLoop:
    """Asks `rate` times a second until `requests` are answered."""

    def __init__(
        self, work: Work, way: Way, rate: float, requests: int, behind: float | None = None
    ) -> None:
        """`behind`: seconds by which answers may be late; by default BEHIND, and BACKLOG at the
        end.
        """
        self._behind = behind
        self.seconds: list[float] = []
        """Of each request, from when it was due."""
        self._work, self._text = work, work.http(way)
        self._rate, self._requests = rate, requests
        self._loop = asyncio.get_running_loop()
        self._free: deque[Caller] = deque()
        self._late: deque[float] = deque()
        """When requests were due for which no connection is free."""
        self._begun = self._sent = 0.0
        self._over: asyncio.Future[None] = self._loop.create_future()

    async def run(self, port: int) -> None:
        """Raises TooFast, or RuntimeError for an answer that is none."""
        for _ in range(CONNECTIONS):
            _, caller = await self._loop.create_connection(lambda: Caller(self), "127.0.0.1", port)
            self._free.append(caller)
        callers = tuple(self._free)
        self._begun = self._loop.time()
        self._send()
        try:
            async with asyncio.timeout(self._requests / self._rate + PATIENCE):
                await self._over
            last = self._requests / self._rate
            late = BACKLOG + last / 20 if self._behind is None else self._behind
            if self._loop.time() - self._begun - last > late:
                raise TooFast(self._pace())
        finally:
            self._over.cancel()
            for caller in callers:
                caller.leave()

    def _send(self) -> None:
        """Everything that is due by now."""
        now = self._loop.time()
        while self._sent < self._requests and (due := self._due()) <= now:
            self._sent += 1
            if self._free:
                self._free.popleft().ask(self._text, due)
            else:
                self._late.append(due)
        if self._late and now - self._late[0] > (self._behind or BEHIND):
            self.fail(TooFast(self._pace()))
        elif self._sent < self._requests:
            self._loop.call_at(self._due(), self._send)

    def _due(self) -> float:
        return self._begun + self._sent / self._rate

    def _pace(self) -> str:
        pace = len(self.seconds) / (self._loop.time() - self._begun)
        return f"{pace:,.0f} of {self._rate:,.0f} requests a second"

    def answered(self, by: Caller, due: float, body: bytes) -> None:
        if not self.seconds:
            self._work.check(body)
        self.seconds.append(self._loop.time() - due)
        if self._late:
            by.ask(self._text, self._late.popleft())
        else:
            self._free.append(by)
        if len(self.seconds) == self._requests and not self._over.done():
            self._over.set_result(None)

    def fail(self, error: Exception) -> None:
        if not self._over.done():
            self._over.set_exception(error)


def loop_of_exact_timers() -> asyncio.AbstractEventLoop:
    """epoll, and uvloop with it, wake up at whole milliseconds: select does so to the
    microsecond."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def ask(
    work: Work, port: int, way: Way, rate: float, seconds: float, behind: float | None = None
) -> tuple[list[float], float]:
    """The seconds of each request, and the share of a core that asking took."""

    async def asked() -> tuple[list[float], float]:
        asking = OpenLoop(work, way, rate, max(20, int(rate * seconds)), behind)
        began, cpu = time.perf_counter(), time.process_time()
        await asking.run(port)
        share = (time.process_time() - cpu) / (time.perf_counter() - began)
        return asking.seconds, share

    with asyncio.Runner(loop_factory=loop_of_exact_timers) as runner:
        return runner.run(asked())


def open_loop(running: Mapping[str, Running], scale: float) -> Iterator[Figure]:
    """Latency at each of RATES, what asking took of its core, and how long collections of garbage
    held the systems that tell it.
    """
    asking = Figure("the load generator, of its core", "%", 0)
    before = {name: pauses(on) for name, on in running.items() if on.system.tells_pauses}
    for rate in RATES:
        figures = (
            Figure(f"open loop, {rate} requests/s: p50", "ms", 2),
            Figure(f"open loop, {rate} requests/s: p99", "ms", 2),
        )

        def measure(name: str, rate: int = rate) -> tuple[float, ...]:
            on = running[name].system
            seconds, share = ask(SMALL, on.port, on.ways[SMALL.route], rate, SECONDS * scale)
            asking.values[name] = max(asking.values.get(name, 0.0), share * 100)
            return percentile(seconds, 0.5) * 1000, percentile(seconds, 0.99) * 1000

        yield from columns(figures, in_turn(list(running), figures[0].failed, measure))
    yield asking
    longest = Figure("longest collection of garbage meanwhile, at most", "ms", 1)
    for name, counted in before.items():
        try:
            longest.values[name] = longest_pause(pauses(running[name]) - counted) * 1000
        except RuntimeError as error:
            longest.failed[name] = str(error)
            print(f"{name} FAILED: {error}", file=sys.stderr, flush=True)
    yield longest


def pauses(on: Running) -> Counter[float]:
    """Collections of garbage so far, by the seconds that each took at most. (The metric counts
    those of a bucket in all above it, too.)
    """
    url = f"http://127.0.0.1:{on.system.port}/metrics"
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        text = answer.read().decode()
    found: Counter[float] = Counter()
    for bound, number in _PAUSE.findall(text):
        found[float(bound)] += int(float(number))
    return found


def longest_pause(counted: Counter[float]) -> float:
    """Seconds, of those that `pauses` counted: the bound of the last bucket that has any of its
    own. RuntimeError if one was longer than all bounds.
    """
    total = counted[math.inf]
    longest = min((bound for bound, number in counted.items() if number == total), default=0.0)
    if longest == math.inf:
        raise RuntimeError("a collection took longer than the metric tells")
    return longest if total else 0.0
