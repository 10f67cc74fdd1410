"""What the environment adds to a provider: its keys, its URL and the way to it, all checked."""

import os
import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from gateway.config.endpoints import MODEL_PLACE, check_url, names_version, parts_of
from gateway.config.errors import Complaint, Problem
from gateway.config.links import NO_PROXY, Link, Proxy, TlsFiles, proxy_at, proxy_for, tls_context
from gateway.config.providers import ApiKey, Provider

STATE_KEY: Final = "LLM_ROUTER_STATE_KEY"
"""The environment variable of the secrets that shared states are sealed with."""
SHORTEST_STATE_KEY: Final = 32
_KEY: Final = re.compile(r"[\x21-\x7e]+")
"""What a header can carry."""


def completed(
    row: Provider, directory: Path, environ: Mapping[str, str]
) -> tuple[Provider, list[Complaint]]:
    """A provider of the file with its keys, URL and link; and what the environment has wrong."""
    complaints: list[Complaint] = []
    url = _base_url(row, environ, complaints)
    base_url, query = parts_of(url, row.api_version)
    proxy = _proxy(row, base_url, environ, complaints)
    tls = None if row.tls is None else _in_directory(row.tls, directory)
    if tls is not None:
        complaints += _tls_complaints(tls, base_url)
    written = row.keys or (() if row.key_variable is None else (ApiKey(row.key_variable),))
    keys, reason = _keys(written, environ)
    provider = replace(
        row,
        base_url=base_url,
        query=query,
        keys=keys,
        key_variables=tuple(key.variable for key in written),
        unavailable_reason=reason,
        link=None if proxy is None and tls is None else Link(proxy, tls),
    )
    return provider, complaints


def base_url_complaints(row: Provider, url: str) -> Iterator[str]:
    """What of a URL, from the row or from the environment, does not go with the rest of the row."""
    if row.dialect == "openai":
        if row.api_version is not None and names_version(url):
            yield "has an api-version in its query, and there is 'api_version', too"
        return
    if "?" in url:
        yield f"must not have a query: the dialect {row.dialect!r} has no place for it"
    if MODEL_PLACE in url:
        yield f"must not have {MODEL_PLACE}: the dialect {row.dialect!r} names the model elsewhere"


def _base_url(row: Provider, environ: Mapping[str, str], complaints: list[Complaint]) -> str:
    """The URL of the file or, if set, of the environment, which no complaint repeats."""
    given = _said(row.base_url_variable, environ)
    if not given:
        return row.base_url
    try:
        url = check_url(given)
        wrong = list(base_url_complaints(row, url))
    except ValueError as error:
        url, wrong = row.base_url, [str(error)]
    of = f"the URL in the environment variable {row.base_url_variable}"
    complaints += ((("base_url_variable",), f"{of} {message}") for message in wrong)
    return url


def _said(variable: str | None, environ: Mapping[str, str]) -> str:
    return "" if variable is None else environ.get(variable, "").strip()


def _keys(
    written: Sequence[ApiKey], environ: Mapping[str, str]
) -> tuple[tuple[ApiKey, ...], str | None]:
    """The keys that are set and that a header can carry, and why there are none."""
    keys, reasons = [], []
    for key in written:
        secret = _said(key.variable, environ)
        if not secret:
            reasons.append(f"{key.variable} is not set")
        elif not _KEY.fullmatch(secret):
            reasons.append(f"{key.variable} holds characters that no key has")
        else:
            keys.append(replace(key, secret=SecretStr(secret)))
    return tuple(keys), ", ".join(reasons) if reasons and not keys else None


def _proxy(
    row: Provider, base_url: str, environ: Mapping[str, str], complaints: list[Complaint]
) -> Proxy | None:
    given = _said(row.proxy_variable, environ) or row.proxy
    at, wrong = "proxy_variable", f"the proxy in the environment variable {row.proxy_variable}"
    try:
        if given:
            return None if given == NO_PROXY else proxy_at(given)
        at, wrong = "base_url", "cannot be reached:"
        return proxy_for(base_url, environ)
    except ValueError as error:
        complaints.append(((at,), f"{wrong} {error}"))
        return None


def _in_directory(tls: TlsFiles, directory: Path) -> TlsFiles:
    names = ("ca_file", "client_certificate", "client_key")
    files = {name: file for name in names if (file := getattr(tls, name)) is not None}
    return replace(tls, **{name: str(directory / file) for name, file in files.items()})


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


def state_keys(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The secrets that shared states are sealed with: the first seals, each opens; none where
    states are not shared.
    """
    return tuple([key for each in environ.get(STATE_KEY, "").split(",") if (key := each.strip())])


def environment_problems(environ: Mapping[str, str]) -> Iterator[Problem]:
    """Secrets that are too short to be ones, and certificate paths that do not exist: OpenSSL would
    quietly use none.
    """
    if any(len(key) < SHORTEST_STATE_KEY for key in state_keys(environ)):
        said = f"each of its keys must have at least {SHORTEST_STATE_KEY} characters"
        yield Problem("environment", None, STATE_KEY, said)
    paths = ssl.get_default_verify_paths()
    of_file, of_directories = paths.openssl_cafile_env, paths.openssl_capath_env
    file, directories = environ.get(of_file), environ.get(of_directories)
    if file and not (Path(file).is_file() and os.access(file, os.R_OK)):
        yield Problem("environment", None, of_file, f"{file} is no file that can be read")
    if directories and not any(map(os.path.isdir, directories.split(os.pathsep))):
        yield Problem("environment", None, of_directories, f"{directories} is no directory")
