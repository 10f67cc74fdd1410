"""What a provider's row and the environment say of the way to it, checked: an unusable file or proxy is an error at start."""

import os
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from gateway.config.errors import Complaint, Problem
from gateway.config.links import NO_PROXY, Link, Proxy, TlsFiles, proxy_at, proxy_for, tls_context
from gateway.config.schema import ProviderRow, TlsRow

_PATHS: Final = ("ca_file", "client_certificate", "client_key")


def read_link(row: ProviderRow, base_url: str, directory: Path, environ: Mapping[str, str]) -> tuple[Link | None, list[Complaint]]:
    """None where nothing is special."""
    complaints: list[Complaint] = []
    proxy = _proxy(row, base_url, environ, complaints)
    tls = None if row.tls is None else _tls(row.tls, directory)
    if tls is not None:
        complaints += _tls_complaints(tls, base_url)
    return None if proxy is None and tls is None else Link(proxy, tls), complaints


def _proxy(row: ProviderRow, base_url: str, environ: Mapping[str, str], complaints: list[Complaint]) -> Proxy | None:
    variable = row.proxy_variable
    given = environ.get(variable, "").strip() if variable is not None else ""
    try:
        if given:
            return None if given == NO_PROXY else proxy_at(given)
    except ValueError as error:
        complaints.append((("proxy_variable",), f"the proxy in the environment variable {variable} {error}"))
        return None
    if row.proxy is not None:
        return None if row.proxy == NO_PROXY else proxy_at(row.proxy)
    try:
        return proxy_for(base_url, environ)
    except ValueError as error:
        complaints.append((("base_url",), f"cannot be reached: {error}"))
        return None


def _tls(row: TlsRow, directory: Path) -> TlsFiles:
    files = {name: None if (file := getattr(row, name)) is None else str(directory / file) for name in _PATHS}
    return TlsFiles(**files, server_name=row.server_name)


def _tls_complaints(tls: TlsFiles, base_url: str) -> Iterator[Complaint]:
    if not base_url.startswith("https:"):
        yield ("tls",), "has no effect: the provider's URL is not https"
    if tls.client_key is not None and tls.client_certificate is None:
        yield ("tls", "client_key"), "has no effect without 'client_certificate'"
        return
    try:
        tls_context(tls)
    except ValueError as error:
        yield ("tls",), str(error)


def environment_problems(environ: Mapping[str, str]) -> Iterator[Problem]:
    """What is wrong with the certificates that OpenSSL takes from the environment: it would quietly have none."""
    paths = ssl.get_default_verify_paths()
    file, directories = environ.get(paths.openssl_cafile_env), environ.get(paths.openssl_capath_env)
    if file and not (Path(file).is_file() and os.access(file, os.R_OK)):
        yield Problem("environment", None, paths.openssl_cafile_env, f"{file} is no file that can be read")
    if directories and not any(Path(directory).is_dir() for directory in directories.split(os.pathsep)):
        yield Problem("environment", None, paths.openssl_capath_env, f"{directories} is no directory")
