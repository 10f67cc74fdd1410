"""gateway.api.auth: keys in, ids out, digests compared."""

import hashlib
from pathlib import Path

import aiohttp
import pytest

from gateway.api.auth import ADMIN_ROUTES, AccessError, read
from gateway.api.routes import ROUTES
from gateway.errors import NotAuthorized
from tests.serving import serving

DIGEST = hashlib.sha256(b"secret-1").hexdigest()


def test_unset_is_open() -> None:
    access = read({})
    assert access.open
    assert access.key_id({}) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer secret-1"},
        {"authorization": "bearer  secret-1"},
        {"x-api-key": "secret-1"},
    ],
)
def test_a_known_key_gives_its_id(headers: dict[str, str]) -> None:
    access = read({"LLM_ROUTER_API_KEYS": "other, secret-1,"})
    assert access.key_id(headers) == DIGEST[:8]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic secret-1"},
        {"x-api-key": ""},
        {"authorization": "Bearer"},
    ],
)
def test_anything_else_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(NotAuthorized) as caught:
        read({"LLM_ROUTER_API_KEYS": "secret-1"}).key_id(headers)
    assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")
    assert "secret" not in caught.value.message


def test_a_file_of_hashes(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# team a\n{DIGEST}  # laptop\n\n")
    access = read({"LLM_ROUTER_API_KEYS": f"plain,{file}"})
    assert access.key_id({"x-api-key": "secret-1"}) == DIGEST[:8]
    assert access.key_id({"x-api-key": "plain"}) is not None


@pytest.mark.parametrize("text", ["", "# nothing", "not a digest", DIGEST[:-1]])
def test_a_file_that_does_not_hold_hashes_closes_the_door(tmp_path: Path, text: str) -> None:
    """A mistake must not open the gateway."""
    file = tmp_path / "keys"
    file.write_text(text)
    with pytest.raises(AccessError):
        read({"LLM_ROUTER_API_KEYS": str(file)})


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(AccessError, match="cannot be read"):
        read({"LLM_ROUTER_API_KEYS": "/nowhere/keys"})


@pytest.mark.parametrize("value", [" ", ",", ", ,"])
def test_set_but_without_keys_does_not_open_the_gateway(value: str) -> None:
    with pytest.raises(AccessError):
        read({"LLM_ROUTER_API_KEYS": value})


async def test_every_route_but_these_asks_for_a_callers_key() -> None:
    """What a load balancer and Prometheus read is open; the reload is the operator's, and disabled
    without a key of theirs.
    """
    open_routes = {
        ("GET", "/health"): 200,
        ("GET", "/health/ready"): 200,
        ("GET", "/metrics"): 200,
        ("POST", "/-/reload"): 403,
        **{
            (route.method, route.path): 403
            for route in ROUTES
            if route.path in ADMIN_ROUTES and route.path != "/-/reload"
        },
    }
    access = read({"LLM_ROUTER_API_KEYS": "secret-1"})
    async with (
        serving({"OPENAI_API_KEY": "k"}, access=access) as running,
        aiohttp.ClientSession() as session,
    ):
        for route in ROUTES:
            path = route.path.replace("{id:.+}", "x").replace("{id}", "x")
            async with session.request(route.method, running.url + path, json={}) as answer:
                assert (route.path, answer.status) == (
                    route.path,
                    open_routes.get((route.method, route.path), 401),
                )
