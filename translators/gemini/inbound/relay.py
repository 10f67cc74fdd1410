"""The caller's own body for a Gemini target: every byte as it came, but for what is named here.

The persona's instruction and parameters are laid over it, values that the model does not take are
taken out or brought to the nearest, `model` and signatures that no Gemini made are taken off.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from translators.capabilities import ModelRecord
from translators.chat.request import ChatRequest
from translators.chat.wire import Completion
from translators.dialect import PLAIN, Endings, Envelope, KeyHeader, Target, UpstreamRequest
from translators.dialect.inbound import Overlay
from translators.dialect.streamed_answer import added_up, is_stream
from translators.errors import FailureKind, UpstreamFailure
from translators.gemini.answer.errors import parse_error
from translators.gemini.answer.stream import GeminiStream
from translators.gemini.endpoint import method_url, resource_of
from translators.gemini.inbound.generation import AT
from translators.gemini.inbound.normalization import camel_case
from translators.gemini.inbound.relay_answer import RelayStream, relayed_completion
from translators.gemini.inbound.relay_contents import signature_edits
from translators.gemini.inbound.relay_overlay import (
    added_members,
    generation_edits,
    instruction_edits,
    keeps_settings,
    with_additions,
)
from translators.gemini.request.build import STREAM, WHOLE, key_headers
from translators.notes import Report
from translators.splices import cut_all, members, spliced

_CALLERS: Final = frozenset({
    FailureKind.INVALID_REQUEST, FailureKind.CONTEXT_LENGTH, FailureKind.REQUEST_TOO_LARGE,
    FailureKind.CONTENT_FILTER, FailureKind.UNSUPPORTED,
})  # fmt: skip
"""Failures that are the request's, so that the caller is shown what Google said."""
COUNT: Final = "countTokens"


class Relay:
    """A Dialect: builds from the caller's own body, and reads Relayed chunks."""

    ENDINGS = Endings()

    def __init__(
        self,
        document: Mapping[str, Any],
        text: bytes,
        stream: bool,
        overlay: Overlay,
        only_texts: bool = False,
    ) -> None:
        """`document`: what the text says, its keys in camelCase. `only_texts`: it was seen to have
        nothing else in its contents."""
        self._document = document
        self._text = text
        self._stream = stream
        self._only_texts = only_texts
        self._overlay = overlay

    def build_request(self, request: ChatRequest, target: Target) -> UpstreamRequest:
        report = Report()
        body = self._text
        signed = b"" if self._only_texts else body  # where a signature or a call may stand
        if not keeps_callers(self._document, signed, self._overlay, target.record):
            body = relayed_body(body.decode(), self._overlay, target, report).encode()
        elif self._overlay.system_prompt is not None or self._overlay.values:
            text, record = body.decode(), target.record
            added = with_additions(text, self._document, self._overlay, record, report)
            if added is None:
                report = Report()
                added = relayed_body(text, self._overlay, target, report)
            body = added.encode()
        url = method_url(target.base_url, target.model, STREAM if self._stream else WHOLE)
        headers = {"content-type": "application/json"}
        headers.update(key_headers(target.api_key, target.key_header))
        return UpstreamRequest(url, headers, body, self._stream, tuple(report.notes), PLAIN)

    def build_count(self, target: Target) -> UpstreamRequest:
        """The same to be counted, whether the caller wrote contents or a whole request."""
        text = _counted(self._text.decode())
        whole = relayed_body(text, self._overlay, target, Report())
        model = {"model": resource_of(target.model)}
        edits = added_members(whole, 0, members(whole), 0, model)
        body = f'{{"generateContentRequest":{spliced(whole, edits)}}}'.encode()
        headers = {"content-type": "application/json"}
        headers.update(key_headers(target.api_key, target.key_header))
        url = method_url(target.base_url, target.model, COUNT)
        return UpstreamRequest(url, headers, body, False, (), PLAIN)

    def key_headers(self, key: str, header: KeyHeader | None = None) -> dict[str, str]:
        return key_headers(key, header)

    def parse_response(self, body: bytes, envelope: Envelope) -> Completion:
        """A RelayedCompletion; the hub's own of a host that streams all the same. Raises
        UpstreamError if it is none."""
        if is_stream(body):
            return added_up(body, GeminiStream(envelope), envelope)
        return cast(Completion, relayed_completion(body, envelope))

    def open_stream(self, envelope: Envelope) -> RelayStream:
        return RelayStream(envelope)

    def parse_error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamFailure:
        failure = parse_error(status, headers, body)
        if failure.kind not in _CALLERS or status >= 500 or not body.lstrip().startswith(b"{"):
            return failure
        told = {name: getattr(failure, name) for name in failure.__slots__}
        return UpstreamFailure(**{**told, "body": body})


def keeps_callers(
    document: Mapping[str, Any], text: bytes, overlay: Overlay, record: ModelRecord
) -> bool:
    """Whether nothing that the caller wrote is taken out or held to what the model takes: most have
    nothing of what may be."""
    if overlay.removed or "model" in document or not keeps_settings(document.get(AT), record):
        return False
    return text.find(b"ignature") < 0 and (
        record.signatures != "required" or text.find(b"unction") < 0
    )


def _counted(text: str) -> str:
    """The text of the request that is to be counted, which may stand inside."""
    for member in members(text):
        if camel_case(member.name) == "generateContentRequest" and member.value is not None:
            return text[member.value_start : member.end]
    return text


def relayed_body(text: str, overlay: Overlay, target: Target, report: Report) -> str:
    """The text with all edits made."""
    found = members(text)
    named = {camel_case(member.name): member for member in found}
    gone = [i for i, member in enumerate(found) if member.name == "model"]
    edits = cut_all(text, found, gone)
    added: dict[str, Any] = {}
    if overlay.system_prompt is not None:
        edits += instruction_edits(text, named.get("systemInstruction"), overlay, added)
    edits += generation_edits(
        text, named.get("generationConfig"), overlay, target.record, added, report
    )
    if (contents := named.get("contents")) is not None:
        edits += signature_edits(text, contents, overlay, target.record)
    edits += added_members(text, 0, found, len(gone), added)
    return spliced(text, edits)
