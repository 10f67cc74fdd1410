"""Who may open the console: whoever knows the admin key, whom a trusted proxy names, or, of the
simulator on loopback, everybody at this machine.
"""

import hashlib
import hmac
import ipaddress
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, Literal

from gateway.api.auth import Admin
from gateway.api.request import Request
from gateway.api.web_pages import refuse_pages
from gateway.config import ConsoleSettings
from gateway.errors import NotAuthorized, NotServed, RequestFailed

Role = Literal["viewer", "admin"]
Mode = Literal["open", "admin_key", "proxy"]

SESSION: Final = 8 * 3600
"""Seconds that a session lasts."""
MOST_FAILED: Final = 10
_IN: Final = 60.0
"""Logins of one address that may fail in so many seconds."""
_MOST_ADDRESSES: Final = 1000
_LONGEST_NAME: Final = 100
_COOKIES: Final = ("__Host-llmr", "llmr")
"""Where the page came by https, and where it came by http, which may not set the former."""
MUTATION: Final = "x-llm-router-console"
_log: Final = logging.getLogger("llm_router")


class Sessions:
    """Signed cookies: nothing is kept, and another admin key makes all of them void."""

    def __init__(self, secret: bytes, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since 1970."""
        self._secret = secret
        self._clock = clock

    def made(self) -> str:
        content = f"{int(self._clock()) + SESSION}.{secrets.token_hex(8)}"
        return f"{content}.{self._signature(content)}"

    def holds(self, text: str) -> bool:
        content, _, signature = text.rpartition(".")
        expires = content.partition(".")[0]
        return (
            hmac.compare_digest(_bytes(signature), self._signature(content).encode())
            and int(expires) > self._clock()
        )

    def _signature(self, content: str) -> str:
        return hmac.new(self._secret, _bytes(content), hashlib.sha256).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


class ConsoleAccess:
    """The door. `clock` gives seconds since 1970."""

    def __init__(
        self, settings: ConsoleSettings, admin: Admin, opened: bool, clock: Callable[[], float]
    ) -> None:
        """`opened`: everybody may come in."""
        self.mode: Final[Mode] = "open" if opened else settings.auth
        self._admin = admin
        self._clock = clock
        self._sessions = Sessions(admin.secret("console"), clock)
        self._trusted = [ipaddress.ip_network(text) for text in settings.trusted_proxies]
        self._admins = frozenset(settings.admin_groups)
        self._failed: OrderedDict[str, list[float]] = OrderedDict()

    def check(self, http: Request) -> Role:
        """Who asks. Raises NotAuthorized, AdminDisabled, NotServed."""
        role = self._role(http)
        if http.method not in ("GET", "HEAD") and not _has_key(http):
            _check_own_page(http)
        return role

    def check_admin(self, http: Request) -> None:
        """Raises likewise, and NotServed for who may only look."""
        if self.check(http) != "admin":
            raise NotServed(403, "Viewers of the console may not do this.")

    def administrates(self, http: Request) -> bool:
        """Whether keys and spend are for who asks: everybody at this machine may look at an open
        console, and only who has logged in with the admin key changes who may call.
        """
        try:
            self.check_operator(http)
        except RequestFailed:
            return False
        return True

    def check_operator(self, http: Request) -> str:
        """Who it is, as the audit has it. Raises likewise for whom keys and spend are not."""
        self.check_admin(http)
        if self.mode == "open" and not self._has_session(http):
            self._admin.check(http.headers)
        if self.mode == "proxy" and not _has_key(http):
            return f"user/{http.headers['x-forwarded-user'][:_LONGEST_NAME]}"
        return "admin"

    def _role(self, http: Request) -> Role:
        if self.mode == "open":
            refuse_pages(http)
            return "admin"
        if self.mode == "proxy" and not _has_key(http):
            return self._named_by_proxy(http)
        if self.mode == "admin_key" and self._has_session(http):
            return "admin"
        self._admin.check(http.headers)
        return "admin"

    def _has_session(self, http: Request) -> bool:
        cookies = http.cookies
        return any(self._sessions.holds(cookies[name]) for name in _COOKIES if name in cookies)

    def _named_by_proxy(self, http: Request) -> Role:
        if not self._is_trusted(http.remote):
            raise NotServed(
                403,
                "The console is opened through its proxy only: list its address in"
                " server.console.trusted_proxies.",
            )
        if not http.headers.get("x-forwarded-user"):
            raise NotAuthorized("The proxy has named no user in 'x-forwarded-user'.")
        groups = {g.strip() for g in http.headers.get("x-forwarded-groups", "").split(",")}
        return "admin" if groups & self._admins else "viewer"

    def _is_trusted(self, address: str | None) -> bool:
        try:
            found = ipaddress.ip_address(address or "")
        except ValueError:
            return False
        return any(found in network for network in self._trusted)

    def login(self, http: Request, key: str) -> str:
        """The cookie for who sent the admin key. Raises NotServed, AdminDisabled,
        NotAuthorized."""
        _check_own_page(http)
        address = self._address(http)
        self._check_rate(address)
        try:
            self._admin.check({"x-api-key": key})
        except RequestFailed:
            self._failed.setdefault(address, []).append(self._clock())
            while len(self._failed) > _MOST_ADDRESSES:
                self._failed.popitem(last=False)
            _log.warning("console: a login from %s was refused", address)
            raise
        _log.info("console: a login from %s", address)
        return _cookie(http, self._sessions.made(), SESSION)

    def logout(self, http: Request) -> str:
        """The cookie that ends a session in this browser."""
        _check_own_page(http)
        return _cookie(http, "", 0)

    def _check_rate(self, address: str) -> None:
        since = self._clock() - _IN
        failed = [moment for moment in self._failed.pop(address, ()) if moment > since]
        if failed:
            self._failed[address] = failed
        if len(failed) >= MOST_FAILED:
            raise NotServed(
                429,
                "Too many logins have failed: wait a minute.",
                headers={"retry-after": "60"},
            )

    def _address(self, http: Request) -> str:
        """The caller's: what a trusted proxy says it is, else the connection's."""
        forwarded = _parts(http.headers.get("x-forwarded-for", ""))
        if forwarded and self._is_trusted(http.remote):
            return forwarded[-1][:64]
        return http.remote or ""


def _parts(text: str) -> Sequence[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _has_key(http: Request) -> bool:
    """It brings a key of its own, which no page of another origin can make a browser send."""
    return "authorization" in http.headers or "x-api-key" in http.headers


def _check_own_page(http: Request) -> None:
    """Raises NotServed for what no page of ours has sent: a browser adds cookies by itself."""
    headers = http.headers
    site, host = headers.get("sec-fetch-site"), headers.get("host", "")
    same = (
        site == "same-origin"
        if site is not None
        else headers.get("origin") in (f"http://{host}", f"https://{host}")
    )
    if headers.get(MUTATION) != "1" or not same:
        raise NotServed(403, f"Only the console's own page may ask this, with '{MUTATION}: 1'.")


def _cookie(http: Request, value: str, age: int) -> str:
    secure = http.headers.get("origin", "").startswith("https:")
    attributes = f"Path=/; Max-Age={age}; HttpOnly; SameSite=Strict"
    name = _COOKIES[0] if secure else _COOKIES[1]
    return f"{name}={value}; {attributes}{'; Secure' if secure else ''}"
