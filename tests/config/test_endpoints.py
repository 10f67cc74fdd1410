"""gateway.config.endpoints: what a written URL stands for, and how a key is sent."""

from pathlib import Path
from typing import Final

import pytest

from gateway.config.endpoints import check_key_header, check_url, parts_of, placed
from gateway.revisions.load import simulated_by
from tests.config.samples import CAPABILITIES, complaints, loaded, replaced
from translators.dialect import BEARER, KeyHeader

DEPLOYMENTS: Final = "https://res.example.com/openai/deployments/{model}"


def azure(base_url: str, more: str = "") -> str:
    """The sample's local provider with a key, at another URL."""
    lines = (
        f"base_url: '{base_url}'\n    base_url_variable: AZURE_URL\n    key_variable:"
        f" AZURE_KEY\n{more}"
    )
    return replaced(CAPABILITIES, "base_url: http://127.0.0.1:8000/v1\n", lines)


@pytest.mark.parametrize(
    ("written", "api_version", "expected"),
    [
        ("https://h.example/v1", None, ("https://h.example/v1", "")),
        ("https://h.example/v1/", None, ("https://h.example/v1", "")),
        (
            "https://h.example/v1/?api-version=2024-10-21",
            None,
            ("https://h.example/v1", "?api-version=2024-10-21"),
        ),
        ("https://h.example/v1", "preview", ("https://h.example/v1", "?api-version=preview")),
        (
            "https://h.example/v1?team=a&of=b",
            "1.0",
            ("https://h.example/v1", "?team=a&of=b&api-version=1.0"),
        ),
    ],
)
def test_a_url_is_taken_apart(
    written: str, api_version: str | None, expected: tuple[str, str]
) -> None:
    assert parts_of(check_url(written), api_version) == expected


@pytest.mark.parametrize(
    "query",
    [
        "key=a",
        "api-key=a",
        "api_key=a",
        "KEY=a",
        "apikey=a",
        "x.token=a",
        "a=b&code=c",
        "sig=a",
        "client_secret=a",
        "a",
        "a&b=c",
        "=a",
    ],
)
def test_a_query_that_may_hold_a_key_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match="query"):
        check_url(f"https://h.example/v1?{query}")


@pytest.mark.parametrize(
    "query", ["api-version=2024-10-21", "monkey=a", "a=b=c", "a=&b=c", "keys=a"]
)
def test_a_query_without_one_is_taken(query: str) -> None:
    assert check_url(f"https://h.example/v1?{query}") == f"https://h.example/v1?{query}"


@pytest.mark.parametrize(
    ("model", "segment"),
    [("gpt-4.1", "gpt-4.1"), ("org/name:8b", "org%2Fname%3A8b"), ("@cf/a", "%40cf%2Fa")],
    ids=["plain", "slash", "at"],
)
def test_a_model_is_one_segment_of_its_url(model: str, segment: str) -> None:
    assert placed(DEPLOYMENTS, model) == f"https://res.example.com/openai/deployments/{segment}"


def test_each_model_has_its_url(tmp_path: Path) -> None:
    capabilities = azure(DEPLOYMENTS + "?api-version=2024-10-21").replace(
        "small: {like: base}", "small: {like: base}\n      a/b: {like: base}"
    )
    provider = loaded(tmp_path, capabilities=capabilities).providers["local"]
    assert {model.id: model.base_url for model in provider.models.values()} == {
        "small": "https://res.example.com/openai/deployments/small",
        "a/b": "https://res.example.com/openai/deployments/a%2Fb",
    }
    assert (provider.base_url, provider.query) == (DEPLOYMENTS, "?api-version=2024-10-21")


def test_without_a_place_for_it_all_models_have_their_providers_url(tmp_path: Path) -> None:
    provider = loaded(tmp_path).providers["local"]
    assert (provider.base_url, provider.query, provider.models["small"].base_url) == (
        "http://127.0.0.1:8000/v1",
        "",
        None,
    )


@pytest.mark.parametrize(
    ("given", "url", "query"),
    [
        ("https://b.example/openai/v1/", "https://b.example/openai/v1", "?api-version=2024-10-21"),
        (
            "https://b.example/openai/deployments/{model}",
            "https://b.example/openai/deployments/small",
            "?api-version=2024-10-21",
        ),
        ("https://b.example/v1?team=a", "https://b.example/v1", "?team=a&api-version=2024-10-21"),
    ],
)
def test_the_environment_moves_a_provider_with_its_api_version(
    tmp_path: Path, given: str, url: str, query: str
) -> None:
    capabilities = azure("https://a.example/v1", "    api_version: 2024-10-21\n")
    provider = loaded(tmp_path, capabilities=capabilities, environ={"AZURE_URL": given}).providers[
        "local"
    ]
    assert (provider.models["small"].base_url or provider.base_url, provider.query) == (url, query)


def test_a_url_of_the_environment_is_held_against_the_row(tmp_path: Path) -> None:
    told = complaints(tmp_path, capabilities=azure("https://a.example/v1",
     "    api_version: 2024-10-21\n"), environ={
        "AZURE_URL": "https://b.example/v1?api-version=hidden",
        "CLAUDE_URL": "https://b.example/{model}?hidden=hidden",
    })  # fmt: skip
    assert told == [
        (
            "capabilities.yaml:16: providers.claude.base_url_variable: the URL in the environment"
            " variable CLAUDE_URL must not have a query: the dialect 'claude' has no place for it"
        ),
        (
            "capabilities.yaml:16: providers.claude.base_url_variable: the URL in the environment"
            " variable CLAUDE_URL must not have {model}: the dialect 'claude' names the model"
            " elsewhere"
        ),
        (
            "capabilities.yaml:32: providers.local.base_url_variable: the URL in the environment"
            " variable AZURE_URL has an api-version in its query, and there is 'api_version', too"
        ),
    ]


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ("", None), ("auth: bearer", BEARER), ("auth: {header: Api-Key}", KeyHeader("api-key")),
        ("auth: {header: authorization}", KeyHeader("authorization")),
    ],
    ids=["unsaid", "bearer", "header", "authorization without Bearer"],
)  # fmt: skip
@pytest.mark.parametrize("dialect", ["openai", "claude", "gemini"])
def test_how_a_key_is_sent(
    tmp_path: Path, auth: str, expected: KeyHeader | None, dialect: str
) -> None:
    capabilities = azure("https://a.example/v1", f"    {auth}\n").replace(
        "dialect: openai", f"dialect: {dialect}"
    )
    assert loaded(tmp_path, capabilities=capabilities).providers["local"].key_header == expected


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a b",
        "a:",
        "a\n",
        "ä",
        "x" * 65,
        "Host",
        "TE",
        "Keep-Alive",
        "content-md5",
        "Proxy-Key",
        "sec-key",
        "cookie",
    ],
)
def test_headers_in_which_no_key_is_sent(name: str) -> None:
    with pytest.raises(ValueError, match=r"header|meaning"):
        check_key_header(name)


def test_a_simulated_provider_is_asked_as_the_simulator_wants(tmp_path: Path) -> None:
    capabilities = azure(DEPLOYMENTS + "?api-version=2024-10-21", "    auth: {header: api-key}\n")
    urls = dict.fromkeys(("claude", "openai", "gemini"), "http://sim")
    provider = simulated_by(loaded(tmp_path, capabilities=capabilities), urls).providers["local"]
    assert (
        provider.base_url,
        provider.query,
        provider.key_header,
        provider.models["small"].base_url,
    ) == ("http://sim", "", None, None)
