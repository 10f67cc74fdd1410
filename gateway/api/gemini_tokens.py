"""countTokens: what a request weighs, in the tokens of the target that would serve it. Nothing is
generated."""

from gateway.accounting.token_estimate import estimate_request
from gateway.api.decision import decided
from gateway.api.request import Request
from gateway.http.offload import BIG, off_loop
from gateway.http.response import Response, json_response
from translators.dialect.inbound import Call
from translators.gemini.inbound import read_count


async def count_tokens(http: Request) -> Response:
    """The persona's own instruction, the caller's and the tools are counted with the contents."""
    document, size = await http.read_json(keep_text=True)
    call = Call(http.headers, http.raw_path, http.json_text, size)
    read = read_count(document, call) if size <= BIG else await off_loop(read_count, document, call)
    decision, _ = await decided(http, read.request, read.origin)
    request, first = decision.request, decision.plan.candidates[0]
    counted = await http.gateway.counter.count_request(request)
    if counted is None:
        counted = (
            estimate_request(request) if size <= BIG else await off_loop(estimate_request, request)
        )
    factor = first.model.token_factor * http.gateway.state.learned.factor(first.name)
    tokens = max(1, int(counted * factor))
    details = [{"modality": "TEXT", "tokenCount": tokens}]
    return json_response({"totalTokens": tokens, "promptTokensDetails": details})
