"""What the simulated model says: decided by the conversation and its directives alone, so the same
request gets the same answer.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from gateway.simulator.conversation import Answer, Call, Conversation, Turn
from gateway.simulator.schema import example
from gateway.simulator.script import Script
from translators import json_codec

THOUGHT: Final = "The user wrote a message, so I think about it and then answer."
REFUSAL: Final = "I can't help with that."
_VOCABULARY: Final = (
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "the",
    "lazy",
    "dog",
    "and",
    "runs",
    "home",
)
_PIECE: Final = re.compile(r"\s*\S{1,12}|\s+")


def pieces(text: str) -> list[str]:
    """Word-sized pieces whose concatenation is the text."""
    return _PIECE.findall(text)


def tokens(text: str) -> int:
    return max(1, len(text) // 4)


def last_words(conversation: Conversation) -> str:
    """The text of the last user turn that has any: the place of the directives."""
    return next(
        ("\n".join(t.texts) for t in reversed(conversation.turns) if t.side == "user" and t.texts),
        "",
    )


def answer(conversation: Conversation, script: Script) -> Answer:
    calls = _calls(conversation, script)
    thought = THOUGHT if script.think and conversation.thinking != "off" else ""
    if script.ending == "refusal":
        said = Answer(finish="refusal", text=REFUSAL)
    elif calls:
        said = Answer(finish="calls", text=_words(script.words), calls=calls, thought=thought)
    else:
        said = _bounded(
            Answer(text=_text(conversation, script), thought=thought), conversation, script
        )
    return _counted(said, conversation, script)


def _calls(conversation: Conversation, script: Script) -> Sequence[Call]:
    fresh = bool(
        conversation.turns
        and conversation.turns[-1].side == "user"
        and conversation.turns[-1].texts
    )
    asked: Sequence[tuple[str, Any]] = script.calls if fresh else ()
    if conversation.choice == "none":
        asked = ()
    elif conversation.choice.startswith("="):
        name = conversation.choice[1:]
        asked = [call for call in asked if call[0] == name] or [(name, None)]
    elif conversation.choice == "required" and not asked:
        asked = [(next(iter(conversation.tools)), None)]
    return [
        _call(conversation, i, *call)
        for i, call in enumerate(asked if conversation.parallel else asked[:1])
    ]


def _call(conversation: Conversation, index: int, name: str, arguments: Any) -> Call:
    custom = name in conversation.tools and conversation.tools[name] is None
    if custom:
        arguments = arguments if isinstance(arguments, str) else "example"
    elif not isinstance(arguments, dict):
        made = example(conversation.tools.get(name) or {"type": "object"})
        arguments = made if isinstance(made, dict) else {}
    return Call(f"{conversation.digest[:20]}{index:02d}", name, arguments, custom)


def _text(conversation: Conversation, script: Script) -> str:
    if script.words is not None:
        return _words(script.words)
    if conversation.schema is not None:
        return json_codec.dumps_str(example(conversation.schema))
    turn = conversation.turns[-1] if conversation.turns else Turn("user")
    said = [f"{name} returned: {result}" for name, result in turn.results]
    if turn.texts or not said:
        said.append(f"You said: {script.text}")
    said += _media(turn)
    text = "\n".join(said)
    return json_codec.dumps_str({"answer": text}) if conversation.json else text


def _media(turn: Turn) -> list[str]:
    images = [m for m in turn.media if m.startswith("image/")]
    files = [m for m in turn.media if not m.startswith("image/")]
    return [
        f"{label}: {len(found)} ({', '.join(found)})"
        for label, found in (("Images", images), ("Files", files))
        if found
    ]


def _words(count: int | None) -> str:
    return " ".join(_VOCABULARY[i % len(_VOCABULARY)] for i in range(count or 0))


def _bounded(said: Answer, conversation: Conversation, script: Script) -> Answer:
    """Stop sequences, then the token limit, which thinking uses up as well."""
    found = [
        (said.text.index(stop), stop) for stop in conversation.stop if stop and stop in said.text
    ]
    if found:
        end, stop = min(found)
        said = replace(said, text=said.text[:end], finish="stop_sequence", stop_sequence=stop)
    if script.ending == "length":
        return replace(
            said, text=said.text[: len(said.text) // 2], finish="length", stop_sequence=None
        )
    left = (
        None
        if conversation.max_tokens is None
        else max(0, conversation.max_tokens - (tokens(said.thought) if said.thought else 0))
    )
    if left is not None and tokens(said.text) > left:
        return replace(said, text=said.text[: left * 4], finish="length", stop_sequence=None)
    return said


def _counted(said: Answer, conversation: Conversation, script: Script) -> Answer:
    heard = [
        conversation.system,
        *(t for turn in conversation.turns for t in (*turn.texts, *(r for _, r in turn.results))),
    ]
    thought = tokens(said.thought) if said.thought else 0
    output = tokens(said.text + "".join(call.text for call in said.calls)) + thought
    prompt, output, cached = (*(script.usage or (tokens("".join(heard)), output)), 0)[:3]
    return replace(
        said,
        prompt_tokens=prompt,
        cached_tokens=min(cached, prompt),
        output_tokens=output,
        thought_tokens=min(thought, output),
    )
