"""A request that says nothing but texts is read in one look, and gives what a closer one gives."""

from random import Random
from typing import Any

import pytest

from translators.errors import InvalidRequest
from translators.gemini.inbound import request
from translators.gemini.inbound.request import read_body
from translators.json_codec import dumps

_SETTINGS: dict[str, list[Any]] = {
    "temperature": [0.5, 1, "1", True, None],
    "maxOutputTokens": [100, 100, 1.0, 1.5, "7", None],
    "topK": [3, "x", []],
    "seed": [1, None],
    "candidateCount": [1, 2],
    "odd": [1],
}
_ROLES: list[Any] = ["user", "user", "model", "model", None, "", "function", "x", []]
_PARTS: list[Any] = [
    *([{"text": "a"}], [{"text": "b"}], [{"text": "c"}], [{"text": "d"}]),
    *([{"text": ""}], [], None, "text", {"text": "t"}, [{"text": 1}], [{"text": "t", "odd": 1}]),
    *([{"text": "a"}, {"text": "b"}], [{"text": "t", "thought": True}], [1]),
]


def _content(random: Random) -> Any:
    content: dict[str, Any] = {"parts": random.choice(_PARTS[: random.choice((4, 4, len(_PARTS)))])}
    if random.random() < 0.9:
        content["role"] = random.choice(_ROLES[: random.choice((4, 4, len(_ROLES)))])
    return content if random.random() < 0.97 else random.choice(["text", 1, {"text": "t"}])


def _document(random: Random) -> dict[str, Any]:
    contents = [_content(random) for _ in range(random.randint(0, 3))]
    found: dict[str, Any] = {"contents": contents}
    if random.random() < 0.3:
        found["systemInstruction"] = random.choice([_content(random), "text", None])
    if random.random() < 0.6:
        names = random.sample([*_SETTINGS], random.randint(0, 2))
        config = {name: random.choice(_SETTINGS[name]) for name in names}
        found["generationConfig"] = random.choice([config, config, config, config, None, 1])
    if random.random() < 0.1:
        found[random.choice(["odd", "safetySettings", "tools", "model"])] = []
    return found


def _told(document: dict[str, Any], model: str, stream: bool) -> object:
    try:
        read, found = read_body(document, model, stream, 7)
    except InvalidRequest as error:
        return str(error), error.param, error.code, error.status
    rest = found.natives, found.notes, found.shows_thoughts, found.resource
    return dumps(read.body), read.usual_schemas, read.messages[-1].__class__, rest


def test_one_look_gives_what_a_closer_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(14)
    cases = [
        (_document(random), random.choice(["m", "m", "m", " "]), random.random() < 0.5)
        for _ in range(3000)
    ]
    at_once = [_told(*case) for case in cases]
    seen = [request._simple_body(*case) is not None for case in cases]
    monkeypatch.setattr(request, "_simple_body", lambda body, model, stream: None)
    assert (at_once, sum(seen) > 20) == ([_told(*case) for case in cases], True)
