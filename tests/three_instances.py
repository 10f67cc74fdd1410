"""Three instances on Postgres behind nginx, as config/README.md describes them, against a provider
of its own: `python -m tests.three_instances`. It needs Debian's packages postgresql and nginx.
"""

import asyncio
import contextlib
import re
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp

from tests.cluster.conversations import ANSWERS, Seen, environ_in, seen
from tests.fakes import fake_upstream, json_answer, openai_completion
from tests.postgres import binaries, free_port, server
from tests.serving import ROOT, clean_environ
from tests.test_process import gateway_process

HEADING: Final = "#### Three instances on Postgres, behind nginx"
CONF: Final = ROOT / "config" / "deploy" / "nginx" / "llm-router.conf"
NGINX: Final = shutil.which("nginx")
NOT_CHECKED: Final = "NOT CHECKED: Debian's packages postgresql or nginx are missing"
ADMIN: Final = {"authorization": "Bearer operator"}
BODY: Final = {"model": "helper", "messages": [{"role": "user", "content": "hi"}]}
_NGINX: Final = """
daemon off; master_process off; pid nginx.pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
  {log}
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
{conf}
}}
"""


class Outcome(NamedTuple):
    """What came of it."""

    at_the_limit: dict[int, int]
    """Statuses of 200 requests at once at a limit of 100."""
    after_a_kill: dict[int, int]
    """Of 20 requests after one instance was killed."""
    revoked: dict[int, int]
    """Of 10 requests two seconds after the key was revoked."""
    verified: str
    """What `llm-router ledger verify` says in the end."""


def example_policy() -> str:
    page = (ROOT / "config" / "README.md").read_text("utf-8")
    return page.partition(HEADING)[2].partition("```yaml\n")[2].partition("```")[0]


@asynccontextmanager
async def nginx(
    directory: Path, urls: list[str], log: str = "access_log off;"
) -> AsyncIterator[tuple[str, int]]:
    """The shipped configuration, with these instances; its URL once it listens, and its process."""
    assert NGINX is not None
    port, conf = free_port(), CONF.read_text("utf-8").replace("listen 8080", "listen {}")
    for number, url in enumerate(urls):
        conf = re.sub(rf"10\.0\.0\.1{number + 1}:8000", url.removeprefix("http://"), conf)
    text = _NGINX.format(log=log, conf=conf.replace("listen {}", f"listen 127.0.0.1:{port}"))
    (directory / "nginx.conf").write_text(text, "utf-8")
    process = await asyncio.create_subprocess_exec(
        NGINX, "-p", directory, "-c", directory / "nginx.conf", "-e", "stderr"
    )
    try:
        await _listens(port)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        await process.wait()


async def _listens(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


async def ask(session: aiohttp.ClientSession, url: str, key: str, conversation: int) -> int:
    headers = {"authorization": f"Bearer {key}", "x-session-id": str(conversation)}
    async with session.post(f"{url}/v1/chat/completions", json=BODY, headers=headers) as answer:
        await answer.read()
        return answer.status


async def asked(session: aiohttp.ClientSession, url: str, key: str, count: int) -> dict[int, int]:
    statuses = await asyncio.gather(*(ask(session, url, key, n) for n in range(count)))
    return dict(sorted(Counter(statuses).items()))


async def new_key(session: aiohttp.ClientSession, url: str) -> str:
    async with session.post(f"{url}/api/v1/keys", json={"name": "ann"}, headers=ADMIN) as made:
        key: str = (await made.json())["key"]
    await asyncio.sleep(2)  # it is known everywhere
    return key


async def command(environ: Mapping[str, str], *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", *arguments, env=clean_environ(**environ),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    return said.decode().strip()


async def run(directory: Path, store_url: str) -> Outcome:
    config = directory / "config"
    config.mkdir()
    (config / "persona_policy.yaml").write_text(example_policy(), "utf-8")
    shutil.copy(ROOT / "config" / "capabilities.yaml", config)
    environ = {
        "LLM_ROUTER_CONFIG_DIR": str(config),
        "LLM_ROUTER_STORE_URL": store_url,
        "LLM_ROUTER_ADMIN_KEY": "operator",
    }
    async with AsyncExitStack() as stack:
        fake = await stack.enter_async_context(
            fake_upstream(openai=json_answer(openai_completion()))
        )
        environ |= fake.environ()
        started: list[tuple[Any, str]] = []
        for number in range(3):
            own = {**environ, "LLM_ROUTER_STATE_DIR": str(directory / f"state-{number}")}
            started.append(await stack.enter_async_context(gateway_process(patience=60, **own)))
        before = nginx(directory, [each for _, each in started])
        url, _ = await stack.enter_async_context(before)
        session = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        )
        at_the_limit, after_a_kill, revoked = await _asked_of(session, url, started)
        for process, _ in started[1:]:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 30)
    own = {**environ, "LLM_ROUTER_STATE_DIR": str(directory / "state-1")}
    return Outcome(at_the_limit, after_a_kill, revoked, await command(own, "ledger", "verify"))


async def _asked_of(
    session: aiohttp.ClientSession, url: str, started: list[tuple[Any, str]]
) -> tuple[dict[int, int], dict[int, int], dict[int, int]]:
    at_the_limit = await asked(session, url, await new_key(session, url), 200)
    key = await new_key(session, url)
    started[0][0].kill()
    await started[0][0].wait()
    after_a_kill = await asked(session, url, key, 20)
    revoked = f"{url}/api/v1/keys/{key.split('-')[2]}"
    async with session.delete(revoked, headers=ADMIN) as answer:
        assert answer.status == 200
    await asyncio.sleep(2)
    return at_the_limit, after_a_kill, await asked(session, url, key, 10)


async def run_shared(directory: Path, store_url: str) -> Seen:
    """What begins at one of three instances goes on at the two others."""
    async with fake_upstream(**ANSWERS) as fake, AsyncExitStack() as stack:
        urls = []
        for number in range(3):
            own = environ_in(directory / f"shared-{number}") | fake.environ()
            own["LLM_ROUTER_STORE_URL"] = store_url
            process = gateway_process(patience=100, **own)
            urls.append((await stack.enter_async_context(process))[1])
        return await seen(fake, *urls)


def main() -> int:
    found = binaries()
    if found is None or NGINX is None:
        print(NOT_CHECKED)
        return 1
    with tempfile.TemporaryDirectory(prefix="llm-router-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        with server(directory, found) as postgres:
            outcome = asyncio.run(run(directory, postgres.new_database()))
            shared = asyncio.run(run_shared(directory, postgres.new_database()))
    for what, came_of_it in (outcome._asdict() | shared._asdict()).items():
        print(f"{what.replace('_', ' ')}: {came_of_it}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
