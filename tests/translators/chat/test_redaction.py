"""translators.chat.redaction: keys are taken out of a provider's words, and what names our account
there.
"""

import pytest

from translators.chat.redaction import redacted, without_account


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Incorrect API key provided: sk-abcdefgh.", "Incorrect API key provided: [redacted]."),
        ("Invalid key gsk_abcdefgh and xai-abcdefgh", "Invalid key [redacted] and [redacted]"),
        ("Your api key: ****ab12 is invalid", "Your api key: [redacted] is invalid"),
        ("Incorrect API key provided: ab12****cd34", "Incorrect API key provided: [redacted]"),
        ("authorization: Bearer a.b-c!", "authorization: [redacted]"),
        ("https://x/y?key=abc&z=1", "https://x/y?key=[redacted]&z=1"),
        ("AIzaabcdefghijkl is no key", "[redacted] is no key"),
        ("Incorrect API key provided: 0f3Az9kQ71.", "Incorrect API key provided: [redacted]."),
        ("token eyJhbGciOi.eyJzdWIi.c2ln expired", "token [redacted] expired"),
        ("ya29.abc-def and AKIAABCDEFGHIJKLMNOP", "[redacted] and [redacted]"),
        ("Basic dXNlcjpwYXNzd29yZA==", "[redacted]"),
        ("a task-management-service", "a task-management-service"),
        (
            "Basic authentication is no way in. Token limit exceeded.",
            "Basic authentication is no way in. Token limit exceeded.",
        ),
    ],
)
def test_keys(message: str, shown: str) -> None:
    assert redacted(message) == shown


def test_a_long_message_is_cut() -> None:
    assert len(redacted("x" * 5000)) == 2000


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "for tiny in organization org-Ab3dEf9hIj on tokens per min",
            "for tiny in organization [redacted] on tokens per min",
        ),
        (
            "in organization `acme` service tier `on_demand`",
            "in organization [redacted] service tier `on_demand`",
        ),
        (
            "Project `proj_Ab3dEf9hIj` does not have access to model `tiny`",
            "Project `[redacted]` does not have access to model `tiny`",
        ),
        ("for consumer 'project_number:123456789012'", "for consumer '[redacted]'"),
        (
            "resource '//aiplatform.googleapis.com/projects/acme-prod/locations/x'",
            "resource '//aiplatform.googleapis.com/[redacted]/locations/x'",
        ),
        (
            "Team: 7f-acme, API key ID: k-1, Model: m, Failed check: BIO",
            "Team: [redacted], API key ID: [redacted], Model: m, Failed check: BIO",
        ),
        ("of 0a1b2c3d-1111-2222-3333-0123456789ab.", "of [redacted]."),
        ("user arn:aws:iam::123456789012:user/x may not", "user [redacted] may not"),
        (
            "your user_preferences and organization-wide project plans",
            "your user_preferences and organization-wide project plans",
        ),
    ],
)
def test_what_names_our_account(message: str, shown: str) -> None:
    assert without_account(message) == shown
