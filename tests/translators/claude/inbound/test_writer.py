"""What the writer makes of awkward chunks: mixed calls, odd arguments, missing usage, citations,
tokens.
"""

from typing import Any

import pytest

from translators.chat.chunks import Chunk
from translators.claude.inbound import read_request
from translators.claude.inbound.answer_context import AnswerContext
from translators.claude.inbound.completion import add_up, message_of
from translators.claude.inbound.errors import write_error
from translators.claude.inbound.events import AnswerEvents
from translators.claude.inbound.tokens import CHAT, GEMINI, RESPONSES, read_token, write_token
from translators.claude.inbound.writer import MessagesWriter
from translators.dialect.inbound import AnswerFacts, Call, CallerError
from translators.errors import FailureKind
from translators.json_codec import loads
from translators.sealed import SEALED, SealedReasoning

FACTS = AnswerFacts("chatcmpl-1", 1, "m", "prov/m", lambda: 77)
PLAIN = AnswerContext("asked")
SHOWN = AnswerContext("asked", asked=True, shown=True)
HIDDEN = AnswerContext("asked", asked=True)


def part(
    index: int, arguments: str | None = None, name: str | None = None, id: str | None = None
) -> Chunk:
    function: dict[str, Any] = {} if arguments is None else {"arguments": arguments}
    function |= {} if name is None else {"name": name}
    call: Any = {"index": index, "function": function}
    if id is not None:
        call["id"] = id
    return Chunk({"tool_calls": [call]})


def message(context: AnswerContext, *chunks: Chunk) -> Any:
    events = AnswerEvents(context)
    events.begin(FACTS)
    for chunk in chunks:
        events.receive(chunk)
    events.end()
    return add_up(events.take())


END = Chunk({}, "tool_calls")


def test_fragments_of_two_calls_that_come_mixed_stay_apart() -> None:
    answer = message(
        PLAIN,
        part(0, '{"a"', "f", "c1"),
        part(1, '{"b":', "g", "c2"),
        part(0, ":1}"),
        part(1, "2}"),
        END,
    )
    assert [(b["name"], b["input"]) for b in answer["content"]] == [
        ("f", {"a": 1}),
        ("g", {"b": 2}),
    ]


def test_calls_that_all_begin_before_any_argument_lose_none() -> None:
    answer = message(
        PLAIN,
        part(0, "", "f", "c1"),
        part(1, "", "g", "c2"),
        part(0, '{"a":1}'),
        part(1, '{"b":2}'),
        END,
    )
    assert [b["input"] for b in answer["content"]] == [{"a": 1}, {"b": 2}]


def test_several_calls_in_one_chunk_are_several_blocks() -> None:
    calls: Any = [
        {"index": i, "id": f"c{i}", "function": {"name": "f", "arguments": "{}"}} for i in range(3)
    ]
    answer = message(PLAIN, Chunk({"tool_calls": calls}), END)
    assert [b["id"] for b in answer["content"]] == ["c0", "c1", "c2"]


@pytest.mark.parametrize(
    ("arguments", "finish", "expected"),
    [
        ("", "tool_calls", {}),
        ("  ", "tool_calls", {}),
        ('"{\\"a\\":1}"', "tool_calls", {"a": 1}),
        ("[1]", "tool_calls", {"_raw_arguments": "[1]"}),
        ("nonsense", "tool_calls", {"_raw_arguments": "nonsense"}),
        ("nons", "length", {}),
        ('{"a":', "length", {}),
    ],
)
def test_odd_arguments(arguments: str, finish: str, expected: Any) -> None:
    answer = message(PLAIN, part(0, arguments, "f", "c1"), Chunk({}, finish))
    assert answer["content"][0]["input"] == expected
    assert answer["stop_reason"] == ("max_tokens" if finish == "length" else "tool_use")


def test_text_while_a_call_is_open_waits_behind_the_calls() -> None:
    answer = message(
        PLAIN,
        part(0, '{"a"', "f", "c1"),
        Chunk({"content": "late "}),
        Chunk({"content": "text"}),
        part(0, ":1}"),
        END,
    )
    assert [b["type"] for b in answer["content"]] == ["tool_use", "text"]
    assert answer["content"][1]["text"] == "late text"


@pytest.mark.parametrize("given", ["used", "functions.f:0", "", None, "x" * 65, "é"])
def test_an_id_that_cannot_be_shown_becomes_one_of_its_own(given: str | None) -> None:
    context = AnswerContext("asked", frozenset({"used"}))
    made = message(context, part(0, "{}", "f", given), part(1, "{}", "f", given), END)["content"]
    assert all(block["id"].startswith("toolu_") and len(block["id"]) == 30 for block in made)
    assert made[0]["id"] != made[1]["id"]
    assert (
        made
        == message(context, part(0, "{}", "f", given), part(1, "{}", "f", given), END)["content"]
    )


def test_nothing_is_opened_for_nothing() -> None:
    writer = MessagesWriter(PLAIN, "r")
    writer.begin(FACTS)
    assert (
        writer.write(
            [
                Chunk({"role": "assistant", "content": ""}),
                Chunk({"content": ""}),
                Chunk({"novel": 1}),
            ]
        )
        == b""
    )  # type: ignore[typeddict-item]


def test_an_answer_without_content_is_legal() -> None:
    answer = message(PLAIN, Chunk({}, "stop"))
    assert (answer["content"], answer["stop_reason"]) == ([], "end_turn")


def test_usage_is_always_numbers_and_cached_tokens_count_once() -> None:
    uncounted = message(PLAIN, Chunk({"content": "four"}), Chunk({}, "stop"))["usage"]
    assert uncounted == {
        "input_tokens": 77,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 1,
    }
    details: Any = {"cached_tokens": 30, "cache_write_tokens": 20}
    usage: Any = {"prompt_tokens": 150, "completion_tokens": 9, "prompt_tokens_details": details}
    counted = message(PLAIN, Chunk({"content": "x"}), Chunk({}, "stop"), Chunk(usage=usage))[
        "usage"
    ]
    assert counted == {
        "input_tokens": 100,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 30,
        "output_tokens": 9,
    }


def test_the_start_has_an_estimate_of_at_least_one() -> None:
    events = AnswerEvents(PLAIN)
    events.begin(FACTS._replace(prompt_tokens=lambda: 0))
    events.receive(Chunk({"content": "x"}))
    assert events.take()[0]["message"]["usage"]["input_tokens"] == 1


SIGNED: Any = {
    "signed_reasoning": {"format": RESPONSES, "data": [{"type": "reasoning", "summary": []}]}
}


def test_a_signed_item_ends_the_thinking_block_that_is_open() -> None:
    answer = message(
        SHOWN,
        Chunk({"reasoning_content": "hm"}),
        Chunk(SIGNED),
        Chunk({"content": "x"}),
        Chunk({}, "stop"),
    )
    thought, text = answer["content"]
    assert (thought["thinking"], text["text"]) == ("hm", "x")
    assert read_token(thought["signature"]) == (
        "prov/m",
        RESPONSES,
        [{"type": "reasoning", "summary": []}],
    )


def test_shown_reasoning_that_nobody_signed_gets_a_marker() -> None:
    answer = message(
        SHOWN, Chunk({"reasoning_content": "hm"}), Chunk({"content": "x"}), Chunk({}, "stop")
    )
    assert read_token(answer["content"][0]["signature"]) == ("prov/m", "", None)


def test_a_token_is_never_the_last_block_and_none_stands_before_text_for_who_did_not_ask() -> None:
    assert message(HIDDEN, Chunk({"content": "x"}), Chunk(SIGNED), Chunk({}, "stop"))[
        "content"
    ] == [{"type": "text", "text": "x"}]
    unasked = message(PLAIN, Chunk(SIGNED), Chunk({"content": "x"}), part(0, "{}", "f", "c"), END)[
        "content"
    ]
    assert [b["type"] for b in unasked] == ["text", "thinking", "tool_use"]


def test_a_calls_signature_stands_before_the_call() -> None:
    call: Any = {
        "index": 0,
        "id": "c",
        "function": {"name": "f", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "S"}},
    }
    thought, used = message(PLAIN, Chunk({"tool_calls": [call]}), END)["content"]
    assert (thought["thinking"], used["type"]) == ("", "tool_use")
    assert read_token(thought["signature"]) == ("prov/m", GEMINI, "S")


@pytest.mark.parametrize(
    "bad", ["llmr1.", "llmr1.%%", "llmr1.e30", "llmr2.x", "llmr1." + "x" * 300_000]
)
def test_a_token_that_cannot_be_read_is_a_marker(bad: str) -> None:
    assert read_token(bad) == ("", "", None)


def test_a_token_holds_only_known_shapes() -> None:
    assert read_token(write_token("a/b", "novel", {"x": 1})) == ("a/b", "", None)
    assert read_token(write_token("a/b", RESPONSES, ["x"])) == ("a/b", "", None)
    assert write_token("a/b", GEMINI, "x" * 300_000) is None
    assert read_token("EqQBclaude==") is None


CITED: Any = {
    "annotations": [
        {"type": "url_citation", "url_citation": {"url": "https://a.example", "title": ""}}
    ]
    * 2
}


@pytest.mark.parametrize(
    ("only_search", "kinds"),
    [(True, ["text", "server_tool_use", "web_search_tool_result"]), (False, ["text"])],
)
def test_a_search_is_shown_as_blocks_only_where_it_is_the_only_tool(
    only_search: bool, kinds: list[str]
) -> None:
    context = AnswerContext("asked", only_search=only_search)
    answer = message(context, Chunk({"content": "x"}), Chunk(CITED), Chunk({}, "stop"))
    assert [b["type"] for b in answer["content"]] == kinds
    assert [c["url"] for c in answer["content"][0]["citations"]] == ["https://a.example"]
    assert answer["usage"]["server_tool_use"]["web_search_requests"] == 1


@pytest.mark.parametrize(
    ("chunks", "reason"),
    [
        ([Chunk({"refusal": "No."}), Chunk({}, "stop")], "refusal"),
        ([Chunk({"content": "x"}), Chunk({}, "content_filter")], "refusal"),
        ([Chunk({"content": "x"}), Chunk({}, "length")], "max_tokens"),
        ([Chunk({"content": "x"}), Chunk({}, "novel")], "end_turn"),
        (
            [
                Chunk({"content": "x"}),
                Chunk({}, "stop", choice={"provider_specific": {"stop_reason": "pause_turn"}}),
            ],
            "pause_turn",
        ),
        ([part(0, "{}", "f", "c"), Chunk({}, "stop")], "tool_use"),
        ([part(0, '{"a":1', "f", "c"), Chunk({}, "length")], "max_tokens"),
    ],
)
def test_stop_reasons(chunks: list[Chunk], reason: str) -> None:
    assert message(PLAIN, *chunks)["stop_reason"] == reason


def test_a_json_answer_is_what_its_stream_would_add_up_to() -> None:
    call: Any = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    said: Any = {
        "role": "assistant",
        "content": "x",
        "reasoning_content": "hm",
        "tool_calls": [call],
    }
    completion: Any = {
        "choices": [{"index": 0, "message": said, "finish_reason": "tool_calls"}],
        "usage": None,
    }
    whole = message_of(completion, FACTS._replace(id="msg_1"), SHOWN)
    streamed = message(
        SHOWN,
        Chunk({"reasoning_content": "hm"}),
        Chunk({"content": "x"}),
        part(0, '{"a":1}', "f", "c"),
        END,
    )
    assert whole["content"] == streamed["content"]
    assert list(whole) == list(streamed)


@pytest.mark.parametrize(
    ("kind", "status", "type_", "retry"),
    [
        (FailureKind.AUTHENTICATION, 502, "api_error", "false"),
        (FailureKind.PERMISSION, 502, "api_error", "false"),
        (FailureKind.MODEL_NOT_FOUND, 502, "api_error", "false"),
        (FailureKind.RATE_LIMIT, 429, "rate_limit_error", None),
        (FailureKind.QUOTA, 429, "rate_limit_error", "false"),
        (FailureKind.OVERLOADED, 529, "overloaded_error", None),
        (FailureKind.SERVER_ERROR, 502, "api_error", None),
        (FailureKind.MALFORMED, 502, "api_error", None),
        (FailureKind.TIMEOUT, 504, "timeout_error", None),
        (FailureKind.CONTEXT_LENGTH, 400, "invalid_request_error", "false"),
        (FailureKind.INVALID_REQUEST, 400, "invalid_request_error", "false"),
        (FailureKind.REQUEST_TOO_LARGE, 413, "request_too_large", "false"),
    ],
)
def test_each_kind_of_failure_has_a_status_that_clients_act_on(
    kind: FailureKind, status: int, type_: str, retry: str | None
) -> None:
    error = CallerError(
        599, "prov: its words", "server_error", kind=kind, provider_message="its words"
    )
    written = write_error(error, "req_1")
    document = loads(written.body)
    assert (written.status, document["error"]["type"], written.headers.get("x-should-retry")) == (
        status,
        type_,
        retry,
    )
    assert document["request_id"] == "req_1"
    assert not document["error"]["message"].startswith("prov: ")


def test_every_kind_of_failure_is_told() -> None:
    for kind in FailureKind:
        assert write_error(CallerError(500, "m", "t", kind=kind), "r").status >= 400


def test_an_overflow_says_both_numbers_and_keeps_the_providers_words() -> None:
    words = "maximum context length is 128000 tokens, but 131072 were asked"
    error = CallerError(
        400, f"p: {words}", "t", kind=FailureKind.CONTEXT_LENGTH, provider_message=words
    )
    told = loads(write_error(error, "r").body)["error"]["message"]
    assert told == f"prompt is too long: 131072 tokens > 128000 maximum ({words})"


def test_hidden_reasoning_of_a_server_that_wants_it_back_stands_before_the_first_call() -> None:
    """It comes back as that target's own, and the caller is shown nothing of it."""
    events = AnswerEvents(PLAIN)
    events.begin(FACTS._replace(echoes=True))
    reasoning: Any = [{"reasoning_content": "I loo"}, {"reasoning_content": "k."}]
    for chunk in (*map(Chunk, reasoning), part(0, "{}", "f", "c1"), part(1, "{}", "g", "c2"), END):
        events.receive(chunk)
    events.end()
    blocks = add_up(events.take())["content"]
    assert [block["type"] for block in blocks] == ["thinking", "tool_use", "tool_use"]
    assert blocks[0]["thinking"] == ""
    assert read_token(blocks[0]["signature"]) == ("prov/m", CHAT, "I look.")
    (message_,) = read_conversation(blocks)
    assert message_[SEALED] == (SealedReasoning("prov/m", {"reasoning_content": "I look."}, {}),)


@pytest.mark.parametrize(("context", "echoes"), [(PLAIN, False), (SHOWN, True)])
def test_others_are_given_no_text_of_it(context: AnswerContext, echoes: bool) -> None:
    events = AnswerEvents(context)
    events.begin(FACTS._replace(echoes=echoes))
    thought: Any = {"reasoning_content": "I look."}
    for chunk in (Chunk(thought), part(0, "{}", "f", "c1"), END):
        events.receive(chunk)
    events.end()
    tokens = [read_token(block.get("signature")) for block in add_up(events.take())["content"]]
    assert [token.format for token in tokens if token is not None] == ([""] if echoes else [])


def read_conversation(blocks: list[Any]) -> list[Any]:
    """The assistant's messages of a history that holds an answer."""
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": "1"}
        for block in blocks
        if block["type"] == "tool_use"
    ]
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": blocks},
        {"role": "user", "content": results},
    ]
    document = {"model": "p", "max_tokens": 5, "messages": messages}
    read = read_request(document, Call(size=1))
    return [m for m in read.request.messages if m["role"] == "assistant"]


def test_an_id_that_is_made_is_made_anew_while_it_is_taken() -> None:
    """Some hosts give all their answers one id, and their calls another."""
    calls = part(0, "{}", "f", "call_0"), Chunk({}, "tool_calls")
    used = {"call_0"}
    for _ in range(3):
        made = message(AnswerContext("asked", frozenset(used)), *calls)
        (block,) = made["content"]
        assert block["id"] not in used
        used.add(block["id"])
