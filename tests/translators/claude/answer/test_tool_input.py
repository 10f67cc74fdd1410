"""The input of custom tools while it comes, and code fences while they come."""

import json

import pytest

from tests.translators.claude.streams import TEXT, answer, block, deltas, json_input, text, tool
from translators.chat.code_fence import Unfenced, unfenced
from translators.claude.answer.tool_input import TextInput
from translators.dialect import AnswerShape

CUSTOM = AnswerShape(custom_tools=frozenset({"g"}))


def read(raw: str, size: int, cut: bool = False) -> str:
    """What a custom tool gets of `raw`, read in pieces of `size`."""
    reader = TextInput()
    pieces = [reader.receive(raw[i : i + size]) for i in range(0, len(raw), size)]
    return "".join(pieces) + reader.finish(raw, cut)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize(
    "said", ["", "ls -l", 'say "hi"\n\tand \\ more/', "Grüße 😀 \u0000 ￿", "日本\u2028"]
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_text_is_unescaped_while_it_comes(size: int, said: str, ascii_only: bool) -> None:
    assert read(json.dumps({"input": said}, ensure_ascii=ascii_only), size) == said


@pytest.mark.parametrize("size", [1, 4, 100])
def test_white_space_around_the_text(size: int) -> None:
    assert read(' {\n "input" : "x" , "more": "y" } ', size) == "x"


@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ('{"input": 5}', "5"),
        ('{"other": "x"}', '{"other":"x"}'),
        ("", ""),
        ("{}", ""),
        ("nonsense", "nonsense"),
        ('{"' + "k" * 80 + '": 1}', '{"' + "k" * 80 + '":1}'),
    ],
)
def test_something_other_than_text(size: int, raw: str, shown: str) -> None:
    """It is shown as JSON when it is whole."""
    assert read(raw, size) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ('{"input": "ab\\', "ab"),
        ('{"input": "ab\\u00', "ab"),
        ('{"input": "ab\\ud83d\\u', "ab"),
        ('{"inp', ""),
    ],
)
def test_text_that_was_cut(raw: str, shown: str) -> None:
    """What came whole is shown, and nothing made up."""
    assert read(raw, 1, cut=True) == shown


@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ('{"input": "\\ud83dx"}', "�x"),
        ('{"input": "\\udc00"}', "�"),
        ('{"input": "\\ud83d\\u0041"}', "�"),
        ('{"input": "\\q"}', "q"),
    ],
)
def test_escapes_that_mean_nothing(size: int, raw: str, shown: str) -> None:
    assert read(raw, size) == shown


def test_a_custom_call_in_a_stream() -> None:
    data = answer(
        block(0, tool(), *json_input('{"input":"l', 's\\n"}')),
        block(1, tool(id="toolu_2")),
        reason="tool_use",
    )
    assert deltas(data, CUSTOM) == [
        {
            "tool_calls": [
                {
                    "index": 0,
                    "id": "toolu_1",
                    "type": "custom",
                    "custom": {"name": "g", "input": ""},
                }
            ]
        },
        {"tool_calls": [{"index": 0, "custom": {"input": "l"}}]},
        {"tool_calls": [{"index": 0, "custom": {"input": "s\n"}}]},
        {
            "tool_calls": [
                {
                    "index": 1,
                    "id": "toolu_2",
                    "type": "custom",
                    "custom": {"name": "g", "input": ""},
                }
            ]
        },
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ('\n```\n{"a": "``"}\n```\n\n', '{"a": "``"}'),
        ('```json\r\n{"a": 1}', '{"a": 1}'),
        ("```json", "```json"),
        ("``` is a fence", "``` is a fence"),
        ("text ```json\n{}\n```", "text ```json\n{}\n```"),
        ("```json\n{} \n\n [] ``", "{} \n\n [] ``"),
        ("```json\n{}" + "\n" * 100 + "x", "{}" + "\n" * 100 + "x"),
        ("", ""),
    ],
)
def test_fences(size: int, said: str, shown: str) -> None:
    """However it is cut, a fence around everything goes, and nothing else."""
    reader = Unfenced()
    assert (
        "".join(reader.receive(said[i : i + size]) for i in range(0, len(said), size))
        + reader.finish()
        == shown
    )
    assert unfenced(said) == shown


def test_f86_a_fence_in_a_stream() -> None:
    data = answer(block(0, TEXT, *text("```js", 'on\n{"a"', ": 1}\n``", "`")))
    shown = deltas(data, AnswerShape(strip_json_fence=True))
    assert shown == [{"content": '{"a"'}, {"content": ": 1}"}]


def test_what_is_held_back_comes_at_the_end() -> None:
    data = answer(block(0, TEXT, *text("``")))
    assert deltas(data, AnswerShape(strip_json_fence=True)) == [{"content": "``"}]
