"""What Claude cannot read of a history that other providers answered in: cut out of its text."""

from typing import Any, Final, NamedTuple

from translators.json_codec import JsonObject
from translators.sealed import FAMILY
from translators.splices import Body, Edit, Element, Member, cut_all, elements, last, members

_OUR_SEARCH: Final = "srvtoolu_llmr_"
_THINKING: Final = ("thinking", "redacted_thinking")


class Cuts(NamedTuple):
    """Edits of `messages`."""

    edits: list[Edit]
    lost_reasoning: bool
    """The newest assistant turn has calls, and no thinking before them any more."""
    refused: bool = False
    """Reasoning was cut that Claude had refused."""


NO_CUTS: Final = Cuts([], False)


def reasoning_cuts(body: Body, keeps_reasoning: bool) -> Cuts:
    """`keeps_reasoning` False: thinking of Claude's own is cut, too."""
    messages = body.value("messages")
    if messages.__class__ is not list:
        return NO_CUTS
    if {message.get("content").__class__ for message in messages} == {str}:
        return NO_CUTS
    doomed: dict[int, list[int]] = {}
    cited: dict[int, list[int]] = {}
    newest, refused = -1, False
    for i, message in enumerate(messages):
        if message.__class__ is not dict or message.get("role") != "assistant":
            continue
        newest = i
        content = message.get("content")
        for j, block in enumerate(content if content.__class__ is list else ()):
            if block.__class__ is not dict:
                continue
            own = not keeps_reasoning and block.get("type") in _THINKING
            if own or is_foreign(block):
                doomed.setdefault(i, []).append(j)
                refused |= own
            elif _has_our_citations(block):
                cited.setdefault(i, []).append(j)
    edits: list[Edit] = []
    if (doomed or cited) and (member := body.get("messages")) is not None:
        edits = _edits(body.text, member, doomed, cited)
    lost = newest >= 0 and _waits_without_thinking(messages[newest], doomed.get(newest, []))
    return Cuts(edits, lost, refused)


def is_foreign(block: JsonObject) -> bool:
    """Whether a block is one that Claude's API refuses or that only the gateway made."""
    kind = block.get("type")
    if kind == "thinking":
        return _is_ours(block.get("signature"))
    if kind == "redacted_thinking":
        return _is_ours(block.get("data"))
    if kind == "server_tool_use":
        return str(block.get("id")).startswith(_OUR_SEARCH)
    if kind == "web_search_tool_result":
        return str(block.get("tool_use_id")).startswith(_OUR_SEARCH)
    return False


def _is_ours(signature: Any) -> bool:
    return signature.__class__ is not str or not signature or signature.startswith(FAMILY)


def _has_our_citations(block: JsonObject) -> bool:
    citations = block.get("citations")
    return (
        block.get("type") == "text"
        and citations.__class__ is list
        and any(each.__class__ is dict and each.get("encrypted_index") == "" for each in citations)
    )


def _waits_without_thinking(message: JsonObject, gone: list[int]) -> bool:
    content = message.get("content")
    if content.__class__ is not list:
        return False
    left = [b for j, b in enumerate(content) if j not in gone and b.__class__ is dict]
    calls = any(block.get("type") == "tool_use" for block in left)
    return calls and left[0].get("type") not in _THINKING


def _edits(
    text: str, messages: Member, doomed: dict[int, list[int]], cited: dict[int, list[int]]
) -> list[Edit]:
    found = elements(text, messages.value_start)
    empty = [i for i, gone in doomed.items() if len(gone) == len(found[i].value["content"])]
    edits = cut_all(text, found, empty)
    for i in (doomed.keys() | cited.keys()) - set(empty):
        blocks = _blocks(text, found[i])
        edits += cut_all(text, blocks, doomed.get(i, ()))
        for j in cited.get(i, ()):
            inner = members(text, blocks[j].start)
            names = [k for k, member in enumerate(inner) if member.name == "citations"]
            edits += cut_all(text, inner, names)
    return edits


def _blocks(text: str, message: Element) -> list[Element]:
    content = last(members(text, message.start), "content")
    assert content is not None
    return elements(text, content.value_start)
