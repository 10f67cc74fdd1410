"""OpenAI's SDK for Python, the Responses API."""

import json

import openai
from pydantic import BaseModel
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

client = openai.OpenAI(base_url=f"{BASE_URL}/v1", api_key=KEY, max_retries=0, timeout=30)
TOOLS = [
    {"type": "function", "name": "get_weather", "parameters": CITY, "strict": True},
    {"type": "function", "name": "now", "parameters": NOTHING, "strict": False},
]


class City(BaseModel):
    city: str


def ask(content, **more):
    return {"model": MODEL, "input": [{"role": "user", "content": content}], **more}


def streamed(request):
    with client.responses.stream(**request) as stream:
        return stream.get_final_response()


def loop(turn):
    request = ask(CALLS, tools=TOOLS, store=False, include=["reasoning.encrypted_content"])
    response = turn(request)
    calls = [item for item in response.output if item.type == "function_call"]
    found = [(call.name, json.loads(call.arguments)) for call in calls]
    same([("get_weather", {"city": "Åre"}), ("now", {})], found)
    said = [
        item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in response.output
    ]
    results = [
        {"type": "function_call_output", "call_id": call.call_id, "output": RESULTS[call.name]}
        for call in calls
    ]
    request["input"] = [*request["input"], *said, *results]
    holds(turn(request).output_text, *RESULTS.values())


@scenario
def plain():
    response = client.responses.create(**ask(GREETING, instructions="Be brief."))
    holds(response.output_text, GREETING)
    same(("response", "completed"), (response.object, response.status))
    same(response.usage.total_tokens, response.usage.input_tokens + response.usage.output_tokens)


@scenario
def stream():
    events = list(client.responses.create(**ask(WORDS), stream=True))
    same(("response.created", "response.completed"), (events[0].type, events[-1].type))
    same(list(range(len(events))), [event.sequence_number for event in events])
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    same(events[-1].response.output_text, "".join(deltas))
    assert len("".join(deltas).split()) >= 30


@scenario
def tools():
    loop(lambda request: client.responses.create(**request))


@scenario
def tools_stream():
    loop(streamed)


@scenario
def structured():
    response = client.responses.parse(**ask("Name a city."), text_format=City)
    assert isinstance(response.output_parsed, City)


@scenario
def vision():
    url = f"data:image/png;base64,{png_base64()}"
    parts = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": url, "detail": "auto"},
    ]
    holds(client.responses.create(**ask(parts)).output_text, "image/png")


@scenario
def stored():
    first = client.responses.create(**ask("Remember the word heliotrope."))
    same(first.output_text, client.responses.retrieve(first.id).output_text)
    second = client.responses.create(**ask("Go on."), previous_response_id=first.id)
    same("completed", second.status)
    client.responses.delete(first.id)
    raises(openai.NotFoundError, lambda: client.responses.retrieve(first.id), 404)


@scenario
def count_tokens():
    counted = client.responses.input_tokens.count(model=MODEL, input="hello there")
    assert counted.input_tokens > 0


@scenario
def models():
    assert MODEL in [model.id for model in client.models.list()]


@scenario
def wrong_key():
    other = client.with_options(api_key="wrong")
    raises(openai.AuthenticationError, lambda: other.responses.create(**ask("hi")), 401)


@scenario
def unknown_model():
    request = ask("hi") | {"model": NOBODY}
    error = raises(openai.NotFoundError, lambda: client.responses.create(**request), 404)
    same("model_not_found", error.code)


@scenario
def rate_limit():
    request = ask(RATE_LIMIT)
    error = raises(openai.RateLimitError, lambda: client.responses.create(**request), 429)
    same("7", error.response.headers["retry-after"])


@scenario
def broken():
    breaks(openai.APIError, lambda: client.responses.create(**ask(BROKEN), stream=True))


main()
