"""translators.chat.continuing: rounds of a paused turn become one answer."""

from typing import Any

from translators.chat.continuing import joined, next_round
from translators.chat.request import ChatRequest

REQUEST = ChatRequest({"messages": [{"role": "user", "content": "search"}]})
SEARCH = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}


def completion(reason: str | None, message: dict[str, Any], tokens: int = 1) -> dict[str, Any]:
    choice = {
        "index": 0,
        "message": {"role": "assistant", **message},
        "finish_reason": "stop",
        "provider_specific": {"stop_reason": reason},
    }
    return {"id": f"id-{tokens}", "choices": [choice], "usage": {"prompt_tokens": tokens}}


def paused(text: str = "Looking. ", mark: int = 0) -> dict[str, Any]:
    citation = {"type": "url_citation", "url_citation": {"start_index": mark, "end_index": mark + 1, "url": "u", "title": "t"}}
    content = {"format": "anthropic-messages", "model": "m", "blocks": [{"type": "text", "text": text}, SEARCH]}
    return completion("pause_turn", {"content": text, "provider_content": content, "annotations": [citation]})


def test_a_paused_turn_is_sent_back_whole() -> None:
    answer = paused()
    following = next_round(REQUEST, answer)
    assert following is not None
    turn = {"role": "assistant", "content": "Looking. ", "provider_content": answer["choices"][0]["message"]["provider_content"]}
    assert following.messages == [*REQUEST.messages, turn]
    assert len(REQUEST.messages) == 1


def test_other_answers_are_not_continued() -> None:
    assert next_round(REQUEST, completion("end_turn", {"content": "x"})) is None
    assert next_round(REQUEST, completion("pause_turn", {"content": "x"})) is None
    assert next_round(REQUEST, {"choices": [{"message": {"content": "x"}}]}) is None


def test_rounds_are_joined() -> None:
    last = completion("end_turn", {"content": "Found.", "thinking_blocks": [{"type": "thinking"}], "annotations": [{"type": "other"}]}, 10)
    answer = joined(joined(paused(), paused("Still. ", 2)), last)
    message = answer["choices"][0]["message"]
    assert message["content"] == "Looking. Still. Found."
    assert [a["url_citation"]["start_index"] for a in message["annotations"][:2]] == [0, 11]
    assert [b["type"] for b in message["provider_content"]["blocks"]] == [
        "text",
        "server_tool_use",
        "text",
        "server_tool_use",
        "thinking",
        "text",
    ]
    assert (answer["id"], answer["usage"]) == ("id-1", {"prompt_tokens": 12})
    assert answer["choices"][0]["provider_specific"] == {"stop_reason": "end_turn"}


def test_a_round_that_ends_with_a_call() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
    message = joined(paused(), completion("tool_use", {"content": None, "tool_calls": [call]}))["choices"][0]["message"]
    assert (message["content"], message["tool_calls"]) == ("Looking. ", [call])
    assert message["provider_content"]["blocks"][-1] == {"type": "tool_use", "id": "c", "name": "f", "input": {"x": 1}}


def test_rounds_without_usage() -> None:
    bare = completion("end_turn", {"content": "x"})
    first = paused()
    del bare["usage"], first["usage"]
    assert "usage" not in joined(first, bare)


def test_rounds_without_annotations() -> None:
    first = paused()
    del first["choices"][0]["message"]["annotations"]
    assert "annotations" not in joined(first, completion("end_turn", {"content": "x"}))["choices"][0]["message"]
