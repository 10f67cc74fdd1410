"""Several answers (`n`) from models that give one: the request is sent n times at once, and the
answers become its choices.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final, Protocol, TypeVar

from translators.chat.chunks import Chunk
from translators.chat.request import ChatRequest
from translators.chat.usage import summed
from translators.chat.wire import Choice, Completion, Usage
from translators.errors import UpstreamError

_WAITING: Final = 16
"""Batches of all answers that wait for a slow reader, before the providers are made to wait."""

T = TypeVar("T")


def single(request: ChatRequest) -> ChatRequest:
    """The request for one answer."""
    return ChatRequest(
        {name: value for name, value in request.body.items() if name != "n"},
        request.size,
        request.usual_schemas,
    )


def merged(completions: Sequence[Completion]) -> Completion:
    """Completions with one choice each as one completion; usage is the sum of what was billed."""
    choices: list[Choice] = [
        {**completion["choices"][0], "index": i} for i, completion in enumerate(completions)
    ]
    answer: Completion = {**completions[0], "choices": choices}
    usages = [usage for completion in completions if (usage := completion.get("usage"))]
    if usages:
        answer["usage"] = summed(usages)
    return answer


async def ended(tasks: Sequence[asyncio.Task[T]]) -> list[T]:
    """After one of several that ran at once has failed: end those that still run, and give what the
    others have made already.
    """
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    return [result for result in results if not isinstance(result, BaseException)]


class Streamed(Protocol):
    """An answer that can be merged: gateway.dispatch.streams.UpstreamStream."""

    def batches(self) -> AsyncGenerator[list[Chunk], None]: ...


async def merged_batches(answers: Sequence[Streamed]) -> AsyncGenerator[list[Chunk], None]:
    """The chunks of all answers as they come, each answer under its own choice index; one usage at
    the end. Raises UpstreamError.
    """
    queue: asyncio.Queue[tuple[int, list[Chunk] | UpstreamError | None]] = asyncio.Queue(_WAITING)

    async def pump(index: int, answer: Streamed) -> None:
        try:
            async with aclosing(answer.batches()) as batches:
                async for batch in batches:
                    await queue.put((index, batch))
            await queue.put((index, None))
        except UpstreamError as error:
            await queue.put((index, error))

    tasks = [asyncio.ensure_future(pump(index, answer)) for index, answer in enumerate(answers)]
    usages: dict[int, Usage] = {}
    running = len(tasks)
    try:
        while running:
            index, item = await queue.get()
            if item is None:
                running -= 1
            elif isinstance(item, UpstreamError):
                raise item
            else:
                usages.update((index, chunk.usage) for chunk in item if chunk.usage is not None)
                if chunks := [
                    _under(chunk, index)
                    for chunk in item
                    if chunk.delta is not None and chunk.raw != b""
                ]:
                    yield chunks
        if usages:
            yield [Chunk(usage=summed([*usages.values()]))]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _under(chunk: Chunk, index: int) -> Chunk:
    return Chunk(chunk.delta, chunk.finish_reason, index, choice=chunk.choice, top=chunk.top)
