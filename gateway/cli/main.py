"""The command line: `llm-router [serve]`, `check`, `doctor`, `route`, `replay`, and limits'."""

import argparse
import asyncio
import importlib
import json
import logging
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.accounting.token_counter import TokenCounter
from gateway.api.auth import AccessError, read, read_admin
from gateway.api.native_chat import native_request
from gateway.api.request import VERSION
from gateway.app import memory_of, state_directory
from gateway.cli.check import advice, limit_advice, store_advice
from gateway.cli.doctor import examined
from gateway.cli.limits_options import COMMANDS, add_limits
from gateway.cli.replay import logged, replay, report
from gateway.cli.serve import Serving, overview, serve, supervise
from gateway.config import Config, ConfigError
from gateway.errors import RequestFailed, error_body
from gateway.revisions.load import ConfigFiles, find_directory
from gateway.routing.decision import decide
from gateway.routing.facts import Caller
from gateway.routing.plan import plan_document
from gateway.telemetry.messages import MessageHandler
from gateway.workers.peers import WorkerIdentity
from translators.chat.request import ChatRequest, parse
from translators.errors import InvalidRequest
from translators.json_codec import loads

DEFAULT_PORT: Final = 8001
MOST_WORKERS: Final = 64
_KEY_ID: Final = re.compile(r"[0-9a-f]{8}").fullmatch


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 stopped as asked or config fine, 1 config, address, request or record
    unusable, 2 wrong usage.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help", "--version")):
        given.insert(0, "serve")
    options = _parser().parse_args(given)
    member = getattr(options, "membership", None)
    who = "" if member is None else f" worker {member.number}:"
    logging.basicConfig(
        level=logging.INFO, format=f"%(levelname)s{who} %(message)s", handlers=[MessageHandler()]
    )
    try:
        files = ConfigFiles(options.config or find_directory(os.environ), os.environ)
        config = files.load()
        match options.command:
            case "check":
                return _check(config, options.strict)
            case "doctor":
                return _doctor(config)
            case "route":
                return _route(config, options)
            case "replay":
                return _replay(config, options.file)
            case command if command in COMMANDS:
                return _limits(config, options)
        access, admin = read(os.environ), read_admin(os.environ)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    except AccessError as error:
        print(error, file=sys.stderr)
        return 1
    demo = options.demo or (
        options.demo_without_keys
        and not any(provider.keys for provider in config.providers.values())
    )
    what = Serving(
        config=config,
        files=files,
        access=access,
        admin=admin,
        host=options.host,
        port=options.port,
        demo=demo,
        allow_cold=options.allow_cold,
    )
    if options.membership is None and options.workers > 1:
        return supervise(what, options.config, options.workers)
    return serve(what, options.membership)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="llm-router", description="An OpenAI-compatible gateway to Claude, OpenAI and Gemini."
    )
    parser.add_argument("--version", action="version", version=f"llm-router {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True)
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument(
        "--config",
        type=Path,
        metavar="DIR",
        help="the directory of the two YAML files (default: LLM_ROUTER_CONFIG_DIR)",
    )
    _add_serve(commands.add_parser("serve", parents=[where], help="run the gateway (the default)"))
    check = commands.add_parser("check", parents=[where], help="check the configuration and exit")
    check.add_argument(
        "--strict", action="store_true", help="exit with 1 also when there is only advice"
    )
    commands.add_parser(
        "doctor",
        parents=[where],
        help="look at keys, store, limits, clock and installed files; no provider is called",
    )
    _add_route(
        commands.add_parser(
            "route", parents=[where], help="print the plan for a request; no provider is called"
        )
    )
    replay = commands.add_parser(
        "replay",
        parents=[where],
        help="make logged decisions again, under the configuration of --config",
    )
    replay.add_argument(
        "file",
        metavar="FILE",
        help="log lines or decisions, a JSON object a line; - is standard input",
    )
    add_limits(commands, where)
    return parser


def _add_serve(serve: argparse.ArgumentParser) -> None:
    """The options of `serve`."""
    serve.add_argument(
        "--host",
        default=os.environ.get("HOST", "127.0.0.1"),
        help="address to listen on (HOST, default 127.0.0.1)",
    )
    serve.add_argument(
        "--port",
        type=_port,
        default=os.environ.get("PORT", str(DEFAULT_PORT)),
        help="port (PORT, default 8001)",
    )
    serve.add_argument(
        "--workers", type=_workers, default=os.environ.get("LLM_ROUTER_WORKERS", "1"), metavar="N",
        help="processes that share the port (LLM_ROUTER_WORKERS, default 1)",
    )  # fmt: skip
    serve.add_argument(
        "--membership", type=WorkerIdentity.read, help=argparse.SUPPRESS
    )  # a process that --workers started
    serve.add_argument(
        "--demo",
        action="store_true",
        help="serve from the built-in simulator instead of the real providers",
    )
    serve.add_argument(
        "--demo-without-keys",
        action="store_true",
        help="the same, but only if no provider key is set",
    )
    serve.add_argument(
        "--allow-cold",
        action="store_true",
        help="admit requests by the files' limits though the store was not seen since the start",
    )


def _add_route(route: argparse.ArgumentParser) -> None:
    """The arguments of `route`."""
    route.add_argument(
        "request",
        metavar="FILE",
        help="a JSON file with a chat request of either form; - is standard input",
    )
    route.add_argument(
        "--header",
        action="append",
        type=_header,
        default=[],
        metavar="NAME:VALUE",
        help="a header of the request; may be repeated",
    )
    route.add_argument(
        "--key",
        type=_key_id,
        metavar="ID",
        help="the id of the caller's key: 8 hex digits, as in the log",
    )


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is no port")
    return port


def _workers(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of workers: 1 to {MOST_WORKERS}")
    return int(text)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError("a header is NAME:VALUE")
    return name.strip().lower(), value.strip()


def _key_id(text: str) -> str:
    if not _KEY_ID(text):
        raise argparse.ArgumentTypeError(
            "the id of a key is 8 hex digits (0-9, a-f); it is not the key itself"
        )
    return text


def _contents(name: str) -> bytes:
    """Of a file, or of standard input."""
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _check(config: Config, strict: bool) -> int:
    print(f"The configuration in {config.directory} is fine (revision {config.revision}).")
    print(overview(config, False))
    workers = os.environ.get("LLM_ROUTER_WORKERS", "1")
    context = memory_of(config).view()
    found = [
        *advice(config, context),
        *limit_advice(config, context),
        *store_advice(config, int(workers) if workers.isdecimal() else 1),
    ]
    if found:
        print("Worth a look:")
        print("\n".join(f"  {line}" for line in found))
    return 1 if found and strict else 0


def _limits(config: Config, options: argparse.Namespace) -> int:
    """Its modules are there only when they are asked for."""
    done: int = importlib.import_module("gateway.cli.limits").run(
        config, state_directory(os.environ), os.environ, options
    )
    return done


def _doctor(config: Config) -> int:
    found = asyncio.run(examined(config, os.environ, time.time()))
    print("\n".join(map(str, found)))
    return int(any(finding.level == "bad" for finding in found))


def _route(config: Config, options: argparse.Namespace) -> int:
    caller = Caller(key_id=options.key, headers=dict(options.header))
    try:
        data = _contents(options.request)
        document = loads(data)
        native = isinstance(document, dict) and "persona" in document
        request = native_request(document, len(data)) if native else parse(document, len(data))
        context = memory_of(config).view()
        decision = decide(config, request, caller, context)
        if (
            decision.plan.near_limit
            and (tokens := asyncio.run(_counted(decision.request))) is not None
        ):
            decision = decide(config, request, caller, context, tokens)
    except (InvalidRequest, RequestFailed) as error:
        print(json.dumps(error_body(error), indent=2), file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{options.request}: {error.strerror or error}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"{options.request} is not valid JSON: {error}", file=sys.stderr)
        return 1
    print(json.dumps(plan_document(decision.plan), indent=2))
    return 0 if decision.plan.eligible else 1


async def _counted(request: ChatRequest) -> int | None:
    async with TokenCounter.running() as counter:
        return await counter.count_request(request)


def _replay(config: Config, name: str) -> int:
    try:
        lines = _contents(name).splitlines()
    except OSError as error:
        print(f"{name}: {error.strerror or error}", file=sys.stderr)
        return 1
    outcome = replay(logged(lines), config)
    print(report(outcome))
    return 0 if outcome.decisions else 1
