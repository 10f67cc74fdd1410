"""translators.failures: what a caller is told of a failure does not depend on the provider that
failed.
"""

import json

import pytest

from translators import claude, gemini, openai, responses
from translators.errors import FailureKind
from translators.failures import Cause, failure

DIALECTS = {"claude": claude, "gemini": gemini, "openai": openai, "responses": responses}
WITH_A_WAIT = {"retry-after": "7"}
"""Claude's 429 without one is a spent limit."""


@pytest.mark.parametrize("status", [*range(400, 430), 451, *range(500, 512), 520, 522, 529, 599])
@pytest.mark.parametrize(
    "body",
    [b"", json.dumps({"error": {"message": "It did not work."}}).encode()],
    ids=["silent", "in_words"],
)
def test_every_dialect_tells_the_same_of_a_status(status: int, body: bytes) -> None:
    told = {
        name: dialect.parse_error(status, WITH_A_WAIT, body) for name, dialect in DIALECTS.items()
    }
    shown = {
        (failed.kind, failed.status, failed.type, failed.code, failed.should_retry)
        for failed in told.values()
    }
    assert len(shown) == 1, told


@pytest.mark.parametrize("kind", list(FailureKind))
def test_every_kind_is_told(kind: FailureKind) -> None:
    told = failure(kind, "m")
    assert 400 <= told.status < 600
    assert (told.status >= 500) == (told.type == "server_error")
    assert (told.code is None) == (kind in (FailureKind.INVALID_REQUEST, FailureKind.UNSUPPORTED))


def test_a_code_says_more_exactly_what_happened_where_the_kind_has_none_of_its_own() -> None:
    assert failure(Cause(FailureKind.TIMEOUT, "idle_timeout"), "m").code == "idle_timeout"
    assert failure(Cause(FailureKind.OVERLOADED, "slow_down"), "m").code == "provider_overloaded"
    assert failure(Cause(FailureKind.UNSUPPORTED, None, 429), "m").type == "rate_limit_error"


def test_nothing_of_our_key_is_told_as_a_parameter_of_the_callers() -> None:
    told = failure(FailureKind.PERMISSION, "m", param="project", type="permission_error")
    assert (told.status, told.type, told.code, told.param) == (
        502,
        "server_error",
        "provider_auth_failed",
        None,
    )
