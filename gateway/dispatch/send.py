"""An upstream request out; an answer with a status that means success, or an UpstreamError,
back."""

from typing import Final, NamedTuple

from gateway.dispatch.attempt_record import Attempt
from gateway.upstream.client import UpstreamClient
from gateway.upstream.response import UpstreamResponse
from translators.dialect import Dialect, Envelope, UpstreamRequest
from translators.errors import UpstreamError

MAX_ERROR_BYTES: Final = 1024 * 1024


class PreparedRequest(NamedTuple):
    """A request in its target's dialect, ready to be sent, and all it takes to read its answer."""

    client: UpstreamClient
    dialect: Dialect
    request: UpstreamRequest
    envelope: Envelope
    attempt: Attempt


async def send(prepared: PreparedRequest, request: UpstreamRequest) -> UpstreamResponse:
    """Send `request`, the prepared one or one that goes on after a pause, and wait for the headers
    of an answer with a status of 2xx.

    The caller closes what is returned. Raises UpstreamError, with the provider's words for an error
    status.
    """
    attempt = prepared.attempt
    provider = attempt.candidate.provider
    headers, trace = provider.headers, attempt.trace
    if trace is not None and provider.propagate:
        headers = {**headers, "traceparent": trace.traceparent, "tracestate": trace.tracestate}
    response = await prepared.client.send(
        request, attempt.clocks, attempt.limit(more=True), headers, provider.link
    )
    if attempt.first_chunk_at is not None:
        response.allow(attempt.limit())
    attempt.heard(response.headers)
    if 200 <= response.status < 300:
        return response
    try:
        body = await response.read(MAX_ERROR_BYTES)
        raise UpstreamError(
            attempt.cleaned(prepared.dialect.parse_error(response.status, response.headers, body))
        )
    finally:
        response.close()
