"""Anthropic's SDK for Python."""

import json

import anthropic
from scenarios import (
    BASE_URL,
    BROKEN,
    CALLS,
    CITY,
    GREETING,
    KEY,
    MODEL,
    NOBODY,
    NOTHING,
    RATE_LIMIT,
    RESULTS,
    WORDS,
    breaks,
    holds,
    main,
    png_base64,
    raises,
    same,
    scenario,
)

client = anthropic.Anthropic(base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=30)
TOOLS = [
    {"name": "get_weather", "description": "The weather in a city.", "input_schema": CITY},
    {"name": "now", "description": "The time.", "input_schema": NOTHING},
]


def ask(content, **more):
    messages = [{"role": "user", "content": content}]
    return {"model": MODEL, "max_tokens": 4000, "messages": messages, **more}


def text(message):
    return "".join(block.text for block in message.content if block.type == "text")


def streamed(request):
    with client.messages.stream(**request) as stream:
        return stream.get_final_message()


def loop(turn):
    request = ask(CALLS, tools=TOOLS)
    message = turn(request)
    calls = [block for block in message.content if block.type == "tool_use"]
    same("tool_use", message.stop_reason)
    same([("get_weather", {"city": "Åre"}), ("now", {})], [(c.name, c.input) for c in calls])
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": RESULTS[call.name]}
        for call in calls
    ]
    said = [
        block.model_dump(exclude_none=True, exclude={"parsed_output"}) for block in message.content
    ]
    request["messages"] += [
        {"role": "assistant", "content": said},
        {"role": "user", "content": results},
    ]
    holds(text(turn(request)), *RESULTS.values())


@scenario
def plain():
    message = client.messages.create(**ask(GREETING, system="Be brief."))
    holds(text(message), GREETING)
    same(("message", "assistant", "end_turn"), (message.type, message.role, message.stop_reason))
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0


@scenario
def stream():
    message = streamed(ask(WORDS))
    same("end_turn", message.stop_reason)
    assert len(text(message).split()) >= 30
    assert message.usage.output_tokens > 0


@scenario
def events():
    seen = [event.type for event in client.messages.create(**ask(WORDS), stream=True)]
    same(("message_start", "message_stop"), (seen[0], seen[-1]))
    same(seen.count("content_block_start"), seen.count("content_block_stop"))


@scenario
def tools():
    loop(lambda request: client.messages.create(**request))


@scenario
def tools_stream():
    loop(streamed)


@scenario
def structured():
    wanted = {"format": {"type": "json_schema", "schema": CITY}}
    message = client.messages.create(**ask("Name a city.", output_config=wanted))
    same(["city"], list(json.loads(text(message))))


@scenario
def vision():
    source = {"type": "base64", "media_type": "image/png", "data": png_base64()}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    holds(text(client.messages.create(**ask(content))), "image/png")


@scenario
def count_tokens():
    few = client.messages.count_tokens(model=MODEL, messages=ask("hi")["messages"])
    many = client.messages.count_tokens(model=MODEL, messages=ask("hello " * 200)["messages"])
    assert 0 < few.input_tokens < many.input_tokens


@scenario
def models():
    page = client.models.list()
    same({"model"}, {model.type for model in page.data})
    assert MODEL in [model.id for model in page]
    same(MODEL, client.models.retrieve(MODEL).id)
    raises(anthropic.NotFoundError, lambda: client.models.retrieve(NOBODY), 404)


@scenario
def wrong_key():
    other = client.with_options(api_key="wrong")
    error = raises(anthropic.AuthenticationError, lambda: other.messages.create(**ask("hi")), 401)
    same("authentication_error", error.body["error"]["type"])


@scenario
def unknown_model():
    request = ask("hi") | {"model": NOBODY}
    error = raises(anthropic.NotFoundError, lambda: client.messages.create(**request), 404)
    same("not_found_error", error.body["error"]["type"])


@scenario
def rate_limit():
    request = ask(RATE_LIMIT)
    error = raises(anthropic.RateLimitError, lambda: client.messages.create(**request), 429)
    same("rate_limit_error", error.body["error"]["type"])
    same("7", error.response.headers["retry-after"])


@scenario
def bad_request():
    request = ask("hi") | {"messages": []}
    raises(anthropic.BadRequestError, lambda: client.messages.create(**request), 400)


@scenario
def broken():
    breaks(anthropic.APIError, lambda: client.messages.create(**ask(BROKEN), stream=True))


main()
