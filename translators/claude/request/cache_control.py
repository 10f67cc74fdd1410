"""Cache marks of a finished request, held to Claude's rules: four at most, and the long-lived ones
first.
"""

from typing import Final, cast

from translators.claude.request.context import cache_mark
from translators.claude.wire import CacheControl, Marked, MessagesRequest, Tool
from translators.json_codec import JsonObject
from translators.notes import Report

MAX_MARKS: Final = 4
_AUTOMATIC_TTL: Final = {"24h": "1h", "in_memory": "5m"}


def automatic(body: JsonObject) -> CacheControl | None:
    """The request's own mark, which moves along with the conversation, if the caller asks for
    one."""
    control = body.get("cache_control")
    if control.__class__ is dict:
        return cache_mark(control.get("ttl"))
    options = body.get("prompt_cache_options") or {}
    if options.get("mode") != "implicit":
        return None
    return cache_mark(
        _AUTOMATIC_TTL.get(str(body.get("prompt_cache_retention"))) or options.get("ttl")
    )


def keep_rules(body: MessagesRequest, texts_only: bool, report: Report) -> None:
    """Take away the marks over four, the earliest first: the longest prefixes matter. A long mark
    behind a short one is shortened.

    `texts_only`: the messages have no marks.
    """
    marked = _marked(body, texts_only)
    if not marked:
        return
    if len(marked) > MAX_MARKS or any(_ttl(block) == "1h" for block in marked):
        _take_own_tools(body)  # marks of theirs may be changed
        marked = _marked(body, texts_only)
    excess = len(marked) - MAX_MARKS
    if excess > 0:
        report.dropped("cache_control", f"Claude takes {MAX_MARKS} marks: the last ones are kept")
        for block in marked[:excess]:
            del block["cache_control"]
    short = False
    for block in marked[max(excess, 0) :]:
        long = _ttl(block) == "1h"
        if long and short:
            report.changed(
                "cache_control",
                "an hour's mark cannot stand behind a shorter one: it was shortened",
            )
            block["cache_control"] = cache_mark(None)
        short = short or not long


def _ttl(block: Marked) -> str | None:
    return block["cache_control"].get("ttl")


def _take_own_tools(body: MessagesRequest) -> None:
    """The tools may be kept for other requests: those with marks become this request's own."""
    if any("cache_control" in tool for tool in body.get("tools", ())):
        body["tools"] = [
            cast(Tool, {**tool}) if "cache_control" in tool else tool for tool in body["tools"]
        ]


def _marked(body: MessagesRequest, texts_only: bool) -> list[Marked]:
    """Everything that carries a mark, in the order of the prompt: tools, system, messages; the
    request's own mark last.
    """
    marked: list[Marked] = [tool for tool in body.get("tools", ()) if "cache_control" in tool]
    marked += [block for block in body.get("system", ()) if "cache_control" in block]
    for message in () if texts_only else body["messages"]:
        for block in message["content"]:
            if block["type"] == "tool_result" and block.get("content").__class__ is list:
                marked += [inner for inner in block["content"] if "cache_control" in inner]
            if "cache_control" in block:
                marked.append(block)
    if "cache_control" in body:
        marked.append(body)
    return marked
