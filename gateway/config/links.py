"""The way to a provider: through which proxy, and with whose certificates.

A provider's own `proxy` counts first, then HTTPS_PROXY or HTTP_PROXY by the scheme of its URL, then
ALL_PROXY; hosts in NO_PROXY are reached directly. Variables in small letters win, as in curl.
"""

import base64
import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import unquote, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # it is there, typeshed does not know it

from pydantic import Field

from gateway.config.endpoints import NOT_HTTP, split
from gateway.config.schema import Row

NO_PROXY: Final = "none"
"""As a provider's `proxy`: it is reached directly, whatever the environment says."""
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where a proxy listens. With `tls` it is spoken to encrypted."""

    host: str
    port: int
    tls: bool = False
    credentials: str | None = field(default=None, repr=False)
    """`user:password`."""

    @property
    def authorization(self) -> str | None:
        """The header's value."""
        return f"Basic {self.secrets[2]}" if self.secrets else None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown: the credentials, the password alone, and both as they are
        sent."""
        if self.credentials is None:
            return ()
        sent = base64.b64encode(self.credentials.encode()).decode()
        return self.credentials, self.credentials.partition(":")[2], sent


_File = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class TlsFiles(Row):
    """A provider's certificates: PEM files, written relative to the configuration's directory."""

    ca_file: _File | None = None
    """The only authorities that count for this provider; without it those of this machine."""
    client_certificate: _File | None = None
    """Shown to the provider, with what lies between it and its authority."""
    client_key: _File | None = None
    """Without it the certificate's file holds the key, too."""
    server_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,253}$")] | None = None
    """The name in the provider's certificate, where that is not the host of its URL."""

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.ca_file, self.client_certificate, self.client_key)))


@dataclass(frozen=True, slots=True)
class Link:
    """How a provider is reached where that is not the plain way."""

    proxy: Proxy | None = None
    tls: TlsFiles | None = None


def tls_context(files: TlsFiles | None) -> ssl.SSLContext:
    """For connections to a provider; takes tens of ms. Raises ValueError naming a bad file."""
    files = files or TlsFiles()
    for file in files.files:
        try:
            Path(file).read_bytes()
        except OSError as error:
            raise ValueError(f"{file}: {error.strerror or error}") from None
    try:
        context = ssl.create_default_context(cafile=files.ca_file)
    except ssl.SSLError:
        of = files.ca_file or "the system"
        raise ValueError(f"{of}: holds no certificates in PEM") from None
    if files.client_certificate is not None:
        try:  # without a password it would be asked for at a terminal
            context.load_cert_chain(files.client_certificate, files.client_key, password="")
        except ssl.SSLError as error:
            what = f"no certificate with its unencrypted key ({error.reason})"
            raise ValueError(f"{' and '.join(files.files[-2:])}: {what}") from None
    context.set_alpn_protocols(["http/1.1"])
    return context


def proxy_at(url: str) -> Proxy:
    """The proxy of a URL, by default http. Raises ValueError that does not repeat it."""
    parts, port = split(url if "://" in url else f"http://{url}")
    if parts.scheme not in _PORTS:
        raise ValueError(f"{NOT_HTTP}: other proxies (SOCKS) are not spoken to")
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("must be a URL of a host and its port alone")
    credentials = None
    if parts.username is not None:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(parts.hostname, port or _PORTS[parts.scheme], parts.scheme == "https", credentials)


def check_proxy(url: str) -> str:
    """A proxy as it may stand in a file. Raises ValueError."""
    if url != NO_PROXY and proxy_at(url).credentials is not None:
        rule = "must not hold a user name or password"
        raise ValueError(f"{rule}: 'proxy_variable' names a variable with the whole URL")
    return url


def proxies_of(environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """By scheme, `all` and `no`: the variable's name and what it says."""
    found: dict[str, tuple[str, str]] = {}
    for name, value in sorted(environ.items()):  # capitals first, so that small letters win
        if name.lower().endswith("_proxy"):
            found[name.lower().removesuffix("_proxy")] = (name, value.strip())
    return {scheme: told for scheme, told in found.items() if told[1]}


def proxy_for(url: str, environ: Mapping[str, str]) -> Proxy | None:
    """What the environment says of a provider's URL. Raises ValueError naming the variable."""
    proxies, parts = proxies_of(environ), urlsplit(url)
    variable, proxy = proxies.get(parts.scheme) or proxies.get("all") or ("", "")
    direct, port = proxies.get("no", ("", ""))[1], parts.port or _PORTS[parts.scheme]
    if not proxy or (parts.hostname and _bypassed(parts.hostname, port, direct)):
        return None
    try:
        return proxy_at(proxy)
    except ValueError as error:
        raise ValueError(f"the proxy in the environment variable {variable} {error}") from None


def _bypassed(host: str, port: int, no_proxy: str) -> bool:
    """Whether NO_PROXY names the host or its domain, with or without port, its network, or `*`."""
    forms = (f"[{host}]:{port}", f"[{host}]") if ":" in host else (f"{host}:{port}",)
    if any(proxy_bypass_environment(form, {"no": no_proxy}) for form in forms):
        return True
    entries = [entry.strip() for entry in no_proxy.split(",")]
    networks = [entry for entry in entries if "/" in entry or entry == host]
    try:
        address = ipaddress.ip_address(host)
        return any(address in ipaddress.ip_network(entry, strict=False) for entry in networks)
    except ValueError:  # a name, or an entry that is no network
        return False
