"""Real clients through a gateway: python -m tests.clients [NAME …].

Each client is tried at a provider of its own dialect, which proves the client and what it is asked,
then through the gateway with a persona for each dialect of providers. Exit status: 0 all is well,
1 something is not, or a client could not be installed (unless --allow-missing), 2 wrong usage.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Final

from tests.clients.gateway import KEY, PERSONAS, gateway
from tests.clients.installing import Environment, NotInstalled, install
from tests.clients.programs import PROGRAMS, Server
from tests.clients.report import Report
from tests.clients.running import Outcome, run_program
from tests.clients.sdks import SCRIPTS, run_script
from tests.clients.setups import ENVIRONMENTS, run_setup, shown
from tests.clients.upstream import KEY as PROVIDER_KEY
from tests.clients.upstream import upstream
from tests.strict import server as strict

SETUP: Final = "setup"
"""What the page of clients shows for Python."""
NAMES: Final = (*PROGRAMS, *SCRIPTS, SETUP)
_DIRECT_MODELS: Final = {
    "claude": "claude-sonnet-5",
    "responses": "gpt-code",
    "openai": "gpt-5.6-sol",
    "gemini": "gemini-3.5-flash",
}


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--only", choices=("direct", "gateway"), help="one of the two ways")
    parser.add_argument(
        "--persona", action="append", choices=tuple(PERSONAS), help="may be repeated; default: all"
    )
    parser.add_argument(
        "--allow-missing", action="store_true", help="what cannot be installed is no failure"
    )
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"no client is named {unknown[0]!r}, only {', '.join(NAMES)}")
    return options


def _installed(names: Sequence[str], report: Report) -> dict[str, list[Environment]]:
    """Node and its own environment for each client that can be had."""
    found: dict[str, list[Environment]] = {}
    for name in names:
        tables = dict.fromkeys(ENVIRONMENTS.values())
        if name != SETUP:
            tables = dict.fromkeys([(PROGRAMS.get(name) or SCRIPTS[name]).environment])
        try:
            found[name] = [install("node"), *map(install, tables)]
        except NotInstalled as error:
            report.missing(name, str(error))
    return found


async def _programs(
    names: Sequence[str], where: dict[str, list[Environment]], options: argparse.Namespace
) -> AsyncIterator[Outcome]:
    async with upstream() as provider:
        tried = [name for name in names if PROGRAMS[name].direct]
        for name in tried if options.only != "gateway" else ():
            program = PROGRAMS[name]
            model = program.like + _DIRECT_MODELS[program.dialect]
            server = Server(provider.url, PROVIDER_KEY, model)
            yield await run_program(name, program, server, provider, where[name])
        if options.only == "direct" or not names:
            return
        async with gateway(provider.environ()) as url:
            for name in names:
                for persona in options.persona or PERSONAS:
                    server = Server(url, KEY, PROGRAMS[name].like + persona)
                    yield await run_program(name, PROGRAMS[name], server, provider, where[name])


async def _scripts(
    names: Sequence[str], where: dict[str, list[Environment]], options: argparse.Namespace
) -> AsyncIterator[Outcome]:
    async with strict.running() as simulated:
        bases = {name: url.removesuffix("/v1") for name, url in simulated.base_urls.items()}
        for name in names if options.only != "gateway" else ():
            script = SCRIPTS.get(name)
            if script is not None and script.direct:
                server = Server(
                    bases[script.provider], PROVIDER_KEY, _DIRECT_MODELS[script.provider]
                )
                for outcome in await run_script(name, script, server, script.direct, where[name]):
                    yield outcome
        if options.only == "direct" or not names:
            return
        environ = {
            "ANTHROPIC_BASE_URL": bases["claude"], "ANTHROPIC_API_KEY": PROVIDER_KEY,
            "OPENAI_BASE_URL": f"{bases['openai']}/v1", "OPENAI_API_KEY": PROVIDER_KEY,
            "GEMINI_BASE_URL": bases["gemini"], "GEMINI_API_KEY": PROVIDER_KEY,
        }  # fmt: skip
        async with gateway(environ) as url:
            for name in names:
                for persona in options.persona or PERSONAS:
                    server = Server(url, KEY, persona)
                    if name == SETUP:
                        async for outcome in _setups(server, where[name]):
                            yield outcome
                        continue
                    for outcome in await run_script(name, SCRIPTS[name], server, (), where[name]):
                        yield outcome


async def _setups(server: Server, where: Sequence[Environment]) -> AsyncIterator[Outcome]:
    node, *others = where
    for package, block in shown():
        own = next(each for each in others if each.name == ENVIRONMENTS[package])
        yield await run_setup(package, block, server, [node, own])


async def _all(options: argparse.Namespace, report: Report) -> None:
    where = _installed(options.names or NAMES, report)
    async for outcome in _programs([n for n in where if n in PROGRAMS], where, options):
        report.add(outcome)
    async for outcome in _scripts([n for n in where if n not in PROGRAMS], where, options):
        report.add(outcome)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    report = Report(lambda line: print(line, flush=True))
    asyncio.run(_all(options, report))
    return report.end(options.allow_missing)


if __name__ == "__main__":
    sys.exit(main())
