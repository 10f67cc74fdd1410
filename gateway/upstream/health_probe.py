"""Health checks: where a provider has one configured, a free endpoint of it is asked again and
again; the health book is told.

A check is a GET of the path that the configuration names: nothing that is paid for. Keys and URLs
are in no log line.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import aiohttp

from gateway.config import CheckOutcome, Config, HealthCheck, Link, Provider
from gateway.upstream.tls_contexts import Contexts
from translators.registry import DIALECTS

MAX_BYTES: Final = 64 * 1024
"""Of an answer's body: what comes after them is not waited for."""
_JITTER: Final = 0.2
"""Of the time between two checks: several gateways must not ask at the same moments."""
_KEY_REFUSED: Final = (401, 403)

_log: Final = logging.getLogger("llm_router")


@dataclass(frozen=True, slots=True)
class _Check:
    """What is asked of a provider. One that a reload leaves as it is goes on."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    settings: HealthCheck
    link: Link | None = None


class Results(Protocol):
    """Where the outcomes of checks go: gateway.health.probes.ProbeResults. Times are monotonic
    seconds.
    """

    @property
    def down(self) -> Mapping[str, object]:
        """By name, the providers that are set aside."""

    def last_outcome(self, provider: str) -> CheckOutcome | None: ...

    def record(
        self, provider: str, outcome: CheckOutcome, status: int | None, now: float, next_at: float
    ) -> None: ...

    def forget(self, provider: str) -> None: ...


class HealthProbes:
    """A task for each provider that has a check; use `running`."""

    def __init__(
        self, results: Results, now: Callable[[], float], random: Callable[[], float]
    ) -> None:
        self._results, self._now, self._random = results, now, random
        self._session = aiohttp.ClientSession(
            # A new connection each time: whether there can be one is a part of what is asked.
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=None
            ),  # one clock of our own is around all of a check
            auto_decompress=False,
            trust_env=False,
            headers={"user-agent": "llm-router", "accept-encoding": "identity"},
        )
        self._contexts = Contexts()
        self._running: dict[str, tuple[_Check, asyncio.Task[None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        """Those that run, and those that were cancelled and have not ended yet."""

    @classmethod
    @asynccontextmanager
    async def running(
        cls, config: Config, results: Results, now: Callable[[], float], random: Callable[[], float]
    ) -> AsyncIterator["HealthProbes"]:
        """Checks until the block ends. `now`: monotonic seconds. `dice`: from 0 up to 1."""
        checks = cls(results, now, random)
        try:
            checks.apply_config(config)
            yield checks
        finally:
            tasks = [*checks._tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await checks._session.close()

    def apply_config(self, config: Config) -> None:
        """Follow a configuration: a check that is new or different begins anew, knowing nothing;
        one that is gone ends.
        """
        wanted = {
            name: check
            for name, provider in config.providers.items()
            if (check := _check_of(provider)) is not None
        }
        for name, (check, task) in [*self._running.items()]:
            if wanted.get(name) != check:
                task.cancel()
                del self._running[name]
                self._results.forget(name)
        for name, check in wanted.items():
            if name not in self._running:
                task = asyncio.create_task(self._repeat(name, check))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                self._running[name] = (check, task)

    async def _repeat(self, provider: str, check: _Check) -> None:
        while True:
            outcome, status = await self._once(check)
            pause = check.settings.every * (1 - _JITTER + 2 * _JITTER * self._random())
            self._record(provider, outcome, status, pause)
            await asyncio.sleep(pause)

    async def _once(self, check: _Check) -> tuple[CheckOutcome, int | None]:
        """Ask once; the status of the answer, if there was one."""
        try:
            async with (
                asyncio.timeout(check.settings.timeout),
                self._session.get(
                    check.url,
                    headers=check.headers,
                    allow_redirects=False,
                    **await self._way(check),
                ) as response,
            ):
                received = 0
                while received < MAX_BYTES and (data := await response.content.readany()):
                    received += len(data)
                return _told_by(response.status), response.status
        except TimeoutError:
            return "timeout", None
        except aiohttp.ClientResponseError:
            return "malformed", None
        except (aiohttp.ClientError, OSError, ValueError):  # or a certificate's file has gone
            return "connect", None

    async def _way(self, check: _Check) -> dict[str, Any]:
        """What aiohttp is told of the provider's proxy and TLS."""
        link = check.link
        if link is None:
            return {}
        way: dict[str, Any] = {}
        if link.tls is not None:
            way |= {
                "ssl": await self._contexts.get(link.tls),
                "server_hostname": link.tls.server_name,
            }
        if (proxy := link.proxy) is not None:
            scheme, host = (
                "https" if proxy.tls else "http",
                f"[{proxy.host}]" if ":" in proxy.host else proxy.host,
            )
            told = proxy.authorization
            way |= {
                "proxy": f"{scheme}://{host}:{proxy.port}",
                "proxy_auth": None if told is None else aiohttp.BasicAuth.decode(told),
            }
        return way

    def _record(
        self, provider: str, outcome: CheckOutcome, status: int | None, pause: float
    ) -> None:
        checks, now = self._results, self._now()
        before = checks.last_outcome(provider)
        was_down = provider in checks.down
        checks.record(provider, outcome, status, now, now + pause)
        if provider in checks.down and not was_down:
            _log.warning(
                "the health check of %s failed twice (%s): it is set aside until one succeeds",
                provider,
                outcome,
            )
        elif was_down and provider not in checks.down:
            _log.warning("the health check of %s succeeds again", provider)
        if outcome == "key_refused" and before != outcome:
            _log.warning("the health check of %s: its key is refused (%s)", provider, status)


def _told_by(status: int) -> CheckOutcome:
    """Whoever refuses what was asked, answers."""
    return "server_error" if status >= 500 else "key_refused" if status in _KEY_REFUSED else "ok"


def _check_of(provider: Provider) -> _Check | None:
    """None if it has no check, or cannot be asked anything."""
    settings = provider.health_check
    if settings is None or not provider.available:
        return None
    key = provider.keys[0].secret.get_secret_value() if provider.keys else ""
    headers = {
        **provider.headers,
        **DIALECTS[provider.dialect].key_headers(key, provider.key_header),
    }
    # Where each model has a URL of its own, that of the first stands for all.
    base_url = next(iter(provider.models.values())).base_url or provider.base_url
    query = provider.query.replace("?", "&", 1) if "?" in settings.path else provider.query
    return _Check(base_url + settings.path + query, headers, settings, provider.link)
