"""Google's SDK for Python."""

from google import genai
from google.genai import errors, types
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
    RATE_LIMIT,
    RESULTS,
    WORDS,
    breaks,
    holds,
    main,
    png,
    raises,
    same,
    scenario,
)


class City(BaseModel):
    city: str


def client_of(key):
    options = types.HttpOptions(base_url=BASE_URL, api_version="v1beta", timeout=30_000)
    return genai.Client(api_key=key, http_options=options)


client = client_of(KEY)
DECLARED = [
    types.FunctionDeclaration(
        name="get_weather", description="The weather in a city.", parameters_json_schema=CITY
    ),
    types.FunctionDeclaration(name="now", description="The time."),
]
WITH_TOOLS = types.GenerateContentConfig(
    tools=[types.Tool(function_declarations=DECLARED)],
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)


def ask(contents, model=MODEL, asked=client, **config):
    given = types.GenerateContentConfig(**config)
    return asked.models.generate_content(model=model, contents=contents, config=given)


def streamed(contents):
    return list(client.models.generate_content_stream(model=MODEL, contents=contents))


def loop(turn):
    contents = [types.Content(role="user", parts=[types.Part(text=CALLS)])]
    parts = turn(contents)
    calls = [part.function_call for part in parts if part.function_call]
    found = [(call.name, dict(call.args or {})) for call in calls]
    same([("get_weather", {"city": "Åre"}), ("now", {})], found)
    results = []
    for call in calls:
        answered = types.FunctionResponse(
            id=call.id, name=call.name, response={"output": RESULTS[call.name]}
        )
        results.append(types.Part(function_response=answered))
    contents += [
        types.Content(role="model", parts=parts), types.Content(role="user", parts=results)
    ]  # fmt: skip
    holds("".join(part.text or "" for part in turn(contents)), *RESULTS.values())


@scenario
def plain():
    response = ask(GREETING, system_instruction="Be brief.")
    holds(response.text, GREETING)
    same("STOP", response.candidates[0].finish_reason)
    assert response.usage_metadata.prompt_token_count > 0


@scenario
def stream():
    frames = streamed(WORDS)
    same("STOP", frames[-1].candidates[0].finish_reason)
    assert len("".join(frame.text or "" for frame in frames).split()) >= 30


@scenario
def chat():
    conversation = client.chats.create(model=MODEL)
    for number in range(1, 4):
        for _ in conversation.send_message_stream(f"Turn {number}"):
            pass
    asked = [c for c in conversation.get_history(curated=True) if c.role == "user"]
    same(3, len(asked))


@scenario
def tools():
    def turn(contents):
        found = client.models.generate_content(model=MODEL, contents=contents, config=WITH_TOOLS)
        return list(found.candidates[0].content.parts)

    loop(turn)


@scenario
def tools_stream():
    def turn(contents):
        frames = client.models.generate_content_stream(
            model=MODEL, contents=contents, config=WITH_TOOLS
        )
        return [part for frame in frames for part in frame.candidates[0].content.parts or []]

    loop(turn)


@scenario
def structured():
    response = ask("Name a city.", response_mime_type="application/json", response_schema=City)
    assert isinstance(response.parsed, City), response.text


@scenario
def vision():
    image = types.Part.from_bytes(data=png(), mime_type="image/png")
    holds(ask(["What is this?", image]).text, "image/png")


@scenario
def count_tokens():
    counted = client.models.count_tokens(model=MODEL, contents="hello there")
    assert counted.total_tokens > 0


@scenario
def models():
    names = [model.name for model in client.models.list()]
    assert f"models/{MODEL}" in names, names
    same(f"models/{MODEL}", client.models.get(model=MODEL).name)


@scenario
def wrong_key():
    error = raises(errors.ClientError, lambda: ask("hi", asked=client_of("wrong")), 401)
    same("UNAUTHENTICATED", error.status)


@scenario
def unknown_model():
    error = raises(errors.ClientError, lambda: ask("hi", model=NOBODY), 404)
    same("NOT_FOUND", error.status)


@scenario
def rate_limit():
    error = raises(errors.ClientError, lambda: ask(RATE_LIMIT), 429)
    same("RESOURCE_EXHAUSTED", error.status)
    holds(str(error.details), "7s")


@scenario
def broken():
    breaks(
        errors.APIError,
        lambda: client.models.generate_content_stream(model=MODEL, contents=BROKEN),
    )


main()
