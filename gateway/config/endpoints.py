"""How a provider is reached: rules for its URL, its headers and paths, and the parts of a URL."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

from gateway.config.errors import shown

MODEL_PLACE: Final = "{model}"
"""In a base_url: where the model's id goes, percent-encoded (Azure's deployments)."""

NOT_HTTP: Final = "must be an http or https URL"
_QUERY: Final = re.compile(r"[^=&]+=[^&]*(?:&[^=&]+=[^&]*)*")
_SECRET_NAME: Final = re.compile(
    r"(?:.*[-_.])?(?:key|apikey|token|secret|password|sig|signature|code)", re.I
)
"""Parameters that open something: a URL is in the logs and traces of everything it passes."""

HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_LONGEST_NAME: Final = 64
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]*")
_OURS: Final = frozenset({
    "host", "content-length", "content-type", "transfer-encoding", "connection", "accept",
    "accept-encoding", "expect", "te", "upgrade",
})  # fmt: skip
_CREDENTIALS: Final = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-api-key", "x-goog-api-key", "api-key"}
)
_NEVER_A_KEY: Final = _OURS | {
    "keep-alive", "trailer", "cookie", "user-agent", "origin", "anthropic-version",
    "anthropic-beta",
}  # fmt: skip
"""Headers that mean something else: hop by hop, or said of each request."""
_NEVER_A_KEYS_BEGINNING: Final = ("content-", "proxy-", "accept-", "sec-")


def split(url: str) -> tuple[SplitResult, int | None]:
    """The parts of a URL and its port. Raises ValueError that does not repeat it."""
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError:
        raise ValueError(NOT_HTTP) from None


def check_url(url: str) -> str:
    """An http(s) URL without a final slash. Raises ValueError that does not repeat it."""
    parts, port = split(url)
    well_written = re.fullmatch(r"https?:[\x21-\x7e]*", url, re.I)
    if not well_written or not parts.hostname or port == 0:
        raise ValueError(NOT_HTTP)
    # Resolvers raise for other names, instead of not finding them.
    if not all(0 < len(label) < 64 for label in parts.hostname.removesuffix(".").split(".")):
        raise ValueError("must name a host: its parts have 1 to 63 characters")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or password")
    if "#" in url:
        raise ValueError("must not have a fragment")
    if re.search(r"[{}]", parts.netloc + parts.path.replace(MODEL_PLACE, "") + parts.query):
        raise ValueError(f"may have braces only as {MODEL_PLACE}, in its path")
    base, mark, query = url.partition("?")
    if mark:
        _check_query(query)
    return base.rstrip("/") + mark + query


def _check_query(query: str) -> None:
    if not _QUERY.fullmatch(query):
        raise ValueError("must have a query of the form name=value&name=value, or none")
    if any(_SECRET_NAME.fullmatch(pair.partition("=")[0]) for pair in query.split("&")):
        raise ValueError(
            "must not carry a key in its query: a key is given by 'key_variable' or 'keys' only,"
            " see 'auth'"
        )


def check_written_url(url: str) -> str:
    """As check_url; the error repeats the URL where nothing in it can be a secret."""
    try:
        return check_url(url)
    except ValueError as error:
        raise ValueError(
            str(error) if re.search(r"[?#@]", url) else f"{error}, not {shown(url)}"
        ) from None


def parts_of(url: str, api_version: str | None) -> tuple[str, str]:
    """A checked URL without its query, and the query: empty, or with its question mark."""
    base, _, query = url.partition("?")
    pairs = [query] if query else []
    if api_version is not None:
        pairs.append(f"api-version={api_version}")
    return base, f"?{'&'.join(pairs)}" if pairs else ""


def names_version(url: str) -> bool:
    """Whether a checked URL has an api-version in its query."""
    return any(pair.startswith("api-version=") for pair in url.partition("?")[2].split("&"))


def placed(base_url: str, model: str) -> str:
    """The URL for one model."""
    return base_url.replace(MODEL_PLACE, quote(model, safe=""))


def check_headers(headers: dict[str, str]) -> Mapping[str, str]:
    """Headers for every request, in small letters. Raises ValueError that repeats no value."""
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name):
            raise ValueError("a header's name must be made of letters, digits and dashes")
        if name.lower() in _OURS:
            raise ValueError(f"{name!r} is set for each request")
        if name.lower() in _CREDENTIALS:
            raise ValueError(
                f"{name!r} carries credentials: a key is given by 'key_variable' or 'keys' only"
            )
        if not _PRINTABLE.fullmatch(value):
            raise ValueError(f"the value of {name!r} must be printable ASCII")
    return MappingProxyType({name.lower(): value for name, value in headers.items()})


def check_key_header(name: str) -> str:
    """The name of a header that may carry a key, in small letters. Raises ValueError."""
    if not HEADER_NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise ValueError(
            f"must be a header's name, of at most {_LONGEST_NAME} letters, digits and dashes, not"
            f" {shown(name)}"
        )
    lower = name.lower()
    if lower in _NEVER_A_KEY or lower.startswith(_NEVER_A_KEYS_BEGINNING):
        raise ValueError(f"{name!r} has another meaning: no key can be sent in it")
    return lower


def check_path(path: str) -> str:
    """A path behind a URL, printable and without a fragment. Raises ValueError."""
    if not re.fullmatch(r"/[\x21\x22\x24-\x7e]*", path):
        raise ValueError(f"must be a path below base_url, like /models, not {shown(path)}")
    return path
