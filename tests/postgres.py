"""A real Postgres of the test's own: in a folder of its own, on a free port, by a user without
rights, and gone at the end.
"""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg
import pytest

_PLACES: Final = "/usr/lib/postgresql/*/bin/postgres"
_USER: Final = "router"
_OPTIONS: Final = (
    "fsync=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=60",
    "listen_addresses=127.0.0.1", "unix_socket_directories=",
)  # fmt: skip
NOT_CHECKED: Final = "NOT CHECKED: Debian's package postgresql is missing, nothing ran on Postgres"


def binaries() -> Path | None:
    """Where initdb and postgres are."""
    found = shutil.which("postgres")
    if found is not None and Path(found).with_name("initdb").exists():
        return Path(found).parent
    installed = sorted(Path("/").glob(_PLACES[1:]))
    return installed[-1].parent if installed else None


def _unprivileged() -> list[str]:
    """What a command is begun with: Postgres refuses to run as root."""
    if os.getuid() != 0:
        return []
    return ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A running server. `admin`: the URL of its own database."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self.process = process
        self.port = port
        self.admin = self.url("postgres")

    def url(self, database: str, port: int | None = None) -> str:
        return f"postgresql://{_USER}:a-secret@127.0.0.1:{port or self.port}/{database}"

    def new_database(self) -> str:
        """The URL of an empty one."""
        name = f"test_{uuid4().hex}"
        asyncio.run(run_sql(self.admin, f"CREATE DATABASE {name}"))
        return self.url(name)


async def run_sql(url: str, sql: str) -> list[Any]:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        found: list[Any] = await connection.fetch(sql, timeout=10)
        return found
    finally:
        await connection.close()


@contextmanager
def server(directory: Path, binaries: Path) -> Iterator[Server]:
    data, port = directory / "data", free_port()
    data.mkdir()
    if os.getuid() == 0:
        shutil.chown(data, "nobody", "nogroup")
    command = [*_unprivileged(), binaries / "initdb", "-D", data, "-A", "trust", "-U", _USER]
    subprocess.run([*command, "--no-sync", "-E", "UTF8"], check=True, capture_output=True, cwd="/")
    settings = [word for option in _OPTIONS for word in ("-c", option)]
    process = subprocess.Popen(
        [*_unprivileged(), binaries / "postgres", "-D", data, "-p", str(port), *settings],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
    try:
        yield _ready(Server(process, port))
    finally:
        process.send_signal(signal.SIGINT)  # without waiting for connections
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)


def _ready(server: Server) -> Server:
    for _ in range(200):
        assert server.process.poll() is None, "postgres ended at its start"
        try:
            asyncio.run(run_sql(server.admin, "SELECT 1"))
        except (OSError, asyncpg.PostgresError):
            asyncio.run(asyncio.sleep(0.1))
        else:
            return server
    raise AssertionError("postgres did not start")


@contextmanager
def running_server() -> Iterator[Server | None]:
    """None where there is no Postgres."""
    found = binaries()
    if found is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="llm-router-postgres-") as name:
        os.chmod(name, 0o755)  # the server's user passes through
        with server(Path(name), found) as running:
            yield running


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    with running_server() as running:
        if running is None:
            pytest.skip(NOT_CHECKED)
        yield running


@pytest.fixture
def postgres_url(postgres_server: Server) -> str:
    """An empty database."""
    return postgres_server.new_database()
