"""One reload at all instances: asked for through the store, carried out by each as if its own
operator had asked, and told by each what came of it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from gateway.admission.store_thread import StoreDown, StoreThread
from gateway.cluster.messages import VERSION
from gateway.config import Problem
from gateway.revisions.reload import Reload, Reloader
from gateway.store import shared
from gateway.store.counters import LIVE
from gateway.store.shared import LONGEST_NAME, MOST_TEXT, Member
from gateway.telemetry.ids import unique
from translators.json_codec import dumps, loads

PATIENCE: Final = 10.0
"""Seconds for which the others are waited for."""
NO_ANSWER: Final = "no_answer"
_RESULTS: Final = ("changed", "unchanged", "failed")
_ASKS: Final = '"reload":'
_ANSWERS: Final = '"reloaded":'
_MOST_ASKED: Final = 100
_ROOM: Final = 1_000
"""Characters of a message for what is around its problems."""
_LONGEST: Final = 500
"""Characters of each part of a problem."""


class Reloaded(NamedTuple):
    """What came of it at one process."""

    instance: str
    host: str
    result: str
    """changed, unchanged, failed, or NO_ANSWER."""
    revision: str | None
    """That it serves now."""
    problems: Sequence[Problem] = ()
    """The first of them, as many as fit."""


class Reloads:
    """One for a process, which is called `name`. `clock`: Unix seconds by the store's clock."""

    def __init__(
        self, name: str, thread: StoreThread, clock: Callable[[], float], reloader: Reloader
    ) -> None:
        self._name = name
        self._thread = thread
        self._clock = clock
        self._reloader = reloader
        self._asked: list[str] = []
        self._answering: asyncio.Task[None] | None = None
        self._heard: dict[str, dict[str, Reloaded]] = {}
        """Answers to what this process asks for, by sender."""
        self._news = asyncio.Event()

    async def everywhere(self) -> tuple[Reload, list[Reloaded]]:
        """Reload here, and have all others do it: what came of it here, and at each of the others.
        Raises StoreDown, and has done nothing then.
        """
        asked, now = unique(12), int(self._clock())
        others = [
            member
            for member in await self._thread.call(shared.members, now - LIVE)
            if member.id != self._name
        ]
        self._heard[asked] = {}
        try:
            await self._tell({"reload": asked})
            deadline = asyncio.get_running_loop().time() + PATIENCE
            own = await self._reloader.reload("request")
            heard = await self._answers_of(asked, others, deadline)
        finally:
            del self._heard[asked]
        return own, [_of(member, heard) for member in others]

    async def _answers_of(
        self, asked: str, others: Sequence[Member], deadline: float
    ) -> dict[str, Reloaded]:
        """By sender, of all or of those that answered in time."""
        heard, time = self._heard[asked], asyncio.get_running_loop().time
        while (left := deadline - time()) > 0 and any(each.id not in heard for each in others):
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except TimeoutError:
                break
        return heard

    def hear(self, sender: str, text: str) -> None:
        """A message of another process: it asks for a reload, says what came of one, or neither."""
        if _ASKS not in text and _ANSWERS not in text:
            return
        document = _read(text)
        asked = document.get("reload")
        if asked.__class__ is str and len(asked) <= LONGEST_NAME:
            self._reload_for(asked)
        answer = _answer(sender, document.get("reloaded"))
        if answer is not None and answer[0] in self._heard:
            self._heard[answer[0]][sender] = answer[1]
            self._news.set()

    def _reload_for(self, asked: str) -> None:
        if len(self._asked) < _MOST_ASKED:
            self._asked.append(asked)
        if self._answering is None or self._answering.done():
            self._answering = asyncio.ensure_future(self._answer_all())

    async def _answer_all(self) -> None:
        """One reload for all that ask meanwhile."""
        while self._asked:
            asked, self._asked = self._asked, []
            done = await self._reloader.reload("request")
            for each in asked:
                try:
                    await self._tell({"reloaded": _told(each, done)})
                except StoreDown:
                    return

    async def _tell(self, said: dict[str, Any]) -> None:
        now = int(self._clock())
        text = dumps({"v": VERSION, **said}).decode()
        await self._thread.call(shared.tell, self._name, now, now + int(PATIENCE) + 2, text)

    async def stop(self) -> None:
        if self._answering is not None:
            self._answering.cancel()
            await asyncio.gather(self._answering, return_exceptions=True)


def _of(member: Member, heard: dict[str, Reloaded]) -> Reloaded:
    answer = heard.get(member.id)
    if answer is None:
        return Reloaded(member.id, member.host, NO_ANSWER, None)
    return answer._replace(host=member.host)


def _told(asked: str, done: Reload) -> dict[str, Any]:
    problems: list[list[Any]] = []
    size = 0
    for problem in done.problems:
        row = [problem.file[:_LONGEST], problem.line, problem.path[:_LONGEST],
               problem.message[:_LONGEST]]  # fmt: skip
        size += len(dumps(row).decode())
        if size > MOST_TEXT - _ROOM:
            break
        problems.append(row)
    return {"id": asked, "result": done.result, "revision": done.revision, "problems": problems}


def _read(text: str) -> dict[str, Any]:
    """Nothing, if it is no message of this version."""
    try:
        document = loads(text)
    except ValueError:
        return {}
    if document.__class__ is not dict or document.get("v") != VERSION:
        return {}
    return document


def _answer(sender: str, said: Any) -> tuple[str, Reloaded] | None:
    """To which question, and what; None if it is none."""
    if said.__class__ is not dict:
        return None
    asked, result, revision = said.get("id"), said.get("result"), said.get("revision")
    rows = said.get("problems")
    if asked.__class__ is not str or result not in _RESULTS or revision.__class__ is not str:
        return None
    if rows.__class__ is not list or not all(map(_is_problem, rows)):
        return None
    return asked, Reloaded(sender, "", result, revision, [Problem(*row) for row in rows])


def _is_problem(row: Any) -> bool:
    if row.__class__ is not list or len(row) != 4:
        return False
    file, line, path, message = row
    texts = all(each.__class__ is str for each in (file, path, message))
    return texts and (line is None or line.__class__ is int)
