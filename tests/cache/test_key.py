"""What counts of a request, and what does not."""

from typing import Any

import pytest

from gateway.cache.key import AnswerKey, Asked, key_of

HUB = Asked("t", "p", "r", (None, "report"), {"messages": [], "temperature": 1})
OWN = HUB._replace(
    dialect="claude", place="/v1/messages", document={"system": "s", "max_tokens": 1}
)


@pytest.mark.parametrize("asked", [HUB, OWN])
@pytest.mark.parametrize(
    "change",
    [
        {"tenant": "u"}, {"persona": "q"}, {"revision": "s"}, {"circumstances": ("rule", "report")},
        {"circumstances": (None, "strict")}, {"body": {"messages": []}},
        {"body": {"messages": [], "temperature": 1.0}},
        {"body": {"messages": [], "temperature": 2}},
        {"body": {"messages": [{}], "temperature": 1}}, {"tenant": "tp", "persona": ""},
    ],
    ids=str,
)  # fmt: skip
def test_everything_that_an_answer_depends_on_counts(asked: Asked, change: Any) -> None:
    assert key_of(asked._replace(**change)).shared != key_of(asked).shared


@pytest.mark.parametrize(
    "change",
    [
        {"dialect": "gemini"}, {"place": "/v1/other"}, {"document": {"system": "s"}},
        {"document": {"system": "s", "max_tokens": 1, "x": None}}, {"headers": ("beta", None)},
        {"document": {"system": "s", "max_tokens": 2}},
    ],
    ids=str,
)  # fmt: skip
def test_a_callers_own_words_count(change: Any) -> None:
    assert key_of(OWN._replace(**change)).shared != key_of(OWN).shared


def test_form_and_end_user_do_not_count() -> None:
    body = {**HUB.body, "stream": True, "stream_options": {}, "user": "u", "metadata": {"a": "b"}}
    assert key_of(HUB._replace(body=body)) == key_of(HUB)
    document = {**OWN.document, "stream": True, "metadata": {"user_id": "u"}}
    assert key_of(OWN._replace(document=document)).shared == key_of(OWN).shared


def test_what_was_relayed_is_known_by_its_form_too() -> None:
    whole, stream = key_of(OWN), key_of(OWN._replace(stream=True))
    assert whole.shared == stream.shared
    assert len({whole.shared, whole.own, stream.own}) == 3
    assert key_of(HUB) == AnswerKey(key_of(HUB).own, key_of(HUB).own)


def test_what_a_response_repeats_counts() -> None:
    asked = OWN._replace(dialect="responses")
    document = {**OWN.document, "metadata": {"a": "b"}}
    assert key_of(asked._replace(document=document)).shared != key_of(asked).shared


def test_only_the_outer_names_have_an_order_of_their_own() -> None:
    turned = dict(reversed(HUB.body.items()))
    assert key_of(HUB._replace(body=turned)) == key_of(HUB)
    one, two = ({"messages": [{"a": 1, "b": 2}]}, {"messages": [{"b": 2, "a": 1}]})
    assert key_of(HUB._replace(body=one)) != key_of(HUB._replace(body=two))


def test_a_text_that_json_cannot_say_has_no_key() -> None:
    with pytest.raises(ValueError, match="serialize"):
        key_of(HUB._replace(body={"messages": [object()]}))
