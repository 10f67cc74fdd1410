"""What the simulated model says, decided by the conversation and its directives alone: the same
request gets the same answer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

from gateway.simulator.conversation import Conversation
from gateway.simulator.schema import example
from gateway.simulator.script import Script
from translators import json_codec
from translators.chat.wire import Usage

THOUGHT: Final = "The user wrote a message, so I think about it and then answer."
REFUSAL: Final = "I can't help with that."
_WORDS: Final = re.findall(r"\w+", "the quick brown fox jumps over the lazy dog and runs home")
_OTHERS: Final = ("audio_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens")
at_once: Final = re.compile(".+", re.DOTALL).findall  # the text as one piece; none of an empty one
_PIECE: Final = re.compile(r"\s*\S{1,12}|\s+")


class Call(NamedTuple):
    """One tool call: of a function, or of a custom tool, whose argument is a bare text."""

    name: str
    kind: Literal["function", "custom"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the simulated model says."""

    text: str = ""
    thought: str = ""
    calls: Sequence[Call] = ()
    finish: Literal["stop", "tool_calls", "length", "refusal"] = "stop"
    usage: Usage | None = None


def pieces(text: str) -> list[str]:
    """Word-sized pieces whose concatenation is the text."""
    return _PIECE.findall(text)


def tokens(text: str) -> int:
    return max(1, len(text) // 4)


def answer(conversation: Conversation, script: Script) -> Answer:
    calls = _calls(conversation, script)
    thinks = script.think and conversation.body.get("reasoning_effort") != "none"
    said = Answer(thought=THOUGHT if thinks else "")
    if script.ending == "refusal":
        said = Answer(finish="refusal", text=REFUSAL)
    elif calls:
        said = replace(said, finish="tool_calls", text=_words(script.words or 0), calls=calls)
    else:
        said = _bounded(replace(said, text=_text(conversation, script)), conversation, script)
    return replace(said, usage=_usage(said, conversation, script))


def _calls(conversation: Conversation, script: Script) -> Sequence[Call]:
    """What was asked for by the message that came last, as far as it may be called."""
    turns = conversation.turns
    fresh = turns[-1].side == "user" and turns[-1].texts
    asked: Sequence[tuple[str, Any]] = script.calls if fresh else ()
    if conversation.choice == "none":
        asked = ()
    elif conversation.choice.startswith("="):
        name = conversation.choice[1:]
        asked = [call for call in asked if call[0] == name] or [(name, None)]
    elif conversation.choice == "required" and not asked:
        asked = [(next(iter(conversation.tools)), None)]
    if conversation.body.get("parallel_tool_calls") is False:
        asked = asked[:1]
    return [_call(conversation, *call) for call in asked]


def _call(conversation: Conversation, name: str, arguments: Any) -> Call:
    schema = conversation.tools.get(name, {"type": "object"})
    if schema is None:
        said = arguments if isinstance(arguments, str) else "example"
        return Call(name, "custom", said)
    made = arguments if isinstance(arguments, dict) else example(schema)
    text = json_codec.dumps_str(made if isinstance(made, dict) else {})
    return Call(name, "function", text)


def _text(conversation: Conversation, script: Script) -> str:
    form = conversation.body.get("response_format") or {}
    if script.words is not None:
        return _words(script.words)
    if form.get("type") == "json_schema":
        return json_codec.dumps_str(example(form["json_schema"].get("schema")))
    turn = conversation.turns[-1]
    said = [f"{name} returned: {result}" for name, result in turn.results]
    if turn.texts or not said:
        said.append(f"You said: {script.text}")
    images = [each for each in turn.media if each.startswith("image/")]
    files = [each for each in turn.media if not each.startswith("image/")]
    for label, found in (("Images", images), ("Files", files)):
        said += [f"{label}: {len(found)} ({', '.join(found)})"] if found else []
    text = "\n".join(said)
    return json_codec.dumps_str({"answer": text}) if form.get("type") == "json_object" else text


def _words(count: int) -> str:
    return " ".join(_WORDS[i % len(_WORDS)] for i in range(count))


def _bounded(said: Answer, conversation: Conversation, script: Script) -> Answer:
    """Stop sequences, then the token limit, which thinking uses up as well."""
    text, body = said.text, conversation.body
    stop = body.get("stop") or []
    ends = [text.find(each) for each in ([stop] if isinstance(stop, str) else stop) if each]
    text = text[: min([end for end in ends if end >= 0], default=len(text))]
    if script.ending == "length":
        return replace(said, text=text[: len(text) // 2], finish="length")
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    left = max(0, (most or len(text)) - (tokens(said.thought) if said.thought else 0))
    if most is not None and tokens(text) > left:
        return replace(said, text=text[: left * 4], finish="length")
    return replace(said, text=text)


def _usage(said: Answer, conversation: Conversation, script: Script) -> Usage:
    heard = [*conversation.system]
    for turn in conversation.turns:
        heard += [*turn.texts, *(result for _, result in turn.results)]
    thought = tokens(said.thought) if said.thought else 0
    output = tokens(said.text + "".join(call.text for call in said.calls)) + thought
    prompt, output, cached = (*(script.usage or (tokens("".join(heard)), output)), 0)[:3]
    choices = conversation.body.get("n") or 1
    thought, output = min(thought, output) * choices, output * choices
    return {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
        "prompt_tokens_details": {"cached_tokens": min(cached, prompt), "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": thought, **dict.fromkeys(_OTHERS, 0)},
    }
