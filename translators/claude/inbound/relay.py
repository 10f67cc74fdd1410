"""The caller's own body as a dialect: sent to Claude with few edits, its answer shown as it
came."""

from collections.abc import Mapping, Sequence
from typing import Final

from translators.chat.request import ChatRequest
from translators.chat.wire import Completion
from translators.claude.answer import errors
from translators.claude.answer.stream import ClaudeStream
from translators.claude.inbound.relay_answer import relayed_completion
from translators.claude.inbound.relay_edits import relayed_body
from translators.claude.inbound.relay_host import BETA, taken_betas
from translators.claude.inbound.relay_stream import RelayedStream
from translators.claude.request.build import key_headers, messages_url
from translators.dialect import (
    Endings,
    Envelope,
    KeyHeader,
    StreamTranslator,
    Target,
    UpstreamRequest,
)
from translators.dialect.inbound import Call, Overlay, relayed_failure
from translators.dialect.streamed_answer import added_up, is_stream
from translators.errors import InvalidRequest, UpstreamFailure
from translators.json_codec import JsonObject
from translators.notes import Report

_PASSED: Final = ("user-agent", "x-app", BETA)
_COUNTED: Final = ("reasoning_effort",)
"""Of what a persona sets, what changes the count."""
_SDK: Final = "x-stainless-"
_VERSION: Final = "anthropic-version"


class ClaudeRelay:
    """A request on its way to a Claude target in its caller's own words."""

    ENDINGS: Final = Endings()

    def __init__(
        self, document: JsonObject, call: Call, asked: str, stream: bool, overlay: Overlay
    ) -> None:
        """`document`: what the call's text says. `asked`: the name that the caller sent, which
        every answer bears."""
        self._document = document
        self._call = call
        self._asked = asked
        self._stream = stream
        self._overlay = overlay

    def build_request(self, request: ChatRequest, target: Target) -> UpstreamRequest:
        """The caller's text with the target's model and the persona's overlay in it."""
        report = Report()
        headers, lost = upstream_headers(self._call.headers, target)
        body = edited(self._call.text, self._document, self._overlay, target, report, lost)
        url = messages_url(target.base_url)
        return UpstreamRequest(url, headers, body, self._stream, tuple(report.notes))

    def build_count(self, target: Target) -> UpstreamRequest:
        """The same to be counted: with what is read, and nothing that says how to answer."""
        values = {name: value for name, value in self._overlay.values.items() if name in _COUNTED}
        overlay = self._overlay._replace(values=values)
        headers, lost = upstream_headers(self._call.headers, target)
        body = edited(self._call.text, self._document, overlay, target, Report(), lost)
        url = f"{messages_url(target.base_url)}/count_tokens"
        return UpstreamRequest(url, headers, body, False)

    def key_headers(self, key: str, header: KeyHeader | None = None) -> dict[str, str]:
        return key_headers(key, header)

    def parse_response(self, body: bytes, envelope: Envelope) -> Completion:
        """A RelayedCompletion; the hub's own of a host that streams all the same. Raises
        UpstreamError if the body is no message of Claude."""
        if is_stream(body):
            return added_up(body, ClaudeStream(envelope), envelope)
        relayed = relayed_completion(body, envelope, self._asked)
        return relayed  # type: ignore[return-value]  # it holds what is read of one

    def open_stream(self, envelope: Envelope) -> StreamTranslator:
        return RelayedStream(envelope, self._asked)

    def parse_error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamFailure:
        """Where the request was at fault the provider's own bytes are kept for its caller."""
        return relayed_failure(errors.parse_error(status, headers, body), body)


def edited(
    text: bytes,
    document: JsonObject,
    overlay: Overlay,
    target: Target,
    report: Report,
    lost_betas: Sequence[str] = (),
) -> bytes:
    """The text for `target`. Raises InvalidRequest for numbers of thousands of digits."""
    try:
        return relayed_body(text.decode(), document, overlay, target, report, lost_betas).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"The request body cannot be relayed: {error}", None) from None


def upstream_headers(
    given: Mapping[str, str], target: Target
) -> tuple[dict[str, str], Sequence[str]]:
    """What Claude is told beside the body, never the caller's key, cookies or own network; and the
    betas that its host is not told of.
    """
    headers = {"content-type": "application/json"}
    version = given.get(_VERSION) or target.record.api_version
    headers |= key_headers(target.api_key, target.key_header, version)
    for name, value in given.items():
        low = name.lower()
        if low in _PASSED or low.startswith(_SDK):
            headers[low] = value
    if target.limits is None:
        return headers, ()
    kept, lost = taken_betas(headers.pop(BETA, None), target.limits)
    return headers if kept is None else {**headers, BETA: kept}, lost
