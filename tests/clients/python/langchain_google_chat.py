"""LangChain's ChatGoogleGenerativeAI."""

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_google_genai import ChatGoogleGenerativeAI
from scenarios import (
    BASE_URL,
    CALLS,
    GREETING,
    KEY,
    MODEL,
    RESULTS,
    WORDS,
    holds,
    main,
    same,
    scenario,
)

model = ChatGoogleGenerativeAI(
    model=MODEL, base_url=BASE_URL, google_api_key=KEY, max_retries=1, timeout=30
)


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return RESULTS["get_weather"]


@tool
def now() -> str:
    """The time."""
    return RESULTS["now"]


@scenario
def plain():
    holds(model.invoke(GREETING).text, GREETING)


@scenario
def stream():
    assert len("".join(chunk.text for chunk in model.stream(WORDS)).split()) >= 30


@scenario
def tools():
    bound = model.bind_tools([get_weather, now])
    messages = [HumanMessage(CALLS)]
    said = bound.invoke(messages)
    same(["get_weather", "now"], [call["name"] for call in said.tool_calls])
    results = [
        ToolMessage(RESULTS[call["name"]], tool_call_id=call["id"]) for call in said.tool_calls
    ]
    holds(bound.invoke([*messages, said, *results]).text, *RESULTS.values())


main()
