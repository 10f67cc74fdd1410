"""What `llm-router doctor` finds."""

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """`bad` keeps requests from being served, `look` is worth a look."""

    level: Literal["ok", "look", "bad"]
    about: str
    told: str

    def __str__(self) -> str:
        return f"{self.level:<4}  {self.about}: {self.told}"
