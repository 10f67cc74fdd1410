"""What is measured: the gateway as it runs in production, and beside it nginx and a bare aiohttp
relay, which only pass on.
"""

import asyncio
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final

import yaml

from gateway.api.request import VERSION
from tests.bench.load import ask, connection
from tests.bench.processes import PYTHON, ROOT, free_port, must_be_free, process
from tests.bench.upstream import CERTIFICATE
from tests.bench.works import SMALL, Route, Way

OURS: Final = "LLM Router"
NGINX: Final = "nginx"
RELAY: Final = "aiohttp relay"
MESSAGES: Final = "/v1/messages"
RESPONSES: Final = "/v1/responses"
GEMINI: Final = "/v1beta/models/{model}:{method}"
STARTS_WITHIN: Final = 90.0
_FILES: Final = ("capabilities.yaml", "persona_policy.yaml")
_MANY: Final = 30
"""Targets of one persona, at most."""
_BARE: Final = {
    "bare": ["openai/gpt-6-luna"],
    "bare_claude": ["claude/claude-sonnet-5"],
    "bare_gemini": ["gemini/gemini-3.5-flash"],
}
_WAYS: Final[Mapping[Route, Way]] = {
    "openai": Way("chatbot"),
    "claude": Way("code_assistant"),
    "gemini": Way("analyst"),
    "tls": Way("tls"),
    "bare": Way("bare"),
    "messages to claude": Way("code_assistant", MESSAGES, spoken="messages"),
    "messages to openai": Way("chatbot", MESSAGES, spoken="messages"),
    "responses to openai": Way("chatbot", RESPONSES, spoken="responses"),
    "responses to claude": Way("code_assistant", RESPONSES, spoken="responses"),
    "gemini to gemini": Way("analyst", GEMINI, spoken="gemini"),
    "gemini to openai": Way("chatbot", GEMINI, spoken="gemini"),
}
"""The shipped personas by the provider that each of them asks first, whatever it is asked here."""
TRUST: Final = {"SSL_CERT_FILE": str(CERTIFICATE), "NODE_EXTRA_CA_CERTS": str(CERTIFICATE)}


@dataclass(frozen=True, slots=True)
class Provider:
    """Where the fake provider listens."""

    port: int
    tls_port: int

    @property
    def plain(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls(self) -> str:
        return f"https://localhost:{self.tls_port}"


@dataclass(frozen=True, slots=True)
class System:
    """How it is started, and how callers reach what it can do: a route that it lacks is not in
    `ways`.
    """

    name: str
    version: str
    command: Sequence[str]
    port: int
    ways: Mapping[Route, Way]
    environ: Mapping[str, str] = field(default_factory=dict)
    directory: Path = ROOT
    """Where it is started."""
    tells_pauses: bool = False
    """Its metrics say how long collections of garbage took."""

    @contextmanager
    def running(self, on: set[int]) -> Iterator[tuple[int, float]]:
        """The process id, and the seconds from its start to its first answer with 200. RuntimeError
        if it does not start, or if somebody else listens where it would.
        """
        must_be_free(self.port)
        started = time.perf_counter()
        with (
            TemporaryFile() as output,
            process(self.command, on, {**TRUST, **self.environ}, output, self.directory) as running,
        ):
            problem = "it does not listen"
            while time.perf_counter() - started < STARTS_WITHIN:
                if running.poll() is not None:
                    output.seek(0)
                    raise RuntimeError(
                        f"ended with {running.returncode}:"
                        f" {output.read()[-500:].decode(errors='replace')}"
                    )
                try:
                    asyncio.run(self._once())
                    break
                except (OSError, asyncio.IncompleteReadError, TimeoutError):
                    pass
                except RuntimeError as error:
                    problem = str(error)[:300]
                time.sleep(0.01)
            else:
                raise RuntimeError(f"no answer within {STARTS_WITHIN:g} s: {problem}")
            yield running.pid, time.perf_counter() - started

    async def _once(self) -> None:
        async with asyncio.timeout(10), connection(self.port) as on:
            await ask(on, SMALL, SMALL.http(self.ways["openai"]))


def gateway(
    provider: Provider, directory: Path, personas: int = 10, checkout: Path = ROOT
) -> System:
    """Everything on, with the personas that are shipped: their prompts, strategies and targets.
    `bare` and its like say nothing but their target, `few` and `many` have 3 and 30 of them; the
    rest, up to `personas`, are there to be many. `checkout` is whose code and configuration they
    are: what another one lacks of the inbound dialects fails there, and the report says so.
    """
    directory.mkdir(parents=True)
    capabilities, policy = (
        yaml.safe_load((checkout / "config" / name).read_text("utf-8")) for name in _FILES
    )
    documents = _with_models(capabilities, provider), _with_personas(policy, personas)
    for name, document in zip(_FILES, documents, strict=True):
        (directory / name).write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    port = free_port()
    environ = {
        "LLM_ROUTER_CONFIG_DIR": str(directory), "HOST": "127.0.0.1", "PORT": str(port),
        "OPENAI_BASE_URL": f"{provider.plain}/v1", "ANTHROPIC_BASE_URL": provider.plain,
        "GEMINI_BASE_URL": provider.plain,
        "OPENAI_API_KEY": "bench", "ANTHROPIC_API_KEY": "bench", "GEMINI_API_KEY": "bench",
    }  # fmt: skip
    revision = _revision(checkout)
    return System(
        OURS if checkout == ROOT else f"at {revision}",
        f"{revision}, Python {platform.python_version()}",
        (*PYTHON, "gateway"),
        port,
        _WAYS,
        environ,
        checkout,
        tells_pauses=True,
    )


def _with_models(capabilities: dict[str, Any], provider: Provider) -> dict[str, Any]:
    """A provider over TLS, and models for the personas that are not shipped."""
    providers = capabilities["providers"]
    models = providers["openai"]["models"]
    models |= {f"bench-{number}": {"like": "gpt-4.1"} for number in range(_MANY)}
    tls = {"base_url": f"{provider.tls}/v1", "base_url_variable": None}
    providers["tls"] = deepcopy({**providers["openai"], **tls})
    return capabilities


def _with_personas(policy: dict[str, Any], count: int) -> dict[str, Any]:
    """So many beside the shipped ones, which stay as they are."""
    many = [f"openai/bench-{number}" for number in range(_MANY)]
    shipped = policy["personas"]
    encrypted = {"targets": ["tls/gpt-6-luna"], "strategy": "priority"}
    named = {**_BARE, "few": many[:3], "many": many}
    named |= {f"persona-{number}": many[:3] for number in range(count - len(named))}
    policy["personas"] = {
        **shipped,
        "tls": {**deepcopy(shipped["chatbot"]), **encrypted},
        **{name: {"description": "bench", "targets": of} for name, of in named.items()},
    }
    return policy


def _revision(checkout: Path) -> str:
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or VERSION


def relay(provider: Provider) -> System:
    port = free_port()
    command = (*PYTHON, "tests.bench.relay", str(port), str(provider.port), str(provider.tls_port))
    return System(RELAY, version("aiohttp"), command, port, _passing_on())


def nginx(provider: Provider, directory: Path) -> System | None:
    """None where it is not installed."""
    program = shutil.which(NGINX)
    if program is None:
        return None
    directory.mkdir(parents=True)
    port = free_port()
    (directory / "nginx.conf").write_text(
        _NGINX.format(directory=directory, port=port, provider=provider, certificate=CERTIFICATE)
    )
    found = (
        subprocess.run([program, "-v"], capture_output=True, text=True, check=True)
        .stderr.partition("/")[2]
        .split()[0]
    )
    return System(
        NGINX, found, (program, "-p", str(directory), "-c", "nginx.conf"), port, _passing_on()
    )


def _passing_on() -> dict[Route, Way]:
    return {"openai": Way("bench"), "tls": Way("bench", "/tls/v1/chat/completions")}


_NGINX: Final = """
daemon off;
user root;
pid {directory}/pid;
error_log /dev/null;
worker_processes 1;
worker_rlimit_nofile 20000;
events {{ worker_connections 10000; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  client_body_buffer_size 256k;
  keepalive_requests 1000000;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_buffering off;
  proxy_buffer_size 64k;
  proxy_buffers 4 64k;
  proxy_busy_buffers_size 64k;
  upstream plain {{ server 127.0.0.1:{provider.port}; keepalive 64; keepalive_requests 1000000; }}
  upstream encrypted {{ server 127.0.0.1:{provider.tls_port}; keepalive 64; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{ proxy_pass http://plain; }}
    location /tls/ {{
      proxy_pass https://encrypted/;
      proxy_ssl_verify on;
      proxy_ssl_trusted_certificate {certificate};
      proxy_ssl_name localhost;
      proxy_ssl_server_name on;
    }}
  }}
}}
"""  # noqa: E501
