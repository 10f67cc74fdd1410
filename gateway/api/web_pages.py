"""Web pages that somebody at this machine visits, where callers need no key: they must not spend
the providers' keys, nor read answers.

A browser sends a page's request to another origin without asking, if it is simple enough, and says
whose it is. A page whose own name is made to lead here afterwards (DNS rebinding) needs not even
that: its name stands in `host`. Whoever has callers' keys needs none of this.
"""

import ipaddress
from typing import Final

from gateway.api.request import Request
from gateway.config import EVERY_ORIGIN, OPAQUE_ORIGIN
from gateway.errors import NotServed

_MOST_KNOWN: Final = 256


def refuse_pages(http: Request) -> None:
    """Raises NotServed for a request that a page of another origin has sent, or one that came by a
    name that is not ours.
    """
    headers = http.headers
    host = headers.get("host", "")
    gateway = http.gateway
    if gateway.loopback and host not in gateway.hosts:
        _check_host(http, host)
    if ("origin" in headers or headers.get("sec-fetch-site") == "cross-site") and not _is_allowed(
        http, headers.get("origin"), host
    ):
        message = (
            "Pages of other origins may not call: list them in server.cors_origins, or give callers"
            " keys."
        )
        raise NotServed(403, message, "origin_not_allowed")


def _is_allowed(http: Request, origin: str | None, host: str) -> bool:
    if origin is None:
        return False
    if origin in (f"http://{host}", f"https://{host}"):
        return True
    origins = http.config.server.cors_origins
    return origin in origins or (EVERY_ORIGIN in origins and origin != OPAQUE_ORIGIN)


def _check_host(http: Request, host: str) -> None:
    name = _name_of(host.lower())
    if not (_leads_nowhere_else(name) or name in http.config.server.hosts):
        message = "This name is not served: list it in server.hosts, or give callers keys."
        raise NotServed(421, message, "host_not_allowed")
    if _leads_nowhere_else(name) and len(http.gateway.hosts) < _MOST_KNOWN:
        http.gateway.hosts.add(host)


def _name_of(host: str) -> str:
    """Without its port, and without the brackets of IPv6."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].removesuffix(".")


def _leads_nowhere_else(name: str) -> bool:
    """Whether nobody outside can make a browser take this name for a page of his own: an address, a
    name of this machine, or one without a dot, which no public name server answers.
    """
    if name.endswith(".localhost") or ("." not in name and ":" not in name):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
