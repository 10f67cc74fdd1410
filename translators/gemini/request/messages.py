"""The hub's messages as Gemini's systemInstruction and contents.

Laws of Gemini that are kept here: contents begin with `user`, none is empty, all results of one
turn of calls stand in one `user` content right behind it, in call order, and nothing else stands in
that content. A history in which a call has no result, or a result no call, is arranged first.
"""

from typing import Final, Literal

from translators.capabilities import ModelRecord
from translators.chat.prefill import CONTINUE
from translators.chat.wire import InputMessage
from translators.errors import InvalidRequest
from translators.gemini.request import function_responses, model_turn
from translators.gemini.request.content import ContentReader, texts
from translators.gemini.request.function_responses import OpenCall
from translators.gemini.request.model_turn import TEXT_ONLY
from translators.gemini.request.thought_signatures import split_id, with_plain_ids
from translators.gemini.wire import Content, Part
from translators.history.arrangement import Irregular, arranged
from translators.history.blocks import has_blocks
from translators.notes import Report

FIRST_USER_TEXT: Final = "."
EMPTY_TEXT: Final = " "


def conversation(
    messages: list[InputMessage], record: ModelRecord, report: Report, reader: ContentReader
) -> tuple[list[str], list[Content]]:
    """The texts of the system instruction and the contents, in their order. Raises InvalidRequest
    for content nobody could read.
    """
    noted = len(report.notes)
    builder = _Builder(messages, None, record, report, reader)
    try:
        builder.read()
    except Irregular:
        pass
    except InvalidRequest:
        if not has_blocks(messages):
            raise
    else:
        return builder.system, builder.contents
    del report.notes[noted:]
    placed = arranged(with_plain_ids(messages), report)
    builder = _Builder(
        [message for _, message in placed], [at for at, _ in placed], record, report, reader
    )
    try:
        builder.read()
    except Irregular:
        raise InvalidRequest(
            "The tool calls of this conversation and their results do not fit together.", "messages"
        ) from None
    return builder.system, builder.contents


class _Builder:
    """`places`: where the messages stand in the request, if they are not just those of it. Raises
    Irregular where the history is.
    """

    __slots__ = (
        "_ids", "_mergeable", "_messages", "_open", "_opened_at", "_places", "_reader", "_record",
        "_report", "contents",
        "system",
    )  # fmt: skip

    def __init__(
        self,
        messages: list[InputMessage],
        places: list[int] | None,
        record: ModelRecord,
        report: Report,
        reader: ContentReader,
    ) -> None:
        self.system: list[str] = []
        self.contents: list[Content] = []
        self._messages = messages
        self._places = places
        self._record = record
        self._report = report
        self._reader = reader
        self._open: list[OpenCall] = []
        self._opened_at = ""
        self._ids: set[str] | None = None
        """Of all calls so far, where they are sent; None until there is a call."""
        self._mergeable = False
        """The last content is plain text of its role: more of the same role may be added to it."""

    def read(self) -> None:
        for i, message in enumerate(self._messages):
            role, text = message["role"], message.get("content")
            if (
                text
                and text.__class__ is str
                and (
                    role == "user"
                    or (role == "assistant" and (len(message) == 2 or message.keys() <= TEXT_ONLY))
                )
            ):
                if self._open:
                    self._close()
                self._say("user" if role == "user" else "model", text)
            else:
                self._add(i, role, message)
        if self._open:
            self._close()
        contents = self.contents
        if not contents or contents[0]["role"] == "model" or contents[-1]["role"] == "model":
            self._mend()

    def _add(self, i: int, role: str, message: InputMessage) -> None:
        """A message that does more than say a text, or says nothing."""
        at = f"messages[{i if self._places is None else self._places[i]}]"
        match role:
            case "user":
                self._user(i, message, at)
            case "assistant":
                self._assistant(message, i, at)
            case "tool" | "function":
                self._result(role, message, at)
            case _:
                self._instructions(message, at)

    def _instructions(self, message: InputMessage, at: str) -> None:
        found = texts(message["content"], f"{at}.content")
        if found and self.contents:
            self._report.repaired(
                at, "Gemini has one system instruction: this message moves into it"
            )
        self.system += found

    def _user(self, i: int, message: InputMessage, at: str) -> None:
        self._close()
        parts = self._reader.user(message["content"], f"{at}.content")
        if not parts and not any(
            self._messages[later]["role"] == "user" for later in range(i + 1, len(self._messages))
        ):
            self._report.repaired(f"{at}.content", "an empty message becomes a space")
            parts = [{"text": EMPTY_TEXT}]
        self._append("user", parts, mergeable=True)

    def _assistant(self, message: InputMessage, i: int, at: str) -> None:
        self._close()
        turn = model_turn.read(message, self._record, self._report, i)
        self._append("model", turn.parts, mergeable=turn.plain)
        self._open, self._opened_at = turn.calls, at
        if turn.calls and self._record.call_ids and self._places is None:
            self._note_ids(turn.calls)

    def _note_ids(self, calls: list[OpenCall]) -> None:
        if self._ids is None:
            self._ids = set()
        ids = self._ids
        for call in calls:
            if call.id is not None:
                if call.id in ids:
                    raise Irregular
                ids.add(call.id)

    def _append(
        self, role: Literal["user", "model"], parts: list[Part], *, mergeable: bool
    ) -> None:
        contents = self.contents
        if not parts:
            return
        if contents and mergeable and self._mergeable and contents[-1]["role"] == role:
            contents[-1]["parts"] += parts
        else:
            contents.append({"role": role, "parts": parts})
        self._mergeable = mergeable

    def _say(self, role: Literal["user", "model"], text: str) -> None:
        contents = self.contents
        if contents and self._mergeable and contents[-1]["role"] == role:
            contents[-1]["parts"].append({"text": text})
        else:
            contents.append({"role": role, "parts": [{"text": text}]})
        self._mergeable = True

    def _result(self, role: str, message: InputMessage, at: str) -> None:
        wanted = split_id(message["tool_call_id"])[0] if role == "tool" else message["name"]
        for call in self._open:
            known = call.id if role == "tool" else call.name if call.id is None else None
            if known == wanted and call.response is None:
                function_responses.answer(call, message, self._record, self._reader, at)
                return
        raise Irregular

    def _close(self) -> None:
        """Put the results of the newest calls behind them."""
        if not self._open:
            return
        calls, self._open = self._open, []
        responses = [call.response for call in calls if call.response is not None]
        if len(responses) < len(calls):
            raise Irregular
        self._append("user", responses, mergeable=False)
        media = [part for call in calls for part in call.media]
        if media:
            self._report.repaired(
                self._opened_at,
                "media in the results of its calls follow in a message of their own",
            )
            self._append("user", media, mergeable=True)

    def _mend(self) -> None:
        """Where the user does not say the first thing and the last."""
        contents, report = self.contents, self._report
        if not contents:
            text, what = (
                (self.system.pop(), "the last instruction")
                if self.system
                else (EMPTY_TEXT, "a space")
            )
            report.repaired("messages", f"Gemini wants a user message: {what} becomes one")
            contents.append({"role": "user", "parts": [{"text": text}]})
        if contents[0]["role"] == "model":
            report.repaired(
                "messages", "Gemini wants a user message first: '.' stands before the assistant's"
            )
            contents.insert(0, {"role": "user", "parts": [{"text": FIRST_USER_TEXT}]})
        if contents[-1]["role"] == "model" and not self._record.prefill:
            report.emulated(
                "assistant_prefill",
                "this model cannot continue an assistant message: it is asked to continue",
            )
            contents.append({"role": "user", "parts": [{"text": CONTINUE}]})
