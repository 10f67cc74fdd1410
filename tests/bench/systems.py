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
from tests.bench.processes import PYTHON, ROOT, free_port, process
from tests.bench.upstream import CERTIFICATE
from tests.bench.works import SMALL, Route, Way

OURS: Final = "LLM Router"
NGINX: Final = "nginx"
RELAY: Final = "aiohttp relay"
MESSAGES: Final = "/v1/messages"
RESPONSES: Final = "/v1/responses"
GEMINI: Final = "/v1beta/models/{}:{{method}}"
STARTS_WITHIN: Final = 90.0
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

    @contextmanager
    def running(self, on: set[int]) -> Iterator[tuple[int, float]]:
        """The process id, and the seconds from its start to its first answer with 200."""
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
    """Everything on. `few` and `many` are personas with 3 and 30 targets; the rest, up to
    `personas`, are there to be many. `checkout` is whose code and capabilities they are: what
    another one lacks of the inbound dialects fails there, and the report says so.
    """
    directory.mkdir(parents=True)
    capabilities: dict[str, Any] = yaml.safe_load(
        (checkout / "config" / "capabilities.yaml").read_text("utf-8")
    )
    providers = capabilities["providers"]
    models = providers["openai"]["models"]
    models |= {f"bench-{number}": {"like": "gpt-4.1"} for number in range(30)}
    tls = {
        "base_url": f"{provider.tls}/v1",
        "base_url_variable": None,
        "models": {"bench": models["gpt-4.1"]},
    }
    providers["tls"] = deepcopy({**providers["openai"], **tls})
    many = [f"openai/bench-{number}" for number in range(30)]
    named = {
        "openai": ["openai/gpt-4.1"], "claude": ["claude/claude-sonnet-5"],
        "gemini": ["gemini/gemini-3.5-flash"],
        "tls": ["tls/bench"], "few": many[:3], "many": many,
    }  # fmt: skip
    named |= {f"persona-{number}": many[:3] for number in range(personas - len(named))}
    policy = {
        "version": 1,
        "personas": {
            name: {"description": "bench", "targets": targets} for name, targets in named.items()
        },
    }
    (directory / "capabilities.yaml").write_text(yaml.safe_dump(capabilities), "utf-8")
    (directory / "persona_policy.yaml").write_text(yaml.safe_dump(policy), "utf-8")
    port = free_port()
    environ = {
        "LLM_ROUTER_CONFIG_DIR": str(directory), "HOST": "127.0.0.1", "PORT": str(port),
        "OPENAI_BASE_URL": f"{provider.plain}/v1", "ANTHROPIC_BASE_URL": provider.plain,
        "GEMINI_BASE_URL": provider.plain,
        "OPENAI_API_KEY": "bench", "ANTHROPIC_API_KEY": "bench", "GEMINI_API_KEY": "bench",
    }  # fmt: skip
    ways: dict[Route, Way] = {
        "openai": Way("openai"),
        "claude": Way("claude"),
        "gemini": Way("gemini"),
        "tls": Way("tls"),
        "messages to claude": Way("claude", MESSAGES, spoken="messages"),
        "messages to openai": Way("openai", MESSAGES, spoken="messages"),
        "responses to openai": Way("openai", RESPONSES, spoken="responses"),
        "responses to claude": Way("claude", RESPONSES, spoken="responses"),
        "gemini to gemini": Way("gemini", GEMINI.format("gemini"), spoken="gemini"),
        "gemini to openai": Way("openai", GEMINI.format("openai"), spoken="gemini"),
    }
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    revision = described.stdout.strip() or VERSION
    return System(
        OURS if checkout == ROOT else f"at {revision}",
        f"{revision}, Python {platform.python_version()}",
        (*PYTHON, "gateway"),
        port,
        ways,
        environ,
        checkout,
    )


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
