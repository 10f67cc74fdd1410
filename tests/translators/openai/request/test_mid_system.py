"""Instructions inside the conversation, and an assistant's message at its end."""

from dataclasses import replace
from typing import Any

import pytest

from tests.translators.openai.request.test_build import OPENAI, PLAIN, build
from translators.capabilities import ModelRecord
from translators.chat.prefill import marked

USER = {"role": "user", "content": "Name a tree."}
FIRST = {"role": "system", "content": "Be brief."}
LATER: dict[str, Any] = {"role": "developer", "content": "Answer in Czech."}
PARTS = {"role": "system", "content": [{"type": "text", "text": "Answer in Czech."}]}
SAID = {"role": "assistant", "content": "The"}
MARKED = "<system-reminder>\nAnswer in Czech.\n</system-reminder>"


def test_a_server_that_takes_no_instructions_there_gets_marked_user_text() -> None:
    record = replace(PLAIN, mid_system="wrap")
    body, notes = build(record, messages=[FIRST, USER, LATER, PARTS])
    assert body["messages"] == [
        FIRST,
        USER,
        {"role": "user", "content": MARKED},
        {"role": "user", "content": [{"type": "text", "text": MARKED}]},
    ]
    assert notes == [("emulated", "messages.system")]


@pytest.mark.parametrize("mid_system", [None, "native"])
def test_others_get_them_as_they_are(mid_system: Any) -> None:
    record = replace(PLAIN, mid_system=mid_system)
    body, notes = build(record, messages=[FIRST, USER, LATER])
    assert (body["messages"], notes) == ([FIRST, USER, LATER], [])


def begun() -> list[Any]:
    messages: list[Any] = [USER, SAID]
    marked(messages)
    return messages


@pytest.mark.parametrize("record", [PLAIN, OPENAI])
def test_what_a_caller_wants_continued_is_asked_for(record: ModelRecord) -> None:
    body, notes = build(record, messages=begun())
    assert body["messages"] == [USER, SAID, {"role": "user", "content": "Continue."}]
    assert notes == [("emulated", "assistant_prefill")]


def test_who_goes_on_by_itself_gets_it_as_it_is() -> None:
    body, notes = build(replace(OPENAI, prefill=True), messages=begun())
    assert (body["messages"], notes) == ([USER, SAID], [])


def test_a_chat_callers_last_message_is_sent_as_it_is() -> None:
    body, notes = build(OPENAI, messages=[USER, SAID])
    assert (body["messages"], notes) == ([USER, SAID], [])


def test_calls_at_the_end_are_no_beginning_of_a_text() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages: list[Any] = [USER, {"role": "assistant", "content": None, "tool_calls": [call]}]
    marked(messages)
    assert messages[-1].__class__ is dict
