"""Whole answers of servers that speak Chat Completions, by what is unusual about them."""

from typing import Any, Final

_COUNTED: Final = {"prompt_tokens": 12, "completion_tokens": 4, "total_tokens": 16}


def _answer(message: Any, reason: Any = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    choice |= more.pop("choice", {})
    head = {"id": "chatcmpl-up", "object": "chat.completion", "created": 1764547100}
    return {**head, "model": "m-served", "choices": [choice], "usage": _COUNTED, **more}


def _call(id: Any, name: str, arguments: Any) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _cited(url: str, title: str, start: int, end: int) -> dict[str, Any]:
    cited = {"url": url, "title": title, "start_index": start, "end_index": end}
    return {"type": "url_citation", "url_citation": cited}


_LOOK_UP: Final = _call("id_1", "look_up", '{"word":"sun"}')
_LOGPROBS: Final = {
    "content": [
        {
            "token": "Hi",
            "logprob": -0.5,
            "bytes": [72, 105],
            "top_logprobs": [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105]}],
        }
    ],
    "refusal": None,
}
_PICTURE: Final = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}

OPENAI_ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "text": _answer({"content": "Quite warm, 23 °C \u2028 ☀", "refusal": None}),
    "text_of_parts": _answer({"content": [{"type": "text", "text": word} for word in "AB"]}),
    "text_with_a_stop_sequence": _answer({"content": "one HALT two"}),
    "nothing": _answer({"content": None}),
    "empty_text": _answer({"content": ""}),
    "no_message": _answer({}, choice={"message": None}),
    "reasoning": _answer({"content": "Warm.", "reasoning_content": "Hm."}),
    "reasoning_by_another_name": _answer({"content": "Warm.", "reasoning": "Hm."}),
    "reasoning_alone": _answer({"content": None, "reasoning_content": "Hm."}, "length"),
    "reasoning_before_a_call": _answer(
        {"content": None, "reasoning_content": "Hm.", "tool_calls": [_LOOK_UP]},
        "tool_calls",
    ),
    "several_calls": _answer(
        {"content": None, "tool_calls": [_LOOK_UP, _call("id_2", "tick", "{}")]},
        "tool_calls",
    ),
    "text_and_calls_that_say_stop": _answer(
        {"content": "Both.", "tool_calls": [_LOOK_UP]}, "stop"
    ),
    "call_without_arguments": _answer(
        {"content": None, "tool_calls": [_call("id_1", "tick", "")]}, "tool_calls"
    ),
    "call_with_a_value": _answer(
        {"content": None, "tool_calls": [_call("id_1", "look_up", {"word": "sun"})]}, "tool_calls"
    ),
    "call_whose_arguments_are_no_object": _answer(
        {"content": None, "tool_calls": [_call("id_1", "look_up", "[1]")]}, "tool_calls"
    ),
    "call_whose_arguments_are_no_json": _answer(
        {"content": None, "tool_calls": [_call("id_1", "look_up", '{"word":')]}, "tool_calls"
    ),
    "call_cut_by_length": _answer(
        {"content": None, "tool_calls": [_call("id_1", "look_up", '{"word":')]}, "length"
    ),
    "call_with_an_odd_id": _answer(
        {"content": None, "tool_calls": [_call("functions.tick:0", "tick", "{}")]}, "tool_calls"
    ),
    "calls_with_one_id": _answer(
        {"content": None, "tool_calls": [_call("a", "tick", "{}"), _call("a", "tick", "{}")]},
        "tool_calls",
    ),
    "refusal": _answer({"content": None, "refusal": "I cannot help with that."}),
    "refusal_behind_a_text": _answer({"content": "So,", "refusal": "no."}),
    "filter": _answer({"content": "So"}, "content_filter"),
    "filter_before_anything": _answer({"content": None}, "content_filter"),
    "length": _answer({"content": "And then"}, "length"),
    "the_window_is_full": _answer({"content": "And then"}, "model_context_window_exceeded"),
    "unknown_reason": _answer({"content": "So."}, "bored"),
    "no_reason": _answer({"content": "So."}, None),
    "not_counted": _answer({"content": "So."}, usage=None),
    "caches_and_reasoning_counted": _answer(
        {"content": "So."},
        usage={
            "prompt_tokens": 900,
            "completion_tokens": 30,
            "total_tokens": 930,
            "prompt_tokens_details": {"cached_tokens": 700, "cache_write_tokens": 50},
            "completion_tokens_details": {"reasoning_tokens": 20},
        },
    ),
    "citations": _answer(
        {
            "content": "Žižkov, east.",
            "annotations": [
                _cited("https://e.example/a", "A", 0, 6),
                _cited("https://e.example/a", "A", 8, 12),
                _cited("https://e.example/b", "", 0, 99),
            ],
        }
    ),
    "log_probabilities": _answer({"content": "Hi"}, choice={"logprobs": _LOGPROBS}),
    "picture": _answer({"content": "Look.", "images": [_PICTURE]}),
    "tier": _answer({"content": "So."}, service_tier="flex"),
    "two_choices": _answer({"content": "A"})
    | {"choices": [{"index": n, "message": {"content": "AB"[n]}, "finish_reason": "stop"}
                   for n in (0, 1)]},
}  # fmt: skip
