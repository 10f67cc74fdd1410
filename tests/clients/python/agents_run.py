"""OpenAI's Agents SDK, over the Responses API."""

import asyncio

import openai
from agents import Agent, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from scenarios import (
    BASE_URL,
    CALLS,
    GREETING,
    KEY,
    MODEL,
    RESULTS,
    holds,
    main,
    scenario,
)

set_tracing_disabled(True)


@function_tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return RESULTS["get_weather"]


@function_tool
def now() -> str:
    """The time."""
    return RESULTS["now"]


def agent():
    client = openai.AsyncOpenAI(base_url=f"{BASE_URL}/v1", api_key=KEY, max_retries=0, timeout=30)
    model = OpenAIResponsesModel(model=MODEL, openai_client=client)
    return Agent(name="tester", instructions="Be brief.", model=model, tools=[get_weather, now])


@scenario
def plain():
    async def work():
        return (await Runner.run(agent(), GREETING)).final_output

    holds(asyncio.run(work()), GREETING)


@scenario
def tools():
    async def work():
        return (await Runner.run(agent(), CALLS)).final_output

    holds(asyncio.run(work()), *RESULTS.values())


@scenario
def tools_stream():
    async def work():
        running = Runner.run_streamed(agent(), CALLS)
        async for _ in running.stream_events():
            pass
        return running.final_output

    holds(asyncio.run(work()), *RESULTS.values())


main()
