"""Errors of servers that speak the hub's language, with the wait that their headers ask for."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from translators.chat.error_codes import read_failure
from translators.errors import ONE_CHOICE, FailureKind, UpstreamFailure
from translators.long_json import loads_answer
from translators.retry_after import retry_after

_ONE_CHOICE: Final = re.compile(
    r"^(?!.*greedy)(?:.*\bn ?>=? ?[12]\b.*not (?:yet )?(?:supported|allowed)"
    r"|.*\bn['\"`]? ?(?:: ?number )?must be (?:at most |equal to |exactly )?1\b"
    r"|.*only ['\"`]?n['\"`]? ?={1,2} ?1\b"
    r"|.*['\"`]n['\"`] does not support"
    r"|.*only one (?:completion )?choice is (?:supported|allowed))",
    re.IGNORECASE | re.DOTALL,
)
"""How servers refuse several answers to one request. (What vLLM says of greedy sampling is a rule
of the request, not of the model.)"""


def parse_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamFailure:
    """An error answer of any shape: OpenAI's object, a bare string, a list, HTML."""
    try:
        document = loads_answer(body)
    except ValueError:
        document = body.decode("utf-8", "replace").strip()
    return failure(document, status, headers)


def failure(document: Any, status: int, headers: Mapping[str, str]) -> UpstreamFailure:
    """The failure that an error document tells of; `status` is 200 for one inside a stream."""
    told = read_failure(document, status, retry_after(headers))
    refused = (
        told.kind in (FailureKind.INVALID_REQUEST, FailureKind.UNSUPPORTED)
        and _ONE_CHOICE.search(told.message) is not None
    )
    return replace(told, upstream_code=ONE_CHOICE) if refused else told
