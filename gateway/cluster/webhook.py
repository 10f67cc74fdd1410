"""Tells an operator's server when most, and when all, of a budget is used: once a window and step
over all processes, in the form of Standard Webhooks, signed. Beside requests; a server that does
not take it is asked three times.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp

from gateway.admission.ledger_queue import Reached
from gateway.store.limits_rows import CounterId
from translators.json_codec import dumps

SECRET: Final = "LLM_ROUTER_WEBHOOK_SECRET"
"""The environment variable of what webhooks are signed with."""
_PREFIX: Final = "whsec_"
_TIME_LIMIT: Final = aiohttp.ClientTimeout(total=5)
_PAUSES: Final = (0.0, 2.0, 10.0)
"""Seconds before each attempt."""
_MOST_WAITING: Final = 100
_log: Final = logging.getLogger("llm_router")


def secret_of(environ: Mapping[str, str]) -> bytes | None:
    """What webhooks are signed with: base64 behind `whsec_`, or any text. Raises ValueError."""
    text = environ.get(SECRET, "")
    if not text.startswith(_PREFIX):
        return text.encode() or None
    try:
        return base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("must be base64 behind whsec_") from None


def name_of(reached: Reached) -> str:
    """The same for the same window and step, whichever process tells."""
    return f"limit/{'/'.join(map(str, reached.counter))}/{reached.step}"


def document_of(reached: Reached, moment: float) -> dict[str, Any]:
    """What is told. Amounts are USD, tokens or requests."""
    counter: CounterId = reached.counter
    return {
        "type": "limit.reached",
        "timestamp": datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds"),
        "data": {
            "scope": counter.scope,
            "limit": counter.name,
            "step_percent": reached.step,
            "amount": reached.amount,
            "used": reached.used,
            "window_began": counter.window,
            "resets_at": reached.resets_at,
        },
    }


def signature(secret: bytes, name: str, moment: int, body: bytes) -> str:
    """As Standard Webhooks has it."""
    signed = b"%b.%d.%b" % (name.encode(), moment, body)
    return "v1," + base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()


class Webhook:
    """One for a process. `clock`: Unix seconds. `pauses`: seconds before each attempt."""

    def __init__(
        self, secret: bytes, clock: Callable[[], float], pauses: tuple[float, ...] = _PAUSES
    ) -> None:
        self._secret = secret
        self._clock = clock
        self._pauses = pauses
        self._running: set[asyncio.Task[None]] = set()

    def tell(self, url: str, reached: Reached) -> None:
        """Post it, without waiting for that."""
        if len(self._running) >= _MOST_WAITING:
            _log.error("too many webhooks wait: %s is not told", name_of(reached))
            return
        task = asyncio.ensure_future(self._told(url, reached))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """What is not told yet is not told."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _told(self, url: str, reached: Reached) -> None:
        name, why = name_of(reached), ""
        body = dumps(document_of(reached, self._clock()))
        for pause in self._pauses:
            await asyncio.sleep(pause)
            why = await self._posted(url, name, body)
            if not why:
                return
        _log.error("the webhook was not taken for %s: %s", name, why)

    async def _posted(self, url: str, name: str, body: bytes) -> str:
        """Why it was not taken; "" if it was."""
        moment = int(self._clock())
        headers = {
            "content-type": "application/json",
            "webhook-id": hashlib.sha256(name.encode()).hexdigest()[:32],
            "webhook-timestamp": str(moment),
        }
        headers["webhook-signature"] = signature(self._secret, headers["webhook-id"], moment, body)
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIME_LIMIT, trust_env=True) as session,
                session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                return "" if answer.status < 300 else f"status {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return type(error).__name__
