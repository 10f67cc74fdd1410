"""A content block of a streamed answer, while it grows."""

from typing import Any

from translators.claude.answer.tool_input import CallReader
from translators.claude.arguments import read_arguments
from translators.claude.wire import Block


class OpenBlock:
    """What has come of one block: its start, and the pieces since."""

    __slots__ = ("call", "citations", "fragments", "number", "pieces", "signature", "start")

    def __init__(self, start: Block) -> None:
        self.start = start
        self.pieces: list[str] = []
        self.signature = ""
        self.fragments: list[str] = []
        self.citations: list[Any] = []
        self.number = -1
        """Place among the caller's tool calls, from 0; -1 for what is none or is not shown."""
        self.call: CallReader | None = None

    def whole(self) -> Block:
        """The block as an answer that is not streamed would hold it."""
        block = self.start.copy()
        kind = block["type"]
        if kind == "text":
            block["text"] = "".join(self.pieces)
        elif kind == "thinking":
            block["thinking"] = "".join(self.pieces)
            block["signature"] = self.signature
        elif kind == "compaction" and self.pieces:
            block["content"] = "".join(self.pieces)
        if self.fragments:
            block["input"] = read_arguments("".join(self.fragments))[0]
        if self.citations:
            block["citations"] = self.citations
        return block
