"""The content blocks of a streamed message: what each shows as it comes, and what only its end can
tell.
"""

from collections.abc import Callable
from typing import Any, Final

from translators.chat.chunks import Chunk
from translators.chat.code_fence import Unfenced
from translators.claude.answer.block_builder import OpenBlock
from translators.claude.answer.tool_input import CallReader, TextInput, reader, start_input
from translators.claude.wire import Block, BlockPart, Event, whole_blocks
from translators.dialect import AnswerShape
from translators.text_fast_path import TextReader


class ContentBlocks:
    """The part of a ClaudeStream that reads content_block events."""

    def __init__(self, shape: AnswerShape, reader: TextReader) -> None:
        self._shape = shape
        self._reader = reader
        self._opened = False
        self._blocks: list[OpenBlock] = []
        self._at: dict[int, OpenBlock] = {}
        """The block that an index means now."""
        self._calls = 0
        self._ended_calls: list[tuple[OpenBlock, CallReader]] = []
        self._unfenced = Unfenced() if shape.strip_json_fence else None

    def _open(self, chunks: list[Chunk]) -> None:
        if not self._opened:
            self._opened = True
            chunks.append(Chunk({"role": "assistant", "content": ""}))

    def _block_start(self, event: Event, chunks: list[Chunk]) -> None:
        self._open(chunks)
        if self._ended_calls:  # a block behind them proves that they are complete
            self._end_calls(False, chunks)
        found = whole_blocks([event.get("content_block")])
        if found:
            self._begin(event.get("index"), found[0], chunks)

    def _begin(self, index: Any, start: Block, chunks: list[Chunk]) -> OpenBlock:
        block = OpenBlock(start)
        self._blocks.append(block)
        self._at[_key(index)] = block
        if (begin := _BEGIN.get(start["type"])) is not None:
            begin(self, block, start, chunks)
        citations = start.get("citations")
        if citations.__class__ is list:
            block.citations += citations
        return block

    def _block_delta(self, event: Event, chunks: list[Chunk]) -> None:
        delta, index = event.get("delta"), event.get("index")
        if delta.__class__ is not dict:
            return
        kind = delta.get("type")
        block = self._at.get(_key(index))
        if block is None:
            if kind != "text_delta":
                return
            self._open(chunks)
            block = self._begin(index, {"type": "text", "text": ""}, chunks)
        handle = _DELTAS.get(kind) if kind.__class__ is str else None
        if handle is not None:
            handle(self, block, delta, chunks)
            if (
                kind == "text_delta"
                and len(event) == 3
                and len(delta) == 2
                and self._unfenced is None
            ):
                text, index = delta.get("text"), event.get("index")
                if text.__class__ is str and index.__class__ is int:
                    self._reader.plain = text, index

    def _text(self, block: OpenBlock, delta: BlockPart, chunks: list[Chunk]) -> None:
        text = delta.get("text")
        if not text or text.__class__ is not str:
            return
        block.pieces.append(text)
        if self._unfenced is not None:
            text = self._unfenced.receive(text)
        if text:
            chunks.append(Chunk({"content": text}))

    def _thinking(self, block: OpenBlock, delta: BlockPart, chunks: list[Chunk]) -> None:
        text = delta.get("thinking")
        if text and text.__class__ is str:
            block.pieces.append(text)
            chunks.append(Chunk({"reasoning_content": text}))
        self._signature(block, delta, chunks)

    def _signature(self, block: OpenBlock, delta: BlockPart, chunks: list[Chunk]) -> None:
        signature = delta.get("signature")
        if signature.__class__ is str:
            block.signature += signature

    def _tool_use(self, block: OpenBlock, start: BlockPart, chunks: list[Chunk]) -> None:
        number, shape = self._calls, self._shape
        self._calls += 1
        if number and shape.one_tool_call:
            return
        name = shape.tool_names.get(start["name"], start["name"])
        block.number = number
        block.call = reader(name, shape)
        if shape.legacy_functions:
            chunks.append(Chunk({"function_call": {"name": name, "arguments": ""}}))
            return
        kind, text = _call_kind(block.call)
        call: Any = {
            "index": number,
            "id": start["id"],
            "type": kind,
            kind: {"name": name, text: ""},
        }
        chunks.append(Chunk({"tool_calls": [call]}))

    def _input(self, block: OpenBlock, delta: BlockPart, chunks: list[Chunk]) -> None:
        fragment = delta.get("partial_json")
        if not fragment or fragment.__class__ is not str:
            return
        block.fragments.append(fragment)
        if block.call is not None:
            self._show_input(block.number, block.call, block.call.receive(fragment), chunks)

    def _show_input(self, number: int, call: CallReader, text: str, chunks: list[Chunk]) -> None:
        if not text:
            return
        if self._shape.legacy_functions:
            chunks.append(Chunk({"function_call": {"arguments": text}}))
            return
        kind, name = _call_kind(call)
        piece: Any = {"index": number, kind: {name: text}}
        chunks.append(Chunk({"tool_calls": [piece]}))

    def _citation(self, block: OpenBlock, delta: BlockPart, chunks: list[Chunk]) -> None:
        if delta.get("citation") is not None:
            block.citations.append(delta["citation"])

    def _compaction(self, block: OpenBlock, delta: BlockPart, chunks: list[Chunk]) -> None:
        if delta.get("content").__class__ is str:
            block.pieces.append(delta["content"])

    def _block_stop(self, event: Event, chunks: list[Chunk]) -> None:
        block = self._at.get(_key(event.get("index")))
        if block is not None:
            self._call_ended(block)

    def _call_ended(self, block: OpenBlock) -> None:
        if block.call is not None:
            self._ended_calls.append((block, block.call))
            block.call = None

    def _end_calls(self, cut: bool, chunks: list[Chunk]) -> None:
        """Show what is still missing of calls that have ended: empty arguments, and those that came
        whole or had to be whole.
        """
        for block, call in self._ended_calls:
            raw, missing = "".join(block.fragments), ""
            if not raw:
                raw = start_input(block.start.get("input"))
                missing = call.receive(raw)
            self._show_input(block.number, call, missing + call.finish(raw, cut), chunks)
        self._ended_calls.clear()


_BlockHandler = Callable[[ContentBlocks, OpenBlock, BlockPart, list[Chunk]], None]
_BEGIN: Final[dict[str, _BlockHandler]] = {
    "text": ContentBlocks._text,
    "thinking": ContentBlocks._thinking,
    "tool_use": ContentBlocks._tool_use,
}
"""What a block shows at its start: some servers put the first words into it."""

_DELTAS: Final[dict[str, _BlockHandler]] = {
    "text_delta": ContentBlocks._text,
    "thinking_delta": ContentBlocks._thinking,
    "signature_delta": ContentBlocks._signature,
    "input_json_delta": ContentBlocks._input,
    "citations_delta": ContentBlocks._citation,
    "compaction_delta": ContentBlocks._compaction,
}


def _key(index: Any) -> int:
    return index if index.__class__ is int else -1


def _call_kind(call: CallReader) -> tuple[str, str]:
    """The name of a call's kind, and of the text in it."""
    return ("custom", "input") if call.__class__ is TextInput else ("function", "arguments")
