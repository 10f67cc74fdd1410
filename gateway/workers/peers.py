"""A worker's end: what it asks of its parent, and through it of the other workers."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on only

from gateway.errors import NoPeers
from gateway.workers.rpc import Answers, NoReply, RpcChannel

_LIMIT: Final = 15.0
"""Seconds for the parent: more than it gives the others."""
_STANDING: Final = 1.0
"""The same for what readiness tells: probes are not kept waiting."""


class WorkerIdentity(NamedTuple):
    """What a worker is told when it is started. The two descriptors are inherited."""

    number: int
    """From 1 on."""
    link: int
    """Of the socket to the parent."""
    lock: int
    """Of a file that workers lock while they write the log, so that no line stands inside another.
    """
    workers: int
    """How many there are."""

    @classmethod
    def read(cls, text: str) -> "WorkerIdentity":
        """From `number:link:lock:workers`, as `str` wrote it. Raises ValueError, TypeError."""
        return cls(*map(int, text.split(":")))

    def __str__(self) -> str:
        return ":".join(map(str, self))


class WorkersDocument(TypedDict):
    """The workers that serve on this port."""

    configured: int
    """How many there should be."""
    listening: int
    """How many serve."""


class Peers:
    """The other workers, as one of them sees them; use `joined`."""

    def __init__(self, number: int, link: RpcChannel) -> None:
        self.number = number
        self._link = link

    @classmethod
    @asynccontextmanager
    async def joined(cls, membership: WorkerIdentity, answers: Answers) -> AsyncIterator["Peers"]:
        """One of them until the block ends. `answers`: snapshot, decision and reload."""
        ours = socket.socket(fileno=membership.link)
        ours.set_inheritable(False)
        async with RpcChannel.running(ours, {**answers, "alive": _alive}) as link:
            yield cls(membership.number, link)

    def when_alone(self, call: Callable[[], None]) -> None:
        """Call once the parent is gone: nobody would end this process then."""
        self._link.ended.add_done_callback(lambda _: call())

    async def tell_listening(self, banner: str) -> None:
        """From now on callers are served; `banner` is what the parent shows once all of them are.
        Raises NoPeers.
        """
        await self._ask("listening", banner)

    async def standing(self) -> WorkersDocument | None:
        """How many workers there should be, and how many listen; None if the parent does not
        answer.
        """
        try:
            standing: WorkersDocument = await self._link.ask("standing", limit=_STANDING)
        except NoReply:
            return None
        return standing

    async def scrape(self, accept: str) -> tuple[bytes, str]:
        """The exposition text of all workers and its content type. Raises NoPeers."""
        text, content_type = await self._ask("scrape", accept)
        return text.encode(), content_type

    async def decision(self, name: str) -> dict[str, Any] | None:
        """A decision that another worker made, as JSON. Raises NoPeers."""
        return next(
            (
                answer
                for _, answer in await self._ask("others", ["decision", name])
                if answer is not None
            ),
            None,
        )

    async def reload(self) -> list[tuple[int, Any]]:
        """Have the others reload: by number what came of it as JSON, None for one that did not
        answer. Raises NoPeers.
        """
        return [
            (number, answer) for number, answer in await self._ask("others", ["reload", "request"])
        ]

    async def others(self, question: str, about: Any) -> list[tuple[int, Any]]:
        """What each of the others answers, by number, None for one that did not. NoSiblings."""
        return [(number, answer) for number, answer in await self._ask("others", [question, about])]

    async def _ask(self, question: str, about: Any) -> Any:
        try:
            return await self._link.ask(question, about, limit=_LIMIT)
        except NoReply:
            raise NoPeers(
                "The process through which the workers ask each other does not answer."
            ) from None


async def _alive(_: Any) -> bool:
    return True
