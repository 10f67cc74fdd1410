"""Processes on a core of their own, and what they use: CPU, memory, time to the first answer. Linux
only: it reads /proc.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).parents[2]
PYTHON: Final = (sys.executable, "-m")
_CPUCLOCK_SCHED: Final = 2


def cores() -> tuple[set[int], set[int]]:
    """The core of what is measured, and those of all else: the same one where there is no
    second."""
    allowed = sorted(os.sched_getaffinity(0))
    return {allowed[0]}, set(allowed[1:] or allowed)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def must_be_free(port: int) -> None:
    """RuntimeError if somebody listens there: it would be measured in place of what is started."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that are over
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise RuntimeError(f"port {port} is taken: {error.strerror}") from error


@contextmanager
def process(
    command: Sequence[str],
    on: set[int],
    environ: Mapping[str, str] | None = None,
    output: IO[bytes] | int = subprocess.DEVNULL,
    directory: Path = ROOT,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose threads and children all run on the cores `on`; ended with SIGTERM, and with
    it what it started. Python keeps what it compiles, as in an image, whatever this shell says.
    """
    around = {**os.environ, **(environ or {})}
    around.pop("PYTHONDONTWRITEBYTECODE", None)
    started = subprocess.Popen(
        command, cwd=directory, env=around, stdin=subprocess.DEVNULL,
        stdout=output, stderr=output,
        start_new_session=True, preexec_fn=lambda: os.sched_setaffinity(0, on),
    )  # fmt: skip
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            started.wait(10)
        with suppress(ProcessLookupError):  # what outlived it, or itself
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    found = [pid]
    for parent in found:
        with suppress(FileNotFoundError):
            for children in Path(f"/proc/{parent}/task").glob("*/children"):
                found += map(int, children.read_text().split())
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of the process and its children, to the microsecond: the kernel's CPU
    clock of each (clock_getcpuclockid).
    """
    return sum(time.clock_gettime(~member << 3 | _CPUCLOCK_SCHED) for member in family(pid))


def rss_mb(pid: int) -> float:
    """Of the process and its children."""
    return sum(_rss_kb(member) for member in family(pid)) / 1024


def _rss_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def wait_ready(port: int, path: str = "/health") -> None:
    """Until the server answers, whatever it says; RuntimeError after 30 seconds."""
    started = time.perf_counter()
    while time.perf_counter() - started < 30:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.005)
    raise RuntimeError("the server did not start")
