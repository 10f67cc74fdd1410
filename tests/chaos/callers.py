"""Those who ask the gateway: they read at once, slowly, or leave; what each of them saw is an
outcome.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Final

import aiohttp

from tests.chaos import clocks
from tests.chaos.answers import TEXT
from tests.chaos.apis import CHAT, asked, read
from tests.chaos.outcomes import Left, Outcome, Wrong
from translators.json_codec import dumps

STAYS: Final = 0.15
"""Seconds that a caller who leaves stays after the provider was asked."""
SMALL_BUFFER: Final = 64 * 1024
"""Bytes of a slow caller's socket, so that the answer stops soon."""
MOST_UNREAD: Final = 16 * 1024 * 1024
"""Bytes that a provider may get rid of while the caller reads nothing: what the kernel's buffers on
both ways hold, and the gateway's."""


async def ask(url: str, model: str, stream: bool, text: str = TEXT, api: str = CHAT) -> Outcome:
    """One request, its answer read as it comes. `text` is what a whole answer says."""
    try:
        async with (
            asyncio.timeout(clocks.SAFETY),
            _session() as session,
            _post(session, url, model, stream, api) as answer,
        ):
            return read(api, answer.status, answer.headers, await answer.read(), stream, text)
    except TimeoutError:
        return Wrong("it hangs")
    except aiohttp.ClientError as error:
        return Wrong(f"the gateway's own answer broke: {error!r}")


async def leave(
    url: str, model: str, stream: bool, was_asked: Callable[[], bool], api: str = CHAT
) -> Outcome:
    """One request whose caller leaves soon after the provider was asked, whatever came by then."""
    task = asyncio.ensure_future(ask(url, model, stream, api=api))
    while not (was_asked() or task.done()):
        await asyncio.wait({task}, timeout=0.01)
    await asyncio.wait({task}, timeout=STAYS)
    task.cancel()
    await asyncio.wait({task})
    return Left() if task.cancelled() else task.result()


async def ask_and_read_slowly(url: str, model: str, text: str, sent: Callable[[], int]) -> Outcome:
    """One stream that is read only when nothing more moves. `sent` tells how many bytes the
    provider got rid of.
    """
    try:
        async with (
            asyncio.timeout(clocks.SAFETY),
            _session(_small) as session,
            _post(session, url, model, True) as answer,
        ):
            await _at_rest(sent)
            if sent() > MOST_UNREAD:
                return Wrong(f"the provider could send {sent()} bytes while nobody read")
            return read(CHAT, answer.status, answer.headers, await answer.read(), True, text)
    except TimeoutError:
        return Wrong("it hangs")
    except aiohttp.ClientError as error:
        return Wrong(f"the gateway's own answer broke: {error!r}")


async def _at_rest(count: Callable[[], int]) -> None:
    """Until it has not changed for a while."""
    before, still = -1, 0
    while still < 4:
        before, now = count(), before
        still = still + 1 if now == before else 0
        await asyncio.sleep(0.05)


def _session(factory: Callable[[Any], socket.socket] | None = None) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True, socket_factory=factory)
    )


def _post(
    session: aiohttp.ClientSession, url: str, model: str, stream: bool, api: str = CHAT
) -> Any:
    path, body = asked(api, model, stream)
    return session.post(
        f"{url}{path}", data=dumps(body), headers={"content-type": "application/json"}
    )


def _small(address: Any) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    return made
