"""Origins whose pages may call from a browser: what `server.cors_origins` may hold."""

import re
from typing import Final

from gateway.config.errors import shown

EVERY_ORIGIN: Final = "*"
OPAQUE_ORIGIN: Final = "null"
"""What browsers call the origin of files and of frames without one."""

_ORIGIN: Final = re.compile(
    r"([a-z][a-z0-9+.-]*)://((?:[a-z0-9_-]+\.)*[a-z0-9_-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?"
)
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
_RULE: Final = "must be an origin: scheme://host or scheme://host:port, nothing behind it"


def check_origin(text: str) -> str:
    """An origin as browsers write it: small letters, no default port. Raises ValueError."""
    if text in (EVERY_ORIGIN, OPAQUE_ORIGIN):
        return text
    if EVERY_ORIGIN in text:
        rule = f"must be an origin written out, or {EVERY_ORIGIN!r} alone for every one"
        raise ValueError(f"{rule}, not {shown(text)}")
    match = _ORIGIN.fullmatch(text.lower())
    if match is None:
        raise ValueError(f"{_RULE}, not {shown(text)}")
    scheme, host, port = match.groups()
    if port is not None and not 0 < int(port) < 65_536:
        raise ValueError(f"{_RULE}, not {shown(text)}: a port is 1 to 65535")
    usual = port in (None, _DEFAULT_PORTS.get(scheme))
    return f"{scheme}://{host}" if usual else f"{scheme}://{host}:{int(port)}"


def check_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    """A list of origins, each of which says something. Raises ValueError."""
    for i, origin in enumerate(origins):
        if origin in origins[:i]:
            raise ValueError(f"{origin!r} stands in the list twice")
    needless = [origin for origin in origins if origin not in (EVERY_ORIGIN, OPAQUE_ORIGIN)]
    if needless and EVERY_ORIGIN in origins:
        why = f"has no effect beside {EVERY_ORIGIN!r}, which allows every origin"
        raise ValueError(f"{needless[0]!r} {why}")
    return origins
