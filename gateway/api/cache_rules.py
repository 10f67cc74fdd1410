"""Which requests may be given an answer again, what each is known by, and what its caller asks of
the cache.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from gateway.api.decision import params_mode
from gateway.api.request import Request
from gateway.cache.key import HEADERS, AnswerKey, Asked, key_of
from gateway.config.cache import CacheSettings
from gateway.dispatch.cache_use import Reason
from gateway.routing.decision import Decision
from translators.dialect.inbound import InboundRequest
from translators.json_codec import loads
from translators.responses.inbound.dialect import ResponsesInbound

_TOOLS: Final = ("tools", "functions", "web_search_options", "mcp_servers", "container", "prompt")
"""Fields of any dialect with which a model does more than answer."""


class Wishes(NamedTuple):
    """What `cache-control` of a request says (RFC 9111, 5.2.1)."""

    store: bool = True
    """Not `no-store`."""
    look: bool = True
    """Not `no-cache`."""
    max_age: float | None = None
    """Seconds."""


_NO_WISHES: Final = Wishes()


def wishes_of(headers: Mapping[str, str]) -> Wishes:
    """What is not understood is not heeded."""
    said = headers.get("cache-control")
    if not said:
        return _NO_WISHES
    wishes = [wish.strip().lower() for wish in said.split(",")]
    ages = [wish.partition("=")[2].strip('" ') for wish in wishes if wish.startswith("max-age=")]
    found = [float(age) for age in ages if age.isascii() and age.isdigit()]
    max_age = min(found) if found else None
    return Wishes("no-store" not in wishes, "no-cache" not in wishes and max_age != 0, max_age)


def reason_against(
    http: Request, read: InboundRequest, decision: Decision, settings: CacheSettings, document: Any
) -> Reason | None:
    """Why the cache has nothing to do with a request; None if it has. `document`: as document_of
    gives it.
    """
    body = decision.request.body
    if body.get("store"):
        return "stored"
    if isinstance(read, ResponsesInbound) and read.keeps and _relays(decision):
        return "stored"  # the response has the provider's id, and is somebody's own under it
    if http.repaired:
        return "body"
    if not settings.tools and (_asks_for_tools(body) or _asks_for_tools(document)):
        return "tools"
    return None


def _relays(decision: Decision) -> bool:
    """Whether a target may be sent the caller's own body."""
    origin = decision.origin
    return origin is not None and any(
        candidate.provider.relays == origin.dialect for candidate in decision.plan.candidates
    )


def _asks_for_tools(document: Any) -> bool:
    if not isinstance(document, dict):
        return False
    beside = document.get("x_provider")
    of_providers = beside.values() if isinstance(beside, dict) else ()
    return any(document.get(name) for name in _TOOLS) or any(map(_asks_for_tools, of_providers))


def document_of(http: Request, decision: Decision) -> Any:
    """The caller's own, where it is not in the hub's dialect."""
    return None if decision.origin is None else loads(http.json_text)


def key_for(
    http: Request, decision: Decision, settings: CacheSettings, document: Any
) -> AnswerKey | None:
    """None for a request that cannot be known by its text. Raises InvalidRequest."""
    plan, origin = decision.plan, decision.origin
    facts, policy, persona = plan.facts, plan.policy, plan.policy.persona
    headers, metadata = ((), ()) if persona is None else persona.looks_at
    circumstances = (
        None if policy.rule is None else policy.rule.name,
        params_mode(http, decision.params),
        tuple([facts.header(name) for name in headers]),
        tuple([facts.metadata.get(name) for name in metadata]),
    )
    asked = Asked(
        tenant_of(http, settings), policy.name, plan.revision, circumstances, decision.request.body
    )
    if origin is not None:
        asked = asked._replace(
            dialect=origin.dialect,
            place=f"{http.route} {decision.request.model}",
            document=document,
            headers=tuple([http.headers.get(name) for name in HEADERS]),
            stream=decision.request.stream,
        )
    try:
        return key_of(asked)
    except ValueError:
        return None


def tenant_of(http: Request, settings: CacheSettings) -> str:
    """Who shares answers with the caller: its key's team, else its key; all where there are no
    keys.
    """
    admission, key_id = http.gateway.admission, http.key_id
    if key_id is None:
        return ""
    team = None if admission is None or settings.scope == "key" else admission.rules(key_id).team
    return f"team {team}" if team else f"key {key_id}"
