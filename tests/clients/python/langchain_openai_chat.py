"""LangChain's ChatOpenAI, by Chat Completions and by Responses, and its OpenAIEmbeddings."""

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
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

model = ChatOpenAI(model=MODEL, base_url=f"{BASE_URL}/v1", api_key=KEY, max_retries=0, timeout=30)
by_responses = ChatOpenAI(
    model=MODEL,
    base_url=f"{BASE_URL}/v1",
    api_key=KEY,
    max_retries=0,
    timeout=30,
    use_responses_api=True,
)
vectors = OpenAIEmbeddings(
    model="embeddings",
    base_url=f"{BASE_URL}/v1",
    api_key=KEY,
    check_embedding_ctx_length=False,  # else it fetches OpenAI's tokenizer, to send token ids
)


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return RESULTS["get_weather"]


@tool
def now() -> str:
    """The time."""
    return RESULTS["now"]


def loop(asked):
    bound = asked.bind_tools([get_weather, now])
    messages = [HumanMessage(CALLS)]
    said = bound.invoke(messages)
    same(["get_weather", "now"], [call["name"] for call in said.tool_calls])
    results = [
        ToolMessage(RESULTS[call["name"]], tool_call_id=call["id"]) for call in said.tool_calls
    ]
    holds(bound.invoke([*messages, said, *results]).text, *RESULTS.values())


def words(asked):
    assert len("".join(chunk.text for chunk in asked.stream(WORDS)).split()) >= 30


@scenario
def plain():
    holds(model.invoke(GREETING).text, GREETING)


@scenario
def stream():
    words(model)


@scenario
def tools():
    loop(model)


@scenario
def responses():
    holds(by_responses.invoke(GREETING).text, GREETING)


@scenario
def responses_stream():
    words(by_responses)


@scenario
def responses_tools():
    loop(by_responses)


@scenario
def embeddings():
    same([1536, 1536], [len(each) for each in vectors.embed_documents(["Grüße", "an 😀"])])


main()
