"""What no single worker knows: the parent asks all of them, and keeps the counts of those that are
gone.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from gateway.telemetry.multiprocess import Snapshot, exposition, merged
from gateway.workers.rpc import Answers, NoReply, RpcChannel

_SNAPSHOT: Final = 2.0
"""Seconds a worker has for its metrics: one that hangs must not keep a scrape waiting."""
_QUESTION: Final = 10.0
"""The same for everything else; a reload reads and checks files."""


@dataclass(slots=True, eq=False)
class Member:
    """One worker's process, as long as it runs."""

    link: RpcChannel
    listening: bool = False
    counted: Snapshot = field(default_factory=list)
    """Its metrics when it was asked last."""


class Coordinator:
    """The workers by number; None for one that does not run at the moment."""

    def __init__(self, count: int, all_listen: Callable[[str], None]) -> None:
        self._members: dict[int, Member | None] = dict.fromkeys(range(1, count + 1))
        self._all_listen = all_listen
        self._starts = dict.fromkeys(self._members, 0)
        self._gone: Snapshot = []
        """What processes counted that have ended: sums never go backwards."""

    def join(self, number: int, member: Member) -> None:
        self._members[number] = member
        self._starts[number] += 1

    def leave(self, number: int) -> None:
        """Its process has ended. What it counted after it was asked last is lost."""
        if (member := self._members[number]) is not None:
            self._gone = merged((), [self._gone, member.counted])
            self._members[number] = None

    def answers(self, number: int) -> Answers:
        """What the worker may ask."""
        return {
            "listening": partial(self._listening, number),
            "standing": self._standing,
            "others": partial(self._others, number),
            "scrape": self._scrape,
        }

    async def ask(
        self, numbers: Iterable[int], question: str, about: Any, limit: float = _QUESTION
    ) -> list[tuple[int, Any]]:
        """The answers by number; None for a worker that gave none."""

        async def one(number: int) -> tuple[int, Any]:
            member = self._members[number]
            try:
                return number, None if member is None else await member.link.ask(
                    question, about, limit=limit
                )
            except NoReply:
                return number, None

        return await asyncio.gather(*map(one, numbers))

    async def reload(self) -> None:
        """SIGHUP: each reads the files and tells the log what came of it."""
        await self.ask(self._members, "reload", "SIGHUP")

    async def _listening(self, number: int, banner: str) -> None:
        if (member := self._members[number]) is not None:
            member.listening = True
        if all(member is not None and member.listening for member in self._members.values()):
            self._all_listen(banner)

    async def _standing(self, _: Any) -> dict[str, int]:
        listening = sum(
            member is not None and member.listening for member in self._members.values()
        )
        return {"configured": len(self._members), "listening": listening}

    async def _others(self, number: int, asked: Any) -> list[tuple[int, Any]]:
        question, about = asked
        return await self.ask(
            (other for other in self._members if other != number), question, about
        )

    async def _scrape(self, accept: str) -> tuple[str, str]:
        answered = {
            member
            for member in await asyncio.gather(*map(self._refresh, self._members.values()))
            if member is not None
        }
        # A worker may have ended while another was waited for: what it counted is among `_gone` by
        # now.
        running = [member for member in self._members.values() if member is not None]
        live = [member.counted for member in running if member in answered]
        silent = [member.counted for member in running if member not in answered]
        return exposition([*merged(live, [*silent, self._gone]), *self._own(answered)], accept)

    async def _refresh(self, member: Member | None) -> Member | None:
        """The member, if it told its metrics."""
        if member is None:
            return None
        try:
            told = await member.link.ask("snapshot", limit=_SNAPSHOT)
        except NoReply:
            return None
        if member in self._members.values():
            member.counted = told
        return member

    def _own(self, answered: set[Member]) -> Snapshot:
        up = [
            ["llm_router_worker_up", {"worker": str(n)}, float(m in answered)]
            for n, m in self._members.items()
        ]
        again = [
            ["llm_router_worker_restarts_total", {"worker": str(n)}, float(max(0, s - 1))]
            for n, s in self._starts.items()
        ]
        return [
            [
                "llm_router_worker_up",
                "gauge",
                "1 if the worker told its metrics for this scrape.",
                up,
            ],
            [
                "llm_router_worker_restarts",
                "counter",
                "Times that a worker had ended and was started again.",
                again,
            ],
        ]
