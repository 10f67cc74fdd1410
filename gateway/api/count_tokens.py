"""POST /api/v1/tokens: what a chat request weighs, as routing sees it and counted exactly. No
provider is called.
"""

from gateway.accounting.token_counter import ENCODING
from gateway.accounting.token_estimate import estimate_request, overflow
from gateway.api.native_chat import native_request
from gateway.api.request import Request
from gateway.api.schemas import TargetTokensDocument, TokensDocument
from gateway.config import Model, TargetRef
from gateway.http.offload import BIG, off_loop
from gateway.http.response import Response, json_response
from gateway.routing import personas
from gateway.routing.plan import resolve
from translators.chat.request import parse


async def count_tokens(http: Request) -> Response:
    """Takes a chat request of either form; the persona's own messages are counted with the
    caller's.
    """
    config, learned = http.config, http.gateway.state.learned
    document, size = await http.read_json()
    native = document.__class__ is dict and "persona" in document
    read = native_request if native else parse
    request = read(document, size) if size <= BIG else await off_loop(read, document, size)
    asked = resolve(config, request.model)
    targets = (asked,) if isinstance(asked, TargetRef) else asked.every_target()
    if not isinstance(asked, TargetRef):
        request, _ = personas.apply(asked, request)
    estimated = (
        estimate_request(request) if size <= BIG else await off_loop(estimate_request, request)
    )
    counted = await http.gateway.counter.count_request(request)
    tokens: TokensDocument = {
        "persona": request.model,
        "estimated_tokens": estimated,
        "exact": None if counted is None else {"encoding": ENCODING, "tokens": counted},
        "targets": [
            _target(
                ref,
                config.providers[ref.provider].models[ref.model],
                learned.factor(str(ref)),
                estimated,
                request.max_tokens,
            )
            for ref in targets
        ],
    }
    return json_response(tokens)


def _target(
    ref: TargetRef, model: Model, factor: float, estimated: int, max_tokens: int | None
) -> TargetTokensDocument:
    """`tokens` is the estimate in the model's own tokens: by its row's factor, and by the one that
    its answers taught.
    """
    tokens = int(estimated * model.token_factor * factor)
    return {
        "provider": ref.provider,
        "model": ref.model,
        "tokens": tokens,
        "context_window": model.record.context_window,
        "max_output_tokens": model.record.max_output_tokens,
        "fits": overflow(model, tokens, max_tokens) is None,
    }
