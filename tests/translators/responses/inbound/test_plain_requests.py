"""A request that says nothing but texts is read in one look, and gives what a closer one gives."""

from random import Random
from typing import Any

import pytest

from translators.errors import InvalidRequest
from translators.json_codec import dumps
from translators.responses.inbound import request
from translators.responses.inbound.request import read_hub_request

_FIELDS: dict[str, list[Any]] = {
    "model": ["m", "m", "m", "", " ", 1, None],
    "instructions": [None, "s", "", [], 1],
    "stream": [None, True, False, "true", 1],
    "store": [None, False, True],
    "max_output_tokens": [None, 100, 100, 1.0, 1.5, True, "1"],
    "temperature": [None, 0.5, 1, "1", True],
    "top_p": [None, 1, 0.5, []],
    "truncation": [None, None, None, "auto"],
    "messages": [None, None, None, []],
    "odd": [None, None, None, 1],
}
_ROLES: list[Any] = ["user", "user", "developer", "assistant", "system", "x", None, []]
_CONTENTS: list[Any] = ["a", "b", "c", "d", "", None, [{"type": "input_text", "text": "t"}], 1]


def _item(random: Random) -> Any:
    item = {
        "role": random.choice(_ROLES[: random.choice((5, 8))]),
        "content": random.choice(_CONTENTS[: random.choice((4, 8))]),
    }
    if random.random() < 0.3:
        item["type"] = random.choice(["message", "message", "message", "odd", 1])
    return item if random.random() < 0.98 else 1


def _document(random: Random) -> dict[str, Any]:
    items = [_item(random) for _ in range(random.randint(0, 3))]
    found: dict[str, Any] = {"input": random.choice([items, items, "text", "text", "", 1])}
    for name, values in _FIELDS.items():
        value = random.choice(values[: random.choice((2, len(values)))])
        if value is not None or random.random() < 0.2:
            found[name] = value
    names = [*found]
    random.shuffle(names)
    return {name: found[name] for name in names}


def _told(document: dict[str, Any]) -> object:
    try:
        found = read_hub_request(document, 7)
    except InvalidRequest as error:
        return str(error), error.param, error.code, error.status
    rest = found.findings.natives, found.findings.report.notes, found.findings.tools
    return dumps(found.chat.body), found.chat.usual_schemas, found.compacts, rest


def test_one_look_gives_what_a_closer_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(14)
    cases = [_document(random) for _ in range(3000)]
    at_once = [_told(case) for case in cases]
    seen = [
        case.get("model") is not None
        and case["input"] is not None
        and request._plain_chat(case, 7) is not None
        for case in cases
    ]
    monkeypatch.setattr(request, "_plain_chat", lambda document, size: None)
    assert (at_once, sum(seen) > 20) == ([_told(case) for case in cases], True)
