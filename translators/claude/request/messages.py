"""The conversation: leading instructions apart, turns in Claude's order, every call with its
result, neighbours of one role joined.
"""

import re
from collections.abc import Callable
from typing import Final

from translators.chat.prefill import CONTINUE
from translators.chat.request import INSTRUCTION_ROLES
from translators.chat.wire import InputMessage
from translators.claude.request.assistant import assistant_blocks
from translators.claude.request.content import mark_last, read_content, text_block, without_blanks
from translators.claude.request.context import Translation
from translators.claude.request.tool_results import pair
from translators.claude.wire import Block, Turn, is_server_result
from translators.errors import InvalidRequest
from translators.history.tool_results import answered_functions

OPENING: Final = "(conversation continues)"

_WRAPPER: Final = (
    "<system>\nThis is an instruction of the system operating this conversation; the user did not"
    " write it.\n{}\n</system>"
)
_TAG: Final = re.compile(r"<(?=\s*/?\s*system\b)", re.IGNORECASE)


def read_messages(
    messages: list[InputMessage], translation: Translation
) -> tuple[list[Block], list[Turn], bool]:
    """The system blocks and the turns, which alternate and begin with the user. The last one may be
    the assistant's.

    And whether nothing stands in the turns but texts: then neither a call nor a picture nor a mark
    needs to be looked for. Raises InvalidRequest for content Claude cannot take, and for a
    conversation with nothing in it.
    """
    instructions: list[list[Block]] = []
    turns: list[Turn] = []
    reader: _Reader | None = None
    leading = True
    for index, message in enumerate(messages):
        role, content = message["role"], message.get("content")
        if leading:
            if role in INSTRUCTION_ROLES:
                instructions.append(_instruction(message, index, translation))
                continue
            leading = False
        if (
            len(message) == 2
            and content.__class__ is str
            and (role == "user" or role == "assistant")
            and content
            and not content.isspace()
        ):
            turns.append(Turn(role, [{"type": "text", "text": content}], index))
        else:  # it does more than say something, which most messages of a long conversation do not
            if reader is None:
                reader = _Reader(messages, turns, translation)
            _READ[role](reader, message, index)
    if leading:
        instructions, turns = _last_as_user(instructions, translation)
    texts_only = reader is None and not leading
    if not texts_only:
        roles = {turn.role for turn in turns}
        if "tool" in roles or "assistant" in roles:
            turns = pair(turns, translation.report)
        turns = [turn for turn in turns if turn.blocks]
        if "system" in roles:
            turns = _placed(turns, translation)
    if len(turns) > 1:
        turns = _joined(turns)
    if not turns:
        raise InvalidRequest(
            "There is nothing to answer: every message is empty.", "messages", "invalid_value"
        )
    if turns[0].role == "assistant":
        translation.report.repaired(
            "messages",
            "the conversation began with the assistant: a user message was put before it",
        )
        turns.insert(0, Turn("user", [text_block(OPENING)], 0))
    system = [block for blocks in instructions for block in blocks] if instructions else []
    return system, turns, texts_only


def end_with_user(turns: list[Turn], prefill: bool, translation: Translation) -> None:
    """Make the assistant's last turn one that Claude answers. With `prefill` it may stay the last
    one, to be continued.
    """
    last = turns[-1]
    end = last.blocks[-1]
    if is_server_result(end) or end["type"] == "server_tool_use":
        return
    if prefill:
        if end["type"] == "text":
            end["text"] = end["text"].rstrip()
        return
    translation.report.repaired(
        "messages", "the conversation ended with the assistant: a user message was put behind it"
    )
    turns.append(Turn("user", [text_block(CONTINUE)], last.at))


def _note_name(message: InputMessage, translation: Translation) -> None:
    if message.get("name"):
        translation.once("dropped", "messages.name", "Claude has no names for participants")


def _instruction(message: InputMessage, index: int, translation: Translation) -> list[Block]:
    _note_name(message, translation)
    return _said(message, index, "system", translation)


def _said(message: InputMessage, index: int, role: str, translation: Translation) -> list[Block]:
    """The blocks of an instruction or of what the user says."""
    content = message["content"]
    if content.__class__ is str:
        blocks = (
            [text_block(content)] if content and (role == "user" or not content.isspace()) else []
        )
    else:
        blocks = without_blanks(
            read_content(content, f"messages[{index}]", role, translation), role
        )
    if len(message) > 2 and (mark := translation.mark(message)) is not None:
        mark_last(blocks, mark)
    return blocks


def _last_as_user(
    instructions: list[list[Block]], translation: Translation
) -> tuple[list[list[Block]], list[Turn]]:
    """Claude needs a user: where there are only instructions, the last one is asked as a
    question."""
    said = [blocks for blocks in instructions if blocks]
    if not said:
        return [], []
    translation.report.repaired(
        "messages", "there was no user message: the last instruction became one"
    )
    return said[:-1], [Turn("user", said[-1], len(instructions) - 1)]


class _Reader:
    """Reads messages that do more than say a text, one by one, into the turns of all of them."""

    __slots__ = ("_answered", "_messages", "_translation", "turns")

    def __init__(
        self, messages: list[InputMessage], turns: list[Turn], translation: Translation
    ) -> None:
        self.turns = turns
        self._messages = messages
        self._translation = translation
        self._answered: dict[int, int] | None = None

    def _add(self, turn: Turn) -> None:
        """Also one that says nothing: it is left out when results have been paired, for which it is
        a turn like any other.
        """
        self.turns.append(turn)
        if not turn.blocks:
            self._translation.report.repaired(
                f"messages[{turn.at}]", "an empty message was left out"
            )

    def _instruct(self, message: InputMessage, index: int) -> None:
        self._add(Turn("system", _instruction(message, index, self._translation), index))

    def _user(self, message: InputMessage, index: int) -> None:
        translation = self._translation
        _note_name(message, translation)
        blocks = _said(message, index, "user", translation)
        if message["content"].__class__ is str:
            self._add(Turn("user", blocks, index))
            return
        said = [block for block in blocks if block["type"] != "tool_result"]
        self.turns.extend(
            Turn("tool", [block], index) for block in blocks if block["type"] == "tool_result"
        )
        if said or not blocks:
            self._add(Turn("user", said, index))

    def _assistant(self, message: InputMessage, index: int) -> None:
        _note_name(message, self._translation)
        self._add(Turn("assistant", assistant_blocks(message, index, self._translation), index))

    def _tool(self, message: InputMessage, index: int) -> None:
        self._result(message["tool_call_id"], message, index)

    def _function(self, message: InputMessage, index: int) -> None:
        if self._answered is None:
            self._answered = answered_functions(self._messages)
        self._result(
            f"fc_{self._answered[index]}" if index in self._answered else message["name"],
            message,
            index,
        )

    def _result(self, call_id: str, message: InputMessage, index: int) -> None:
        content = message.get("content")
        block: Block = {"type": "tool_result", "tool_use_id": call_id}
        if content.__class__ is list:
            content = without_blanks(
                read_content(content, f"messages[{index}]", "tool", self._translation), "tool"
            )
        if content:
            block["content"] = content
        if message.get("is_error") is True:
            block["is_error"] = True
        if len(message) > 3 and (mark := self._translation.mark(message)) is not None:
            block["cache_control"] = mark
        self.turns.append(Turn("tool", [block], index))


_READ: Final[dict[str, Callable[[_Reader, InputMessage, int], None]]] = {
    "system": _Reader._instruct,
    "developer": _Reader._instruct,
    "user": _Reader._user,
    "assistant": _Reader._assistant,
    "tool": _Reader._tool,
    "function": _Reader._function,
}


def _placed(turns: list[Turn], translation: Translation) -> list[Turn]:
    """Later instructions stay where they are: with a role of their own where Claude allows it
    there, else as marked user text.

    A section of instructions may have the role if it follows a user turn (or the result of a
    server's tool) and is last or followed by the assistant.
    """
    native = translation.record.mid_system == "native"
    followed: list[bool] = []
    answered = True
    for turn in reversed(turns):
        followed.append(answered)
        if turn.role != "system":
            answered = turn.role == "assistant"
    placed: list[Turn] = []
    follows = False
    for turn, before_answer in zip(turns, reversed(followed), strict=True):
        if turn.role != "system":
            follows = turn.role == "user" or is_server_result(turn.blocks[-1])
        elif not (native and follows and before_answer):
            translation.once(
                "emulated",
                "messages.system",
                "instructions inside the conversation travel as marked user text",
            )
            turn = Turn("user", [_wrapped(block) for block in turn.blocks], turn.at)
        placed.append(turn)
    return placed


def _wrapped(block: Block) -> Block:
    return {**block, "text": _WRAPPER.format(_TAG.sub("&lt;", block["text"]))}


def _joined(turns: list[Turn]) -> list[Turn]:
    last = turns[0]
    joined = [last]
    for turn in turns[1:]:
        if turn.role == last.role:
            last.blocks += turn.blocks
        else:
            joined.append(turn)
            last = turn
    return joined
