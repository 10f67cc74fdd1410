"""A request that says nothing but texts is read in one look, and gives what a closer one gives."""

from random import Random
from typing import Any

import pytest

from translators.claude.inbound import request
from translators.claude.inbound.request import read
from translators.errors import InvalidRequest
from translators.json_codec import dumps

_FIELDS: dict[str, list[Any]] = {
    "model": ["m", "m", "m", " m ", "m[1m]", "", " ", 1, None],
    "max_tokens": [1, 100, 100, 100, 0, -1, 1.5, True, None],
    "system": [None, "s", "s", "", "x-anthropic-billing-header: a\nb", [], [{"type": "text"}]],
    "stream": [None, True, False, "true", 1],
    "temperature": [None, 0.5, 1, "1", True],
    "top_p": [None, 1, 0.5, []],
    "metadata": [None, {"user_id": "user_a_session_b"}, {"user_id": "u"}, {}, 1],
    "top_k": [None, None, None, 3],
    "stop_sequences": [None, None, None, ["a"]],
    "odd": [None, None, None, 1],
}
_ROLES: list[Any] = ["user", "user", "user", "assistant", "assistant", "system", "x", None, []]
_CONTENTS: list[Any] = ["a", "b", "c", "d", "", None, [{"type": "text", "text": "t"}], [], 1]
_HEADERS = [{}, {"x-claude-code-session-id": "s"}, {"x-llm-router-session": "own"}]


def _document(random: Random) -> dict[str, Any]:
    given = [
        {"role": random.choice(_ROLES[: random.choice((4, 9))]),
         "content": random.choice(_CONTENTS[: random.choice((4, 9))])}
        for _ in range(random.randint(0, 3))
    ]  # fmt: skip
    found: dict[str, Any] = {"messages": given}
    for name, values in _FIELDS.items():
        value = random.choice(values[: random.choice((2, len(values)))])
        if value is not None or random.random() < 0.2:
            found[name] = value
    names = [*found]
    random.shuffle(names)
    return {name: found[name] for name in names}


def _told(document: dict[str, Any], headers: dict[str, str]) -> object:
    try:
        found = read(document, headers, 7)
    except InvalidRequest as error:
        return str(error), error.param, error.code, error.status
    last = found.request.messages[-1].__class__
    return dumps(found.request.body), found.request.usual_schemas, last, found[1:]


def test_one_look_gives_what_a_closer_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(14)
    cases = [(_document(random), random.choice(_HEADERS)) for _ in range(3000)]
    at_once = [_told(*case) for case in cases]
    seen = [request._simple_body(document) is not None for document, _ in cases]
    monkeypatch.setattr(request, "_simple_body", lambda document: None)
    assert (at_once, sum(seen) > 20) == ([_told(*case) for case in cases], True)
