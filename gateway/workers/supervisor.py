"""The parent of several workers: starts them, starts those again that end, and ends them all when
it is told to stop.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from gateway.workers.coordinator import Coordinator, Member
from gateway.workers.peers import WorkerIdentity
from gateway.workers.rpc import NoReply, RpcChannel

PATIENCE: Final = 30.0
"""Seconds without a sign of life after which a worker that listens is killed: the kernel goes on
giving it connections. One that starts may take as long as a process alone: it may have to bring a
large store to a new version."""
_SETTLED: Final = 10.0
"""Seconds after which the end of a worker is a single event: it is started again at once."""
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 10.0
"""Seconds before a worker is started again that did not live long: doubled each time."""
_AS_TOLD: Final = (0, -signal.SIGTERM, -signal.SIGINT)
"""Exit statuses of a worker that was told to stop, perhaps before it listened to signals."""

_log: Final = logging.getLogger("llm_router")


@contextmanager
def reserved(host: str, port: int) -> Iterator[int]:
    """Keep an address for processes that listen there with SO_REUSEPORT; gives the port, a free one
    for 0. Raises OSError if it is taken.

    Bound before the option is set: nobody else may be there. This socket never listens, so no
    connection comes to it.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            keeper.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # as asyncio listens
        keeper.bind(address)
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        yield keeper.getsockname()[1]


class Supervisor:
    """Keeps `count` processes of `command` running, which is told `--membership`. `all_listen` is
    told a worker's banner once they do.
    """

    def __init__(
        self,
        command: Sequence[str],
        count: int,
        all_listen: Callable[[str], None],
        patience: float = PATIENCE,
    ) -> None:
        self._command = command
        self._numbers = range(1, count + 1)
        self._all_listen: Callable[[str], None] | None = all_listen
        self._patience = patience
        self._hub = Coordinator(count, self._started)
        self._stop = asyncio.Event()
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._failed = False
        self._reloads: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()

    async def run(self) -> int:
        """Until SIGTERM or SIGINT, and the workers have drained. Exit status: 1 if one could not
        start or did not end as it should.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        with tempfile.TemporaryFile() as lock:
            await asyncio.gather(*(self._keep(number, lock.fileno()) for number in self._numbers))
        return 1 if self._failed else 0

    def _started(self, banner: str) -> None:
        if self._all_listen is not None:
            self._all_listen(banner)
            self._all_listen = None

    def _end(self) -> None:
        """Each worker is told to drain."""
        if not self._stop.is_set():
            self._stop.set()
            for process in self._processes.values():
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    process.terminate()

    def _reload(self) -> None:
        if len(self._reloads) > 1:  # one runs, and one waits that will see what the files are then
            return
        task = asyncio.create_task(self._reload_in_turn())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    async def _reload_in_turn(self) -> None:
        async with self._one_at_a_time:
            await self._hub.reload()

    async def _keep(self, number: int, lock: int) -> None:
        loop, pause = asyncio.get_running_loop(), 0.0
        while not self._stop.is_set():
            began = loop.time()
            status = await self._once(number, lock)
            if self._stop.is_set():
                if status not in _AS_TOLD:
                    _log.error("worker %d has not ended as it should: %s", number, _told(status))
                    self._failed = True
            elif self._all_listen is not None:
                _log.error(
                    "worker %d has ended (%s) before all of them served", number, _told(status)
                )
                self._failed = True
                self._end()  # it would end again
            else:
                pause = (
                    0.0
                    if loop.time() - began > _SETTLED
                    else min(max(_FIRST_PAUSE, 2 * pause), _LONGEST_PAUSE)
                )
                _log.error(
                    "worker %d has ended (%s): it is started again in %g s",
                    number,
                    _told(status),
                    pause,
                )
                await self._sleep(pause)

    async def _sleep(self, seconds: float) -> bool:
        """Whether there was as much time before the end."""
        try:
            async with asyncio.timeout(seconds):
                return not await self._stop.wait()
        except TimeoutError:
            return True

    async def _once(self, number: int, lock: int) -> int:
        """Start a process and wait for its end; its exit status, -N if signal N ended it."""
        ours, its = socket.socketpair()
        with its:
            membership = WorkerIdentity(number, its.fileno(), lock, len(self._numbers))
            try:
                process = await asyncio.create_subprocess_exec(
                    *self._command,
                    "--membership",
                    str(membership),
                    pass_fds=(membership.link, membership.lock),
                )
            except OSError as error:
                ours.close()
                _log.error("worker %d cannot be started: %s", number, error.strerror)
                return 1
        self._processes[number] = process
        if self._stop.is_set():
            process.terminate()
        async with RpcChannel.running(ours, self._hub.answers(number)) as link:
            member = Member(link)
            self._hub.join(number, member)
            watch = asyncio.create_task(self._watch(number, member, process))
            status = await process.wait()
            watch.cancel()
            self._hub.leave(number)
        del self._processes[number]
        return status

    async def _watch(
        self, number: int, member: Member, process: asyncio.subprocess.Process
    ) -> None:
        """Kill a worker that hangs. One that starts or drains is waited for."""
        while await self._sleep(self._patience / 6):
            if not member.listening:
                continue
            try:
                await member.link.ask("alive", limit=self._patience)
            except NoReply:
                if process.returncode is None and not self._stop.is_set():
                    _log.error(
                        "worker %d gave no sign of life for %g s: it is killed",
                        number,
                        self._patience,
                    )
                    process.kill()
                return


def _told(status: int) -> str:
    return f"{signal.strsignal(-status)}" if status < 0 else f"exit status {status}"
