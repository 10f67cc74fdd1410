"""Answers in this process's memory: of each persona up to so many bytes."""

from collections import OrderedDict
from typing import Final

ENTRY: Final = 400
"""Bytes that an answer takes beside its own."""


class PersonaAnswers:
    """Of one persona; the least recently used goes first. Times are Unix seconds."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self.size = 0
        """Bytes of all."""

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: str, now: float) -> bytes | None:
        """It counts as used."""
        found = self._answers.get(key)
        if found is None:
            return None
        if found[0] <= now:
            self.forget(key)
            return None
        self._answers.move_to_end(key)
        return found[1]

    def put(self, key: str, answer: bytes, expires: float, most: int) -> int:
        """Keep it, and all together at most so many bytes; how many others had to go."""
        self.forget(key)
        size = ENTRY + len(answer)
        if size > most:
            return 0
        self._answers[key] = expires, answer
        self.size += size
        gone = 0
        while self.size > most:
            self.forget(next(iter(self._answers)))
            gone += 1
        return gone

    def forget(self, key: str) -> None:
        """It is not there any more."""
        found = self._answers.pop(key, None)
        if found is not None:
            self.size -= ENTRY + len(found[1])


class AnswerMemory:
    """Of all personas, by their names."""

    def __init__(self) -> None:
        self._personas: dict[str, PersonaAnswers] = {}

    def of(self, persona: str) -> PersonaAnswers:
        found = self._personas.get(persona)
        if found is None:
            found = self._personas[persona] = PersonaAnswers()
        return found

    def sizes(self) -> dict[str, int]:
        """Bytes of each persona's."""
        return {name: answers.size for name, answers in list(self._personas.items())}

    def clear(self) -> None:
        """All go: the configuration has changed, and no key of before is asked for again."""
        self._personas.clear()
