"""What reading a request found beside its hub form: what was lost, and what only Gemini can
serve."""

from translators.notes import Note, Report


class Found(Report):
    """Notes of the reading, and `natives`: the paths of fields that only a Gemini target can serve,
    each once, in their order."""

    __slots__ = ("_natives", "resource", "shows_thoughts")

    def __init__(self) -> None:
        super().__init__()
        self._natives: dict[str, None] = {}
        self.shows_thoughts = False
        """`includeThoughts`."""
        self.resource: str | None = None
        """The first path that names something which Google stores."""

    def native(self, path: str) -> None:
        self._natives[path] = None

    def stored(self, path: str) -> None:
        """A native field that names what Google stores: the key that it was stored with, which is
        ours, must own it."""
        self.native(path)
        self.resource = self.resource or path

    @property
    def natives(self) -> tuple[str, ...]:
        return tuple(self._natives)

    def unknown(self, path: str, name: str) -> None:
        """A field that the API does not have, as far as is known here."""
        self.dropped(path, f"Unknown name {name[:80]!r}: Cannot find field.")

    def told(self) -> tuple[Note, ...]:
        return tuple(dict.fromkeys(self.notes))
