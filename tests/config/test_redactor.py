"""gateway.config.redactor: the keys in use are taken out of whatever a provider says, in whichever
spelling.
"""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.redactor import Redactor

KEY = "0f3Az/9+kQ71bTTx=Wm20pLv"
HALVES = (KEY[:12], KEY[12:])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"no such key: {KEY}", "no such key: [redacted]"),
        (
            f"it begins with {HALVES[0]} and ends otherwise",
            "it begins with [redacted] and ends otherwise",
        ),
        (f"...{HALVES[1]}", "...[redacted]"),
        (f"/v1?k={quote(KEY, safe='')}", "/v1?k=[redacted]"),
        (
            (
                f"/v1?k={quote(KEY, safe='').replace('%2F', '%2f').replace('%2B', '%2b').replace('%3D', '%3d')}"  # noqa: E501
            ),
            "/v1?k=[redacted]",
        ),
        (json.dumps({"k": KEY}).replace("/", "\\/"), '{"k": "[redacted]"}'),
        ("the key is sk-of-someone-else", "the key is [redacted]"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    redactor = Redactor([KEY])
    assert redactor.clean(text) == shown
    assert not redactor.holds(shown)


def test_a_header_that_holds_a_key_is_known() -> None:
    redactor = Redactor(["another-key-of-ours", KEY])
    assert [redactor.holds(text) for text in (KEY, f"x{HALVES[0]}x", HALVES[1],
     "another-key-of-ours", "another-key", KEY[:11])] == [
        True, True, True, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize("secrets", [[], ["EMPTY"], ["ollama", ""]])
def test_a_placeholder_is_no_secret(secrets: list[str]) -> None:
    redactor = Redactor(secrets)
    assert redactor.clean("EMPTY ollama models") == "EMPTY ollama models"
    assert not redactor.holds("EMPTY ollama")


_SECRETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=120)


@given(
    secrets=st.lists(_SECRETS, max_size=4), before=st.text(max_size=50), after=st.text(max_size=50)
)
def test_no_key_is_left_wherever_it_stands(secrets: list[str], before: str, after: str) -> None:
    redactor = Redactor(secrets)
    for secret in secrets:
        assert redactor.holds(before + secret + after)
        if secret not in "[redacted]":
            assert secret not in redactor.clean(before + secret + after).replace("[redacted]", "\0")
