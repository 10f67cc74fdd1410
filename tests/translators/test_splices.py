"""Where a member stands in a text: what is quickly found is what a reading of all members finds."""

from random import Random
from typing import Any, Final

import pytest

from translators.json_codec import dumps, loads
from translators.splices import known_text, last, members, only_member, written

_VALUES: Final[tuple[str, ...]] = (
    '"m"', '""', '"a\\"b"', '"a\\u0062"', '"\\\\"', '"é\U0001f600"', "1", "null", '{"a":"}"}', "[]",
)  # fmt: skip


def _text(random: Random, value: str) -> str:
    space = random.choice(["", " ", "\n\t"])
    others = [f'"n{i}":{random.choice(_VALUES)}' for i in range(random.randrange(3))]
    named = f'"model"{space}:{space}{value}'
    return "{" + ",".join(random.sample([*others, named], len(others) + 1)) + "}"


@pytest.mark.parametrize("value", _VALUES)
def test_a_member_is_found_where_it_is_found_among_all(value: str) -> None:
    random = Random(value)
    for _ in range(50):
        text = _text(random, value)
        found: Any = only_member(text, "model")
        assert found is None or found == last(members(text), "model"), text
        assert found is None or found.value == loads(text)["model"]


def test_a_name_that_may_stand_elsewhere_too_is_not_guessed() -> None:
    texts = ['{"a":{"model":1},"model":"m"}', '{"\\u006dodel":1,"a":{"model":1}}', '{"a":1}']
    assert [only_member(text, "model") for text in texts] == [None] * 3


def test_what_is_remembered_is_what_is_written() -> None:
    for text in ("m", 'a"b', "\u2028é\U0001f600", "") * 2:
        assert known_text(text) == written(text) == dumps(text).decode()
