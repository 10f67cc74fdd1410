"""`llm-router doctor`: what stands between this machine and a gateway that serves, a line each."""

import asyncio
import base64
import ctypes
import hashlib
import importlib
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Final

from gateway.app import responses_store, state_directory
from gateway.cli.diagnosis import Finding
from gateway.config import Config, Provider
from gateway.server.file_descriptors import FEW
from gateway.store.database import StoreUnusable

MOST_NAMED: Final = 5
_UNSYNCHRONISED: Final = 5
"""TIME_ERROR of adjtimex(2)."""
_TIMEX: Final = 512
"""Bytes that hold a `struct timex`, and more."""


async def examined(config: Config, environ: Mapping[str, str], now: float) -> list[Finding]:
    """Everything that was looked at; no provider is asked. `now`: Unix seconds."""
    began, files = time.monotonic(), _installed_files()
    return [
        Finding("ok", "configuration", f"{config.directory}, revision {config.revision}"),
        *_keys(config),
        await _store(config, environ),
        *await _limits(config, environ, lambda: now + time.monotonic() - began),
        _descriptors(),
        _installation(files),
        _clock(files, now),
    ]


def _usable(provider: Provider) -> bool:
    return provider.unavailable_reason is None


def _keys(config: Config) -> Iterator[Finding]:
    """A persona that nothing can serve is bad; a provider without its key is worth a look."""
    used = {ref.provider for persona in config.personas.values() for ref in persona.every_target()}
    for name in sorted(used):
        provider = config.providers[name]
        if provider.unavailable_reason is None:
            held = ", ".join(key.variable for key in provider.keys) or "it needs none"
            yield Finding("ok", f"key of {name}", held)
        else:
            yield Finding("look", f"key of {name}", provider.unavailable_reason)
    for persona in config.personas.values():
        if not any(_usable(config.providers[ref.provider]) for ref in persona.every_target()):
            yield Finding("bad", f"persona {persona.name}", "none of its providers has a key")


async def _store(config: Config, environ: Mapping[str, str]) -> Finding:
    kind = config.server.responses_store
    try:
        async with responses_store(kind, environ):
            return Finding("ok", "store of responses", kind)
    except StoreUnusable as error:
        return Finding("bad", "store of responses", str(error))


async def _limits(
    config: Config, environ: Mapping[str, str], clock: Callable[[], float]
) -> list[Finding]:
    """Nothing of them is imported where there are none."""
    if config.limits is None:
        return []
    module = importlib.import_module("gateway.cli.limits_doctor")
    found: list[Finding] = await asyncio.to_thread(
        module.examined, config.limits, state_directory(environ), environ, clock
    )
    return found


def _descriptors() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    told = f"{soft} files and connections may be open, {hard} at most; a request takes two"
    few = soft != resource.RLIM_INFINITY and hard != resource.RLIM_INFINITY and hard < FEW
    return Finding("look" if few else "ok", "open files", told)


def _installed_files() -> list[metadata.PackagePath]:
    """Those whose digests were recorded when they were installed (RECORD); none in a checkout."""
    try:
        files = metadata.distribution("llm-router").files or []
    except metadata.PackageNotFoundError:
        return []
    return [file for file in files if file.hash is not None]


def _installation(files: list[metadata.PackagePath]) -> Finding:
    about = "installed files"
    if changed := [str(file) for file in files if not _as_recorded(file)]:
        more = f" and {len(changed) - MOST_NAMED} more" if len(changed) > MOST_NAMED else ""
        named = ", ".join(changed[:MOST_NAMED]) + more
        return Finding("bad", about, f"not as they were installed: {named}")
    return Finding("ok", about, f"{len(files)} are as they were installed")


def _clock(files: list[metadata.PackagePath], now: float) -> Finding:
    """Prices, retirements and keys' days follow it."""
    told = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    if now < max((_written(file) for file in files), default=0.0):
        return Finding("bad", "clock", f"{told} is before the installation")
    if _kernel_says() == _UNSYNCHRONISED:
        return Finding("look", "clock", f"{told}; nothing keeps it right (no NTP)")
    return Finding("ok", "clock", told)


def _kernel_says() -> int:
    """The state of the clock as adjtimex(2) returns it; 0 where there is no such call."""
    ask = getattr(ctypes.CDLL(None), "adjtimex", None)
    return 0 if ask is None else int(ask(ctypes.create_string_buffer(_TIMEX)))


def _as_recorded(file: metadata.PackagePath) -> bool:
    assert file.hash is not None
    try:
        data = Path(str(file.locate())).read_bytes()
        digest = hashlib.new(file.hash.mode, data).digest()
    except (OSError, ValueError):
        return False
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == file.hash.value


def _written(file: metadata.PackagePath) -> float:
    try:
        return Path(str(file.locate())).stat().st_mtime
    except OSError:
        return 0.0
