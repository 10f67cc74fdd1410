"""translators.chat.passthrough: whose fields a request holds, and where it says what a parameter
says.
"""

from typing import Any

import pytest

from translators.chat.passthrough import extension_for, passed_through


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        (None, {}),
        ({}, {}),
        ({"other": {"a": 1}}, {}),
        ({"dialect": {"a": 1}}, {"a": 1}),
        ({"dialect": {"a": 1}, "provider": {"b": 2}}, {"b": 2}),
        ({"dialect": {"a": 1}, "provider": {}}, {}),
        ({"dialect": {"a": 1}, "provider": None}, {"a": 1}),
    ],
)
def test_the_providers_own_name_comes_first(given: Any, fields: dict[str, Any]) -> None:
    assert extension_for({"x_provider": given}, "provider", "dialect") == fields


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"p": {"top_p": 1}}, "x_provider.p.top_p"),
        (
            {"p": None, "q": {"generationConfig": {"seed": 1, "topP": 1}}},
            "x_provider.q.generationConfig.topP",
        ),
        ({"p": {"top_k": 1, "other": {"top_p": 1}}}, None),
    ],
)
def test_a_field_is_known_in_either_spelling(given: Any, place: str | None) -> None:
    assert passed_through(given, "top_p") == place
