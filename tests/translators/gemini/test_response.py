"""What is no answer, and what an answer says of itself."""

import pytest

from tests.translators.gemini.streams import SIGNATURE, envelope, frame
from translators import gemini
from translators.errors import FailureKind, UpstreamError
from translators.jsontext import dumps


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b'"text"', b"null"])
def test_something_else_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        gemini.parse_response(body, envelope())
    assert caught.value.failure.kind is FailureKind.MALFORMED


def test_id_time_and_model() -> None:
    answer = gemini.parse_response(
        dumps({**frame({"text": "x"}, reason="STOP"), "modelVersion": "served", "responseId": "theirs"}), envelope()
    )
    assert (answer["id"], answer["object"], answer["created"], answer["model"]) == ("chatcmpl-1", "chat.completion", 1795000000, "served")


def test_f68_a_signature_on_empty_text_gives_no_empty_delta() -> None:
    """Its place is beside the text."""
    answer = gemini.parse_response(dumps(frame({"text": "4"}, {"text": "", "thoughtSignature": SIGNATURE}, reason="STOP")), envelope())
    message = answer["choices"][0]["message"]
    assert (message["content"], message["extra_content"]) == ("4", {"google": {"thought_signature": SIGNATURE}})
