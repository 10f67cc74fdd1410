"""Two instances on one Postgres: one is paused (SIGSTOP) until what it had leased is the other's,
then goes on; and two whose clocks are 20 minutes apart. `python -m tests.odd_instances [--pause
60]`.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import aiohttp

from tests.fakes import fake_upstream, json_answer, openai_completion
from tests.killed_gateways import running
from tests.postgres import NOT_CHECKED, running_server
from tests.test_limits_process import ADMIN, ask, configured
from tests.test_process import gateway_process

_POLICY: Final = "key_defaults: {}"
_LIMIT: Final = 100
_KNOWN: Final = 2.2
"""Seconds until a key, and each instance, is known to the other."""
_SHIFTED: Final = "import time\nreal = time.time\ntime.time = lambda: real() + ({seconds})\n"
"""What Python runs at its start."""
_OFF: Final = 600
_MINUTE: Final = 60
_BOOKED: Final = 0.3
"""Seconds until what has ended is in the ledger; in half a second a slice is idle."""


async def paused(directory: Path, store_url: str, pause: float) -> dict[str, Any]:
    """Answers by their status: before the pause, of the other meanwhile, and after it of the one
    that was paused, which was asked before it goes on.
    """
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        fake = await enter(fake_upstream(openai=json_answer(openai_completion())))
        started = []
        for name in ("paused", "other"):
            environ = {**configured(directory / name, _POLICY), "LLM_ROUTER_STORE_URL": store_url}
            started.append(await enter(running(environ, fake)))
        (process, one), (_, other) = started
        session = await enter(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        key = await _key(session, other, per="day")
        await asyncio.sleep(_KNOWN)
        before = await _asked(session, [one], 20, key)
        await asyncio.sleep(_BOOKED)
        process.send_signal(signal.SIGSTOP)  # before it gives back what it does not need
        await asyncio.sleep(pause)
        meanwhile = await _asked(session, [other], _LIMIT, key)
        asking = asyncio.ensure_future(_asked(session, [one], 50, key))
        await asyncio.sleep(0.2)
        process.send_signal(signal.SIGCONT)
        after = await asking
        sent = len(fake.received)
    return {"before": before, "meanwhile": meanwhile, "after": after, "sent": sent}


ONCE: Final = {
    "before": {200: 20}, "meanwhile": {200: 80, 429: 20}, "after": {429: 50}, "sent": _LIMIT,
}  # fmt: skip
"""What comes of a pause that is longer than a slice is waited for."""


async def skewed(directory: Path, store_url: str, ends: bool = True) -> dict[str, Any]:
    """Answers by their status: 200 at a limit of 100 a minute, by a key that is good for a minute
    more; and, if its end is waited for, then.
    """
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        fake = await enter(fake_upstream(openai=json_answer(openai_completion())))
        urls = []
        for name, seconds in (("early", _OFF), ("late", -_OFF)):
            environ = {**configured(directory / name, _POLICY), "LLM_ROUTER_STORE_URL": store_url}
            (directory / name / "sitecustomize.py").write_text(_SHIFTED.format(seconds=seconds))
            environ["PYTHONPATH"] = str(directory / name)
            started = gateway_process(patience=100, **environ, **fake.environ())
            urls.append((await enter(started))[1])
        session = await enter(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        await asyncio.sleep(_KNOWN)
        if (left := _MINUTE - time.time() % _MINUTE) < _MINUTE / 4:
            await asyncio.sleep(left)  # what follows is of one minute
        key = await _key(session, urls[0], per="minute", ends="1m")
        await asyncio.sleep(_KNOWN)
        found = {"at_once": await _asked(session, urls, 2 * _LIMIT, key)}
        if ends:
            await asyncio.sleep(_MINUTE)
            found["ended"] = await _asked(session, urls, 4, key)
    return found


SAME: Final = {"at_once": {200: _LIMIT, 429: _LIMIT}, "ended": {401: 4}}
"""What comes of clocks that are off: what would come of right ones."""


async def _key(session: aiohttp.ClientSession, url: str, per: str, ends: str | None = None) -> str:
    """With a limit of its own, and good for so long."""
    body: dict[str, Any] = {
        "name": "n", "limits": [{"on": "requests", "per": per, "amount": _LIMIT}],
    }  # fmt: skip
    if ends is not None:
        body["expires_in"] = ends
    async with session.post(f"{url}/api/v1/keys", json=body, headers=ADMIN) as made:
        assert made.status == 201, await made.text()
        return str((await made.json())["key"])


async def _asked(
    session: aiohttp.ClientSession, urls: list[str], times: int, key: str
) -> dict[int, int]:
    asking = (ask(session, urls[n % len(urls)], key) for n in range(times))
    return dict(sorted(Counter(await asyncio.gather(*asking)).items()))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.odd_instances")
    parser.add_argument("--pause", type=float, default=60, metavar="SECONDS")
    pause = parser.parse_args().pause
    with tempfile.TemporaryDirectory() as name, running_server() as postgres:
        if postgres is None:
            print(NOT_CHECKED)
            return 1
        clocks = asyncio.run(skewed(Path(name, "clocks"), postgres.new_database()))
        print(f"clocks 20 minutes apart: {clocks}{'' if clocks == SAME else ' IS WRONG'}")
        goes_on = asyncio.run(paused(Path(name, "paused"), postgres.new_database(), pause))
        print(f"paused for {pause:g} s: {goes_on}{'' if goes_on == ONCE else ' IS WRONG'}")
    return 0 if (clocks, goes_on) == (SAME, ONCE) else 1


if __name__ == "__main__":
    sys.exit(main())
