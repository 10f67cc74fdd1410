"""gateway.config.links: which proxy a provider is reached through, and whose certificates count."""

from pathlib import Path

import pytest

from gateway.config import ConfigError, Link, Provider, Proxy, TlsFiles
from gateway.config.links import proxy_at, proxy_for
from tests.serving import config_of

CERTIFICATE = Path(__file__).parents[1] / "upstream" / "localhost.pem"
POLICY = "version: 1\npersonas: {p: {description: d, targets: [here/m]}}"
MODEL = (
    "models: {m: {context_window: 1000, max_output_tokens: 100, capabilities: [streaming],"
    " cost_tier: low}}"
)


def provider(row: str, environ: dict[str, str], url: str = "https://up.test/v1") -> Provider:
    capabilities = (
        f"version: 1\nproviders:\n  here: {{dialect: openai, base_url: '{url}', {row} {MODEL}}}"
    )
    return config_of(POLICY, environ, capabilities).providers["here"]


@pytest.mark.parametrize(
    ("environ", "url", "proxy"),
    [
        ({}, "https://up.test/v1", None),
        ({"HTTPS_PROXY": "http://corp:3128"}, "https://up.test/v1", Proxy("corp", 3128)),
        ({"https_proxy": "http://corp:3128"}, "https://up.test/v1", Proxy("corp", 3128)),
        (
            {"https_proxy": "small:1", "HTTPS_PROXY": "capital:1"},
            "https://up.test/v1",
            Proxy("small", 1),
        ),
        ({"https_proxy": "", "HTTPS_PROXY": "capital:1"}, "https://up.test/v1", None),
        ({"HTTP_PROXY": "http://corp"}, "https://up.test/v1", None),
        ({"HTTP_PROXY": "http://corp"}, "http://up.test/v1", Proxy("corp", 80)),
        ({"ALL_PROXY": "https://corp"}, "http://up.test/v1", Proxy("corp", 443, True)),
        (
            {"ALL_PROXY": "corp:1", "HTTPS_PROXY": "other:2"},
            "https://up.test/v1",
            Proxy("other", 2),
        ),
        (
            {"HTTPS_PROXY": "http://us%40er:p%3Aw@corp:1"},
            "https://up.test/v1",
            Proxy("corp", 1, False, "us@er:p:w"),
        ),
        ({"HTTPS_PROXY": "http://[fd00::1]:3128"}, "https://up.test/v1", Proxy("fd00::1", 3128)),
    ],
)
def test_the_environment(environ: dict[str, str], url: str, proxy: Proxy | None) -> None:
    assert proxy_for(url, environ) == proxy


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("up.test", "https://up.test", True), ("UP.test", "https://up.test", True), (".test",
         "https://a.up.test", True),
        ("test", "https://a.up.test", True), ("a.test, up.test", "https://up.test", True), ("*",
         "https://up.test", True),
        ("up.test:443", "https://up.test", True), ("up.test:444", "https://up.test", False),
        ("p.test", "https://up.test", False),
        ("10.0.0.0/8", "https://10.1.2.3", True), ("10.0.0.0/8", "https://11.1.2.3", False),
        ("::1", "https://[::1]:8", True),
        ("[::1]", "https://[::1]:8", True), ("fd00::/8", "https://[fd01::1]", True), ("",
         "https://up.test", False),
    ],
)  # fmt: skip
def test_who_is_reached_directly(no_proxy: str, url: str, direct: bool) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        assert (proxy_for(url, {"ALL_PROXY": "corp:1", name: no_proxy}) is None) == direct


@pytest.mark.parametrize(
    "url",
    ["socks5://corp:1", "http://corp:port", "http://", "http://corp/path", "http://corp?x=secret"],
)
def test_what_is_no_proxy(url: str) -> None:
    with pytest.raises(ValueError, match="must be") as raised:
        proxy_at(url)
    assert "secret" not in str(raised.value)


def test_a_providers_own_word_comes_first() -> None:
    environ = {"ALL_PROXY": "corp:1", "OF_HERE": "http://u:secret-word@own:2"}
    own = Proxy("own", 2, False, "u:secret-word")
    assert provider("", environ).link == Link(Proxy("corp", 1))
    assert provider("proxy: none,", environ).link is None
    assert provider("proxy: 'http://other:3',", environ).link == Link(Proxy("other", 3))
    assert provider("proxy: 'http://other:3', proxy_variable: OF_HERE,", environ).link == Link(own)
    assert provider("proxy: 'http://other:3', proxy_variable: UNSET,", environ).link == Link(
        Proxy("other", 3)
    )


def test_a_proxys_password_is_never_shown() -> None:
    found = provider("proxy_variable: OF_HERE,", {"OF_HERE": "http://u:secret-word@own:2"})
    assert "secret-word" not in repr(found)
    assert (
        found.redactor.clean("it said secret-word, dTpzZWNyZXQtd29yZA==")
        == "it said [redacted], [redacted]"
    )


@pytest.mark.parametrize(
    ("row", "environ", "words"),
    [
        (
            "proxy: 'http://u:secret@corp:1',",
            {},
            "providers.here.proxy: must not hold a user name or password",
        ),
        ("proxy: 'socks5://corp:1',", {}, "providers.here.proxy: must be an http or https URL"),
        (
            "proxy_variable: P,",
            {"P": "ftp://secret"},
            "the proxy in the environment variable P must be an http or https URL",
        ),
        (
            "",
            {"ALL_PROXY": "socks5://secret:1"},
            "the proxy in the environment variable ALL_PROXY must be",
        ),
        ("tls: {ca_file: /gone.pem},", {}, "providers.here.tls: /gone.pem: No such file"),
        ("tls: {client_certificate: gone.pem},", {}, "gone.pem: No such file"),
        (
            "tls: {client_key: k.pem},",
            {},
            "providers.here.tls.client_key: has no effect without 'client_certificate'",
        ),
        (f"tls: {{ca_file: {__file__}}},", {}, "holds no certificates in PEM"),
        (
            f"tls: {{client_certificate: {__file__}}},",
            {},
            "no certificate with its unencrypted key",
        ),
        (
            "",
            {"SSL_CERT_FILE": "/gone.pem"},
            "SSL_CERT_FILE: /gone.pem is no file that can be read",
        ),
        ("", {"SSL_CERT_DIR": "/gone:/gone-too"}, "SSL_CERT_DIR: /gone:/gone-too is no directory"),
    ],
)
def test_what_cannot_be_used_is_told_at_start(
    row: str, environ: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        provider(row, environ)
    assert words in str(raised.value)
    assert "secret" not in str(raised.value)


def test_certificates() -> None:
    row = (
        f"tls: {{ca_file: {CERTIFICATE}, client_certificate: {CERTIFICATE}, server_name:"
        " other.test},"
    )
    files = TlsFiles(str(CERTIFICATE), str(CERTIFICATE), None, "other.test")
    assert provider(row, {}).link == Link(None, files)
    with pytest.raises(ConfigError, match="has no effect"):
        provider(row, {}, "http://up.test/v1")
