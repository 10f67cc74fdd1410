"""A JSON body read as a chat request: checked by hand, kept as it came.

The check names the first field that breaks a rule, in OpenAI's words and error codes. What is not a
rule of the hub (an unknown parameter, an unknown content part) passes: a relay may know it, and a
translator reports it.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from translators.chat.parameters import COMBINED, PARAMETERS, check_combinations
from translators.chat.validation_errors import (
    missing,
    not_one_of,
    require_object,
    require_string,
    type_name,
    wrong_type,
)
from translators.chat.wire import InputMessage
from translators.errors import InvalidRequest
from translators.json_codec import JsonObject
from translators.known_messages import Written

ROLES: Final = ("developer", "system", "user", "assistant", "tool", "function")
INSTRUCTION_ROLES: Final = ("system", "developer")
_SAYING: Final = ("user", "assistant", "system", "developer")
"""Of which a text is enough."""


@dataclass(slots=True)
class ChatRequest:
    """A chat request that keeps the hub's rules. `body` is never changed: whoever needs another one
    makes a copy.

    It is not frozen because that would double what it costs to make one.
    """

    body: JsonObject
    size: int = field(default=0, compare=False)
    """Bytes of the JSON text it came from: an upper bound for its tokens."""
    usual_schemas: bool = field(default=False, compare=False)
    """All of its schemas were seen to be usual ones (translators.chat.schema_check). False says
    nothing: look at them."""
    written: Written | None = field(default=None, compare=False, repr=False)
    """The caller's messages as text, where they need not be written anew."""

    @property
    def model(self) -> str:
        model: str = self.body["model"]
        return model

    @property
    def messages(self) -> list[InputMessage]:
        messages: list[InputMessage] = self.body["messages"]
        return messages

    @property
    def stream(self) -> bool:
        return self.body.get("stream") is True

    @property
    def include_usage(self) -> bool:
        options = self.body.get("stream_options")
        return options is not None and options.get("include_usage") is True

    @property
    def max_tokens(self) -> int | None:
        """The caller's limit for the answer: `max_completion_tokens` wins over the older
        `max_tokens`.

        None also for a number below 1, which limits nothing: with some servers it says so
        (translators.chat.ranges.UNLIMITED).
        """
        limit: int | None = self.body.get("max_completion_tokens")
        if limit is None:
            limit = self.body.get("max_tokens")
        return limit if limit is None or limit >= 1 else None


def parse(body: Any, size: int = 0) -> ChatRequest:
    """Check a decoded JSON body. Raises InvalidRequest naming the field and the rule."""
    if body.__class__ is not dict:
        raise InvalidRequest(
            f"The request body must be a JSON object, but it is {type_name(body)}.",
            None,
            "invalid_type",
        )
    model, messages = body.get("model"), body.get("messages")
    if model is None or messages is None:
        raise missing("model" if model is None else "messages")
    _check_messages(messages)
    usual = True
    for name, value in body.items():
        if value is not None and (check := PARAMETERS.get(name)) is not None and check(value, name):
            usual = False
    if not COMBINED.isdisjoint(body):
        check_combinations(body)
    return ChatRequest(body, size, usual)


def _check_messages(messages: Any) -> None:
    if messages.__class__ is not list:
        raise wrong_type("messages", "an array of messages", messages)
    if not messages:
        raise InvalidRequest(
            "Invalid 'messages': empty array. Expected an array with at least 1 message.",
            "messages",
            "empty_array",
        )
    for i, message in enumerate(messages):
        if message.__class__ is not dict and not isinstance(message, dict):
            raise wrong_type(f"messages[{i}]", "an object", message)
        role = message.get("role")
        content = message.get("content")
        if content.__class__ is str and (
            (len(message) == 2 and role in _SAYING) or _is_usual(message, role)
        ):  # a role and a text, most of them, without a call
            continue
        changed = _check_message(message, role, content, f"messages[{i}]")
        if changed is not message:
            messages[i] = changed
    if messages[-1]["role"] == "tool" and all(
        message["role"] in ("tool", *INSTRUCTION_ROLES) for message in messages
    ):
        rule = (
            "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
        )
        raise InvalidRequest(
            f"Invalid parameter: {rule}", f"messages[{len(messages) - 1}].role", "invalid_value"
        )


def _is_usual(message: InputMessage, role: Any) -> bool:
    """Whether a message whose content is a text needs no other look: most of every conversation
    does not.
    """
    if role == "user" or role == "system":
        return True
    if role == "assistant":
        return "tool_calls" not in message and "function_call" not in message
    return role == "tool" and message.get("tool_call_id").__class__ is str


def _check_message(message: InputMessage, role: Any, content: Any, at: str) -> InputMessage:
    """The message, or another one where its content is written in a way of its own."""
    if role is None:
        raise missing(f"{at}.role")
    if role.__class__ is not str:
        raise wrong_type(f"{at}.role", "a string", role)
    if role not in ROLES:
        raise not_one_of(f"{at}.role", role, ROLES)
    if content is None:
        if role not in ("assistant", "function"):
            if "content" not in message:
                raise missing(f"{at}.content")
            if role == "user":
                raise wrong_type(f"{at}.content", "a string or an array of content parts", None)
            # a tool that gave nothing, an instruction that is not there
            message = {**message, "content": ""}
    elif content.__class__ is list:
        parts = [_check_part(part, f"{at}.content[{j}]") for j, part in enumerate(content)]
        if parts != content:  # the same objects are told at once
            message = {**message, "content": parts}
    elif content.__class__ is not str:
        raise wrong_type(f"{at}.content", "a string or an array of content parts", content)
    if role == "assistant":
        _check_calls(message, at)
    elif role == "tool":
        require_string(message, "tool_call_id", at)
    elif role == "function":
        require_string(message, "name", at)
    return message


_PART_FIELDS: Final[dict[str, tuple[str, str | None]]] = {
    "text": ("text", None),
    "refusal": ("refusal", None),
    "image_url": ("image_url", "url"),
    "input_audio": ("input_audio", "data"),
    "file": ("file", None),
    "video_url": ("video_url", "url"),
}


def _check_part(part: Any, at: str) -> Any:
    """The part, or another one for a picture whose URL stands bare in it."""
    if part.__class__ is not dict:
        raise wrong_type(at, "an object", part)
    kind = part.get("type")
    if kind is None:
        raise missing(f"{at}.type")
    if kind.__class__ is not str:
        raise wrong_type(f"{at}.type", "a string", kind)
    rule = _PART_FIELDS.get(kind)
    if rule is None:
        return part
    name, inner = rule
    if kind in ("text", "refusal"):
        require_string(part, name, at)
        return part
    if kind == "image_url" and part.get(name).__class__ is str:
        part = {**part, name: {"url": part[name]}}  # OpenAI takes the bare URL too
    value = require_object(part, name, at)
    if inner is not None:
        require_string(value, inner, f"{at}.{name}")
        return part
    for key in ("file_data", "file_id", "filename"):
        if value.get(key) is not None:
            require_string(value, key, f"{at}.file")
    if value.get("file_data") is None and value.get("file_id") is None:
        raise InvalidRequest(
            f"'{at}.file' needs 'file_data' or 'file_id'.",
            f"{at}.file",
            "missing_required_parameter",
        )
    return part


def _check_calls(message: InputMessage, at: str) -> None:
    calls = message.get("tool_calls")
    if calls is not None:
        if calls.__class__ is not list:
            raise wrong_type(f"{at}.tool_calls", "an array of tool calls", calls)
        for j, call in enumerate(calls):
            if not _is_usual_call(call):
                _check_call(call, f"{at}.tool_calls[{j}]")
    function = message.get("function_call")
    if function is not None:
        if function.__class__ is not dict:
            raise wrong_type(f"{at}.function_call", "an object", function)
        require_string(function, "name", f"{at}.function_call")
        arguments = function.get("arguments")
        if arguments is not None and arguments.__class__ not in (str, dict):
            raise wrong_type(f"{at}.function_call.arguments", "a string", arguments)


def _is_usual_call(call: Any) -> bool:
    """Whether a call is written as OpenAI's own servers write it: such a one needs no other
    look."""
    if (
        call.__class__ is not dict
        or call.get("type") != "function"
        or call.get("id").__class__ is not str
    ):
        return False
    function = call.get("function")
    return (
        function.__class__ is dict
        and function.get("name").__class__ is str
        and function.get("arguments").__class__ is str
    )


def _check_call(call: Any, at: str) -> None:
    if call.__class__ is not dict:
        raise wrong_type(at, "an object", call)
    if call.get("id") is not None and call["id"].__class__ is not str:
        raise wrong_type(f"{at}.id", "a string", call["id"])
    kind = call.get("type")
    if kind is not None and kind.__class__ is not str:
        raise wrong_type(f"{at}.type", "a string", kind)
    if kind in (None, "function", "custom"):
        require_object(call, kind or "function", at)
    for name in (
        "function",
        "custom",
    ):  # a call of any other kind may have them, too: Moonshot's `builtin_function` has a function
        if call.get(name) is not None:
            _check_called(require_object(call, name, at), f"{at}.{name}")


def _check_called(function: JsonObject, at: str) -> None:
    require_string(function, "name", at)
    arguments = function.get("arguments")
    if arguments is not None and arguments.__class__ not in (str, dict):
        raise wrong_type(f"{at}.arguments", "a string", arguments)
