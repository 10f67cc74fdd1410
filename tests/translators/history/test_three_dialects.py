"""One history means the same wherever it lands: Claude, Gemini and the Responses API are told of it
with the same words.
"""

import json
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.translators.claude import golden as claude
from tests.translators.gemini import golden as gemini
from tests.translators.responses import golden as responses
from translators.chat.prefill import CONTINUE
from translators.claude.request.messages import OPENING
from translators.gemini.request.messages import FIRST_USER_TEXT
from translators.json_codec import loads

DIALECTS: dict[str, tuple[ModuleType, str]] = {
    "claude": (claude, "claude-sonnet-5"),
    "gemini": (gemini, "gemini-3.5-flash"),
    "responses": (responses, "gpt-4.1"),
}
SHARED = sorted(
    path.name for path in (Path(claude.__file__).parent / "requests").glob("history_*.json")
)
Messages = list[dict[str, Any]]
Seen = list[tuple[str, str, str, str]]


def built(dialect: str, messages: Messages) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    golden, model = DIALECTS[dialect]
    tools = [{"type": "function", "function": {"name": name}} for name in ("f", "g")]
    upstream = golden.build(
        {"model": model, "request": {"messages": deepcopy(messages), "tools": tools}}
    )
    return loads(upstream.body), [
        (note.param, note.why) for note in upstream.notes if told(note.kind, note.why)
    ]


def told(kind: str, why: str) -> bool:
    """Whether a note is about calls and results, not about what one provider wants of the turns
    around them.
    """
    return kind == "repaired" and "tool" in why


def seen(dialect: str, body: dict[str, Any]) -> Seen:
    """What a body says, in order: (kind, id, name, text) of texts, calls and results, the text of
    results as each API has it.
    """
    found: Seen = []
    if dialect == "responses":
        for item in body["input"]:
            if item["type"] == "function_call":
                found.append(
                    ("call", item["call_id"], item["name"], _plain(json.loads(item["arguments"])))
                )
            elif item["type"] == "function_call_output":
                found.append(("result", item["call_id"], "", _text(item["output"])))
            else:
                found.append((item["role"], "", "", _text(item["content"])))
    elif dialect == "claude":
        for message in body["messages"]:
            for block in message["content"]:
                if block["type"] == "tool_use":
                    found.append(("call", block["id"], block["name"], _plain(block["input"])))
                elif block["type"] == "tool_result":
                    found.append(
                        ("result", block["tool_use_id"], "", _text(block.get("content", "")))
                    )
                else:
                    found.append((message["role"], "", "", block["text"]))
    else:
        for content in body["contents"]:
            for part in content["parts"]:
                if (call := part.get("functionCall")) is not None:
                    found.append(("call", call.get("id", ""), call["name"], _plain(call["args"])))
                elif (response := part.get("functionResponse")) is not None:
                    found.append(
                        ("result", response.get("id", ""), "", _plain(response["response"]))
                    )
                else:
                    found.append(
                        (
                            "assistant" if content["role"] == "model" else "user",
                            "",
                            "",
                            part["text"],
                        )
                    )
    return found


def _plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


@pytest.mark.parametrize("name", SHARED)
def test_shared_cases_are_told_with_the_same_words(name: str) -> None:
    """The golden cases of the three are the same requests, and so are the notes of kind
    repaired."""
    cases = [
        golden.read(Path(golden.__file__).parent / "requests" / name)
        for golden, _ in DIALECTS.values()
    ]
    assert [case["request"] for case in cases] == [cases[0]["request"]] * 3
    notes = [
        [note for note in case["expected"].get("notes", ()) if told(note[0], note[2])]
        for case in cases
    ]
    assert notes == [notes[0]] * 3


CALL_IDS = st.sampled_from(["a", "b", "a_2"])
CALLS = st.lists(
    st.builds(
        lambda id, name: {
            "id": id,
            "type": "function",
            "function": {"name": name, "arguments": json.dumps({"from": id})},
        },
        CALL_IDS,
        st.sampled_from("fg"),
    ),
    min_size=1,
    max_size=3,
)
HISTORY = st.lists(
    st.builds(lambda calls: {"role": "assistant", "content": None, "tool_calls": calls}, CALLS)
    | st.builds(
        lambda id, text: {"role": "tool", "tool_call_id": id, "content": text},
        CALL_IDS,
        st.sampled_from(["1", "2", "3"]),
    )
    | st.sampled_from(
        [{"role": "user", "content": "So?"}, {"role": "assistant", "content": "Yes."}]
    ),
    max_size=8,
).map(
    lambda steps: [{"role": "user", "content": "Hi"}, *steps, {"role": "user", "content": "Go on."}]
)


@given(HISTORY)
@settings(deadline=None)
def test_any_history_is_repaired_alike(messages: Messages) -> None:
    """The same repairs, each call answered once and behind it, no id twice, no text or result
    lost."""
    bodies = {dialect: built(dialect, messages) for dialect in DIALECTS}
    notes = [sorted(set(notes)) for _, notes in bodies.values()]
    assert notes == [notes[0]] * 3
    ordered = {dialect: seen(dialect, body) for dialect, (body, _) in bodies.items()}
    order = {
        dialect: [entry[:3] for entry in without_additions(found)]
        for dialect, found in ordered.items()
    }
    assert order["claude"] == order["gemini"]
    assert sorted(order["responses"]) == sorted(
        order["claude"]
    )  # it takes results in any order: they stand as they stood
    for found in ordered.values():
        calls = [id for kind, id, _, _ in found if kind == "call"]
        assert len(set(calls)) == len(calls)
        assert sorted(calls) == sorted(id for kind, id, _, _ in found if kind == "result")
        for id in calls:
            (asked,) = (place for place, entry in enumerate(found) if entry[:2] == ("call", id))
            (told,) = (place for place, entry in enumerate(found) if entry[:2] == ("result", id))
            assert asked < told
    assert {
        dialect: [id for kind, id, _, _ in found if kind == "call"]
        for dialect, found in ordered.items()
    }["claude"] == [id for kind, id, _, _ in ordered["responses"] if kind == "call"]


def without_additions(found: Seen) -> Seen:
    """Without what a dialect says because a conversation may not begin or end as this one does."""
    return [entry for entry in found if entry[3] not in (OPENING, CONTINUE, FIRST_USER_TEXT)]


def turn(calls: list[dict[str, Any]], order: Any) -> Messages:
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": str(n)}
        for n, call in enumerate(calls)
    ]
    order.shuffle(results)
    return [
        {"role": "assistant", "content": None, "tool_calls": calls},
        *results,
        {"role": "user", "content": "So?"},
    ]


@given(st.lists(st.builds(turn, CALLS, st.randoms(use_true_random=False)), min_size=1, max_size=4))
@settings(deadline=None)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_turn_more_changes_nothing_before_it(dialect: str, turns: list[Messages]) -> None:
    """Append-only: what a provider has cached of the history still fits."""
    said = [{"role": "user", "content": "Hi"}, *(message for turn in turns for message in turn)]
    before, notes = built(dialect, said[: -len(turns[-1])])
    after, more = built(dialect, said)
    assert notes == more == []
    assert seen(dialect, after)[: len(seen(dialect, before))] == seen(dialect, before)
