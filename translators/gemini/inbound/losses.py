"""What reading a request found beside its hub form: what was lost, and what only Gemini can
serve."""

from translators.notes import Note, Report


class Found(Report):
    """Notes of the reading, and `natives`: the paths of fields that only a Gemini target can serve,
    each once, in their order."""

    __slots__ = ("_natives", "shows_thoughts")

    def __init__(self) -> None:
        super().__init__()
        self._natives: dict[str, None] = {}
        self.shows_thoughts = False
        """`includeThoughts`."""

    def native(self, path: str) -> None:
        self._natives[path] = None

    @property
    def natives(self) -> tuple[str, ...]:
        return tuple(self._natives)

    def unknown(self, path: str, name: str) -> None:
        """A field that the API does not have, as far as is known here."""
        self.dropped(path, f"Unknown name {name[:80]!r}: Cannot find field.")

    def told(self) -> tuple[Note, ...]:
        return tuple(dict.fromkeys(self.notes))
