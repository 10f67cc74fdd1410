"""Answers that a provider may give, and the requests they answer."""

from typing import Any, Final

from tests.translators.claude.inbound.encoders import Story

TOOLS: Final = [
    {
        "name": "look_up",
        "description": "Looks a word up.",
        "input_schema": {"type": "object", "properties": {"word": {"type": "string"}}},
    },
    {"name": "tick", "input_schema": {"type": "object", "properties": {}}},
]
PLAIN: Final[dict[str, Any]] = {
    "model": "asked",
    "max_tokens": 400,
    "messages": [{"role": "user", "content": "Tell me."}],
    "stream": True,
}
TOOLED: Final[dict[str, Any]] = {**PLAIN, "tools": TOOLS}
THINKS: Final[dict[str, Any]] = {
    **TOOLED,
    "thinking": {"type": "adaptive", "display": "summarized"},
}
HIDES: Final[dict[str, Any]] = {**TOOLED, "thinking": {"type": "adaptive", "display": "omitted"}}
USED: Final[dict[str, Any]] = {
    **TOOLED,
    "messages": [
        {"role": "user", "content": "Tell me."},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "id_1", "name": "tick", "input": {}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "id_1", "content": "tock"}],
        },
    ],
}

STORIES: Final[dict[str, tuple[dict[str, Any], Story]]] = {
    "text": (
        PLAIN,
        [
            ["text", "Quite "],
            ["text", "warm, 23 °C \u2028 ☀"],
            ["end", "stop"],
            ["count", 30, 0, 7],
        ],
    ),
    "text in one piece": (PLAIN, [["text", "Warm."], ["end", "stop"], ["count", 30, 0, 1]]),
    "text that is escaped": (
        PLAIN,
        [["text", 'a "b" \\ \n\t'], ["text", "</c>\u0000"], ["end", "stop"]],
    ),
    "nothing is counted": (PLAIN, [["text", "Somebody forgot the bill."], ["end", "stop"]]),
    "a cache was read": (PLAIN, [["text", "Again."], ["end", "stop"], ["count", 900, 800, 3]]),
    "the limit": (PLAIN, [["text", "And then"], ["end", "length"], ["count", 30, 0, 400]]),
    "it breaks off": (PLAIN, [["text", "And th"]]),
    "it breaks off in a call": (TOOLED, [["call", "id_1", "look_up", ['{"wo']]]),
    "an error after some text": (PLAIN, [["text", "And"], ["error"]]),
    "reasoning that is shown": (
        THINKS,
        [
            ["think", "Hm, "],
            ["think", "sun."],
            ["text", "Warm."],
            ["end", "stop"],
            ["count", 30, 0, 9],
        ],
    ),
    "reasoning that nobody asked for": (
        TOOLED,
        [["think", "Hm."], ["text", "Warm."], ["end", "stop"], ["count", 30, 0, 9]],
    ),
    "reasoning that is hidden": (
        HIDES,
        [["think", "Hm."], ["text", "Warm."], ["end", "stop"], ["count", 30, 0, 9]],
    ),
    "reasoning before a call": (
        THINKS,
        [
            ["think", "Hm."],
            ["call", "id_1", "look_up", ['{"word":', '"sun"}']],
            ["end", "tool_calls"],
        ],
    ),
    "hidden reasoning before a call": (
        HIDES,
        [["think", "Hm."], ["call", "id_1", "look_up", ['{"word":"sun"}']], ["end", "tool_calls"]],
    ),
    "a call": (
        TOOLED,
        [
            ["call", "id_1", "look_up", ['{"word":', '"sun"}']],
            ["end", "tool_calls"],
            ["count", 50, 0, 12],
        ],
    ),
    "a call without arguments": (TOOLED, [["call", "id_1", "tick", []], ["end", "tool_calls"]]),
    "text, then two calls": (
        TOOLED,
        [
            ["text", "Both."],
            ["call", "id_1", "look_up", ['{"word":"a"}']],
            ["call", "id_2", "tick", ["{}"]],
            ["end", "tool_calls"],
        ],
    ),
    "an id that the history has": (USED, [["call", "id_1", "tick", ["{}"]], ["end", "tool_calls"]]),
    "an id with letters that are not allowed": (
        TOOLED,
        [["call", "functions.tick:0", "tick", ["{}"]], ["end", "tool_calls"]],
    ),
    "calls whose answer says stop": (TOOLED, [["call", "id_1", "tick", ["{}"]], ["end", "stop"]]),
    "text behind a call": (
        TOOLED,
        [["call", "id_1", "tick", ["{}"]], ["text", "Done."], ["end", "tool_calls"]],
    ),
    "a filter": (PLAIN, [["text", "So"], ["end", "content_filter"], ["count", 30, 0, 2]]),
    "a stop sequence across two pieces": (
        {**PLAIN, "stop_sequences": ["HALT", "</x>"]},
        [["text", "one HA"], ["text", "LT two"], ["end", "stop"], ["count", 30, 0, 6]],
    ),
    "the beginning of a stop sequence": (
        {**PLAIN, "stop_sequences": ["HALT"]},
        [["text", "one HA"], ["text", "ND"], ["end", "stop"]],
    ),
    "only web search was given": (
        {**PLAIN, "tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        [["text", "Found."], ["end", "stop"]],
    ),
}
