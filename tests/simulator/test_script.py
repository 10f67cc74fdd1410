"""The directives: what is read, for whom, and what is not let through."""

from typing import Any

import pytest

from gateway.simulator.script import Fault, Script, read_script
from translators.errors import InvalidRequest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", Script(text="hello")),
        ("a [[sim: think]] b", Script(text="a  b", think=True)),
        ("[[sim:words 5]][[sim: slow 0.05]]", Script(words=5, slow=0.05)),
        ("[[sim: delay 1.5]]", Script(delay=1.5)),
        ("[[sim: usage 10 20]]", Script(usage=(10, 20))),
        ("[[sim: refuse]]", Script(ending="refusal")),
        ("[[sim: length]]", Script(ending="length")),
        (
            '[[sim: call f {"a": [[1]]}]] [[sim: call g]]',
            Script(calls=(("f", {"a": [[1]]}), ("g", None))),
        ),
        (
            "[[sim: error 429 retry-after 7]]",
            Script(fault=Fault("error", status=429, retry_after=7)),
        ),
        ("[[sim: error 500]] [[sim: hang]]", Script(fault=Fault("error", status=500))),
        ("[[sim: stream-error]]", Script(fault=Fault("stream-error", after=2))),
        ("[[sim: stream-error first]]", Script(fault=Fault("stream-error", after=-1))),
        ("[[sim: cut 3]]", Script(fault=Fault("cut", after=3))),
        ("[[sim: truncate 3]]", Script(fault=Fault("truncate", after=3))),
        ("[[sim: stall 2]]", Script(fault=Fault("stall", after=2))),
        ("[[sim: hang]]", Script(fault=Fault("hang"))),
        ("[[sim: reset]]", Script(fault=Fault("reset"))),
        ("[[sim: garbage]]", Script(fault=Fault("garbage", after=1))),
        ("[[sim: fail claude]]", Script(fault=Fault("error", status=503))),
        ("[[sim: fail openai]]", Script()),
        ("[[sim: error 503 on claude]]", Script(fault=Fault("error", status=503))),
        (
            "[[sim: error 503 on gemini]] [[sim: error 500]]",
            Script(fault=Fault("error", status=500)),
        ),
        ('[[sim: call f {"a": 1} on claude]]', Script(calls=(("f", {"a": 1}),))),
    ],
)
def test_what_a_message_asks_for(text: str, expected: Script) -> None:
    assert read_script(text, "claude") == expected


@pytest.mark.parametrize(
    "directive",
    [
        "dance", "", "think hard", "words", "words many", "words 100001", "usage 1",
        "usage 1 2 3 4", "delay nan", "delay -1", "slow 99999",
        "error 200", "error 600", "error 500 retry-after soon", "stream-error last", "cut",
        "cut -1", "call",
        "call f {broken}", "fail nobody", "think on mistral",
    ],
)  # fmt: skip
def test_a_directive_that_does_not_exist_is_refused(directive: str) -> None:
    with pytest.raises(InvalidRequest, match="does not know the directive"):
        read_script(f"[[sim: {directive}]]", "claude")


def test_a_directive_without_its_end_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        read_script("[[sim: think", "claude")


def test_fields_have_defaults_that_do_nothing() -> None:
    blank: Any = Script()
    assert (blank.calls, blank.fault, blank.delay, blank.slow) == ((), None, 0.0, 0.0)
