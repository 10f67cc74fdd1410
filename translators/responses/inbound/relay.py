"""The caller's own body as a dialect: sent with few edits, its answer shown as it came."""

from collections.abc import Mapping
from typing import Any, Final

from translators.chat.request import ChatRequest
from translators.chat.wire import Completion
from translators.dialect import (
    Endings,
    Envelope,
    KeyHeader,
    StreamTranslator,
    Target,
    UpstreamRequest,
)
from translators.dialect.inbound import Overlay, relayed_failure
from translators.dialect.streamed_answer import added_up, is_stream
from translators.errors import InvalidRequest, UpstreamFailure
from translators.notes import Report
from translators.responses.answer.errors import parse_error
from translators.responses.answer.stream import ResponsesStream
from translators.responses.inbound.relay_answer import relayed_completion
from translators.responses.inbound.relay_body import relayed_body
from translators.responses.inbound.relay_stream import RelayStream
from translators.responses.request.build import key_headers


class ResponsesRelay:
    """A request on its way to a server of this API in its caller's own words."""

    ENDINGS: Final = Endings()

    def __init__(self, text: bytes, document: Mapping[str, Any], overlay: Overlay) -> None:
        self._text = text
        self._document = document
        self._overlay = overlay

    def build_request(self, request: ChatRequest, target: Target) -> UpstreamRequest:
        """The caller's text with the target's model and the persona's overlay in it."""
        report = Report()
        try:
            text = self._text.decode()
            body = relayed_body(text, self._document, self._overlay, target, report)
        except (ValueError, RecursionError) as error:
            raise InvalidRequest(f"The request body cannot be relayed: {error}", None) from None
        headers = {
            "content-type": "application/json",
            **key_headers(target.api_key, target.key_header),
        }
        return UpstreamRequest(
            target.base_url.rstrip("/") + "/responses" + target.query,
            headers,
            body.encode(),
            self._document.get("stream") is True,
            tuple(report.notes),
        )

    def key_headers(self, key: str, header: KeyHeader | None = None) -> dict[str, str]:
        return key_headers(key, header)

    def parse_response(self, body: bytes, envelope: Envelope) -> Completion:
        """A RelayedCompletion; the hub's own of a host that streams all the same. Raises
        UpstreamError for a response that failed or is none."""
        if is_stream(body):
            return added_up(body, ResponsesStream(envelope), envelope)
        relayed = relayed_completion(body, envelope)
        return relayed  # type: ignore[return-value]  # it holds what is read of one

    def open_stream(self, envelope: Envelope) -> StreamTranslator:
        return RelayStream(envelope)

    def parse_error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamFailure:
        """Where the request was at fault the provider's own bytes are kept for its caller."""
        return relayed_failure(parse_error(status, headers, body), body)
