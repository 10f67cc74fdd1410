"""What targets say, as the hub's deltas, and what was asked of them."""

from typing import Any, Final

from tests.translators.responses.inbound.request_cases import function, space

TOOLS: Final = [
    function(),
    space("mcp", function("look")),
    {"type": "custom", "name": "sh"},
    {"type": "tool_search", "execution": "client"},
]
SUMMED: Final = {"reasoning": {"summary": "auto"}}
SIGNED: Final = [{"type": "thinking", "thinking": "so", "signature": "c2ln"}]


def part(index: int, text: str, name: str | None = None, kind: str = "function") -> dict[str, Any]:
    field = "input" if kind == "custom" else "arguments"
    said = {field: text} if name is None else {"name": name, field: text}
    head = {} if name is None else {"id": f"call_{index}", "type": kind}
    return {"tool_calls": [{"index": index, **head, kind: said}]}


def searched(query: str) -> dict[str, Any]:
    block = {"type": "server_tool_use", "name": "web_search", "input": {"query": query}}
    return {"provider_content": {"format": "claude", "blocks": [block]}}


Case = tuple[dict[str, Any], list[dict[str, Any]], str | None]
"""Of the request beside model and input; deltas; how it ended, None: it broke."""

STREAMS: Final[dict[str, Case]] = {
    "a_text": (
        {},
        [{"role": "assistant", "content": ""}, {"content": "He"}, {"content": "llo"}],
        "stop",
    ),
    "nothing": ({}, [], "stop"),
    "line_separators": ({}, [{"content": "a\u2028b\u0085"}], "stop"),
    "p18_a_summary": (
        SUMMED,
        [{"reasoning_content": "so "}, {"reasoning_content": "it is"}, {"content": "Yes"}],
        "stop",
    ),
    "no_summary_was_asked_for": ({}, [{"reasoning_content": "so"}, {"content": "Yes"}], "stop"),
    "thoughts_between_texts": (
        SUMMED,
        [
            {"reasoning_content": "a"},
            {"content": "b"},
            {"reasoning_content": "c"},
            {"content": "d"},
        ],
        "stop",
    ),
    "only_thoughts": (SUMMED, [{"reasoning_content": "a"}], "length"),
    "p19_a_call": ({}, [part(0, "", "f"), part(0, '{"a"'), part(0, ":1}")], "tool_calls"),
    "p15_a_call_without_arguments": ({}, [part(0, "", "f")], "tool_calls"),
    "p02_a_call_of_a_namespace": ({}, [part(0, "{}", "mcp__look")], "tool_calls"),
    "a_call_of_an_unknown_name": ({}, [part(0, "{}", "mcp__nobody")], "tool_calls"),
    "p07_a_custom_call": (
        {},
        [part(0, "ls", "sh", "custom"), part(0, " -l", kind="custom")],
        "tool_calls",
    ),
    "a_search_for_tools": (
        {},
        [part(0, '{"query":', "tool_search"), part(0, '"x"}')],
        "tool_calls",
    ),
    "text_and_two_calls": (
        {},
        [{"content": "Now."}, part(0, "{", "f"), part(1, "{}", "f"), part(0, "}")],
        "tool_calls",
    ),
    "cut_by_its_length": ({}, [{"content": "and th"}], "length"),
    "filtered": ({}, [{"content": "you"}], "content_filter"),
    "a_refusal": ({}, [{"refusal": "I "}, {"refusal": "won't"}], "stop"),
    "a_text_then_a_refusal": ({}, [{"content": "Well"}, {"refusal": "no"}], "stop"),
    "a_citation": (
        {},
        [
            {"content": "So."},
            {
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {
                            "start_index": 0,
                            "end_index": 3,
                            "url": "https://x.example",
                            "title": "X",
                        },
                    }
                ]
            },
        ],
        "stop",
    ),
    "a_search": ({}, [{"content": "So."}, searched("what")], "stop"),
    "signed_reasoning": (
        SUMMED,
        [{"reasoning_content": "so"}, part(0, "{}", "f"), {"thinking_blocks": SIGNED}],
        "tool_calls",
    ),
    "a_signed_call": (
        {},
        [
            {
                "tool_calls": [
                    {
                        "index": 0,
                        "id": "g",
                        "type": "function",
                        "function": {"name": "f", "arguments": "{}"},
                        "extra_content": {"google": {"thought_signature": "eA"}},
                    }
                ]
            }
        ],
        "tool_calls",
    ),
    "a_picture": (
        {},
        [{"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}],
        "stop",
    ),
    "p35_a_summary_of_the_conversation": (
        {"input": [{"role": "user", "content": "x"}, {"type": "compaction_trigger"}]},
        [{"content": "Blue "}, {"content": "it is."}],
        "stop",
    ),
    "p24_broken_in_a_text": ({}, [{"content": "hal"}], None),
    "broken_in_a_call": ({}, [{"content": "Now."}, part(0, '{"a', "f")], None),
    "broken_behind_a_thought": (SUMMED, [{"reasoning_content": "so"}, {"content": "x"}], None),
}
