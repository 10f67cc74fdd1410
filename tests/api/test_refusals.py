"""Refusals of compatible servers as a caller meets them: whose fault they are, who is asked next,
what is learned, what is told.
"""

from typing import Any

import pytest

from tests.api.failing import MODES, said, world
from tests.fakes import Answer, InTurn, Received, Step, json_answer, openai_chunk, sse
from translators.json_codec import dumps

TOOLS = [
    {
        "type": "function",
        "function": {"name": "find", "parameters": {"type": "object", "properties": {}}},
    }
]
IMAGE = [
    {
        "role": "user",
        "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}],
    }
]
KEYS = {"FIRST": "first-secret-key", "SECOND": "second-secret-key"}
TWO_KEYS = {"targets": {"one": {"keys": ["FIRST", "SECOND"]}}, "environ": KEYS}
LARGER = {"targets": {"one": {"model": {"context_window": 8000, "max_output_tokens": 1000}}}}


def refused(status: int, message: str = "m", **error: Any) -> list[Step]:
    return json_answer({"error": {"message": message, **error}}, f"{status} Refused")


def refused_inside(mode: str, message: str, **error: Any) -> list[Step]:
    """The same under a good status, before there was any content."""
    document = {"error": {"message": message, **error}}
    return (
        sse(
            openai_chunk({"role": "assistant", "content": ""}),
            b"data: " + dumps(document) + b"\n\n",
        )
        if mode == "stream"
        else json_answer(document)
    )


MODERATION = {
    "reasons": ["harassment"],
    "flagged_input": "…",
    "provider_name": "P",
    "model_slug": "a/b",
}
FLAGGED: dict[str, list[Step]] = {
    "openrouter": refused(403, "Your input was flagged.", code=403, metadata=MODERATION),
    "xai": json_answer(
        {
            "code": "permission-denied",
            "error": "Content violates usage guidelines. Failed check: BIO",
        },
        "403 Forbidden",
    ),
    "azure": refused(
        400, code="content_filter", innererror={"code": "ResponsibleAIPolicyViolation"}
    ),
    "dashscope": refused(
        400, "Output data may contain inappropriate content.", code="data_inspection_failed"
    ),
    "z.ai": refused(400, "unsafe", code="1301"),
    "moonshot": refused(400, "high risk", type="content_filter"),
    "volcengine": refused(400, code="InputTextSensitiveContentDetected.PolicyViolation"),
    "stepfun": refused(451, "blocked", type="censorship_blocked"),
}


@pytest.mark.parametrize("answer", FLAGGED.values(), ids=FLAGGED)
@pytest.mark.parametrize("mode", MODES)
async def test_a_flagged_prompt_is_the_callers_and_no_key_is_set_aside(
    mode: str, answer: list[Step]
) -> None:
    async with world(**TWO_KEYS, one=answer, two=said("two", mode)) as w:
        for _ in range(12):
            reply = await w.ask(mode)
            assert (reply.status, reply.code) == (400, "content_filter")
        assert set(w.asked()) == {"one"}
        assert [w.key(n)["state"] for n in (0, 1)] == ["closed", "closed"]
        w.fake.answers["/one"] = said("one", mode)
        assert (await w.ask(mode)).content == "one"


async def test_a_persona_may_carry_a_flagged_prompt_on() -> None:
    async with world(
        {"on_failure": {"move_on": ["content_filter"], "retries": 0}},
        one=FLAGGED["openrouter"],
        two=said("two"),
    ) as w:
        assert (await w.ask()).content == "two"


async def test_flagged_inside_a_stream() -> None:
    async with world(
        one=refused_inside("stream", "m", code=403, metadata=MODERATION), two=said("two", "stream")
    ) as w:
        reply = await w.ask("stream")
        assert (reply.status, reply.code, w.asked()) == (400, "content_filter", ["one"])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "answer",
    [
        refused(403, "This key may not use the model", type="permission_error"),
        refused(403, "Your account was closed for violating our usage policies"),
        refused(401, "See our content policy"),
    ],
)
async def test_a_key_that_is_really_refused_stays_one(mode: str, answer: list[Step]) -> None:
    async with world(**TWO_KEYS, one=InTurn(answer, said("here", mode))) as w:
        assert (await w.ask(mode)).content == "here"
        assert w.asked() == ["one", "one"]


OVERFLOWS: dict[str, list[Step]] = {
    "400": refused(
        400,
        "request (9000 tokens) exceeds the available context size (8000 tokens)",
        type="exceed_context_size_error",
    ),
    "413": refused(413, "Please reduce the length of the messages or completion."),
    "422": json_answer(
        {"error": "Input validation error: `inputs` must have less than 8000 tokens. Given: 9000"},
        "422 Unprocessable",
    ),
    "500": refused(500, "Context size has been exceeded."),
    "a code": refused(400, code="model_max_prompt_tokens_exceeded"),
    "a code of OpenRouter": refused(
        400, code=400, metadata={"error_type": "context_length_exceeded"}
    ),
    "a text": json_answer({"detail": "Prompt exceeds max length"}, "400 Bad Request"),
}


@pytest.mark.parametrize("answer", OVERFLOWS.values(), ids=OVERFLOWS)
@pytest.mark.parametrize("mode", MODES)
async def test_a_prompt_that_is_too_long_goes_to_a_larger_window(
    mode: str, answer: list[Step]
) -> None:
    async with world(**LARGER, one=answer, two=said("larger", mode)) as w:
        assert (await w.ask(mode)).content == "larger"
        w.fake.answers["/two"] = answer
        reply = await w.ask(mode)
        assert (reply.status, reply.code, w.asked()) == (
            400,
            "context_length_exceeded",
            ["one", "two"] * 2,
        )


@pytest.mark.parametrize("mode", MODES)
async def test_one_that_is_too_long_inside_an_answer(mode: str) -> None:
    message = "Requested token count exceeds the model's maximum context length of 8000 tokens."
    async with world(
        **LARGER, one=refused_inside(mode, message, code=400), two=said("larger", mode)
    ) as w:
        assert (await w.ask(mode)).content == "larger"


async def test_a_limit_of_output_is_no_long_prompt() -> None:
    async with world(
        **LARGER, one=refused(400, "Range of max_tokens should be [1, 8192]"), two=said("two")
    ) as w:
        reply = await w.ask()
        assert (reply.status, reply.code, w.asked()) == (400, None, ["one"])


async def test_one_request_that_no_minute_has_room_for_is_served_by_another_and_holds_nobody_up() -> (  # noqa: E501
    None
):
    message = (
        "Request too large for model `m` in organization `acme` on tokens per minute (TPM): Limit"
        " 6000, Requested 6500, please reduce"
    )
    answer = refused(413, message, type="tokens", code="rate_limit_exceeded")
    async with world(**TWO_KEYS, one=answer, two=said("two")) as w:
        assert (await w.ask()).content == "two"
        assert w.asked() == ["one", "two"]
        assert w.key(0)["state"] == "closed"
    async with world(one=answer) as w:
        reply = await w.ask()
        assert (reply.status, reply.code, reply.headers["x-should-retry"]) == (
            429,
            "rate_limit_exceeded",
            "false",
        )
        assert "acme" not in reply.text.decode()


BAD_OUTPUT: dict[str, list[Step]] = {
    "groq": refused(
        400,
        "Failed to call a function.",
        type="invalid_request_error",
        code="tool_use_failed",
        failed_generation="<f>",
    ),
    "groq json": refused(400, code="json_validate_failed"),
    "ollama": refused(
        500, "error parsing tool call: raw='{', err=unexpected end of JSON input", type="api_error"
    ),
    "vllm": refused(
        400, "unexpected tokens remaining in message header: x", type="BadRequestError", code=400
    ),
}


@pytest.mark.parametrize("answer", BAD_OUTPUT.values(), ids=BAD_OUTPUT)
@pytest.mark.parametrize("mode", MODES)
async def test_what_the_model_did_wrong_is_not_told_as_the_callers(
    mode: str, answer: list[Step]
) -> None:
    """The next target is asked at once, the same one only by the persona's retries."""
    async with world(one=answer, two=said("two", mode)) as w:
        assert (await w.ask(mode, tools=TOOLS)).content == "two"
        assert w.asked() == ["one", "two"]
    patient = {"on_failure": {"retries": 1, "backoff": {"initial": 0.01, "max": 1}}}
    async with world(patient, one=InTurn(answer, said("again", mode))) as w:
        assert (await w.ask(mode, tools=TOOLS)).content == "again"
    async with world(one=answer) as w:
        reply = await w.ask(mode, tools=TOOLS)
        assert (reply.status, reply.code, len(w.asked())) == (502, "bad_output", 1)


@pytest.mark.parametrize("mode", MODES)
async def test_and_inside_an_answer(mode: str) -> None:
    answer = refused_inside(
        mode, "Failed to call a function.", type="invalid_request_error", code="tool_use_failed"
    )
    async with world(one=answer, two=said("two", mode)) as w:
        assert (await w.ask(mode, tools=TOOLS)).content == "two"
        assert w.asked() == ["one", "two"]


UNABLE: dict[str, tuple[list[Step], dict[str, Any]]] = {
    "tools": (
        refused(
            400, "registry.ollama.ai/library/tiny:latest does not support tools", type="api_error"
        ),
        {"tools": TOOLS},
    ),
    "tools, a flag": (
        refused(
            400,
            '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to'
            " be set",
        ),
        {"tools": TOOLS},
    ),
    "tools, a route": (
        refused(404, "No endpoints found that support tool use.", code=404),
        {"tools": TOOLS},
    ),
    "tools, a code": (refused(400, param="tools", code="unsupported_parameter"), {"tools": TOOLS}),
    "images": (
        refused(500, "image input is not supported - hint: you may need to provide the mmproj"),
        {"messages": IMAGE},
    ),
    "schema": (
        refused(400, "This model does not support response format `json_schema`."),
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "a", "schema": {"type": "object"}},
            }
        },
    ),
}


@pytest.mark.parametrize(("answer", "body"), UNABLE.values(), ids=UNABLE)
@pytest.mark.parametrize("mode", MODES)
async def test_what_a_model_turns_out_not_to_have_is_asked_of_another_from_then_on(
    mode: str, answer: list[Step], body: dict[str, Any]
) -> None:
    sees = {"model": {"capabilities": ["streaming", "tool_calling", "json_schema", "vision"]}}
    async with world(targets={"one": sees, "two": sees}, one=answer, two=said("two", mode)) as w:
        for _ in range(3):
            assert (await w.ask(mode, **body)).content == "two"
        assert w.asked() == ["one", "two", "two", "two"]
        w.fake.answers["/one"] = said("one", mode)
        assert (await w.ask(mode)).content == "one", "other requests it serves"
        w.time_passes(3601)
        assert (await w.ask(mode, **body)).content == "one", "it may have been loaded anew"


async def test_where_nobody_else_can_the_callers_request_is_refused_the_second_time_without_asking() -> (  # noqa: E501
    None
):
    answer, body = UNABLE["tools"]
    async with world(one=answer) as w:
        first, second = await w.ask(**body), await w.ask(**body)
        assert (first.status, first.document["error"]["message"]) == (
            400,
            "one: registry.ollama.ai/library/tiny:latest does not support tools",
        )
        assert (second.status, second.code, second.document["error"]["param"]) == (
            400,
            "no_eligible_target",
            "tools",
        )
        assert w.asked() == ["one"]


async def test_a_refusal_of_what_was_not_asked_for_teaches_nothing() -> None:
    """Nor does one that a caller's own passthrough may have provoked."""
    answer, body = UNABLE["tools"]
    async with world(one=answer, two=said("two")) as w:
        await w.ask()
        await w.ask(**body, x_provider={"one": {"zap": 1}})
        await w.ask(**body)
        assert w.asked() == ["one", "two"] * 3


async def test_who_was_down_is_told_rather_than_who_could_not() -> None:
    async with world(one=refused(500), two=UNABLE["tools"][0]) as w:
        assert (await w.ask(tools=TOOLS)).status == 502


def unless(sent: dict[str, Any], refusal: list[Step], mode: str) -> Answer:
    """Refuses what has all of these fields."""

    def answer(received: Received) -> list[Step]:
        body = received.body
        return (
            refusal
            if all(body.get(name) == value for name, value in sent.items())
            else said("here", mode)
        )

    return answer


MENDED: dict[str, tuple[dict[str, Any], list[Step], dict[str, Any]]] = {
    "a name": (
        {"max_completion_tokens": 50},
        refused(400, "Unsupported parameter: 'max_completion_tokens'",
         param="max_completion_tokens", code="unsupported_parameter"),
        {"max_tokens": 50},
    ),
    "a name, by FastAPI": (
        {"max_completion_tokens": 50},
        json_answer({"detail": [{"type": "extra_forbidden", "loc": ["body",
         "max_completion_tokens"], "msg": "no"}]}, "422 No"),
        {"max_tokens": 50},
    ),
    "a value": (
        {"temperature": 0.2},
        refused(400, "Unsupported value: 'temperature' does not support 0.2.", param="temperature",
         code="unsupported_value"),
        {},
    ),
    "a parameter": ({"parallel_tool_calls": False}, refused(400,
     "Unrecognized request argument supplied: parallel_tool_calls"), {}),
    "a parameter of xAI": ({"presence_penalty": 1}, refused(400,
     "Argument not supported on this model: presencePenalty"), {}),
    "a parameter of Fireworks": ({"logprobs": True}, refused(400,
     "Extra inputs are not permitted, field: 'logprobs', value: True"), {}),
    "a limit": ({"max_completion_tokens": 9000}, refused(400,
     "Range of max_tokens should be [1, 8192]"), {"max_completion_tokens": 8192}),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "refusal", "mended"), MENDED.values(), ids=MENDED)
@pytest.mark.parametrize("mode", MODES)
async def test_what_a_server_does_not_take_is_left_out_and_not_sent_again(
    mode: str, asked: dict[str, Any], refusal: list[Step], mended: dict[str, Any]
) -> None:
    able = {
        "model": {"capabilities": ["streaming", "tool_calling", "parallel_tool_calls", "logprobs"]}
    }
    async with world(
        targets={"one": able, "two": able}, one=unless(asked, refusal, mode), two=said("two", mode)
    ) as w:
        reply = await w.ask(mode, tools=TOOLS, **asked)
        assert reply.content == "here"
        for received in w.fake.received[1:]:
            assert {
                name: received.body[name] for name in (*asked, *mended) if name in received.body
            } == mended
        assert bool(reply.headers.get("x-llm-router-dropped-params")) == (
            list(asked.values()) != list(mended.values())
        )
        assert (await w.ask(mode, tools=TOOLS, **asked)).content == "here"
        assert len(w.fake.received) == 3


async def test_stream_options_are_left_out_where_they_are_refused() -> None:
    refusal = refused(400, "property 'stream_options' is unsupported")
    async with world(
        one=unless({"stream_options": {"include_usage": True}}, refusal, "stream")
    ) as w:
        assert (await w.ask("stream")).content == "here"
        assert ["stream_options" in received.body for received in w.fake.received] == [True, False]


@pytest.mark.parametrize("strict", ["true", "false"])
async def test_usage_of_a_server_that_counts_without_being_asked_is_no_loss(strict: str) -> None:
    """As Mistral does, which refuses `stream_options`: nothing is dropped, so a strict caller is
    served too.
    """
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    last = {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "usage": usage,
    }
    event = {
        **last,
        "choices": [{"index": 0, "delta": {"content": "here"}, "finish_reason": "stop"}],
    }
    answer = sse(b"data: " + dumps(event) + b"\n\n", b"data: [DONE]\n\n")
    async with world(
        targets={"one": {"model": {"unsupported": ["stream_options"]}}}, one=answer
    ) as w:
        reply = await w.ask(
            "stream",
            headers={"x-llm-router-strict": strict},
            stream_options={"include_usage": True},
        )
        assert (reply.content, reply.headers["x-llm-router-dropped-params"]) == (
            "here",
            "stream_options=emulated",
        )
        assert (reply.events[-1]["choices"], reply.events[-1]["usage"]) == ([], usage)
        assert "stream_options" not in w.fake.received[0].body


async def test_several_wrong_facts_cost_a_request_each_and_only_once() -> None:
    def answer(received: Received) -> list[Step]:
        for name in ("temperature", "top_p"):
            if name in received.body:
                return refused(
                    400, f"Unsupported value: '{name}' does not support 0.5 with this model."
                )
        return said("here")

    async with world(one=answer) as w:
        for _ in range(2):
            assert (await w.ask(temperature=0.5, top_p=0.5)).content == "here"
        assert [
            len(received.body.keys() & {"temperature", "top_p"}) for received in w.fake.received
        ] == [2, 1, 0, 0]


async def test_who_refuses_again_and_again_is_not_asked_for_ever() -> None:
    names = ["temperature", "top_p", "seed", "user", "stop"]

    def answer(received: Received) -> list[Step]:
        return refused(
            400, f"Unsupported parameter: '{next(name for name in names if name in received.body)}'"
        )

    async with world(one=answer, two=said("two")) as w:
        assert (
            await w.ask(temperature=0.5, top_p=0.5, seed=1, user="u", stop="x")
        ).content == "two"
        assert w.asked() == ["one"] * 4 + ["two"]


async def test_strict_callers_get_the_next_target_rather_than_a_loss() -> None:
    refusal = refused(400, "Unsupported value: 'temperature' does not support 0.2 with this model.")
    async with world(one=unless({"temperature": 0.2}, refusal, "json"), two=said("two")) as w:
        assert (
            await w.ask(headers={"x-llm-router-strict": "true"}, temperature=0.2)
        ).content == "two"


async def test_a_role_that_is_not_known_is_called_by_its_other_name() -> None:
    messages = [{"role": "developer", "content": "be brief"}, {"role": "user", "content": "hi"}]
    refusal = refused(
        422,
        "Failed to deserialize: messages[0].role: unknown variant `developer`, expected one of"
        " `system`, `user`",
    )
    async with world(
        one=lambda received: (
            refusal if received.body["messages"][0]["role"] == "developer" else said("here")
        )
    ) as w:
        assert (await w.ask(messages=messages)).content == "here"
        assert w.fake.received[1].body["messages"][0] == {"role": "system", "content": "be brief"}


CALL = {"id": "call_abc", "type": "function", "function": {"name": "find", "arguments": "{}"}}
LOOP = [
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": None, "reasoning_content": "I look.", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_abc", "content": "found"},
]
FIELD: dict[str, list[Step]] = {
    "fireworks": refused(
        400,
        "Extra inputs are not permitted, field: 'messages[1].reasoning_content', value: 'I look.'",
    ),
    "openai": refused(
        400, "Unknown parameter", param="messages[1].reasoning_content", code="unknown_parameter"
    ),
    "fastapi": json_answer(
        {
            "detail": [
                {
                    "type": "extra_forbidden",
                    "loc": ["body", "messages", 1, "assistant", "reasoning_content"],
                    "msg": "no",
                }
            ]
        },
        "422 No",
    ),
}


@pytest.mark.parametrize("refusal", FIELD.values(), ids=FIELD)
@pytest.mark.parametrize("mode", MODES)
async def test_a_field_of_messages_that_is_refused_is_left_out_from_then_on(
    mode: str, refusal: list[Step]
) -> None:
    def answer(received: Received) -> list[Step]:
        return (
            refusal
            if any("reasoning_content" in message for message in received.body["messages"])
            else said("here", mode)
        )

    async with world(one=answer, two=said("two", mode)) as w:
        for _ in range(2):
            reply = await w.ask(mode, messages=LOOP, tools=TOOLS)
            assert (reply.content, reply.headers["x-llm-router-dropped-params"]) == (
                "here",
                "messages.reasoning_content",
            )
        assert w.asked() == ["one"] * 3
        plain = {name: value for name, value in LOOP[1].items() if name != "reasoning_content"}
        assert [received.body["messages"] for received in w.fake.received[1:]] == [
            [LOOP[0], plain, LOOP[2]]
        ] * 2


@pytest.mark.parametrize("mode", MODES)
async def test_an_id_of_a_call_that_is_refused_is_made_one_of_nine_letters_from_then_on(
    mode: str,
) -> None:
    refusal = refused(
        400, "Tool call id was call_abc but must be a-z, A-Z, 0-9, with a length of 9."
    )

    def answer(received: Received) -> list[Step]:
        _, asked, result = received.body["messages"]
        call_id = asked["tool_calls"][0]["id"]
        assert result["tool_call_id"] == call_id
        return said("here", mode) if len(call_id) == 9 and call_id.isalnum() else refusal

    async with world(one=answer, two=said("two", mode)) as w:
        for _ in range(2):
            assert (await w.ask(mode, messages=LOOP, tools=TOOLS)).content == "here"
        assert w.asked() == ["one"] * 3
        first, second = (
            received.body["messages"][1]["tool_calls"] for received in w.fake.received[1:]
        )
        assert first == second


async def test_what_is_still_refused_without_its_fields_moves_on() -> None:
    refusal = refused(
        400,
        "Extra inputs are not permitted, field: 'messages[1].reasoning_content', value: 'I look.'",
    )
    async with world(one=refusal, two=said("two")) as w:
        assert (await w.ask(messages=LOOP, tools=TOOLS)).content == "two"
        assert [
            "reasoning_content" in received.body["messages"][1] for received in w.fake.received
        ] == [True, False, True]


async def test_a_refused_field_of_openais_own_is_not_left_out() -> None:
    refusal = refused(
        400, "Extra inputs are not permitted, field: 'messages[1].tool_calls', value: []"
    )
    async with world(one=refusal, two=said("two")) as w:
        assert (await w.ask(messages=LOOP, tools=TOOLS)).content == "two"
        assert w.asked() == ["one", "two"]


async def test_a_request_that_is_wrong_in_itself_moves_on_to_nothing() -> None:
    for answer in (refused(400, "Invalid value for 'seed'", param="seed"), refused(422, "bad")):
        async with world(one=answer, two=said("two")) as w:
            assert ((await w.ask()).status, w.asked()) == (400, ["one"])


@pytest.mark.parametrize(
    "answer",
    [
        refused(
            400, "Invalid 'tools': array too long.", param="tools", code="array_above_max_length"
        ),
        refused(
            400,
            "Invalid 'tools[0].function.name': string too long.",
            param="tools[0].function.name",
            code="string_above_max_length",
        ),
        refused(
            400,
            "Invalid schema for function 'find'",
            param="tools[0].function.parameters",
            code="invalid_function_parameters",
        ),
    ],
)
async def test_one_servers_own_limit_ends_nothing(answer: list[Step]) -> None:
    async with world(one=answer, two=said("two")) as w:
        assert (await w.ask(tools=TOOLS)).content == "two"
    async with world(one=answer) as w:
        assert (await w.ask(tools=TOOLS)).status == 400


OURS: dict[str, tuple[list[Step], int]] = {
    "a wrong key": (
        refused(
            401,
            "Incorrect API key provided: ab12****cd34, project proj_Acme1234567",
            code="invalid_api_key",
        ),
        502,
    ),
    "a wrong key, blamed on the request": (
        json_answer({"error": "Incorrect API key provided: ab***. See console.acme"}, "400 Bad"),
        502,
    ),
    "a permission": (
        refused(
            403, "Permission 'acme.endpoints.predict' denied on resource '//x/projects/acme-prod'"
        ),
        502,
    ),
    "money": (refused(402, "Acme Corp has $3.14 left of its credit"), 429),
    "a budget": (
        refused(
            403,
            "Your team acme-7 has used all available credits or reached its monthly spending"
            " limit.",
        ),
        429,
    ),
}


@pytest.mark.parametrize(("answer", "status"), OURS.values(), ids=OURS)
@pytest.mark.parametrize("mode", MODES)
async def test_what_a_provider_says_of_our_account_is_logged_and_told_nobody(
    mode: str, answer: list[Step], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(one=answer) as w:
        for reply in (await w.ask(mode), await w.native(mode)):
            assert reply.status == status
            text = f"{reply.headers} {reply.text.decode()}".lower()
            assert not any(word in text for word in ("acme", "***", "$3", "predict", "console"))
        gateway = w.running.gateway
        record = gateway.records.find(reply.headers["x-llm-router-decision"])
        assert record is not None
        assert "acme" not in str(record.outcome()).lower()
    logged = [
        r.getMessage()
        for r in caplog.records
        if r.name == "llm_router" and "one/m without a key:" in r.getMessage()
    ]
    assert len(logged) == 2
    assert "acme" in logged[0].lower()


async def test_the_fixed_sentences(caplog: pytest.LogCaptureFixture) -> None:
    async with world(one=OURS["a permission"][0]) as w:
        assert (await w.ask()).document["error"] == {
            "message": "one refused the gateway's credentials.", "type": "server_error",
            "param": None, "code": "provider_auth_failed",
        }  # fmt: skip
        w.fake.answers["/one"] = OURS["money"][0]
        assert (await w.ask()).document["error"][
            "message"
        ] == "one: the gateway's quota or credit there is used up."


async def test_a_key_is_never_told_nor_logged_even_where_the_provider_repeats_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    secret = KEYS["FIRST"]
    one = {"targets": {"one": {"keys": ["FIRST"]}}, "environ": KEYS}
    async with world(
        **one,
        one=InTurn(refused(400, f"no header {secret}"), refused(401, f"{secret}\n is no key")),
    ) as w:
        told = await w.ask()
        assert told.document["error"]["message"] == "one: no header [redacted]"
        await w.ask()
    assert secret not in caplog.text
    assert "one/m with FIRST: authentication (401): [redacted]  is no key" in caplog.text


async def test_an_organization_is_no_part_of_a_rate_limit() -> None:
    message = (
        "Rate limit reached for m in organization org-Acme12345678 on requests per min (RPM): Limit"
        " 3, Used 3, Requested 1."
    )
    async with world(one=refused(429, message, type="requests", code="rate_limit_exceeded")) as w:
        assert (await w.ask()).document["error"][
            "message"
        ] == f"one: {message.replace('org-Acme12345678', '[redacted]')}"


TEXTS: dict[str, tuple[list[Step], str]] = {
    "fastapi": (json_answer({"detail": [{"loc": ["body", "messages", 0, "name"],
     "msg": "Field required", "type": "missing"}]}, "422 No"),
                "messages[0].name: Field required"),
    "a router": (refused(400, "Provider returned error", code=400,
     metadata={"raw": '{"error":{"message":"names must be unique"}}'}),
                 "names must be unique"),
    "a bare string": (json_answer({"error": "model is busy being wrong"}, "400 Bad Request"),
     "model is busy being wrong"),
    "a page": (json_answer({"error": {"message": "<html><body><h1>No\nsuch</h1></body></html>"}},
     "400 Bad Request"), "No such"),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "message"), TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("mode", MODES)
async def test_what_an_error_says_reaches_the_caller(
    mode: str, answer: list[Step], message: str
) -> None:
    async with world(one=answer) as w:
        assert (await w.ask(mode)).document["error"]["message"] == f"one: {message}"
