"""translators.openai.answer.response: a whole answer is relayed, and read as OpenAI would have
written it.
"""

from typing import Any

import pytest

from translators.dialect import AnswerShape, Envelope
from translators.errors import FailureKind, UpstreamError
from translators.json_codec import dumps
from translators.openai import parse_response

K = FailureKind
SHAPE = AnswerShape(
    declared_tools=frozenset({"f"}),
    tool_names={"long_ab12": "long name!"},
    legacy_functions=True,
)
ENVELOPE = Envelope(id="chatcmpl-ours", created=1, model="asked", call_id="call_u", shape=SHAPE)


def answered(message: Any, reason: Any = "stop", **more: Any) -> dict[str, Any]:
    """The completion that a server's answer with one choice becomes."""
    choice = {"index": 0, "message": message, "finish_reason": reason, **more.pop("choice", {})}
    return parse_response(
        dumps({"id": "i", "created": 3, "model": "m", "choices": [choice], **more}), ENVELOPE
    )


def refused(body: bytes) -> Any:
    with pytest.raises(UpstreamError) as caught:
        parse_response(body, ENVELOPE)
    return caught.value.failure


def test_response_is_relayed_with_unknown_fields() -> None:
    body = b'{"id":"i","created":3,"model":"m","choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}],"zap":[1]}'  # noqa: E501
    answer = parse_response(body, ENVELOPE)
    assert (answer["id"], answer["zap"], answer["choices"][0]["message"]) == (
        "i",
        [1],
        {"content": "x", "role": "assistant"},
    )


def test_defects_of_compatible_servers_are_mended() -> None:
    call = b'{"function":{"name":"functions.f","arguments":"{}"}}'
    body = (
        b'{"choices":[{"message":{"content":null,"tool_calls":[%s]},"finish_reason":null}]}' % call
    )
    answer = parse_response(body, ENVELOPE)
    choice = answer["choices"][0]
    assert (answer["id"], answer["model"], choice["finish_reason"]) == (
        "chatcmpl-ours",
        "asked",
        "tool_calls",
    )
    assert choice["message"]["tool_calls"] == [
        {"function": {"name": "f", "arguments": "{}"}, "id": "call_u_0", "type": "function"}
    ]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"choices":[1]}', K.MALFORMED),
        (b'{"choices":{"a":1}}', K.MALFORMED),
        (b'{"choices":[{"message":"x"}]}', K.MALFORMED),
        (b'{"choices":[{"message":{"tool_calls":{}}}]}', K.MALFORMED),
        (b'{"choices":[{"message":{"tool_calls":[1]}}]}', K.MALFORMED),
        (b"{", K.MALFORMED),
        (b"[]", K.MALFORMED),
        (b'{"choices":[]}', K.MALFORMED),
        (b'{"error":{"message":"m"}}', K.SERVER_ERROR),
    ],
)
def test_an_answer_that_is_none(body: bytes, kind: FailureKind) -> None:
    with pytest.raises(UpstreamError) as caught:
        parse_response(body, ENVELOPE)
    assert caught.value.failure.kind is kind


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices":[1]}',
        b'{"choices":{"a":1}}',
        b'{"choices":[{"message":"x"}]}',
        b'{"choices":[{"message":{"tool_calls":[1]}}]}',
    ],
)
def test_anything_a_server_may_send_is_a_failure_of_its(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        parse_response(body, ENVELOPE)
    assert caught.value.failure.kind is K.MALFORMED


def test_a_custom_call_and_a_choice_without_a_message_pass() -> None:
    body = b'{"choices":[{"finish_reason":"stop"},{"message":{"tool_calls":[{"id":"a","custom":{}}]},"finish_reason":"tool_calls"}]}'  # noqa: E501
    assert [choice["finish_reason"] for choice in parse_response(body, ENVELOPE)["choices"]] == [
        "stop",
        "tool_calls",
    ]


def test_a_choice_without_a_message_has_an_empty_one() -> None:
    answer = parse_response(b'{"choices":[{"finish_reason":"content_filter"}]}', ENVELOPE)
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": None}


def test_a_finish_reason_that_is_no_text_is_unknown() -> None:
    choice = parse_response(
        b'{"choices":[{"message":{"content":"x"},"finish_reason":{"a":1}}]}', ENVELOPE
    )["choices"][0]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("stop", {"a": 1})


def test_arguments_that_came_as_a_value_are_written_out() -> None:
    calls = b'{"id":"a","function":{"name":"f","arguments":{"x":1}}},{"id":"b","custom":{"name":"g","input":[]}}'  # noqa: E501
    body = (
        b'{"choices":[{"message":{"tool_calls":[%s],"function_call":{"name":"f","arguments":{}}}}]}'
        % calls
    )
    message = parse_response(body, ENVELOPE)["choices"][0]["message"]
    assert message["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"x":1}'}
    assert message["tool_calls"][1]["custom"] == {"name": "g", "input": "[]"}
    assert message["function_call"] == {"name": "f", "arguments": "{}"}


def test_usage_that_counts_nothing_is_left_out() -> None:
    body = b'{"choices":[{"message":{"content":"x"}}],"usage":%s}'
    assert "usage" not in parse_response(body % b'"x"', ENVELOPE)
    assert "usage" not in parse_response(body % b"null", ENVELOPE)


@pytest.mark.parametrize(
    "message",
    [
        b'{"content":5}',
        b'{"content":{}}',
        b'{"function_call":[]}',
        b'{"function_call":{"name":1}}',
        b'{"tool_calls":[{"id":{}}]}',
        b'{"tool_calls":[{"index":[]}]}',
        b'{"tool_calls":[{"function":"f"}]}',
        b'{"tool_calls":[{"function":{"name":{}}}]}',
        b'{"tool_calls":[{"custom":{"name":5}}]}',
    ],
)
def test_a_message_of_another_form_is_malformed(message: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        parse_response(b'{"choices":[{"message":%s,"finish_reason":"stop"}]}' % message, ENVELOPE)
    assert caught.value.failure.kind is K.MALFORMED


@pytest.mark.parametrize("name", ["reasoning", "reasoning_text", "thinking"])
def test_reasoning_is_shown_under_the_hubs_name_and_kept_under_its_own(name: str) -> None:
    """OpenRouter, vLLM and Groq say `reasoning`: a server that wants it back wants it under that
    name.
    """
    message = answered({"role": "assistant", "content": "7", name: "Three and four."})["choices"][
        0
    ]["message"]
    assert (message["reasoning_content"], message[name], message["content"]) == (
        "Three and four.",
        "Three and four.",
        "7",
    )


def test_reasoning_that_stands_in_details_only_is_shown() -> None:
    details = [
        {"type": "reasoning.text", "text": "Carry "},
        {"type": "reasoning.summary", "summary": "one."},
        {"type": "reasoning.encrypted", "data": "x"},
        5,
    ]
    message = answered({"content": "12", "reasoning_details": details})["choices"][0]["message"]
    assert (message["reasoning_content"], message["reasoning_details"]) == ("Carry one.", details)
    assert (
        "reasoning_content"
        not in answered({"content": "12", "reasoning_details": {}})["choices"][0]["message"]
    )


def test_reasoning_content_of_the_server_wins() -> None:
    message = answered({"content": "7", "reasoning_content": "a", "reasoning": "b"})["choices"][0][
        "message"
    ]
    assert message["reasoning_content"] == "a"


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        (
            [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                {"type": "text", "text": "yes"},
            ],
            {"content": "yes", "reasoning_content": "Hm."},
        ),
        (
            [{"type": "text", "text": "a"}, "b", {"type": "output_text", "text": "c"}],
            {"content": "abc"},
        ),
        (
            [{"type": "reasoning", "text": "r"}, {"type": "text", "text": "t"}],
            {"content": "t", "reasoning_content": "r"},
        ),
        (
            [{"type": "thinking", "thinking": "whole"}],
            {"content": "", "reasoning_content": "whole"},
        ),
        ([{"type": "refusal", "refusal": "no"}], {"content": None, "refusal": "no"}),
        (
            [
                {"type": "text", "text": "see"},
                {"type": "reference", "reference_ids": [1]},
                {"type": 4},
                7,
            ],
            {
                "content": "see",
                "content_parts": [{"type": "reference", "reference_ids": [1]}, {"type": 4}, 7],
            },
        ),
        ([], {"content": ""}),
    ],
    ids=[
        "Mistral's thinking",
        "texts",
        "reasoning",
        "thinking alone",
        "a refusal",
        "what is no text",
        "nothing",
    ],
)
def test_a_content_in_parts_becomes_texts(parts: list[Any], shown: dict[str, Any]) -> None:
    assert answered({"role": "assistant", "content": parts})["choices"][0]["message"] == {
        "role": "assistant",
        **shown,
    }


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("model_length", "length"),
        ("max_tokens", "length"),
        ("MAX_TOKENS", "length"),
        ("model_context_window_exceeded", "length"),
        ("sensitive", "content_filter"),
        ("SAFETY", "content_filter"),
        ("content_filter: RECITATION", "content_filter"),
        ("refusal", "content_filter"),
        ("stop", "stop"),
        (None, "stop"),
        ("", "stop"),
    ],
)
def test_cut_and_filtered_answers_are_told_as_such(reason: Any, shown: str) -> None:
    answer = answered({"content": "x"}, reason)
    assert answer["choices"][0]["finish_reason"] == shown
    assert "x_llm_router" not in answer


@pytest.mark.parametrize(
    ("reason", "kind", "status"),
    [
        ("error", K.SERVER_ERROR, 502),
        ("network_error", K.SERVER_ERROR, 502),
        ("abort", K.SERVER_ERROR, 502),
        ({"type": "abort", "message": "gone"}, K.SERVER_ERROR, 502),
        ("insufficient_system_resource", K.OVERLOADED, 503),
        ("timeout", K.TIMEOUT, 504),
        ("function_call_filter: MALFORMED_FUNCTION_CALL", K.MODEL_OUTPUT, 502),
    ],
)
def test_an_answer_that_broke_is_a_failure(reason: Any, kind: FailureKind, status: int) -> None:
    with pytest.raises(UpstreamError) as caught:
        answered({"content": "half"}, reason)
    assert (caught.value.failure.kind, caught.value.failure.status) == (kind, status)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 502, "message": "gone"}, K.SERVER_ERROR),
        ({"code": 429, "message": "slow"}, K.RATE_LIMIT),
        ("gone", K.SERVER_ERROR),
    ],
)
def test_an_error_inside_a_choice_is_a_failure(error: Any, kind: FailureKind) -> None:
    with pytest.raises(UpstreamError) as caught:
        answered({"content": "half"}, "stop", choice={"error": error})
    assert caught.value.failure.kind is kind


def test_an_unknown_reason_is_stop_with_a_warning() -> None:
    answer = answered({"content": "x"}, "eos")
    assert (
        answer["choices"][0]["finish_reason"],
        answer["choices"][0]["native_finish_reason"],
    ) == ("stop", "eos")
    assert answer["x_llm_router"] == {"warnings": ["unknown_finish_reason"]}


def test_a_server_cannot_speak_in_our_name() -> None:
    assert "x_llm_router" not in answered({"content": "x"}, x_llm_router={"warnings": ["a\r\nb"]})


CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("message", "reason", "shown"),
    [
        ({"tool_calls": [CALL]}, "stop", "tool_calls"),
        ({"tool_calls": [CALL]}, "function_call", "tool_calls"),
        ({"tool_calls": [CALL]}, "eos", "tool_calls"),
        ({"tool_calls": [CALL]}, "length", "length"),
        ({"tool_calls": []}, "tool_calls", "stop"),
        ({"tool_calls": None}, "tool_calls", "stop"),
        ({"content": "x"}, "function_call", "stop"),
        ({"function_call": {"name": "f"}}, "stop", "function_call"),
        ({"function_call": None, "content": "x"}, "stop", "stop"),
    ],
)
def test_the_finish_reason_goes_with_the_calls(
    message: dict[str, Any], reason: str, shown: str
) -> None:
    assert answered(message, reason)["choices"][0]["finish_reason"] == shown


@pytest.mark.parametrize(
    "function", [{"name": "f"}, {"name": "f", "arguments": None}, {"name": "f", "arguments": " "}]
)
def test_a_call_without_arguments_has_an_empty_object(function: dict[str, Any]) -> None:
    message = answered(
        {"tool_calls": [{"id": "a", "function": {**function}}], "function_call": {**function}}
    )["choices"][0]["message"]
    assert message["tool_calls"][0]["function"]["arguments"] == "{}"
    assert message["function_call"]["arguments"] == "{}"


def test_calls_of_one_id_are_told_apart_and_names_are_the_callers() -> None:
    calls = [
        {"id": "x", "function": {"name": "long_ab12"}},
        {"id": "x", "function": {"name": "functions.f"}},
        {"id": 7},
    ]
    calls = answered({"tool_calls": calls})["choices"][0]["message"]["tool_calls"]
    assert [(call["id"], call["function"]["name"]) for call in calls] == [
        ("x", "long name!"),
        ("x_1", "f"),
        ("7", ""),
    ]


@pytest.mark.parametrize("role", [None, "", "model"])
def test_the_role_is_the_assistants(role: Any) -> None:
    assert answered({"role": role, "content": "x"})["choices"][0]["message"]["role"] == "assistant"


def test_empty_names_and_a_wrong_kind_of_document_are_filled_in() -> None:
    body = {
        "id": "",
        "object": "chat.completion.chunk",
        "model": None,
        "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}],
    }
    answer = parse_response(dumps(body), ENVELOPE)
    assert (answer["id"], answer["object"], answer["model"], answer["created"]) == (
        "chatcmpl-ours",
        "chat.completion",
        "asked",
        1,
    )
    assert answer["choices"][0]["index"] == 0


COUNT = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def test_a_count_inside_a_choice_is_found() -> None:
    answer = answered({"content": "x"}, choice={"usage": {**COUNT}})
    assert answer["usage"] == COUNT
    assert "usage" not in answer["choices"][0]
    own = {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}
    assert answered({"content": "x"}, choice={"usage": {**COUNT}}, usage=own)["usage"] == own


@pytest.mark.parametrize(
    ("completion", "total", "counted"),
    [(2, 45, 42), (42, 45, 42), (2, None, 2), (2, 5, 2)],
    ids=["beside it, as xAI does", "within it", "no total", "another total"],
)
def test_reasoning_is_counted_among_the_completion(
    completion: int, total: int | None, counted: int
) -> None:
    details = {"reasoning_tokens": 40}
    usage = {
        "prompt_tokens": 3,
        "completion_tokens": completion,
        "total_tokens": total,
        "completion_tokens_details": details,
    }
    assert answered({"content": "x"}, usage=usage)["usage"]["completion_tokens"] == counted


@pytest.mark.parametrize(
    "details", [None, [], {"reasoning_tokens": None}, {"reasoning_tokens": "5"}]
)
def test_odd_details_of_a_count_are_left_alone(details: Any) -> None:
    usage = {
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "total_tokens": 5,
        "completion_tokens_details": details,
    }
    assert answered({"content": "x"}, usage={**usage})["usage"] == usage


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"a\\ud83d!", "a\ufffd!"),
        (b"\\ude00", "\ufffd"),
        (b"\\ud83d\\ude00\\ud83d", "\U0001f600\ufffd"),
        (b"\\\\ud83d", "\\ud83d"),
    ],
)
def test_half_a_surrogate_pair_becomes_a_replacement_character(written: bytes, read: str) -> None:
    body = b'{"choices":[{"message":{"content":"%s"},"finish_reason":"stop"}]}' % written
    assert parse_response(body, ENVELOPE)["choices"][0]["message"]["content"] == read


def event(delta: Any, reason: Any = None, **more: Any) -> bytes:
    top = {"id": "s", "object": "chat.completion.chunk", "created": 4, "model": "sm"}
    return (
        b"data: "
        + dumps({**top, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **more})
        + b"\n\n"
    )


def test_a_stream_where_an_answer_was_asked_for_is_added_up() -> None:
    body = (
        event({"role": "assistant", "content": "one "})
        + event({"content": "two"})
        + event({}, "length", usage=COUNT)
        + b"data: [DONE]\n\n"
    )
    for before in (b"", b": waiting\n\n", b"\n"):
        answer = parse_response(before + body, ENVELOPE)
        assert answer["choices"][0]["message"]["content"] == "one two"
        assert (answer["id"], answer["model"], answer["usage"]) == ("s", "sm", COUNT)
        assert answer["choices"][0]["finish_reason"] == "length"


def test_a_broken_stream_where_an_answer_was_asked_for_is_a_failure() -> None:
    assert refused(event({"content": "one"})).kind is K.TRUNCATED
    assert refused(event({"content": "one"}, "network_error")).kind is K.SERVER_ERROR


@pytest.mark.parametrize("body", [b'{"message":"gone wrong"}', b'{"detail":"gone wrong"}'])
def test_an_error_under_a_good_status_is_read(body: bytes) -> None:
    failure = refused(body)
    assert failure.kind is K.SERVER_ERROR
