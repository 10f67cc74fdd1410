"""POST /v1/embeddings, and the same in Google's words."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from gateway.accounting.cl100k import ENCODING, NoToken, text_of
from gateway.accounting.token_estimate import estimate_text, near
from gateway.api.decision import asking_of, params_mode
from gateway.api.exchange import exchange_of
from gateway.api.request import Request
from gateway.dispatch.embeddings import Embedded
from gateway.dispatch.exchange import Exchange
from gateway.http.offload import sized
from gateway.http.response import Response
from gateway.routing.candidates import Candidate
from gateway.routing.decision import Decision
from gateway.routing.embeddings import decide_embeddings
from gateway.routing.facts import Caller
from translators.chat.embeddings import EmbeddingsRequest, Input, parse, write
from translators.errors import InvalidRequest
from translators.gemini.inbound import embeddings as gemini

NAME: Final = "embeddings"
"""In metrics, in the log and in decisions."""
_MOST_VALUES: Final = 2_000_000
"""In one request: each token id is one, and takes 36 bytes of memory."""
_MOST_COUNTED: Final = 100
"""Inputs of a request that are counted exactly: for more the estimate stands, and the provider's
own check."""
_NO_VOCABULARY: Final = (
    "This model takes text only: set check_embedding_ctx_length=False (LangChain)."
)


async def embeddings(http: Request) -> web.StreamResponse:
    """OpenAI's shape in and out."""
    with exchange_of(http, NAME) as exchange:
        document, size = await http.read_json(most=_MOST_VALUES)
        request = await sized(size, parse, document, size)
        made = await embed(http, request, exchange)
        size = max(size, exchange.received)
        return Response(
            await sized(size, write, made.vectors, request.encoding, made.model, made.prompt_tokens)
        )


async def gemini_embeddings(http: Request, persona: str, method: str) -> web.StreamResponse:
    """Google's `:embedContent`, `:batchEmbedContents` and `:predict`; `persona` as the path names
    it."""
    with exchange_of(http, NAME) as exchange:
        document, size = await http.read_json()
        request = await sized(size, gemini.read, method, persona, document, size)
        made = await embed(http, request, exchange)
        size = max(size, exchange.received)
        return Response(
            await sized(size, gemini.write, method, request, made.vectors, made.prompt_tokens)
        )


async def embed(http: Request, request: EmbeddingsRequest, exchange: Exchange) -> Embedded:
    """Carry a request out, whatever the shape it was written in. Raises RequestFailed,
    InvalidRequest."""
    gateway = http.gateway
    tokens = await sized(request.size, _estimates, request.inputs)
    context = gateway.state.view()
    caller = Caller(http.key_id, http.headers)
    exact = not any(isinstance(item, str) for item in request.inputs)
    decision, request = decide_embeddings(http.config, request, caller, context, sum(tokens), exact)
    params = params_mode(http, decision.params)
    if gateway.admission is not None:
        decision, request = await _admitted(http, request, exchange, decision, sum(tokens))
    record = gateway.records.add(decision.plan, context.moment, exchange.request_id)
    exchange.record_decision(decision, record, params, decision.notes)
    await _check_lengths(http, decision, request, tokens)
    return await gateway.dispatcher.embeddings.embed(decision, request, tokens, _texts, exchange)


async def _admitted(
    http: Request,
    request: EmbeddingsRequest,
    exchange: Exchange,
    decision: Decision,
    tokens: int,
) -> tuple[Decision, EmbeddingsRequest]:
    """As gateway.api.decision.admitted does it. `tokens`: an estimate for all inputs."""
    admission, state = http.gateway.admission, http.gateway.state
    assert admission is not None
    admission.check_persona(http.key_id, decision.plan.policy.name)
    asking = asking_of(http, decision.request)
    if not decision.plan.eligible:
        return decision, request
    held = await admission.reserve(asking, decision.plan, state.learned, whole=True)
    exact, caller = decision.plan.facts.prompt.exact, Caller(http.key_id, http.headers)
    if held is None and admission.near(asking, decision.plan, state.learned):
        counted = await _counted(http, request.inputs)
        if counted is not None:
            tokens, exact = counted, True
            context = state.view()
            decision, request = decide_embeddings(
                http.config, request, caller, context, tokens, exact
            )
            held = await admission.reserve(asking, decision.plan, state.learned, whole=True)
    if held is None:
        context = state.view()
        budget = await admission.budget(asking, decision.plan, state.learned)
        context.budget = budget
        decision, request = decide_embeddings(http.config, request, caller, context, tokens, exact)
        if not decision.plan.eligible:
            if (refused := admission.refusal(budget)) is not None:
                raise refused
            return decision, request
        held = await admission.reserve(asking, decision.plan, state.learned, whole=False)
    assert held is not None
    exchange.set_reservation(held)
    return decision, request


async def _counted(http: Request, inputs: Sequence[Input]) -> int | None:
    """Tokens of all inputs, at least 1 of each; None if they cannot be counted."""
    texts = [item for item in inputs if isinstance(item, str)]
    counted = await http.gateway.counter.count_texts(texts)
    if counted is None:
        return None
    ids = sum(len(item) for item in inputs if not isinstance(item, str))
    return max(len(inputs), counted + ids)


def _estimates(inputs: Sequence[Input]) -> list[int]:
    """Tokens of each, at least 1: of ids their number."""
    return [int(estimate_text(item)) + 1 if isinstance(item, str) else len(item) for item in inputs]


async def _check_lengths(
    http: Request, decision: Decision, request: EmbeddingsRequest, tokens: Sequence[int]
) -> None:
    """Raises InvalidRequest for an input that is too long for every target: none is ever cut."""
    eligible = decision.plan.eligible
    limits = [
        (limit, candidate) for candidate in eligible if (limit := _longest(candidate)) is not None
    ]
    if len(limits) < len(eligible) or not limits:
        return
    limit, candidate = max(limits, key=lambda item: item[0])
    factor, counted = candidate.model.token_factor, 0
    for i, (item, estimated) in enumerate(zip(request.inputs, tokens, strict=True)):
        count = int(estimated * factor)
        if (
            isinstance(item, str)
            and (count > limit or near(count, limit))
            and counted < _MOST_COUNTED
        ):
            counted += 1
            exact = await http.gateway.counter.count_texts((item,))
            count = count if exact is None else int(exact * factor)
        if count > limit:
            said = (
                f"This model's maximum context length is {limit} tokens, but input {i} has {count}."
            )
            raise InvalidRequest(said, f"input[{i}]", "context_length_exceeded")


def _longest(candidate: Candidate) -> int | None:
    facts = candidate.model.record.embedding
    return None if facts is None else facts.max_input_tokens


def _texts(inputs: Sequence[Input], start: int) -> list[Input]:
    """Token ids as texts; `start` is the caller's number of the first. Raises InvalidRequest."""
    texts: list[Input] = []
    for i, item in enumerate(inputs, start):
        if isinstance(item, str):
            texts.append(item)
            continue
        try:
            texts.append(text_of(item))
        except NoToken as error:
            said = f"Invalid 'input[{i}]': {error.token} is no token of {ENCODING}."
            raise InvalidRequest(said, f"input[{i}]", "invalid_value") from None
        except OSError:
            raise InvalidRequest(_NO_VOCABULARY, "input", "unsupported_value") from None
    return texts
