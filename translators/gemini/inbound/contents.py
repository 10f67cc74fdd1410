"""`contents` as the hub's messages.

Consecutive contents of the model are one turn; a result is paired with its call by id, else by the
function's name in order, each call once. The same contents give the same messages, whatever
follows.
"""

from typing import Any, Final, NamedTuple

from translators.chat.validation_errors import wrong_type
from translators.errors import InvalidRequest
from translators.gemini.inbound.losses import Found
from translators.gemini.inbound.parts import NATIVE, Part, code, parts_of, user_part
from translators.gemini.inbound.signatures import decoded, is_sealed, unsealed_signature
from translators.gemini.inbound.values import record, text
from translators.json_codec import JsonObject, dumps_str
from translators.sealed import SEALED, SealedReasoning

_MODEL: Final = "model"
_USERS: Final = frozenset({None, "", "user", "function", "tool"})
_UNEQUAL: Final = (
    "Please ensure that the number of function response parts is equal to the number of function"
    " call parts of the function call turn."
)
_ALONE: Final = frozenset({"output", "result"})
_IN_JSON: Final = "Answer in JSON."
_MISSING: Final = "* GenerateContentRequest.contents: contents is not specified"


class _Call(NamedTuple):
    id: str
    name: str
    place: int


class _Turn:
    """What the model said, until somebody else speaks."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.texts: list[str] = []
        self.calls: list[JsonObject] = []
        self.sealed: list[SealedReasoning] = []
        self.signature: str | None = None
        """Gemini's own, of its text."""

    def message(self) -> JsonObject | None:
        """None for a turn that said nothing."""
        if not self.texts and not self.calls:
            return None
        message: JsonObject = {"role": "assistant", "content": "".join(self.texts) or None}
        if self.calls:
            message["tool_calls"] = self.calls
        elif message["content"] is None:
            message["content"] = ""
        if self.signature is not None and not self.calls:
            message["extra_content"] = {"google": {"thought_signature": self.signature}}
        if self.sealed:
            message[SEALED] = tuple(self.sealed)
        return message


class Messages:
    """The messages of a conversation, and for each the content that it came from."""

    def __init__(self, detail: str | None, found: Found) -> None:
        self.messages: list[JsonObject] = []
        self.places: list[str] = []
        self._detail = detail
        self._found = found
        self._turn: _Turn | None = None
        self._waiting: list[_Call] = []
        self._results: list[tuple[int, JsonObject]] = []
        self._media: list[Part] = []
        """Of results, until all of them are there."""

    def add_instruction(self, instruction: Any) -> None:
        """`systemInstruction`: a content, a list of parts, one part, or a text."""
        at = "systemInstruction"
        if instruction.__class__ is not dict or "parts" not in instruction:
            instruction = {"parts": instruction}
        texts = []
        for i, part in enumerate(parts_of(instruction, at)):
            if said := text(part, "text", f"{at}.parts[{i}]"):
                texts.append(said)
            elif said is None and part:
                self._found.dropped(f"{at}.parts[{i}]", "an instruction is text elsewhere")
        if texts:
            self._add({"role": "system", "content": "\n\n".join(texts)}, at)

    def ask_for_json(self) -> None:
        """Say in words that the answer is JSON, where the instruction does not: OpenAI refuses to
        be held to it otherwise. (It stays what it is as the conversation grows.)
        """
        first: JsonObject = self.messages[0] if self.messages else {}
        instruction: str = first["content"] if first.get("role") == "system" else ""
        if "json" in instruction.lower():
            return
        at = "generationConfig.responseMimeType"
        if instruction:
            self.messages[0] = {**first, "content": f"{instruction}\n\n{_IN_JSON}"}
        else:
            self.messages.insert(0, {"role": "system", "content": _IN_JSON})
            self.places.insert(0, at)
        self._found.emulated(at, "told in the instruction, too")

    def add_contents(self, contents: Any) -> None:
        """Raises InvalidRequest, naming the part and the rule."""
        listed = contents if contents.__class__ is list else [contents]
        if contents is None or not listed:
            raise InvalidRequest(_MISSING, "contents", "missing_required_parameter")
        for i, content in enumerate(listed):
            at = f"contents[{i}]"
            if content.__class__ is str:
                content = {"parts": [{"text": content}]}
            elif content.__class__ is not dict:
                raise wrong_type(at, "an object", content)
            elif "parts" not in content and "role" not in content and content:
                content = {"parts": [content]}  # a bare part
            role = text(content, "role", at)
            if role == _MODEL:
                self._add_model(content, i, at)
            elif role in _USERS:
                self._add_user(content, at)
            else:
                rule = "Please use a valid role: user, model."
                raise InvalidRequest(rule, f"{at}.role", "invalid_value")
        self._close()
        if self._waiting:
            raise _unequal(f"contents[{len(listed) - 1}]")
        if not self.messages or self.messages[-1]["role"] == "system":
            raise InvalidRequest(_MISSING, "contents", "missing_required_parameter")

    def _add(self, message: JsonObject, place: str) -> None:
        self.messages.append(message)
        self.places.append(place)

    def _close(self) -> None:
        """The model's turn is over."""
        turn, self._turn = self._turn, None
        if turn is not None and (message := turn.message()) is not None:
            self._add(message, turn.place)

    def _add_model(self, content: JsonObject, index: int, at: str) -> None:
        turn = self._turn
        if turn is None:
            if self._waiting:
                raise _unequal(at)
            turn = self._turn = _Turn(at)
        for j, part in enumerate(parts_of(content, at)):
            place = f"{at}.parts[{j}]"
            signature = self._signature(part, place, turn)
            if part.get("thought") is True:
                continue
            if (call := record(part, "functionCall", place)) is not None:
                self._add_call(call, signature, f"call_{index}_{j}", f"{place}.functionCall")
                continue
            if signature is not None:
                turn.signature = signature
            self._add_said(part, place, turn)

    def _add_said(self, part: Part, place: str, turn: _Turn) -> None:
        if (said := text(part, "text", place)) is not None:
            turn.texts.append(said)
        elif part.get("executableCode") is not None or part.get("codeExecutionResult") is not None:
            turn.texts.append(code(part, place, self._found)["text"])
        elif part.get("inlineData") is not None or part.get("fileData") is not None:
            self._found.dropped(
                place, "media that a model made is not sent back to other providers"
            )
        else:
            for name in NATIVE:
                if part.get(name) is not None:
                    self._found.native(f"{place}.{name}")

    def _signature(self, part: Part, place: str, turn: _Turn) -> str | None:
        """Gemini's own signature of a part; one of ours is opened for the turn."""
        value = part.get("thoughtSignature")
        if value is None or value == "":
            return None
        if value.__class__ is str:
            if not is_sealed(value):
                if decoded(value) is not None:
                    return str(value)
            elif (state := unsealed_signature(value)) is not None:
                turn.sealed.append(state)
                return None
        self._found.dropped(f"{place}.thoughtSignature", "the signature cannot be read")
        return None

    def _add_call(self, call: JsonObject, signature: str | None, id: str, at: str) -> None:
        turn = self._turn
        assert turn is not None
        if call.get("partialArgs") is not None:
            self._found.native(f"{at}.partialArgs")
        name = text(call, "name", at)
        if not name:
            raise InvalidRequest(
                f"'{at}' needs 'name'.", f"{at}.name", "missing_required_parameter"
            )
        id = text(call, "id", at) or id
        arguments = dumps_str(record(call, "args", at) or {})
        made: JsonObject = {"id": id, "type": "function"}
        made["function"] = {"name": name, "arguments": arguments}
        if signature is not None:
            made["extra_content"] = {"google": {"thought_signature": signature}}
        turn.calls.append(made)
        self._waiting.append(_Call(id, name, len(self._waiting)))

    def _add_user(self, content: JsonObject, at: str) -> None:
        self._close()
        results: list[tuple[int, JsonObject]] = []
        others: list[Part] = []
        natives = self._found.natives
        for j, part in enumerate(parts_of(content, at)):
            place = f"{at}.parts[{j}]"
            response = record(part, "functionResponse", place)
            if response is not None:
                results.append(self._result(response, f"{place}.functionResponse"))
            elif part.get("thought") is not True:
                made = user_part(part, place, self._detail, self._found)
                others += () if made is None else (made,)
        for _, message in sorted(results, key=lambda result: result[0]):
            self._add(message, at)
        if self._waiting:
            if others:
                raise _unequal(at)
            return
        others, self._media = [*self._media, *others], []
        if len(others) == 1 and others[0]["type"] == "text":
            self._add({"role": "user", "content": others[0]["text"]}, at)
        elif others:
            self._add({"role": "user", "content": others}, at)
        elif self._found.natives != natives:  # only a relay says it, but somebody has spoken
            self._add({"role": "user", "content": ""}, at)

    def _result(self, response: JsonObject, at: str) -> tuple[int, JsonObject]:
        """The tool message, and the place of its call among those of its turn."""
        call = self._answered(text(response, "id", at), text(response, "name", at))
        if call is None:
            raise _unequal(at)
        self._waiting.remove(call)
        if response.get("willContinue") is True:
            self._found.native(f"{at}.willContinue")
        for k, part in enumerate(parts_of(response, at)):
            media = user_part(part, f"{at}.parts[{k}]", self._detail, self._found)
            self._media += () if media is None else (media,)
        said = _result_text(response.get("response"))
        return call.place, {"role": "tool", "tool_call_id": call.id, "content": said}

    def _answered(self, id: str | None, name: str | None) -> _Call | None:
        waiting = self._waiting
        by_id = (call for call in waiting if id and call.id == id)
        by_name = (call for call in waiting if call.name == name)
        return next(by_id, None) or next(by_name, None) or next(iter(waiting), None)


def _unequal(at: str) -> InvalidRequest:
    return InvalidRequest(_UNEQUAL, at, "invalid_value")


def _result_text(response: Any) -> str:
    """What a function gave, as text: the string itself where there is nothing beside it."""
    if response is None:
        return "{}"
    if response.__class__ is dict and len(response) == 1:
        (name, value), *_ = response.items()
        if name in _ALONE:
            response = value
    return response if response.__class__ is str else dumps_str(response)
