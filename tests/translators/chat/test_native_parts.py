"""translators.chat.native_parts: calls and results among the parts of a message, put where the hub has them."""

from typing import Any, Final

import pytest

from translators.chat.native_parts import in_the_hubs_places, is_native_call

TEXT: Final = {"type": "text", "text": "see"}
USE: Final = {"type": "tool_use", "id": "u1", "name": "look", "input": {"at": "sky"}}
RESULT: Final = {"type": "tool_result", "tool_use_id": "u1", "content": "blue"}
CALL: Final = {"id": "u1", "type": "function", "function": {"name": "look", "arguments": '{"at":"sky"}'}}
OTHER: Final = {"id": "u2", "type": "function", "function": {"name": "look", "arguments": "{}"}}
PNG: Final = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}


@pytest.mark.parametrize(
    ("content", "given", "expected"),
    [
        ([TEXT, USE], None, {"content": [TEXT], "tool_calls": [CALL]}),
        ([USE], None, {"content": None, "tool_calls": [CALL]}),
        ([TEXT, USE], [CALL], {"content": [TEXT], "tool_calls": [CALL]}),
        ([TEXT, USE, USE], [OTHER], {"content": [TEXT], "tool_calls": [OTHER, CALL]}),
    ],
)
def test_an_assistants_calls_are_called_once(content: list[Any], given: Any, expected: dict[str, Any]) -> None:
    message = {"role": "assistant", "content": content, **({"tool_calls": given} if given else {})}
    assert in_the_hubs_places(message) == [{"role": "assistant", **expected}]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([RESULT], [{"role": "tool", "tool_call_id": "u1", "content": "blue"}]),
        ([RESULT, TEXT], [{"role": "tool", "tool_call_id": "u1", "content": "blue"}, {"role": "user", "content": [TEXT]}]),
        ([{**RESULT, "content": None, "is_error": True}], [{"role": "tool", "tool_call_id": "u1", "content": "", "is_error": True}]),
        (
            [{**RESULT, "content": [TEXT, PNG, {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}, 5]}],
            [
                {
                    "role": "tool",
                    "tool_call_id": "u1",
                    "content": [
                        TEXT,
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                        {"type": "image_url", "image_url": {"url": "https://a/b.png"}},
                    ],
                }
            ],
        ),
    ],
)
def test_a_users_results_become_tool_messages(content: list[Any], expected: list[dict[str, Any]]) -> None:
    assert in_the_hubs_places({"role": "user", "content": content}) == expected


def test_a_result_inside_of_a_result_is_what_it_holds() -> None:
    message = {"role": "tool", "tool_call_id": "u1", "content": [TEXT, RESULT, {**RESULT, "content": [PNG]}]}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert in_the_hubs_places(message) == [{**message, "content": [TEXT, {"type": "text", "text": "blue"}, image]}]


@pytest.mark.parametrize(
    ("part", "role", "native"),
    [
        (USE, "assistant", True),
        (USE, "user", False),
        (RESULT, "user", True),
        (RESULT, "tool", True),
        (RESULT, "assistant", False),
        (RESULT, "system", False),
        ({**USE, "input": "{}"}, "assistant", False),
        ({"type": "tool_use"}, "assistant", False),
        ({"type": "tool_result"}, "user", False),
        (TEXT, "user", False),
    ],
)
def test_only_whole_ones_of_the_right_side_count(part: dict[str, Any], role: str, native: bool) -> None:
    assert is_native_call(part, role) is native
