"""gateway.workers.supervisor with processes that are no gateways: those that cannot start, that
hang, that end badly.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.workers.supervisor import Supervisor, reserved

MEMBER = """
import asyncio, os, signal, sys
from pathlib import Path
from gateway.workers.peers import Peers, WorkerIdentity

membership = WorkerIdentity.read(sys.argv[sys.argv.index("--membership") + 1])

async def main():
    async with Peers.joined(membership, {}) as siblings:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await siblings.tell_listening("hello")
        with Path(sys.argv[1], str(membership.number)).open("a") as starts:
            starts.write(f"{os.getpid()}\\n")
        await stop.wait()
    return int(sys.argv[2])

sys.exit(asyncio.run(main()))
"""


def member(tmp_path: Path, status: int = 0) -> list[str]:
    """A worker that writes its process id into a file when it runs, and ends with `status`."""
    return [sys.executable, "-c", MEMBER, str(tmp_path), str(status)]


async def pids(tmp_path: Path, starts: int) -> list[int]:
    """Of the starts of worker 1, once there were that many."""
    async with asyncio.timeout(20):
        while True:
            found = (
                [*map(int, (tmp_path / "1").read_text().split())]
                if (tmp_path / "1").exists()
                else []
            )
            if len(found) >= starts:
                return found
            await asyncio.sleep(0.02)


async def ended(supervisor: asyncio.Task[int]) -> int:
    os.kill(os.getpid(), signal.SIGTERM)
    return await asyncio.wait_for(supervisor, 10)


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """A supervisor that has not started yet must not leave the tests to a signal's default."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGTERM, before)


async def test_a_worker_that_cannot_start_ends_all(caplog: pytest.LogCaptureFixture) -> None:
    """At the first start there is nothing to go on with; it is not tried again and again."""
    told: list[str] = []
    assert (
        await asyncio.wait_for(
            Supervisor([sys.executable, "-c", "raise SystemExit(3)"], 2, told.append).run(), 20
        )
        == 1
    )
    assert told == []
    assert "has ended (exit status 3) before all of them served" in caplog.text
    assert "again" not in caplog.text


async def test_a_program_that_is_not_there_ends_all(caplog: pytest.LogCaptureFixture) -> None:
    assert await asyncio.wait_for(Supervisor(["/nowhere"], 2, print).run(), 20) == 1
    assert "cannot be started: No such file or directory" in caplog.text


async def test_told_once_when_all_listen(tmp_path: Path) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    supervisor = asyncio.create_task(Supervisor(member(tmp_path), 3, told.put_nowait).run())
    assert await asyncio.wait_for(told.get(), 20) == "hello"
    (first,) = await pids(tmp_path, 1)
    os.kill(first, signal.SIGKILL)
    await pids(tmp_path, 2)
    assert await ended(supervisor) == 0
    assert told.empty()


async def test_a_worker_that_hangs_is_killed_and_started_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    supervisor = asyncio.create_task(Supervisor(member(tmp_path), 1, told.append, patience=4).run())
    hanging = (await pids(tmp_path, 1))[-1]
    os.kill(hanging, signal.SIGSTOP)
    assert (await pids(tmp_path, 2))[-1] != hanging
    assert await ended(supervisor) == 0
    assert "worker 1 gave no sign of life for 4 s: it is killed" in caplog.text
    assert "worker 1 has ended (Killed): it is started again" in caplog.text


async def test_a_worker_that_takes_long_to_start_is_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    python, option, source, *arguments = member(tmp_path)
    slow = [python, option, f"import time; time.sleep(3)\n{source}", *arguments]
    supervisor = asyncio.create_task(Supervisor(slow, 1, told.put_nowait, patience=1).run())
    assert await asyncio.wait_for(told.get(), 20) == "hello"
    assert caplog.records == []
    assert await ended(supervisor) == 0


async def test_a_worker_that_ends_badly_when_told_to_stop_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = asyncio.create_task(Supervisor(member(tmp_path, status=5), 1, print).run())
    await pids(tmp_path, 1)
    assert await ended(supervisor) == 1
    assert "worker 1 has not ended as it should: exit status 5" in caplog.text


async def test_told_to_stop_before_anybody_listens(caplog: pytest.LogCaptureFixture) -> None:
    """No worker is left, and it is no failure."""
    caplog.set_level(logging.INFO)
    supervisor = asyncio.create_task(
        Supervisor([sys.executable, "-c", "import time; time.sleep(60)"], 2, print).run()
    )
    await asyncio.sleep(0.3)
    assert await ended(supervisor) == 0
    assert caplog.records == []


def test_a_reserved_address_is_for_those_who_share_it() -> None:
    """Nobody else gets it once somebody listens, and no connection comes to who keeps it."""
    with reserved("127.0.0.1", 0) as port, socket.socket() as worker:
        worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        worker.bind(("127.0.0.1", port))
        worker.listen()
        with pytest.raises(OSError, match="in use"), reserved("127.0.0.1", port):
            pass
        worker.setblocking(False)
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port), 5):
                worker.accept()[0].close()
