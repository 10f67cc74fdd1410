"""countTokens: what a request weighs, in the tokens of the target that would serve it, by its own
count where it is Gemini's. Nothing is generated."""

from typing import Final

from gateway.accounting.token_estimate import estimate_request
from gateway.api.decision import decided
from gateway.api.request import Request
from gateway.dispatch.token_count import number_of
from gateway.http.offload import BIG, off_loop
from gateway.http.response import Response, json_response
from gateway.routing.candidates import Candidate
from gateway.routing.decision import Decision
from translators.dialect.inbound import Call
from translators.gemini.inbound import NAME, GeminiRequest, read_count
from translators.json_codec import JsonObject

_PATIENCE: Final = 2.0
"""Seconds for Google's own count."""


async def count_tokens(http: Request) -> Response:
    """The persona's own instruction, the caller's and the tools are counted with the contents."""
    document, size = await http.read_json(keep_text=True)
    call = Call(http.headers, http.raw_path, http.json_text, size)
    read = read_count(document, call) if size <= BIG else await off_loop(read_count, document, call)
    decision, _ = await decided(http, read.request, read.origin)
    request, plan = decision.request, decision.plan
    first = (plan.eligible or plan.candidates)[0]
    if (own := await _own_count(http, read, decision, first)) is not None:
        return json_response(own)
    counted = await http.gateway.counter.count_request(request)
    if counted is None:
        counted = (
            estimate_request(request) if size <= BIG else await off_loop(estimate_request, request)
        )
    factor = first.model.token_factor * http.gateway.state.learned.factor(first.name)
    tokens = max(1, int(counted * factor))
    details = [{"modality": "TEXT", "tokenCount": tokens}]
    return json_response({"totalTokens": tokens, "promptTokensDetails": details})


async def _own_count(
    http: Request, read: GeminiRequest, decision: Decision, first: Candidate
) -> JsonObject | None:
    """The answer of a Gemini target that would be asked first; None if it has none."""
    overlay = decision.overlay
    if overlay is None or first.provider.relays != NAME or first.verdict == "rejected":
        return None
    told = await http.gateway.dispatcher.count_tokens(
        first, lambda target: read.count_request(overlay, target), _PATIENCE
    )
    return None if number_of(told, "totalTokens") is None else told
