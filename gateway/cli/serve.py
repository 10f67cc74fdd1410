"""Serving from the command line: in this one process, as one of several workers, or as the parent
of several.
"""

import asyncio
import contextlib
import gc
import importlib
import importlib.util
import logging
import os
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from gateway.api.auth import Access, Admin
from gateway.api.catalog import standing
from gateway.api.request import VERSION
from gateway.app import memory_of, running_gateway
from gateway.cli.traces import TracingUnusable, tracing
from gateway.config import Config
from gateway.errors import NoPeers
from gateway.revisions.load import ConfigFiles, simulated_by
from gateway.server.file_descriptors import raise_limit
from gateway.server.listener import Server, is_loopback, listening
from gateway.server.worker_requests import answers_of
from gateway.store.database import StoreUnusable
from gateway.telemetry.request_log import RequestLog
from gateway.workers.peers import Peers, WorkerIdentity
from gateway.workers.supervisor import Supervisor, reserved

_WORKER: Final = (
    "import os, sys; sys.path[:] = sys.argv.pop(1).split(os.pathsep); from gateway.__main__ import"
    " main; sys.exit(main())"
)
"""What a worker's interpreter runs: the same code from the same places, however the parent was
started."""
_log: Final = logging.getLogger("llm_router")


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What is served, to whom, and where."""

    config: Config
    files: ConfigFiles
    access: Access
    admin: Admin
    host: str
    port: int
    demo: bool
    allow_cold: bool = False


def serve(what: Serving, membership: WorkerIdentity | None = None) -> int:
    """Until SIGTERM or SIGINT. Exit status: 1 if the address cannot be listened on.

    On uvloop where it is installed (the extra `fast`): 10 to 25 % less CPU.
    """
    raise_limit()
    factory = None
    if importlib.util.find_spec("uvloop") is not None:
        factory = importlib.import_module("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        try:
            return runner.run(_serve(what, membership))
        except StoreUnusable as error:
            print(f"{error.setting}: {error}", file=sys.stderr)
            return 1
        except TracingUnusable as error:
            print(error, file=sys.stderr)
            return 1


async def _serve(what: Serving, membership: WorkerIdentity | None) -> int:
    async with AsyncExitStack() as stack:
        config, files = what.config, what.files
        if what.demo:
            simulator = importlib.import_module("gateway.simulator")
            running = await stack.enter_async_context(simulator.running())
            config, files = (
                simulated_by(config, running.base_urls),
                replace(files, simulator=running.base_urls),
            )
        log = RequestLog(lock=None if membership is None else membership.lock)
        stack.callback(log.close)
        gateway = await stack.enter_async_context(
            running_gateway(
                config,
                files,
                what.access,
                what.admin,
                simulated=what.demo,
                listeners=[log.on_event],
                open_console=what.demo and is_loopback(what.host),
                allow_cold=what.allow_cold,
                tracing=tracing(os.environ),
            )
        )
        gateway.metrics.tell_lost_lines(lambda: log.lost)
        if membership is not None:
            # Before it listens: whoever is asked answers for all.
            gateway.peers = await stack.enter_async_context(
                Peers.joined(membership, answers_of(gateway))
            )
            if gateway.admission is None:  # else all that are on the store divide
                gateway.dispatcher.places.divide(membership.workers, membership.number - 1)
        try:
            server = await stack.enter_async_context(
                listening(gateway, what.host, what.port, reuse_port=membership is not None)
            )
        except OSError as error:
            return _cannot_listen(what, error)
        stop = server.watch_signals()
        await _announce(what, config, server, gateway.peers, stop)
        await stop.wait()
        await server.drain()
    return 0


async def _announce(
    what: Serving, config: Config, server: Server, peers: Peers | None, stop: asyncio.Event
) -> None:
    banner = _banner(config, what.host, server.port, what.demo)
    if peers is None:
        _tell(what, server.port, banner)
    else:
        peers.when_alone(partial(_end_alone, server, stop))
        with contextlib.suppress(NoPeers):  # then it is alone
            await peers.tell_listening(banner)


def _end_alone(server: Server, stop: asyncio.Event) -> None:
    """End a worker that has lost its parent: the port must be free for the next start."""
    server.leave_port()
    stop.set()


def supervise(what: Serving, directory: Path | None, workers: int) -> int:
    """Serve with several processes until SIGTERM or SIGINT. Exit status: 1 if one could not start,
    or did not end as it should.
    """
    gc.enable()  # this process loads no more modules
    try:
        with reserved(what.host, what.port) as port:
            command = _command(what, directory, port)
            return asyncio.run(
                Supervisor(
                    command,
                    workers,
                    lambda banner: _tell(what, port, f"{banner}\n  workers:   {workers}"),
                ).run()
            )
    except OSError as error:
        return _cannot_listen(what, error)


def _command(what: Serving, directory: Path | None, port: int) -> list[str]:
    where = [] if directory is None else ["--config", str(directory)]
    demo = ["--demo"] if what.demo else []
    cold = ["--allow-cold"] if what.allow_cold else []
    return [
        sys.executable,
        "-c",
        _WORKER,
        os.pathsep.join(sys.path),
        "serve",
        *where,
        "--host",
        what.host,
        "--port",
        str(port),
        *demo,
        *cold,
    ]


def _cannot_listen(what: Serving, error: OSError) -> int:
    print(f"Cannot listen on {what.host}:{what.port}: {error.strerror or error}", file=sys.stderr)
    return 1


def _tell(what: Serving, port: int, banner: str) -> None:
    """The gateway serves from now on."""
    print(banner, file=sys.stderr, flush=True)
    if what.access.open and not is_loopback(what.host):
        _log.warning(
            "ANYBODY who reaches %s:%d can spend your provider keys: set LLM_ROUTER_API_KEYS to"
            " close the gateway.",
            what.host,
            port,
        )


def _banner(config: Config, host: str, port: int, demo: bool) -> str:
    shown = f"[{host}]" if ":" in host else host
    lines = [
        (
            f"LLM Router {VERSION} on http://{shown}:{port}  (OpenAI base_url:"
            f" http://{shown}:{port}/v1)"
        ),
        overview(config, demo),
    ]
    if config.server.console.enabled or (demo and is_loopback(host)):
        lines.append(f"  console:   http://{shown}:{port}/console")
    if demo:
        lines.append(
            "  SIMULATED: no provider is called. Answers come from the built-in simulator; set a"
            " provider key for real ones."
        )
    return "\n".join(lines)


def overview(config: Config, demo: bool) -> str:
    """Providers and personas, and whether they can be served, a line each."""
    context = memory_of(config).view()
    providers = ", ".join(
        _standing(p.name, p.unavailable_reason, demo) for p in config.providers.values()
    )
    personas = ", ".join(
        p.name if standing(config, p, context).eligible else f"{p.name} (cannot be served)"
        for p in config.personas.values()
    )
    return f"  providers: {providers}\n  personas:  {personas}"


def _standing(name: str, reason: str | None, demo: bool) -> str:
    return (
        f"{name} (simulated)"
        if demo
        else name
        if reason is None
        else f"{name} (unavailable: {reason})"
    )
